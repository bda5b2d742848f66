// An API of chat completions whose answers a test writes as it goes: nothing comes before the test says so.

import { once } from "node:events";
import { createServer } from "node:http";

const CORS = { "access-control-allow-origin": "*", "access-control-allow-headers": "content-type" };

/** Starts it; `next()` resolves to the next request. Ends with the test `t`. */
export async function serveCompletions(t) {
  const arrived = [];
  const waiting = [];
  const server = createServer(async (request, response) => {
    if (request.method === "OPTIONS") return response.writeHead(204, CORS).end();
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    response.writeHead(200, { ...CORS, "content-type": "text/event-stream" }).flushHeaders();
    const completion = answer(JSON.parse(body), response);
    const take = waiting.shift();
    return take ? take(completion) : arrived.push(completion);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${server.address().port}/v1/chat/completions`,
    next: () => (arrived.length > 0 ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve))),
  };
}

function answer(body, response) {
  const frame = (value) => Buffer.from(`data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", model: "m1", ...value })}\n\n`);
  const choice = (delta, finish_reason = null) => frame({ choices: [{ index: 0, delta, finish_reason }] });
  return {
    body,
    /** Resolves when the connection is gone, to whether the browser closed it. */
    closed: new Promise((resolve) => response.on("close", () => resolve(!response.writableFinished))),
    send: (content) => response.write(choice({ content })),
    /** The first `size` bytes of a delta, and a function that sends the rest. */
    sendPart(content, size) {
      const bytes = choice({ content });
      const at = bytes.indexOf(Buffer.from(content)) + size;
      response.write(bytes.subarray(0, at));
      return () => response.write(bytes.subarray(at));
    },
    finish(usage) {
      response.write(choice({}, "stop"));
      response.write(frame({ choices: [], usage }));
      response.end("data: [DONE]\n\n");
    },
    fail: (error) => response.end(frame({ error })),
  };
}
