// `toUIMessageStream` beside the AI SDK's own, on the same streams: the messages that its client builds are the same.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createUIMessageStreamResponse, jsonSchema, parseJsonEventStream, readUIMessageStream, streamText, tool, uiMessageChunkSchema } from "ai";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { aggregate } from "streamgauge";
import { toUIMessageStream } from "streamgauge/ai";

import { bytes, chunk, DONE, finish, sse } from "./support/chat.mjs";

const fixture = (wire, name) => {
  const url = new URL(`../fixtures/${wire}.jsonl`, import.meta.url);
  return readFileSync(url, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line)).find((row) => row.name === name).sse;
};
const call = (index, more, args) => chunk({ tool_calls: [{ index, ...more, function: { ...(more && { name: more.name }), arguments: args } }] });
const start = (index, id, name) => chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] });

const events = (...list) => list.map((event, sequence_number) => `data: ${JSON.stringify({ ...event, sequence_number })}\n\n`).join("");
const RESPONSE = { id: "resp_1", object: "response", created_at: 1, model: "m", status: "in_progress", output: [] };
const USAGE = { input_tokens: 3, output_tokens: 5, output_tokens_details: { reasoning_tokens: 2 }, total_tokens: 8 };
const REASONING = { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: "One." }, { type: "summary_text", text: "Two." }], encrypted_content: "ENC" };
const MESSAGE = { id: "msg_1", type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "Hello", annotations: [] }] };
const CALL = { id: "fc_1", type: "function_call", call_id: "call_1", name: "get", arguments: '{"city":"Bern"}', status: "completed" };
const summary = (summary_index, ...deltas) => [
  { type: "response.reasoning_summary_part.added", item_id: "rs_1", output_index: 0, summary_index, part: { type: "summary_text", text: "" } },
  ...deltas.map((delta) => ({ type: "response.reasoning_summary_text.delta", item_id: "rs_1", output_index: 0, summary_index, delta })),
  { type: "response.reasoning_summary_part.done", item_id: "rs_1", output_index: 0, summary_index, part: { type: "summary_text", text: deltas.join("") } },
];
const RESPONSES = events(
  { type: "response.created", response: RESPONSE },
  { type: "response.output_item.added", output_index: 0, item: { ...REASONING, summary: [], encrypted_content: "EARLY" } },
  ...summary(0, "On", "e."),
  ...summary(1, "Two."),
  { type: "response.output_item.done", output_index: 0, item: REASONING },
  { type: "response.output_item.added", output_index: 1, item: { ...MESSAGE, content: [], status: "in_progress" } },
  { type: "response.output_text.delta", item_id: "msg_1", output_index: 1, content_index: 0, delta: "Hel" },
  { type: "response.output_text.delta", item_id: "msg_1", output_index: 1, content_index: 0, delta: "lo" },
  { type: "response.output_item.done", output_index: 1, item: MESSAGE },
  { type: "response.output_item.added", output_index: 2, item: { ...CALL, arguments: "", status: "in_progress" } },
  { type: "response.function_call_arguments.delta", item_id: "fc_1", output_index: 2, delta: '{"city":' },
  { type: "response.function_call_arguments.delta", item_id: "fc_1", output_index: 2, delta: '"Bern"}' },
  { type: "response.output_item.done", output_index: 2, item: CALL },
  { type: "response.completed", response: { ...RESPONSE, status: "completed", output: [REASONING, MESSAGE, CALL], usage: USAGE } },
);

const compatible = (fetch) => createOpenAICompatible({ name: "x", apiKey: "k", baseURL: "http://x/v1", fetch })("m");
const openai = (fetch) => createOpenAI({ apiKey: "k", baseURL: "http://x/v1", fetch })("m");
const openaiChat = (fetch) => createOpenAI({ apiKey: "k", baseURL: "http://x/v1", fetch }).chat("m");
const anthropic = (fetch) => createAnthropic({ apiKey: "k", baseURL: "http://x/v1", fetch })("claude-sonnet-4-5");

