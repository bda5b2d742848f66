// The package under a strict Content-Security-Policy, in browsers: what it needs of one, and what it says without that.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { describe, test } from "node:test";

import { excuse, launch } from "./support/browser-launch.mjs";
import { HELLO, sse } from "./support/chat.mjs";

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const FOLDERS = { "/dist/": new URL("../../pkg/dist/", import.meta.url), "/browser/": new URL("../browser/", import.meta.url) };

async function serve(t, policy) {
  const posted = [];
  const server = createServer((request, response) => {
    if (request.url === "/stream") return response.writeHead(200, { "content-type": "text/event-stream" }).end(sse(...HELLO));
    if (request.method === "POST") {
      posted.push(request.url);
      return request.resume().on("end", () => response.end());
    }
    const folder = Object.keys(FOLDERS).find((prefix) => request.url.startsWith(prefix));
    const file = folder && new URL(request.url.slice(folder.length), FOLDERS[folder]);
    if (!file || !existsSync(file)) return response.writeHead(404).end();
    // A worker has the policy of its own script's response.
    return response.writeHead(200, { "content-type": TYPES[extname(file.pathname)], "content-security-policy": policy }).end(readFileSync(file));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}/browser/csp.html`, posted };
}

for (const name of ["Chromium", "Firefox"]) {
  describe(name, { skip: await excuse(name), timeout: 120_000 }, () => {
    async function run(t, policy, names) {
      const { url, posted } = await serve(t, policy);
      const browser = await launch(name);
      try {
        const page = await browser.newPage();
        await page.goto(url);
        await page.waitForFunction(() => globalThis.run !== undefined);
        return { ...(await page.evaluate((names) => globalThis.run(names), names)), posted };
      } finally {
        await browser.close();
      }
    }

    test(POLICY, async (t) => {
      const { results, violations, posted } = await run(t, POLICY, ["inlined", "aggregate", "slim", "worker", "telemetry"]);
      assert.deepEqual(results, { inlined: "Hello", aggregate: "Hello", slim: "Hello", worker: "Hello", telemetry: "ok" });
      assert.deepEqual(violations, []);
      assert.deepEqual(posted, ["/v1/logs"]);
    });

    test("without 'wasm-unsafe-eval' the import fails, and says what is missing", async (t) => {
      const { results, violations } = await run(t, POLICY.replace(" 'wasm-unsafe-eval'", ""), ["inlined", "aggregate", "slim"]);
      const message = "WebAssembly may not be compiled here: the page's Content-Security-Policy needs script-src 'wasm-unsafe-eval'";
      const error = { name: "StreamError", code: "internal", message };
      assert.deepEqual(results, { inlined: error, aggregate: error, slim: error });
      assert.ok(violations.length > 0 && violations.every((violation) => /^script-src\S* wasm-eval/.test(violation)), `${violations}`);
    });
  });
}
