// The documents in Chromium: their blocks for a page, and the README's streaming page, from an empty folder on.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { extname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { blocksOf, moduleOf } from "./docs/blocks.mjs";
import { DOCUMENTS, emptyFolder, environment, freePort, root, serveRegistry, shell, startServer } from "./docs/programs.mjs";
import { serveDocs } from "./docs/server.mjs";
import { excuse, launch } from "./support/browser-launch.mjs";
import { destroy, serve, until } from "./support/server.mjs";

const PRELUDE = fileURLToPath(new URL("docs/prelude.mjs", import.meta.url));
const blocks = DOCUMENTS.flatMap(blocksOf).filter(({ kind }) => kind === "browser" || kind === "page");
const readme = blocksOf(join(root, "README.md"));

test("blocks for a page run in Chromium", { timeout: 120_000, skip: await excuse("Chromium") }, async (t) => {
  const server = await serveDocs(t);
  const browser = await launch("Chromium");
  t.after(() => browser.close());
  for (const block of blocks) {
    await t.test(block.where, async (t) => {
      const pages = await servePage(t, block);
      const page = await browser.newPage();
      const complaints = [];
      page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
      page.on("console", (message) => complaints.push(message.text()));
      await page.evaluateOnNewDocument((url) => (globalThis.DOCS_SERVER = url), server.url);
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
  const imports = { streamgauge: "/streamgauge/index.js", "streamgauge/slim": "/streamgauge/slim.js" };
  // One module after the other: modules of a page do not wait for each other's promises.
  const rest = block.kind === "page" ? block.check : 'await import("/block.mjs");';
  const done = `<script type="module">${rest}\nglobalThis.docsDone = true;</script>`;
  const prelude = '<link rel="icon" href="data:,"><script type="module" src="/prelude.mjs"></script>';
  const html = block.kind === "page"
    ? `${prelude}${block.code}${done}`
    : `<!doctype html>${prelude}<script type="importmap">${JSON.stringify({ imports })}</script><body>${done}`;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
      const shipped = /^\/streamgauge\/([\w./-]+)$/.exec(pathname)?.[1];
    if (pathname === "/block.mjs") return response.writeHead(200, { "content-type": "text/javascript" }).end(moduleOf(block));
    const file = pathname === "/prelude.mjs" ? PRELUDE : shipped && join(root, "pkg/dist", shipped);
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
  const cwd = emptyFolder(t);
  const registry = await serveRegistry(t);
  const { promise: seen, resolve: saw } = deferred();
  const frame = (delta, reason = null) => `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
  const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } })}\n\ndata: [DONE]\n\n`;
  const steps = [frame({ reasoning_content: "Hm." }), frame({ content: "Blue, " }), until(seen), frame({ content: "because." }, "stop"), usage];
  const asked = [];
  let refusal;
  const provider = await serve(t, (request) => {
    asked.push(request.headers.authorization);
    return refusal ?? { steps };
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
  await page.goto(url);
  await page.click("button");
  await shows("Blue, ");
  assert.ok(!(await page.content()).includes("because."), "it streams: the second half is not sent yet");
  saw();
  await shows("because.");
  await shows("stop, 2 tokens");
  assert.deepEqual([asked, complaints], [["Bearer sk-..."], []]);

  // What goes wrong first for most: the key, and the address.
  const body = JSON.stringify({ error: { message: "Incorrect API key provided.", code: "invalid_api_key" } });
  refusal = { status: 401, headers: { "content-type": "application/json" }, steps: [body] };
  await page.click("button");
  await shows("http_status: HTTP 401: Incorrect API key provided.");
  const { promise: begun, resolve: isBegun } = deferred();
  refusal = { steps: [frame({ content: "Bl" }), until(begun), destroy] };
  await page.click("button");
  await shows("Bl");
  isBegun();
  await shows("transport: ");
  await shows("Bl");
  const elsewhere = await startServer(t, code, { cwd, env: { ...env, API_URL: `http://127.0.0.1:${await freePort()}`, PORT: String(await freePort()) } });
  await page.goto(elsewhere);
  await page.click("button");
  await shows("ECONNREFUSED");
  for (const outside of ["/streamgauge/..%2f..%2fserver.mjs", "/server.mjs", "/streamgauge/../../server.mjs"]) {
    assert.equal((await fetch(new URL(outside, url))).status === 200, false, outside);
  }
});

const deferred = () => {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
};
