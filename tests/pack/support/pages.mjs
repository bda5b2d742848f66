// Serves the staged apps to a browser, and reads what a page leaves in `globalThis.events`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { release } from "./stream.mjs";

const TYPES = {
  ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * Serves the files of a folder, and under `/bundle` an empty page with one script, `?script=PATH`, which is a module or,
 * with `&type=classic`, none. Resolves to its URL; ends with the test `t`.
 */
export async function servePages(t, folder) {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    if (pathname === "/bundle") return response.writeHead(200, { "content-type": TYPES[".html"] }).end(bundlePage(searchParams));
    const file = join(folder, normalize(pathname));
    if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end("not found\n");
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    return createReadStream(file).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

function bundlePage(parameters) {
  const type = parameters.get("type") === "classic" ? "defer" : 'type="module"';
  return `<!doctype html><title>bundle</title><link rel="icon" href="data:,"><script ${type} src="${parameters.get("script")}"></script>`;
}

/** Opens a page, which reads its parameter `stream`, and resolves to the events that came. An error in the page, or a word in its console, is a failure. */
export async function eventsIn(browser, url) {
  const page = await browser.newPage();
  const complaints = [];
  try {
    const failed = new Promise((_, reject) => {
      page.on("pageerror", (error) => reject(new Error(`in the page: ${error.stack ?? error}`)));
      page.on("console", (message) => /^\[vite\] connect/.test(message.text()) || complaints.push(message.text()));
    });
    failed.catch(() => {});
    await page.goto(`${url}`);
    // Not once per frame, which is the default: a page that is not in front has none.
    const came = (what) => page.waitForFunction(what, { polling: 50, timeout: 60_000 }).catch((error) => {
      throw new Error([error.message, ...complaints].join("\n"));
    });
    await Promise.race([failed, came(() => globalThis.events?.length > 0)]);
    await release(url.searchParams.get("stream"));
    await Promise.race([failed, came(() => globalThis.events.at(-1).type === "completed")]);
    const events = await page.evaluate(() => globalThis.events);
    assert.deepEqual(complaints, []);
    return events;
  } finally {
    await page.close();
  }
}

/** A page's URL with what it is to know. */
export function withParameters(url, parameters) {
  const full = new URL(url);
  for (const [name, value] of Object.entries(parameters)) full.searchParams.set(name, value);
  return full;
}
