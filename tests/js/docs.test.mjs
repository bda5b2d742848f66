// Every code block of the documents runs, and does what its comment says (docs/blocks.mjs): in Node, in Chromium, in a shell; with
// the types that a user's compiler sees; and the README's page from an empty folder on.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { basename, dirname, extname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { blocksOf, moduleOf } from "./docs/blocks.mjs";
import { dialectTable } from "./docs/dialects.mjs";
import { emptyFolder, environment, root, run, serveRegistry, shell, startServer } from "./docs/programs.mjs";
import { serveDocs, TEXT } from "./docs/server.mjs";
import { excuse, launch } from "./support/browser-launch.mjs";
import { corpusPath, fixturesFile, readJsonLines } from "./support/corpus.mjs";
import { serve, until } from "./support/server.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = join(root, "pkg", "docs");
const DOCUMENTS = [join(root, "README.md"), join(root, "SECURITY.md"), ...readdirSync(folder).filter((name) => name.endsWith(".md")).map((name) => join(folder, name))];
const artefacts = join(root, "tests", "artefacts", "docs");

/** All blocks, by document; an unmarked one fails here. */
const documents = new Map(DOCUMENTS.filter(existsSync).map((path) => [path, blocksOf(path)]));
const blocks = [...documents.values()].flat();
const of = (...kinds) => blocks.filter(({ kind }) => kinds.includes(kind));

test("the documents have blocks of every kind that there is a way to run for", () => {
  for (const kind of ["node", "browser", "page", "shell", "install", "server", "repository", "file", "output"]) assert.ok(of(kind).length > 0, kind);
});

