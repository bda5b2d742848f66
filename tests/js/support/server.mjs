// A real HTTP server that plays scripts.
//
//   const server = await serve(t, { steps: ["data: 1\n\n", wait(20), "data: 2\n\n", stall] });
//   const response = await fetch(server.url);
//   ... server.requests[0].bytesWritten, await server.requests[0].closed
//
// A step is text or bytes to send, or one of the objects below; after the last step the response ends.

import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Nothing is sent for so many milliseconds. */
export const wait = (ms) => ({ wait: ms });
/** Nothing is sent until the promise is settled. */
export const until = (promise) => ({ until: promise });
/** Sent byte by byte. */
export const drip = (bytes, everyMs = 0) => ({ drip: bytes, everyMs });
/** Nothing is sent any more, and the socket stays open. */
export const stall = { stall: true };
/** The socket is destroyed, so that the body is cut off. */
export const destroy = { destroy: true };

/**
 * Starts a server that ends with the test `t`.
 *
 * @param script `{ status?, headers?, steps? }`, or a function from the request to one (or to `undefined`,
 *   after it answered by itself).
 */
export async function serve(t, script) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const record = watch(request, response);
    requests.push(record);
    const { status = 200, headers = {}, steps = [] } =
      (typeof script === "function" ? await script(request, response) : script) ?? { status: 0 };
    if (status === 0) return;
    response.writeHead(status, { "content-type": "text/event-stream", ...headers });
    response.flushHeaders();
    await play(steps, response, record);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, requests };
}

/** What happens to one request; `closed` resolves when its socket is gone, with who closed it and when. */
function watch(request, response) {
  const { promise: closed, resolve } = deferred();
  const record = { method: request.method, path: request.url, bytesWritten: 0, ended: false, destroyed: false, closed };
  response.on("close", () => {
    record.closedAt = performance.now();
    record.closedByClient = !record.destroyed && !response.writableFinished;
    resolve({ byClient: record.closedByClient, at: record.closedAt });
  });
  response.on("error", () => {});
  return record;
}

async function play(steps, response, record) {
  for (const step of steps) {
    if (response.destroyed) return;
    if (typeof step === "string" || step instanceof Uint8Array) await send(step, response, record);
    else if (step.wait !== undefined) await sleep(step.wait);
    else if (step.until !== undefined) await step.until;
    else if (step.drip !== undefined) {
      for (const byte of Buffer.from(step.drip)) {
        if (response.destroyed) return;
        await send(Buffer.of(byte), response, record);
        await sleep(step.everyMs);
      }
    } else if (step.destroy) {
      record.destroyed = true;
      // What was written has to reach the other side before the cut.
      await sleep(20);
      response.destroy();
      return;
    } else if (step.stall) return;
  }
  record.ended = true;
  response.end();
}

/** Resolves when the socket has taken the bytes, or is gone. */
function send(bytes, response, record) {
  return new Promise((resolve) => {
    const onClose = () => resolve();
    response.once("close", onClose);
    response.write(bytes, (error) => {
      response.off("close", onClose);
      if (!error) record.bytesWritten += Buffer.byteLength(bytes);
      resolve();
    });
  });
}

function deferred() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
