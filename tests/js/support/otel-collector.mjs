// Collectors that play scripts, over real sockets, and keep what they were sent.
//
//   const collector = await httpCollector(t, [{ status: 503, headers: { "retry-after": "1" } }, {}]);
//   ... collector.url, collector.requests[0].headers, collector.requests[0].body
//
// The last step of a script is played for all further requests.

import { once } from "node:events";
import { createServer } from "node:http";
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";

const PROTOBUF = "application/x-protobuf";

/** What every exporter is given to send; `body` need not be OTLP for it. */
export function request(parts = {}) {
  const controller = new AbortController();
  const body = parts.body ?? new TextEncoder().encode('{"resourceLogs":[]}');
  return {
    attempt: 1, records: 1, timeoutMs: 5000, unload: false, keepalive: false,
    ...parts, body, controller, signal: controller.signal,
  };
}

/**
 * OTLP over HTTP. A step is `{ status = 200, headers, body, delayMs }`, `{ destroy: true }` (no answer),
 * `{ stall: true }` (none ever), `{ cut: true }` (the answer's body breaks off).
 */
export async function httpCollector(t, script = [{}]) {
  const requests = [];
  const server = createServer(async (message, response) => {
    const step = script[Math.min(requests.length, script.length - 1)];
    const seen = { method: message.method, path: message.url, headers: message.headers };
    requests.push(seen);
    response.on("close", () => {
      seen.closedByClient = !response.writableFinished && !step.destroy && !step.cut;
    });
    const raw = await collect(message);
    seen.body = message.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
    seen.wireBytes = raw.length;
    if (step.stall) return;
    if (step.destroy) return message.socket.destroy();
    if (step.delayMs) await sleep(step.delayMs);
    response.writeHead(step.status ?? 200, { "content-type": PROTOBUF, ...step.headers });
    if (step.cut) {
      response.write("{");
      await sleep(10);
      return message.socket.destroy();
    }
    response.end(step.body ?? "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}/v1/logs`, port, requests, server };
}

/**
 * OTLP over gRPC. A step is `{ code = 0, message, details, body, delayMs }`, `{ headersOnly: true, .. }` (one block
 * of headers), `{ httpStatus }` (no gRPC at all), `{ noStatus: true }`, `{ reset }` (an HTTP/2 error code),
 * `{ destroy: true }`, `{ goaway: true, .. }` (answers, then asks the client to go), `{ stall: true }`.
 */
export async function grpcCollector(t, script = [{}], { tls, port = 0 } = {}) {
  const requests = [];
  const sessions = new Set();
  const server = tls ? http2.createSecureServer(tls) : http2.createServer();
  server.on("session", (session) => {
    collector.connections++;
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", async (stream, headers) => {
    stream.on("error", () => {});
    const step = script[Math.min(requests.length, script.length - 1)];
    const seen = { headers };
    requests.push(seen);
    stream.on("close", () => {
      seen.rstCode = stream.rstCode;
    });
    const frame = await collect(stream).catch(() => undefined);
    if (frame === undefined) return;
    seen.gzipped = frame[0] === 1;
    seen.declared = frame.readUInt32BE(1);
    seen.body = seen.gzipped ? gunzipSync(frame.subarray(5)) : frame.subarray(5);
    seen.wireBytes = frame.length - 5;
    if (step.stall) return;
    if (step.destroy) return stream.session.destroy();
    if (step.reset !== undefined) return stream.close(step.reset);
    if (step.delayMs) await sleep(step.delayMs);
    if (stream.destroyed) return;
    answer(stream, step);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const scheme = tls ? "https" : "http";
  const stop = () => new Promise((resolve) => {
    for (const session of sessions) session.destroy();
    server.close(resolve);
  });
  const collector = { requests, connections: 0, stop, server, sessions };
  collector.port = server.address().port;
  collector.url = `${scheme}://localhost:${collector.port}`;
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return collector;
}

function answer(stream, { code = 0, message, details, body, headersOnly, httpStatus, noStatus, goaway }) {
  if (httpStatus !== undefined) {
    stream.respond({ ":status": httpStatus, "content-type": "text/html" });
    return stream.end("<html>");
  }
  const status = {
    "grpc-status": String(code),
    ...(message === undefined ? {} : { "grpc-message": message }),
    ...(details === undefined ? {} : { "grpc-status-details-bin": details }),
  };
  const head = { ":status": 200, "content-type": "application/grpc" };
  if (headersOnly) return stream.respond({ ...head, ...status }, { endStream: true });
  stream.respond(head, { waitForTrailers: !noStatus });
  stream.on("wantTrailers", () => {
    stream.sendTrailers(status);
    if (goaway) stream.session.goaway();
  });
  if (code !== 0 || noStatus) return stream.end();
  const bytes = body ?? Buffer.alloc(0);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  stream.end(Buffer.concat([prefix, bytes]));
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
