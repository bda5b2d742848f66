// An endpoint that speaks all three APIs, as far as a page's request goes: it checks the request and its key, and streams.

import { once } from "node:events";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";

import { chunk, DONE, finish, sse } from "./chat.mjs";

export const KEY = "sk-test-0123456789-never-to-be-seen";

const PATHS = {
  "/v1/chat/completions": { key: ["authorization", `Bearer ${KEY}`], answer: chat, prompt: (body) => body.messages[0].content },
  "/v1/responses": { key: ["authorization", `Bearer ${KEY}`], answer: () => fixture("responses"), prompt: (body) => body.input },
  "/v1/messages": { key: ["x-api-key", KEY], answer: () => fixture("anthropic"), prompt: (body) => body.messages[0].content },
};

/**
 * Starts it, until the test `t` ends.
 *
 * @param behaviour `cors: false` for a server that knows no pages; `stall: true` to stop in the middle of an answer, `mute: true` to give none.
 */
export async function serveLlm(t, { cors = true, stall = false, mute = false } = {}) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const headers = cors ? { "access-control-allow-origin": request.headers.origin ?? "*", "access-control-allow-headers": "*, authorization" } : {};
    if (request.method !== "POST") return response.writeHead(request.method === "OPTIONS" ? 204 : 404, headers).end();
    let text = "";
    for await (const part of request) text += part;
    const seen = { path: request.url, headers: request.headers, body: JSON.parse(text), closed: once(response, "close") };
    requests.push(seen);
    if (mute) return undefined;
    const path = PATHS[request.url];
    if (path === undefined) return fail(response, headers, 404, "not_found_error", `no such path: ${request.url}`);
    const [name, value] = path.key;
    if (request.headers[name] !== value) return fail(response, headers, 401, "invalid_request_error", "Incorrect API key provided.");
    response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    const frames = path.answer(path.prompt(seen.body)).split(/(?<=\n\n)/);
    for (const frame of stall ? frames.slice(0, 2) : frames) response.write(frame);
    return stall ? undefined : response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base: `http://127.0.0.1:${server.address().port}/v1`, requests };
}

function fail(response, headers, status, type, message) {
  response.writeHead(status, { ...headers, "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message, type, code: status } }));
}

/** Says the prompt again. */
function chat(prompt) {
  const usage = { id: "resp_1", choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } };
  return sse(chunk({ role: "assistant", content: "You said: " }), chunk({ content: prompt }), finish(), usage, DONE);
}

function fixture(wire) {
  const lines = readFileSync(new URL(`../../fixtures/${wire}.jsonl`, import.meta.url), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line)).find(({ name }) => name === "whole stream").sse;
}
