// A server that sends whatever it likes, and what reading it costs.

import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export const MIB = 1 << 20;

/** Endless, in pieces of 64 KiB. */
export function* endless(text) {
  const piece = Buffer.from(text.repeat(Math.ceil(65_536 / text.length)));
  for (;;) yield piece;
}

export function* times(count, piece) {
  for (let at = 0; at < count; at++) yield typeof piece === "function" ? piece(at) : piece;
}

/**
 * Serves one body, an iterable of pieces, as fast as it is taken. `closed` resolves when the socket is gone; `sent` counts.
 */
export async function serveBody(t, { status = 200, headers = {}, body }) {
  const seen = { sent: 0, closed: undefined };
  const server = createServer((_, response) => {
    seen.closed = once(response, "close");
    response.writeHead(status, { "content-type": "text/event-stream", ...headers });
    const counted = (function* () {
      for (const piece of body) {
        seen.sent += piece.length;
        yield piece;
      }
    })();
    pipeline(Readable.from(counted, { objectMode: true, highWaterMark: 1 }), response).catch(() => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, seen };
}

/** Serves raw TCP: `talk(socket, request)` is called when a request's head is there. */
export async function serveRaw(t, talk) {
  const sockets = new Set();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let head = "";
    socket.on("data", (data) => {
      head += data.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      const request = head;
      head = "";
      talk(socket, request);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

/** Runs `work` and tells how much more the process held at its peak. */
export async function measured(work) {
  const before = process.memoryUsage().rss;
  let peak = before;
  const sample = () => (peak = Math.max(peak, process.memoryUsage().rss));
  const timer = setInterval(sample, 10);
  try {
    const value = await work();
    sample();
    return { value, grown: peak - before };
  } finally {
    clearInterval(timer);
  }
}
