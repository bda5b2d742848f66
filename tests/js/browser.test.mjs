// The package in Chromium: in a page, in a module worker, and as `streamgauge/slim`. What comes out is what comes out in
// Node, of the same streams from the same server.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { after, before, describe, test } from "node:test";

import * as streamgauge from "streamgauge";

import { read } from "../browser/read.mjs";
import { chunk, DONE, finish, HELLO, HELLO_EVENTS, sse } from "./support/chat.mjs";
import { destroy, drip, serve, stall, wait } from "./support/server.mjs";

const CHROME = process.env.CHROME_BIN ?? "/usr/bin/chromium";
const skip = existsSync(CHROME) ? false : `no browser at ${CHROME}: set CHROME_BIN`;

const call = (index, fields) => chunk({ tool_calls: [{ index, ...fields }] });
const include = ["created", "output_item.added", "tool_call.delta", "raw"];
const unicode = sse(chunk({ content: "grüß 日本 👩‍👩‍👧 \u2028 \uFEFF" }), chunk({ content: "e\u0301 𝒳" }), finish(), DONE);
const tools = sse(
  chunk({ role: "assistant", reasoning_content: "Let me see." }),
  call(0, { id: "call_a", type: "function", function: { name: "read", arguments: '{"path":' } }),
  call(1, { id: "call_b", type: "function", function: { name: "list", arguments: "{}" } }),
  call(0, { function: { arguments: '"ä"}' } }),
  finish("tool_calls"),
  { id: "resp_1", choices: [], usage: { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 } },
  DONE,
);

/** What the server plays, how it is read, and what is sure to be in the outcome. */
const CASES = {
  "text": { steps: [sse(...HELLO)], sure: ({ events }) => assert.deepEqual(events, HELLO_EVENTS) },
  "chunk by chunk": { steps: HELLO.flatMap((value) => [sse(value), wait(5)]) },
  "unicode, byte by byte": { steps: [drip(unicode)], sure: ({ final }) => assert.match(final.items[0].content[0].text, /日本 👩‍👩‍👧/) },
  "tool calls": { steps: [tools], sure: ({ final }) => assert.equal(final.items.length, 3) },
  "everything included": { steps: [tools], plan: { options: { include } } },
  "a long text": { steps: [sse(...Array(5000).fill(chunk({ content: "0123456789 ä " })), finish(), DONE)] },
  "[DONE] with the socket left open": { steps: [sse(...HELLO), stall], closes: true, sure: ({ final }) => assert.equal(final.ended_by, "done") },
  "an error in the stream": {
    steps: [sse(HELLO[0], { error: { message: "boom", type: "server_error", code: 7 } }), stall], closes: true,
    sure: ({ error }) => assert.equal(error.code, "provider_error"),
  },
  "an HTTP error": {
    status: 429, headers: { "retry-after": "3" }, steps: ['{"error":{"message":"slow down","type":"requests","code":null}}'],
    sure: ({ error }) => assert.equal(error.provider.retry_after_ms, 3000),
  },
  "an incomplete stream": { steps: [sse(HELLO[0])], sure: ({ error }) => assert.equal(error.code, "stream_incomplete") },
  "an abort": {
    steps: [sse(HELLO[0]), stall], plan: { abortAfter: 1 }, closes: true,
    sure: ({ error }) => assert.deepEqual([error.code, error.cause], ["aborted", "AbortError"]),
  },
  "an idle timeout": {
    steps: [sse(HELLO[0]), stall], plan: { options: { idleTimeoutMs: 100 } }, closes: true,
    sure: ({ error }) => assert.equal(error.code, "idle_timeout"),
  },
};
const names = Object.keys(CASES);

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const FOLDERS = { "/dist/": new URL("../../pkg/dist/", import.meta.url), "/browser/": new URL("../browser/", import.meta.url) };

/** The package's files as they are, and the streams. */
function script(request, response) {
  const folder = Object.keys(FOLDERS).find((prefix) => request.url.startsWith(prefix));
  if (folder) {
    const file = new URL(request.url.slice(folder.length), FOLDERS[folder]);
    response.writeHead(200, { "content-type": TYPES[extname(file.pathname)] }).end(readFileSync(file));
    return undefined;
  }
  return CASES[names[Number(request.url.slice("/stream/".length))]];
}

describe("in Chromium", { skip }, () => {
  const complaints = [];
  let server;
  let browser;
  let page;

  before(async () => {
    const { chromium } = await import("playwright-core");
    const ends = [];
    server = await serve({ after: (end) => ends.push(end) }, script);
    server.close = () => ends.forEach((end) => end());
    browser = await chromium.launch({ executablePath: CHROME, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
    page = await browser.newPage();
    page.on("pageerror", (error) => complaints.push(`${error}`));
    page.on("console", (message) => {
      // Chromium itself tells of answers that are not ok and of connections that are cut.
      const isOurs = !/status of 429|ERR_INCOMPLETE_CHUNKED_ENCODING/.test(message.text());
      if (isOurs) complaints.push(`${message.type()}: ${message.text()}`);
    });
    await page.goto(`${server.url}browser/page.html`);
    await page.waitForFunction(() => globalThis.readers !== undefined);
  });

  after(async () => {
    await browser?.close();
    server?.close();
  });

  const run = (reader, url, plan) => page.evaluate(([reader, url, plan]) => globalThis.readers[reader](url, plan), [reader, url, plan]);

  /** Without what is undefined, as a message between processes may lose it. */
  const plain = (value) => JSON.parse(JSON.stringify(value));

  for (const reader of ["page", "worker", "slim"]) {
    describe(reader, () => {
      for (const [at, name] of names.entries()) {
        test(name, { timeout: 30_000 }, async () => {
          const { plan, closes, sure } = CASES[name];
          const url = `${server.url}stream/${at}`;
          const inBrowser = await run(reader, url, plan);
          const [request] = server.requests.filter(({ path }) => path === `/stream/${at}`).slice(-1);
          if (closes) assert.ok((await request.closed).byClient, "the browser closed the connection");
          sure?.(inBrowser);
          assert.deepEqual(plain(inBrowser), plain(await read(streamgauge, url, plan)));
        });
      }
    });
  }

  test("a connection that is cut", { timeout: 30_000 }, async (t) => {
    const cut = await serve(t, {
      headers: { "access-control-allow-origin": "*" }, steps: [sse(HELLO[0]), wait(100), destroy],
    });
    const { events, error } = await run("page", cut.url);
    assert.equal(events.length, 2);
    assert.deepEqual([error.code, error.cause], ["transport", "TypeError"]);
  });

  test("AggregatorStream", { timeout: 30_000 }, async () => {
    assert.deepEqual(await run("transform", `${server.url}stream/0`), HELLO_EVENTS);
  });

  test("nothing was written to the console", () => {
    assert.deepEqual(complaints, []);
  });
});
