// node server.mjs h1|h2: a process of its own that streams what plan.mjs says, and takes telemetry. Over HTTP/1.1, or over
// HTTP/2 with TLS for browsers, which have six connections to a host otherwise; then it has the page as well.
//
// It tells its parent its address, and what it has seen when asked.

import { createServer } from "node:http";
import { constants, createSecureServer } from "node:http2";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { random } from "../bench/random.mjs";
import { CERTIFICATE, PRIVATE_KEY } from "../js/support/otel-tls.mjs";
import { Collector } from "./collector.mjs";
import { bodyOf, FATES, MAX_EVENT_BYTES, planOf } from "./plan.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };
const FOLDERS = {
  "/dist/": new URL("../../pkg/dist/", import.meta.url),
  "/bench/": new URL("../bench/", import.meta.url),
  "/soak/": new URL("./", import.meta.url),
};

const collector = new Collector();
const seen = { served: Object.fromEntries(Object.keys(FATES).map((fate) => [fate, 0])), open: 0 };

async function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, "http://host");
  if (pathname.startsWith("/stream/")) {
    return stream(planOf(Number(pathname.slice("/stream/".length)), Number(searchParams.get("pace"))), request, response);
  }
  if (request.method === "POST") return collector.take(pathname, request, response);
  const folder = Object.keys(FOLDERS).find((prefix) => pathname.startsWith(prefix));
  if (folder === undefined) return response.writeHead(404).end();
  const file = new URL(pathname.slice(folder.length), FOLDERS[folder]);
  return response.writeHead(200, { "content-type": TYPES[extname(file.pathname)] }).end(readFileSync(file));
}

async function stream(plan, request, response) {
  request.resume();
  seen.served[plan.fate]++;
  seen.open++;
  response.on("error", () => {});
  response.on("close", () => seen.open--);
  if (plan.fate === "http") {
    response.writeHead(429, { "content-type": "application/json", "retry-after": "1" });
    return response.end(JSON.stringify({ error: { message: `slow down, ${plan.number}`, type: "requests", code: "rate_limit" } }));
  }
  if (plan.fate === "html") {
    response.writeHead(200, { "content-type": "text/html" });
    return response.end("<!doctype html><title>Bad gateway</title>");
  }
  const { bytes, events } = bodyOf(plan);
  response.writeHead(200, { "content-type": "text/event-stream", "x-soak-events": `${events}` });
  response.flushHeaders();
  for (const piece of cut(bytes, plan)) {
    await sleep(plan.lastsMs / plan.pieces);
    if (response.destroyed || !(await send(piece, response))) return undefined;
  }
  return finish(plan, response);
}

/** In pieces that begin and end anywhere. */
function* cut(bytes, { seed, pieces }) {
  const next = random(seed ^ 0x5eed);
  const places = Array.from({ length: pieces - 1 }, () => Math.floor(next() * bytes.length)).sort((a, b) => a - b);
  let at = 0;
  for (const place of [...places, bytes.length]) {
    if (place > at) yield bytes.subarray(at, place);
    at = Math.max(at, place);
  }
}

async function finish({ fate, wire }, response) {
  if (fate === "stalled" || FATES[fate].code === "aborted") return undefined;
  if (fate === "error") return response.write(ERRORS[wire]);
  if (fate === "too_large") return response.write(`data: ${"x".repeat(MAX_EVENT_BYTES + 1024)}`);
  if (fate !== "reset") return response.end();
  // What was written goes first.
  await sleep(20);
  return response.stream?.close ? response.stream.close(constants.NGHTTP2_INTERNAL_ERROR) : response.destroy();
}

const ERRORS = {
  chat: 'data: {"error":{"message":"overloaded","type":"server_error","code":null}}\n\n',
  responses: 'event: error\ndata: {"type":"error","code":"server_error","message":"overloaded","param":null}\n\n',
  anthropic: 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"overloaded"}}\n\n',
};

/** Resolves to whether the other side takes more, when it does. */
function send(piece, response) {
  return new Promise((resolve) => {
    if (response.write(piece)) return resolve(true);
    const done = (open) => () => {
      response.off("drain", onDrain).off("close", onClose);
      resolve(open);
    };
    const [onDrain, onClose] = [done(true), done(false)];
    response.on("drain", onDrain).on("close", onClose);
  });
}

const isSecure = process.argv[2] === "h2";
const handle = (request, response) => void answer(request, response).catch((error) => process.send({ error: error.stack }));
// No idle connection is ended from this side: a request may be on its way then.
const server = isSecure
  ? createSecureServer({ cert: CERTIFICATE, key: PRIVATE_KEY, settings: { maxConcurrentStreams: 1000 } }, handle)
  : createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, handle);
process.on("message", () => process.send({ seen: { ...seen, telemetry: collector.seen, rss: process.memoryUsage().rss } }));
process.on("disconnect", () => process.exit());
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  process.send({ url: `${isSecure ? "https" : "http"}://127.0.0.1:${server.address().port}` });
});