const cases = [
  ["chat: text", compatible, sse(chunk({ role: "assistant", content: "Hel" }), chunk({ content: "lo" }), finish(), DONE)],
  ["chat, openai: text", openaiChat, sse(chunk({ role: "assistant", content: "Hel" }), chunk({ content: "lo" }), finish(), DONE)],
  ["chat: reasoning, text, calls", compatible, sse(
    chunk({ reasoning_content: "hm, " }), chunk({ reasoning_content: "so" }), chunk({ content: "It " }), chunk({ content: "is" }),
    start(0, "call_1", "get"), call(0, undefined, '{"city":'), call(0, undefined, '"Bern"}'), start(1, "call_2", "get"), call(1, undefined, "{}"), finish("tool_calls"), DONE)],
  ["chat: reasoning again", compatible, sse(chunk({ reasoning_content: "a" }), chunk({ content: "b" }), chunk({ reasoning_content: "c" }), chunk({ content: "d" }), finish(), DONE)],
  ["chat: cut at the limit", compatible, sse(chunk({ content: "so f" }), finish("length"), DONE)],
  ["chat: filtered", compatible, sse(chunk({ content: "so f" }), finish("content_filter"), DONE)],
  ["Anthropic: thinking, text, a call", anthropic, fixture("anthropic", "whole stream")],
  ["Anthropic: redacted thinking", anthropic, fixture("anthropic", "redacted thinking")],
  ["Responses: summaries, text, a call", openai, RESPONSES],
];

const tools = { get: tool({ inputSchema: jsonSchema({ type: "object" }) }) };
const answering = (body) => async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
const all = async (stream) => {
  const list = [];
  for await (const value of stream) list.push(value);
  return list;
};

/** What the client has in the end, and at which chunk it ended. */
async function built(stream) {
  const [forMessage, forEnd] = stream.tee();
  const states = await all(readUIMessageStream({ stream: forMessage }));
  return { message: states.at(-1), end: (await all(forEnd)).at(-1), states: states.length };
}

/** Ids of parts are whatever they are. What Anthropic's provider tells of the usage at the start, no event has. */
function plain(message) {
  const parts = message.parts.filter(({ kind }) => kind !== "anthropic.message_start");
  return JSON.parse(JSON.stringify({ ...message, parts }, (key, inner) => (key === "id" ? undefined : inner)));
}

describe("the same message as of streamText", () => {
  for (const [name, model, body] of cases) {
    test(name, async () => {
      const theirs = await built(streamText({ model: model(answering(body)), prompt: "hi", tools, maxRetries: 0 }).toUIMessageStream());
      for (const include of [[], ["tool_call.delta"]]) {
        const ours = await built(toUIMessageStream(aggregate(bytes(body), { include })));
        assert.deepEqual(plain(ours.message), plain(theirs.message));
        assert.deepEqual(ours.end, theirs.end);
      }
    });
  }
});

const chunks = (body, options, reading) => all(toUIMessageStream(aggregate(bytes(body), reading), options));
const types = (list) => list.map(({ type }) => type);

