// Serves the page in www/ with the built package, on loopback. Usage: npm --prefix pkg run www

import { once } from "node:events";
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { build } from "./build.mjs";
import { pkg, root, tests } from "./project.mjs";
import { isMain, main } from "./run.mjs";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".sse": "text/event-stream; charset=utf-8",
  ".wasm": "application/wasm",
};

/** The file of a request's path, or undefined. */
function fileOf(path) {
  if (path === "/demo.sse") return join(tests, "fixtures", "demo.sse");
  const inner = normalize(path === "/" ? "/index.html" : path);
  const file = inner.startsWith("/dist/") ? join(pkg, inner) : join(root, "www", inner);
  return TYPES[extname(file)] && existsSync(file) ? file : undefined;
}

/** Starts the server; resolves to it. Port 0 is any free one. */
export async function serve(port) {
  const server = createServer((request, response) => {
    const file = fileOf(new URL(request.url, "http://localhost").pathname);
    if (file === undefined) return void response.writeHead(404).end("not found\n");
    response.writeHead(200, { "content-type": TYPES[extname(file)], "cache-control": "no-store" });
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
