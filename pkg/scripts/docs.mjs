// The API reference, made of the types by TypeDoc into pkg/build/api (git-ignored). Whatever is wrong with it is an error: a link that
// leads nowhere, a type that is named but not exported, a public name without a word about it. Usage: node docs.mjs

import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";

import { ensureNode, ensureNodeModules } from "./ensure.mjs";
import { pkg, root, scratch, tests } from "./project.mjs";
import { Failure, isMain, main } from "./run.mjs";

const ENTRIES = ["index.ts", "slim.ts", "aggregate-only.ts", "convert/index.ts", "ai/index.ts"];

/**
 * Types in the words of somebody else: fields of OTLP, of the three APIs' requests and of the AI SDK. The type says whose they are;
 * what each means is theirs to tell (and `Error`'s). Of a union's members the one word that tells them apart needs none either.
 */
const FOREIGN = /(^|\.)(Otlp\w+|Chat\w+|Responses\w+|Anthropic\w+|UIMessageChunk|ConversationStart)\.|StreamError\.(message|stack|cause)$|\.__type\.|\.type$/;

/** Makes the reference; resolves to its first page. */
export async function document() {
  ensureNode();
  await ensureNodeModules();
  const { Application, ReflectionKind } = await import(pathToFileURL(createRequire(join(tests, "package.json")).resolve("typedoc")).href);
  const out = join(scratch, "api");
  const app = await Application.bootstrap({
    entryPoints: ENTRIES.map((name) => join(pkg, "src", name)),
    tsconfig: join(pkg, "tsconfig.json"),
    out,
    name: "streamgauge",
    readme: "none",
    // Links to lines would name a commit, and this works without git.
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true },
    treatWarningsAsErrors: true,
    treatValidationWarningsAsErrors: true,
    logLevel: "Warn",
  });
  const project = await app.convert();
  if (project === undefined) throw new Failure("TypeDoc cannot read the types; it says why above");
  const named = ReflectionKind.Variable | ReflectionKind.Function | ReflectionKind.Class | ReflectionKind.Interface | ReflectionKind.TypeAlias
    | ReflectionKind.Property | ReflectionKind.Method | ReflectionKind.Accessor;
  for (const reflection of project.getReflectionsByKind(named)) {
    const { signatures = [], getSignature } = reflection;
    const isTold = [reflection, ...signatures, getSignature].some((part) => part?.hasComment());
    if (!isTold && !FOREIGN.test(reflection.getFullName())) app.logger.error(`no word about ${reflection.getFullName()}`);
  }
  app.validate(project);
  const problems = app.logger.errorCount + app.logger.warningCount;
  if (problems > 0) throw new Failure(`${problems} ${problems === 1 ? "problem" : "problems"} in the API reference, above`);
  await app.generateOutputs(project);
  if (app.logger.errorCount + app.logger.warningCount > 0) throw new Failure("the API reference was not written");
  return join(out, "index.html");
}

if (isMain(import.meta.url)) await main(async () => console.log(`docs: ${relative(root, await document())}`));