describe("what else it tells", () => {
  test("chunk by chunk", async () => {
    const body = sse(chunk({ reasoning_content: "hm" }), chunk({ content: "a" }), start(0, "call_1", "get"), call(0, undefined, '{"a":'), call(0, undefined, "1}"), finish("tool_calls"), DONE);
    assert.deepEqual(await chunks(body, { messageId: "m1", messageMetadata: ({ type, model }) => ({ type, model }) }, { include: ["tool_call.delta"] }), [
      { type: "start", messageId: "m1", messageMetadata: { type: "start", model: undefined } },
      { type: "start-step" },
      { type: "reasoning-start", id: "reasoning-0" },
      { type: "reasoning-delta", id: "reasoning-0", delta: "hm" },
      { type: "reasoning-end", id: "reasoning-0" },
      { type: "text-start", id: "text-1" },
      { type: "text-delta", id: "text-1", delta: "a" },
      { type: "tool-input-start", toolCallId: "call_1", toolName: "get" },
      { type: "tool-input-delta", toolCallId: "call_1", inputTextDelta: '{"a":' },
      { type: "tool-input-delta", toolCallId: "call_1", inputTextDelta: "1}" },
      { type: "text-end", id: "text-1" },
      { type: "tool-input-available", toolCallId: "call_1", toolName: "get", input: { a: 1 } },
      { type: "finish-step" },
      { type: "finish", finishReason: "tool-calls", messageMetadata: { type: "completed", model: "test-1" } },
    ]);
  });

  test("parts of it only", async () => {
    const body = sse(chunk({ reasoning_content: "hm" }), chunk({ content: "a" }), finish(), DONE);
    const list = await chunks(body, { sendReasoning: false, sendStart: false, sendFinish: false });
    assert.deepEqual(types(list), ["start-step", "text-start", "text-delta", "text-end", "finish-step"]);
  });

  test("another choice", async () => {
    const body = sse(chunk({ content: "a" }), chunk({ content: "b" }, { index: 1 }), finish(), finish("stop", 1), DONE);
    for (const [choice, text] of [[undefined, "a"], [0, "a"], [1, "b"]]) {
      const list = await chunks(body, choice === undefined ? {} : { choice });
      assert.deepEqual(list.filter(({ type }) => type === "text-delta").map(({ delta }) => delta), [text]);
    }
  });

  test("calls without ids, broken arguments, custom tools, refusals", async () => {
    const list = async (...values) => (await chunks(sse(...values, finish(), DONE), { dynamic: true }, { include: ["tool_call.delta"] })).filter(({ type }) => type.startsWith("tool"));
    assert.deepEqual(await list(chunk({ tool_calls: [{ index: 0, function: { name: "get", arguments: "{}" } }] })), [
      { type: "tool-input-available", toolCallId: "call-0", toolName: "get", input: {}, dynamic: true },
    ]);
    const [begun, , broken] = await list(start(0, "c", "get"), call(0, undefined, '{"a":'));
    assert.equal(begun.dynamic, true);
    assert.deepEqual([broken.type, broken.input, broken.dynamic], ["tool-input-error", '{"a":', true]);
    assert.match(broken.errorText, /^The arguments are no JSON: EOF/);
    const cut = await chunks(sse(start(0, "c", "get"), call(0, undefined, "{}")));
    assert.deepEqual(cut.find(({ type }) => type.startsWith("tool")), { type: "tool-input-error", toolCallId: "c", toolName: "get", input: "{}", errorText: "The call was cut off." });
    const custom = await list(chunk({ tool_calls: [{ index: 0, id: "c", type: "custom", custom: { name: "sh", input: "ls {" } }] }));
    assert.deepEqual(custom.at(-1), { type: "tool-input-available", toolCallId: "c", toolName: "sh", input: "ls {", dynamic: true });
    const refused = await chunks(sse(chunk({ refusal: "no" }), finish(), DONE));
    assert.deepEqual(refused[3], { type: "text-delta", id: "text-0", delta: "no" });
  });

  test("tools that the server ran, other items, sources", async () => {
    const list = await chunks(fixture("anthropic", "server tools"));
    assert.deepEqual(list.filter(({ type }) => type.startsWith("tool")).map(({ type, toolCallId, providerExecuted }) => [type, toolCallId, providerExecuted]), [
      ["tool-input-available", "srvtoolu_1", true], ["tool-output-available", "srvtoolu_1", true],
    ]);
    assert.ok((await chunks(fixture("anthropic", "an unknown block"))).some(({ type, data }) => type === "data-item" && data.type === "hologram"));
    const cited = { ...MESSAGE, content: [{ type: "output_text", text: "Hello", annotations: [{ type: "url_citation", url: "https://x/", title: "X", start_index: 0, end_index: 1 }] }] };
    const search = { id: "ws_1", type: "web_search_call", status: "completed", action: { type: "search", query: "q" } };
    const body = events({ type: "response.created", response: RESPONSE }, { type: "response.completed", response: { ...RESPONSE, status: "completed", output: [search, cited], usage: USAGE } });
    const told = await chunks(body, { sendSources: true });
    assert.deepEqual(told.filter(({ type }) => /tool|source/.test(type)), [
      { type: "tool-input-available", toolCallId: "ws_1", toolName: "web_search", input: search.action, dynamic: true, providerExecuted: true },
      { type: "tool-output-available", toolCallId: "ws_1", output: search, dynamic: true, providerExecuted: true },
      { type: "source-url", sourceId: told.find(({ type }) => type === "source-url").sourceId, url: "https://x/", title: "X" },
    ]);
  });

  test("a failure, with the words that the client may see", async () => {
    const body = sse(chunk({ content: "a" }), { error: { message: "secret" } });
    const failed = (errorText) => [{ type: "error", errorText }, { type: "finish-step" }, { type: "finish", finishReason: "error" }];
    assert.deepEqual((await chunks(body)).slice(-3), failed("An error occurred."));
    assert.deepEqual((await chunks(body, { onError: ({ code }) => code })).slice(-3), failed("provider_error"));
    const abort = new AbortController();
    abort.abort();
    assert.deepEqual(types(await chunks(body, {}, { signal: abort.signal })), ["start", "start-step", "abort"]);
  });

  test("cancelling it cancels the events, and nothing is read ahead", async () => {
    let pulled = 0;
    let cancelled;
    const source = new ReadableStream({
      pull: (controller) => controller.enqueue(bytes(sse(chunk({ content: `${pulled++}` })))),
      cancel: (reason) => { cancelled = true; },
    }, { highWaterMark: 0 });
    const reader = toUIMessageStream(aggregate(source)).getReader();
    for (let read = 0; read < 5; read++) await reader.read();
    assert.ok(pulled <= 3, `${pulled}`);
    await reader.cancel();
    assert.equal(cancelled, true);
  });

  test("events of a ReadableStream", async () => {
    const list = await all(toUIMessageStream(new ReadableStream({
      start(controller) {
        controller.enqueue({ type: "output_text.delta", delta: "a" });
        controller.close();
      },
    })));
    assert.deepEqual(types(list), ["start", "start-step", "text-start", "text-delta"]);
    assert.throws(() => toUIMessageStream([], { sendFinnish: true }), { code: "bad_option", message: /unknown option "sendFinnish"/ });
  });
});

test("every chunk of every fixture is one that the client takes, and its message is built", async () => {
  let streams = 0;
  for (const wire of ["chat", "responses", "anthropic"]) {
    const rows = readFileSync(new URL(`../fixtures/${wire}.jsonl`, import.meta.url), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
    for (const { name, sse: body, options } of rows) {
      if (body === undefined) continue;
      const stream = toUIMessageStream(aggregate(bytes(body), { wire, ...options, include: ["tool_call.delta"] }), { sendSources: true });
      const response = createUIMessageStreamResponse({ stream });
      const parsed = parseJsonEventStream({ stream: response.body, schema: uiMessageChunkSchema });
      const checked = parsed.pipeThrough(new TransformStream({
        transform(part, controller) {
          if (!part.success) throw new Error(`${wire}, ${name}: ${JSON.stringify(part.rawValue)}`, { cause: part.error });
          controller.enqueue(part.value);
        },
      }));
      const states = await all(readUIMessageStream({ stream: checked, terminateOnError: false, onError: () => {} })).catch((error) => {
        throw new Error(`${wire}, ${name}: ${error.message}`, { cause: error });
      });
      streams += states.length > 0 ? 1 : 0;
    }
  }
  assert.ok(streams > 300, `${streams}`);
});