test("modules pass a user's compiler, and those for Node do what they say", { timeout: 600_000 }, async (t) => {
  const server = await serveDocs(t);
  const modules = of("node", "browser", "types");
  rmSync(artefacts, { recursive: true, force: true });
  mkdirSync(artefacts, { recursive: true });
  const nameOf = ({ id, language }) => `${id}.m${language}`;
  for (const block of modules) writeFileSync(join(artefacts, nameOf(block)), moduleOf(block));
  const compilerOptions = {
    target: "ES2023", lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable", "DOM.AsyncIterable"], module: "NodeNext", types: ["node"], typeRoots: [join(root, "pkg/node_modules/@types")],
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
  for (const { code, where } of of("repository")) {
    const scripts = JSON.parse(readFileSync(join(root, "pkg/package.json"), "utf8")).scripts;
    for (const line of code.trim().split("\n")) {
      const name = /^npm --prefix pkg (?:run )?([\w:]+)/.exec(line)?.[1];
      assert.ok(scripts[name] !== undefined, `${where}: no script of pkg/package.json: ${line}`);
    }
  }
});

test("blocks for a page run in Chromium", { timeout: 120_000, skip: await excuse("Chromium") }, async (t) => {
  const server = await serveDocs(t);
  const browser = await launch("Chromium");
  t.after(() => browser.close());
  for (const block of of("browser", "page")) {
    await t.test(block.where, async (t) => {
      const pages = await servePage(t, block);
      const page = await browser.newPage();
      const complaints = [];
      page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
      page.on("console", (message) => complaints.push(message.text()));
      await page.evaluateOnNewDocument(`globalThis.DOCS_SERVER = ${JSON.stringify(server.url)}; globalThis.assert = (is, why) => { if (!is) throw new Error(why ?? "an assertion failed: " + document.body.innerText); };`);
      await page.goto(pages);
      const done = page.waitForFunction(() => globalThis.docsDone === true, { polling: 20, timeout: 20_000 });
      await done.catch((error) => assert.fail([error.message, ...complaints].join("\n")));
      assert.deepEqual(complaints, []);
      await page.close();
    });
  }
});

/** A page with the block in it; what it imports is where a server of static files would have it. */
async function servePage(t, block) {
  const out = join(artefacts, ...(block.language === "ts" ? ["out"] : []), `${block.id}.mjs`);
  const imports = { streamgauge: "/node_modules/streamgauge/dist/index.js", "streamgauge/slim": "/node_modules/streamgauge/dist/slim.js", "streamgauge/aggregate": "/node_modules/streamgauge/dist/aggregate/index.js" };
  const done = `<script type="module">${block.kind === "page" ? block.check : ""}\n;globalThis.docsDone = true;</script>`;
  const prelude = '<link rel="icon" href="data:,"><script type="module" src="/prelude.mjs"></script>';
  const html = block.kind === "page"
    ? `${prelude}${block.code}${done}`
    : `<!doctype html>${prelude}<script type="importmap">${JSON.stringify({ imports })}</script><body>${block.kind === "browser" ? '<script type="module" src="/block.mjs"></script>' : ""}${done}`;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const files = { "/prelude.mjs": here("docs/prelude.mjs"), "/block.mjs": out };
    const shipped = /^(?:\/node_modules\/streamgauge\/dist|\/streamgauge)\/([\w./-]+)$/.exec(pathname)?.[1];
    const file = files[pathname] ?? (shipped ? join(root, "pkg/dist", shipped) : undefined);
    if (file === undefined) return response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
    if (!existsSync(file)) return response.writeHead(404).end();
    return response.writeHead(200, { "content-type": extname(file) === ".wasm" ? "application/wasm" : "text/javascript" }).end(readFileSync(file));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

test("from the README to a streaming page, as a new user goes", { timeout: 120_000, skip: await excuse("Chromium") }, async (t) => {
  const readme = documents.get(join(root, "README.md"));
  const cwd = emptyFolder(t);
  const registry = await serveRegistry(t);
  const { promise: seen, resolve: saw } = Promise.withResolvers?.() ?? deferred();
  const frame = (delta, reason = null) => `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
  const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } })}\n\ndata: [DONE]\n\n`;
  const steps = [frame({ reasoning_content: "Hm." }), frame({ content: "Blue, " }), until(seen), frame({ content: "because." }, "stop"), usage];
  const asked = [];
  const provider = await serve(t, (request) => {
    asked.push(request.headers.authorization);
    return { steps };
  });
  const env = environment({ ...registry, API_URL: provider.url, PORT: String(await freePort()) });
  // The first install is the line on the first screen; the second, with `npm init`, is this walk's.
  for (const { code } of readme.filter(({ kind }) => kind === "install").slice(1)) await shell(code, { cwd, env });
  for (const { file, code } of readme.filter(({ kind }) => kind === "file")) writeFileSync(join(cwd, file), code);
  const [{ code }] = readme.filter(({ kind }) => kind === "server");
  const url = await startServer(t, code, { cwd, env });

  const browser = await launch("Chromium");
  t.after(() => browser.close());
  const page = await browser.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => complaints.push(message.text()));
  const shows = (text) => page.waitForFunction((text) => document.body.innerText.includes(text), { polling: 20, timeout: 30_000 }, text)
    .catch(async (error) => assert.fail(`no "${text}" in "${await page.evaluate(() => document.body.innerText)}"\n${error.message}\n${complaints.join("\n")}`));
  await page.goto(url.replace("localhost", "127.0.0.1"));
  await page.click("button");
  await shows("Blue, ");
  assert.ok(!(await page.content()).includes("because."), "it streams: the second half is not sent yet");
  saw();
  await shows("because.");
  await shows("stop, 2 tokens");
  assert.deepEqual([asked, complaints], [["Bearer sk-..."], []]);
  for (const outside of ["/streamgauge/..%2f..%2fserver.mjs", "/server.mjs", "/streamgauge/../../server.mjs"]) {
    assert.equal((await fetch(new URL(outside, url.replace("localhost", "127.0.0.1")))).status === 200, false, outside);
  }
});

const deferred = () => {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
};

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

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
      assert.ok(["text", "reasoning", "calls", "usage", "errors"].every((column, at) => !proven.has(column) || ticks?.[at]), name);
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
