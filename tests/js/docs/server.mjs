// What the documents' code talks to: an endpoint of each of the three APIs, and a collector, on loopback. `/HOST/PATH` is what a
// block asked for as `https://HOST/PATH`; some hosts behave as their names say.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { chunk, DONE, finish, sse } from "../support/chat.mjs";

export const TEXT = "Hello from the stream.";
const VALUES = { city: "Bern", path: "notes.md", content: TEXT };
const CORS = { "access-control-allow-origin": "*", "access-control-allow-headers": "*, authorization, content-type" };

/** Starts it; ends with the test `t`. `collected` are the bodies that its collector was sent. */
export async function serveDocs(t) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const [, host, ...rest] = request.url.split("/");
    const path = `/${rest.join("/")}`;
    if (request.method === "OPTIONS") return response.writeHead(204, CORS).end();
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const tries = requests.filter((seen) => seen.host === host).length;
    requests.push({ host, path, headers: request.headers, body: body.toString() });
    if (/\/v1\/(logs|metrics)$/.test(path)) return response.writeHead(200, { ...CORS, "content-type": "application/json" }).end("{}");
    if (host === "refuses.example.com" || (host === "busy.example.com" && tries === 0)) return refuse(response);
    const answer = ANSWERS.find(([ends]) => path.endsWith(ends))?.[1];
    if (answer === undefined) return response.writeHead(404, CORS).end();
    const asked = JSON.parse(body.toString() || "{}");
    if (host === "ignores.example.com") asked.stream = false;
    const text = answer(asked);
    const isStream = !text.startsWith("{");
    response.writeHead(200, { ...CORS, "content-type": isStream ? "text/event-stream" : "application/json" });
    if (host === "breaks.example.com") return response.end(text.slice(0, text.length / 2).replace(/[^\n]*$/, ""));
    if (host === "stalls.example.com") return response.write(text.slice(0, text.length / 2).replace(/[^\n]*$/, ""));
    return response.end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}

const ANSWERS = [
  ["/chat/completions", chat],
  ["/responses", () => fixture("responses")],
  ["/messages", () => fixture("anthropic")],
];

function refuse(response) {
  const error = { message: "Rate limit reached for requests", type: "requests", code: "rate_limit_exceeded", param: null };
  response.writeHead(429, { ...CORS, "content-type": "application/json", "retry-after": "0" }).end(JSON.stringify({ error }));
}

/** A completion as OpenAI streams it: usage only when it is asked for; reasoning from models that are named so. */
function chat({ model = "test-1", messages = [], stream = false, stream_options, tools = [], response_format }) {
  const call = messages.at(-1)?.role === "tool" ? undefined : tools[0]?.function;
  const text = response_format === undefined ? TEXT : JSON.stringify({ title: "Rivers", tags: ["water", "flow"] });
  const args = call && JSON.stringify(Object.fromEntries(Object.keys(call.parameters?.properties ?? {}).map((name) => [name, VALUES[name] ?? "?"])));
  const usage = { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 };
  const common = { id: "chatcmpl-1", created: 1_764_028_800, model };
  const called = call && [{ index: 0, id: "call_1", type: "function", function: { name: call.name, arguments: "" } }];
  if (!stream) {
    const [message, reason] = call
      ? [{ content: null, tool_calls: [{ ...called[0], function: { name: call.name, arguments: args } }] }, "tool_calls"]
      : [{ content: text }, "stop"];
    const choices = [{ index: 0, message: { role: "assistant", ...message }, finish_reason: reason }];
    return JSON.stringify({ ...common, object: "chat.completion", choices, usage });
  }
  const frame = (value) => ({ ...value, ...common, object: "chat.completion.chunk" });
  const pieces = (whole) => whole.match(/[^]{1,6}/g);
  const deltas = call
    ? [{ tool_calls: called }, ...pieces(args).map((piece) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] }))]
    : [...(/reason/.test(model) ? [{ reasoning_content: "Say it " }, { reasoning_content: "kindly." }] : []), ...pieces(text).map((content) => ({ content }))];
  const end = stream_options?.include_usage ? [frame({ choices: [], usage })] : [];
  const chunks = [chunk({ role: "assistant", content: call ? null : "" }), ...deltas.map((delta) => chunk(delta)), finish(call ? "tool_calls" : "stop")];
  return sse(...chunks.map(frame), ...end, DONE);
}

function fixture(wire) {
  const lines = readFileSync(new URL(`../../fixtures/${wire}.jsonl`, import.meta.url), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line)).find(({ name }) => name === "whole stream").sse;
}
