// Every code block of the documents runs, and does what its comment says (docs/blocks.mjs): here in Node and in a shell, with the types
// that a user's compiler sees; in docs-page.test.mjs in Chromium; the guide for Vite in ../pack/guide.test.mjs.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { blocksOf, KINDS, moduleOf } from "./docs/blocks.mjs";
import { COLUMNS, dialectTable } from "./docs/dialects.mjs";
import { DOCUMENTS, emptyFolder, environment, root, run, shell } from "./docs/programs.mjs";
import { serveDocs } from "./docs/server.mjs";
import { corpusPath } from "./support/corpus.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const artefacts = join(root, "tests", "artefacts", "docs");

/** All blocks; one without a comment fails here. */
const blocks = DOCUMENTS.flatMap(blocksOf);
const of = (...kinds) => blocks.filter(({ kind }) => kinds.includes(kind));

test("there are blocks of every kind that there is", () => {
  for (const kind of Object.keys(KINDS)) assert.ok(of(kind).length > 0, kind);
});

test("modules pass a user's compiler, and those for Node do what they say", { timeout: 600_000 }, async (t) => {
  const server = await serveDocs(t);
  const modules = of("node", "browser");
  rmSync(artefacts, { recursive: true, force: true });
  mkdirSync(artefacts, { recursive: true });
  const nameOf = ({ id, language }) => `${id}.m${language}`;
  for (const block of modules) writeFileSync(join(artefacts, nameOf(block)), moduleOf(block));
  const compilerOptions = {
    target: "ES2023", lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable", "DOM.AsyncIterable"], module: "NodeNext", types: ["node"],
    typeRoots: [join(root, "pkg/node_modules/@types")],
    strict: true, noImplicitAny: false, skipLibCheck: true, allowJs: true, checkJs: true, outDir: join(artefacts, "out"), rootDir: artefacts, noEmitOnError: true,
  };
  writeFileSync(join(artefacts, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.mjs", "*.mts", "globals.d.ts"] }));
  writeFileSync(join(artefacts, "globals.d.ts"), readFileSync(here("docs/globals.d.ts")));
  await t.test("types", () => run(process.execPath, [join(root, "pkg/node_modules/typescript/bin/tsc"), "-p", artefacts], { cwd: artefacts }));
  for (const [at, block] of blocks.entries()) {
    if (block.kind !== "node") continue;
    await t.test(block.where, async () => {
      const file = join(artefacts, ...(block.language === "ts" ? ["out"] : []), `${block.id}.mjs`);
      const env = environment({ DOCS_SERVER: server.url, OPENAI_API_KEY: "sk-test", ANTHROPIC_API_KEY: "sk-test", OTLP_TOKEN: "t" });
      const printed = await run(process.execPath, ["--import", here("docs/prelude.mjs"), file], { cwd: artefacts, env });
      const next = blocks[at + 1];
      if (next?.kind === "output") assert.equal(printed.trimEnd(), next.code.trimEnd(), next.where);
    });
  }
});

test("shell blocks run", { timeout: 120_000 }, async (t) => {
  const server = await serveDocs(t);
  const demo = readFileSync(join(root, "tests/fixtures/demo.sse"));
  const request = { model: "gpt-5-mini", stream: true, messages: [{ role: "user", content: "Say hello." }] };
  for (const [at, block] of blocks.entries()) {
    if (block.kind !== "shell") continue;
    await t.test(block.where, async (t) => {
      const cwd = emptyFolder(t);
      mkdirSync(join(cwd, "node_modules/.bin"), { recursive: true });
      symlinkSync(join(root, "pkg"), join(cwd, "node_modules/streamgauge"));
      symlinkSync(join(root, "pkg/dist/cli.js"), join(cwd, "node_modules/.bin/streamgauge"));
      writeFileSync(join(cwd, "package.json"), "{}");
      writeFileSync(join(cwd, "capture.sse"), demo);
      mkdirSync(join(cwd, "captures"));
      for (const name of ["a.sse", "b.sse"]) writeFileSync(join(cwd, "captures", name), demo);
      writeFileSync(join(cwd, "request.json"), JSON.stringify(request));
      // The server has no certificate of anybody's.
      const curl = 'curl() { local a=(); for x in "$@"; do a+=("${x/#https:\\/\\//$DOCS_SERVER/}"); done; command curl "${a[@]}"; }\n';
      const env = environment({ DOCS_SERVER: server.url, KEY: "sk-test", npm_config_offline: "true" });
      const printed = await shell(`${curl}${block.setup}\n${block.code}${block.check}`, { cwd, env });
      const next = blocks[at + 1];
      if (next?.kind === "output") assert.equal(printed.trimEnd(), next.code.trimEnd(), next.where);
    });
  }
  for (const { code, where } of of("policy")) {
    assert.ok(readFileSync(here("csp.test.mjs"), "utf8").includes(JSON.stringify(code.trim())), `${where}: another policy than that of csp.test.mjs`);
  }
  for (const { code, where } of of("repository")) {
    const scripts = JSON.parse(readFileSync(join(root, "pkg/package.json"), "utf8")).scripts;
    for (const line of code.trim().split("\n")) {
      const name = /^npm --prefix pkg (?:run )?([\w:]+)/.exec(line)?.[1];
      assert.ok(scripts[name] !== undefined, `${where}: no script of pkg/package.json: ${line}`);
    }
  }
});

test("the table of servers ticks what fixtures and recordings show; BLESS=1 writes it", (t) => {
  const readme = join(root, "README.md");
  const markdown = readFileSync(readme, "utf8");
  const table = /(?<=<!-- table: dialects -->\n)(?:\|.*\n)+/.exec(markdown)?.[0];
  const corpus = corpusPath(t, "streams");
  const expected = dialectTable(corpus);
  if (corpus === undefined) {
    // Recordings may tick more than the fixtures do, never less.
    for (const { name, proven } of expected.rows) {
      const ticks = table.split("\n").find((line) => line.startsWith(`| ${name} |`))?.split("|").slice(2, 7).map((cell) => cell.trim() === "✓");
      assert.ok(COLUMNS.every((column, at) => !proven.has(column) || ticks?.[at]), name);
    }
    return;
  }
  if (process.env.BLESS === "1") writeFileSync(readme, markdown.replace(table, `${expected.markdown}\n`));
  else assert.equal(table.trimEnd(), expected.markdown);
});

test("links between the documents, and to files of the repository, are right", () => {
  for (const path of [...DOCUMENTS, join(root, "ARCHITECTURE.md"), join(root, "CHANGELOG.md"), join(root, "tests/README.md"), join(root, "www/README.md")]) {
    const text = readFileSync(path, "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file, anchor] = target.split("#");
      const found = file === "" ? path : join(dirname(path), file);
      assert.ok(existsSync(found), `${basename(path)}: ${target}`);
      if (anchor === undefined || !found.endsWith(".md")) continue;
      const anchors = [...readFileSync(found, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, title]) => title.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-"));
      assert.ok(anchors.includes(anchor), `${relative(root, path)}: no heading for #${anchor} in ${file}`);
    }
  }
});
