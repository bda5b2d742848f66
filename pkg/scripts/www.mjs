// Serves the playground in www/ with the built package and the recordings, on loopback.
// Usage: npm --prefix pkg run www

import { once } from "node:events";
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { build } from "./build.mjs";
import { pkg, root } from "./project.mjs";
import { isMain, main } from "./run.mjs";
import { listed, recordings } from "./www/recordings.mjs";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Everything is the page's own; only an endpoint and a collector may be anywhere. */
const POLICY = [
  "default-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src *", "base-uri 'none'", "form-action 'none'",
  "frame-ancestors 'none'", "object-src 'none'",
].join("; ");

const HEADERS = {
  "cache-control": "no-store", "content-security-policy": POLICY, "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The file of a request's path, or undefined. */
function fileOf(path) {
  const inner = normalize(path === "/" ? "/index.html" : path);
  const file = inner.startsWith("/dist/") ? join(pkg, inner) : join(root, "www", inner);
  return TYPES[extname(file)] && existsSync(file) ? file : undefined;
}

/** The list of the recordings, one of them, or undefined. */
function recordingOf(path) {
  if (path === "/recordings.json") {
    return { type: "application/json", body: JSON.stringify(recordings().map(listed)) };
  }
  const id = /^\/recordings\/([a-z0-9-]+)\.sse$/.exec(path)?.[1];
  const recording = id && recordings().find((each) => each.id === id);
  return recording && { type: "text/event-stream; charset=utf-8", body: recording.body() };
}

/** Starts the server; resolves to it. Port 0 is any free one. */
export async function serve(port) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const recording = recordingOf(pathname);
    if (recording) {
      return void response.writeHead(200, { ...HEADERS, "content-type": recording.type }).end(recording.body);
    }
    const file = fileOf(pathname);
    if (file === undefined) return void response.writeHead(404, HEADERS).end("not found\n");
    response.writeHead(200, { ...HEADERS, "content-type": TYPES[extname(file)] });
    createReadStream(file).pipe(response);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

if (isMain(import.meta.url)) {
  await main(async () => {
    await build();
    const server = await serve(Number(process.env.PORT ?? 0));
    console.log(`http://127.0.0.1:${server.address().port}/ (Ctrl-C ends it)`);
  });
}
