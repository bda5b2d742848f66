// A real HTTP server on loopback: it streams a capture event by event, as a model would, and collects telemetry.

import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** A demo should not take much longer than this, in milliseconds, however long the capture is. */
const LONGEST = 6000;
const TYPICAL_DELAY_MS = 15;

/** Starts the server; resolves to its URL and a way to close it. */
export async function serveCapture(capture, { delayMs }) {
  const events = splitEvents(capture);
  const delay = delayMs ?? Math.min(TYPICAL_DELAY_MS, LONGEST / events.length);
  const collected = [];
  const server = createServer(async (request, response) => {
    if (request.url === "/v1/logs") return void collect(request, response, collected);
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    let due = performance.now();
    for (const event of events) {
      if (response.destroyed) return;
      if (!response.write(event)) await Promise.race([once(response, "drain"), once(response, "close")]);
      // Timers are coarse: short delays add up to one sleep.
      due += delay;
      if (due - performance.now() >= 1) await sleep(due - performance.now());
    }
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    url: `${origin}/v1/chat/completions`,
    collector: `${origin}/v1/logs`,
    collected,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

/** A collector as far as a demo needs one: it keeps the log records that arrive as OTLP/HTTP JSON. */
async function collect(request, response, collected) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  for (const { scopeLogs } of JSON.parse(Buffer.concat(chunks)).resourceLogs) {
    for (const { logRecords } of scopeLogs) collected.push(...logRecords);
  }
  response.writeHead(200, { "content-type": "application/json" }).end("{}");
}

/** Cuts a capture after each blank line. */
function splitEvents(capture) {
  const text = capture.toString("latin1");
  const pieces = text.split(/(?<=\n\n|\r\r|\r\n\r\n)/);
  return pieces.filter((piece) => piece !== "").map((piece) => Buffer.from(piece, "latin1"));
}
