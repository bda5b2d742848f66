// `observedFetch` inside the libraries that take a fetch, against a real server: they see what they see without it, and what is
// recorded is what `aggregate` records.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { streamText } from "ai";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { aggregate, observedFetch } from "streamgauge";

import { within } from "./support/chat.mjs";
import { destroy, serve, stall } from "./support/server.mjs";
import { TRACEPARENT } from "./support/telemetry-run.mjs";
import { attributesOf, telemetryInto } from "./support/telemetry-sink.mjs";

const fixture = (wire, name) => {
  const url = new URL(`../fixtures/${wire}.jsonl`, import.meta.url);
  return readFileSync(url, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line)).find((row) => row.name === name).sse;
};
const CHAT = readFileSync(new URL("../fixtures/demo.sse", import.meta.url), "utf8");
const ANTHROPIC = fixture("anthropic", "whole stream");
const responsesEvents = (...events) =>
  events.map((event, sequence_number) => `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number })}\n\n`).join("");
const RESPONSE = { id: "resp_1", object: "response", created_at: 1, model: "m", status: "in_progress", output: [], tools: [], parallel_tool_calls: true, tool_choice: "auto" };
const MESSAGE = { id: "msg_1", type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "Hello", annotations: [] }] };
const USAGE = { input_tokens: 3, input_tokens_details: { cached_tokens: 1 }, output_tokens: 5, output_tokens_details: { reasoning_tokens: 2 }, total_tokens: 8 };
const RESPONSES = responsesEvents(
  { type: "response.created", response: RESPONSE },
  { type: "response.output_item.added", output_index: 0, item: { ...MESSAGE, status: "in_progress", content: [] } },
  { type: "response.content_part.added", item_id: "msg_1", output_index: 0, content_index: 0, part: { type: "output_text", text: "", annotations: [] } },
  { type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta: "Hel" },
  { type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta: "lo" },
  { type: "response.output_text.done", item_id: "msg_1", output_index: 0, content_index: 0, text: "Hello" },
  { type: "response.output_item.done", output_index: 0, item: MESSAGE },
  { type: "response.completed", response: { ...RESPONSE, status: "completed", output: [MESSAGE], usage: USAGE } },
);

const all = async (stream) => {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
};
const ai = (model) => all(streamText({ model, prompt: "hi", maxRetries: 0, onError: () => {} }).fullStream);

/** How each library reads a stream: everything that its user sees. */
const libraries = [
  ["openai, chat", CHAT, async (fetch, baseURL) =>
    all(await new OpenAI({ apiKey: "k", baseURL, fetch, maxRetries: 0 }).chat.completions.create({ model: "m", messages: [], stream: true }))],
  ["openai, the chat stream helper", CHAT, async (fetch, baseURL) =>
    new OpenAI({ apiKey: "k", baseURL, fetch, maxRetries: 0 }).chat.completions.stream({ model: "m", messages: [] }).finalChatCompletion()],
  ["openai, responses", RESPONSES, async (fetch, baseURL) =>
    all(await new OpenAI({ apiKey: "k", baseURL, fetch, maxRetries: 0 }).responses.create({ model: "m", input: "hi", stream: true }))],
  ["@anthropic-ai/sdk", ANTHROPIC, async (fetch, baseURL) =>
    new Anthropic({ apiKey: "k", baseURL, fetch, maxRetries: 0 }).messages.stream({ model: "m", max_tokens: 9, messages: [] }).finalMessage()],
  ["ai, @ai-sdk/openai responses", RESPONSES, (fetch, baseURL) => ai(createOpenAI({ apiKey: "k", baseURL, fetch })("m"))],
  ["ai, @ai-sdk/openai chat", CHAT, (fetch, baseURL) => ai(createOpenAI({ apiKey: "k", baseURL, fetch }).chat("m"))],
  ["ai, @ai-sdk/openai-compatible", CHAT, (fetch, baseURL) => ai(createOpenAICompatible({ name: "x", apiKey: "k", baseURL, fetch })("m"))],
  ["ai, @ai-sdk/anthropic", ANTHROPIC, (fetch, baseURL) => ai(createAnthropic({ apiKey: "k", baseURL, fetch })("m"))],
];

/** Values of the clock and of chance differ from run to run. */
const stable = (seen) => JSON.parse(JSON.stringify(seen, (key, value) => (/^(timestamp|id|date|.*Ms|.*PerSecond|headers|performance|messageId|startedAt)$/i.test(key) ? undefined : value)));
const untimed = ({ "event.timestamp": _, duration_ms: __, ...attributes }) => attributes;

/** What a run records, requests apart from events. */
async function recorded(run, options) {
  const { telemetry, records } = telemetryInto(options);
  const result = await within(8000, run(telemetry));
  await telemetry.shutdown();
  const attributes = records().map(attributesOf);
  return {
    result,
    requests: attributes.filter((record) => record["event.name"] === "codex.api_request"),
    events: attributes.filter((record) => record["event.name"] === "codex.sse_event").map(untimed),
  };
}

/** What `aggregate` records of the same body. */
const byAggregate = (url) =>
  recorded(async (telemetry) => aggregate(await fetch(url, { method: "POST" }), { telemetry }).final().catch((error) => error));

describe("a library sees what it sees without it, and the records are those of aggregate()", () => {
  for (const [name, body, read] of libraries) {
    for (const [how, steps] of [["at once", [body]], ["event by event", body.split(/(?<=\n\n)/)]]) {
      test(`${name}, ${how}`, async (t) => {
        const server = await serve(t, () => ({ headers: { "cf-ray": "ray-1" }, steps }));
        const plain = await read(undefined, `${server.url}v1`);
        const finals = [];
        const { result, requests, events } = await recorded(async (telemetry) => {
          const seen = await read(observedFetch({ telemetry, onFinal: (final) => finals.push(final) }), `${server.url}v1`);
          await sleep(0);
          return seen;
        });
        assert.deepEqual(stable(result), stable(plain));
        assert.deepEqual(requests.map(({ attempt, "http.response.status_code": status, cf_ray }) => [attempt, status, cf_ray]), [[1, 200, "ray-1"]]);
        const expected = await byAggregate(server.url);
        assert.deepEqual(events, expected.events);
        assert.ok(events.length > 2);
        assert.deepEqual(finals.map(({ items, token_usage }) => ({ items, token_usage })), [
          { items: expected.result.items, token_usage: expected.result.token_usage },
        ]);
      });
    }
  }
});

const ERROR = JSON.stringify({ error: { message: "slow down", type: "rate_limit", code: "x" } });
const post = { method: "POST", body: "{}" };
const openai = (fetch, url, options) => new OpenAI({ apiKey: "k", baseURL: `${url}v1`, fetch, maxRetries: 0, ...options });
const chat = { model: "m", messages: [], stream: true };

describe("failures are the same ones", () => {
  test("each try of the SDK's own is a request, and none is ours", async (t) => {
    const server = await serve(t, () =>
      server.requests.length < 3
        ? { status: server.requests.length === 1 ? 429 : 503, headers: { "content-type": "application/json", "retry-after-ms": "1" }, steps: [ERROR] }
        : { steps: [CHAT] });
    const { result, requests, events } = await recorded(async (telemetry) =>
      all(await openai(observedFetch({ telemetry }), server.url, { maxRetries: 4 }).chat.completions.create(chat)));
    assert.ok(result.length > 2);
    assert.deepEqual(requests.map(({ attempt, "http.response.status_code": status }) => [attempt, status]), [[1, 429], [2, 503], [3, 200]]);
    assert.equal(server.requests.length, 3);
    assert.deepEqual(events, (await byAggregate(server.url)).events);
  });

  test("an error's status and body", async (t) => {
    const server = await serve(t, { status: 400, headers: { "content-type": "application/json" }, steps: [ERROR] });
    for (const fetch of [undefined, observedFetch()]) {
      await assert.rejects(openai(fetch, server.url).chat.completions.create(chat), { status: 400, code: "x", message: "400 slow down" });
    }
    await assert.rejects(all(streamText({ model: createOpenAI({ apiKey: "k", baseURL: `${server.url}v1`, fetch: observedFetch() }).chat("m"), prompt: "hi", maxRetries: 0, onError: () => {} }).fullStream.pipeThrough(new TransformStream({
      transform: (part, controller) => (part.type === "error" ? controller.error(part.error) : undefined),
    }))), { statusCode: 400, responseBody: ERROR });
  });

  test("no server", async () => {
    const { requests } = await recorded(async (telemetry) => {
      await assert.rejects(openai(observedFetch({ telemetry }), "http://127.0.0.1:1/").chat.completions.create(chat), OpenAI.APIConnectionError);
    });
    assert.equal(requests.length, 1);
    assert.match(requests[0]["error.message"], /ECONNREFUSED|fetch failed|bad port/);
  });

  test("a connection that breaks in the middle", async (t) => {
    const server = await serve(t, { steps: [CHAT.slice(0, 600), destroy] });
    const seen = [];
    const run = async (fetch) => {
      const error = await openai(fetch, server.url).chat.completions.create(chat).then(all).catch((error) => error);
      return [error.name, error.message, error.cause?.code];
    };
    const plain = await run(undefined);
    const { result, events } = await recorded((telemetry) => run(observedFetch({ telemetry, onError: (error) => seen.push(error) })));
    assert.deepEqual(result, plain);
    const expected = await byAggregate(server.url);
    assert.deepEqual(events, expected.events);
    assert.deepEqual(seen.map(({ code, message, partial }) => ({ code, message, partial })), [
      { code: expected.result.code, message: expected.result.message, partial: expected.result.partial },
    ]);
  });
});

describe("who stops reading", () => {
  const stops = {
    "break": async (stream) => {
      for await (const _ of stream) break;
    },
    "abort": async (stream) => {
      for await (const _ of stream) stream.controller.abort();
    },
    "cancel": async (stream) => {
      const reader = stream.toReadableStream().getReader();
      await reader.read();
      await reader.cancel("enough");
    },
  };
  for (const [how, stop] of Object.entries(stops)) {
    test(`${how}: the server's connection closes`, async (t) => {
      const server = await serve(t, { steps: [CHAT.slice(0, 600), stall] });
      const errors = [];
      const { events } = await recorded(async (telemetry) => {
        const fetch = observedFetch({ telemetry, onError: ({ code }) => errors.push(code) });
        await stop(await openai(fetch, server.url).chat.completions.create(chat));
        assert.equal((await server.requests[0].closed).byClient, true);
        while (errors.length === 0) await sleep(1);
      });
      assert.deepEqual(errors, ["aborted"]);
      const { events: expected } = await recorded(async (telemetry) => {
        const stream = aggregate(await fetch(server.url, post), { telemetry });
        for await (const _ of stream) break;
        stream.cancel();
      });
      assert.deepEqual(events.map((event) => event["event.kind"]), expected.map((event) => event["event.kind"]));
    });
  }

  test("nothing is read that nobody asks for", async (t) => {
    const big = `data: ${JSON.stringify({ choices: [{ delta: { content: "x".repeat(1 << 16) } }] })}\n\n`;
    const server = await serve(t, { steps: Array.from({ length: 1000 }, () => big) });
    const response = await observedFetch()(server.url, post);
    const reader = response.body.getReader();
    await reader.read();
    await sleep(100);
    const written = server.requests[0].bytesWritten;
    // What sockets and Node's own body take ahead; all would be 65 MB.
    assert.ok(written < 20_000_000, `${written}`);
    await reader.cancel();
  });
});

describe("the response", () => {
  test("is what it was", async (t) => {
    const server = await serve(t, (request, response) => {
      if (request.url === "/moved/responses") return { steps: [CHAT], headers: { "set-cookie": ["a=1", "b=2"], "x-request-id": "r" } };
      response.writeHead(307, { location: "/moved/responses" }).end();
      return undefined;
    });
    const look = async (fetch) => {
      const response = await fetch(`${server.url}v1/responses?api-version=1`, post);
      const { url, redirected, type, status, statusText, ok, bodyUsed } = response;
      const clone = response.clone();
      const cloned = [clone.url, clone.redirected, clone.clone().url, await clone.text()];
      return [url, redirected, type, status, statusText, ok, bodyUsed, response.headers.getSetCookie(), response.headers.get("x-request-id"), cloned, await response.text(), response.bodyUsed, response instanceof Response];
    };
    assert.deepEqual(await look(observedFetch()), await look(fetch));
  });

  test("its chunks are the same objects, and given away bytes harm nobody", async () => {
    const chunks = CHAT.split(/(?<=\n\n)/).map((text) => new TextEncoder().encode(text));
    const made = () => new ReadableStream({ start: (controller) => { chunks.forEach((chunk) => controller.enqueue(chunk)); controller.close(); } });
    const fetch = async () => new Response(made(), { headers: { "content-type": "text/event-stream; charset=utf-8" } });
    const errors = [];
    const response = await observedFetch({ fetch, onError: ({ code, message }) => errors.push(`${code} ${message}`) })("http://x/");
    const seen = await all(response.body);
    assert.ok(seen.length === chunks.length && seen.every((chunk, at) => chunk === chunks[at]));
    // Given away as soon as they are there.
    const again = await observedFetch({ fetch: async () => new Response(made()), onError: ({ code, message }) => errors.push(`${code} ${message}`) })("http://x/v1/responses", post);
    let bytes = 0;
    const reader = again.body.getReader();
    for (let read; !(read = await reader.read()).done;) bytes += structuredClone(read.value, { transfer: [read.value.buffer] }).byteLength;
    assert.equal(bytes, CHAT.length === Buffer.byteLength(CHAT) ? CHAT.length : Buffer.byteLength(CHAT));
    await sleep(0);
    assert.match(errors.join(), /^$|transport .*gave the bytes away/);
  });

  test("JSON of a model is measured, other JSON is not", async (t) => {
    const completion = { id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } };
    const server = await serve(t, (request) => ({
      headers: { "content-type": "application/json" },
      steps: [JSON.stringify(request.url.endsWith("/embeddings") ? { object: "list", data: [{ embedding: [1], index: 0, object: "embedding" }] } : request.method === "GET" ? { object: "list", data: [] } : completion)],
    }));
    const finals = [];
    const { requests, events } = await recorded(async (telemetry) => {
      const fetch = observedFetch({ telemetry, onFinal: (final) => finals.push(final), onError: (error) => finals.push(error) });
      const client = openai(fetch, server.url);
      const { choices } = await client.chat.completions.create({ ...chat, stream: false });
      assert.equal(choices[0].message.content, "hi");
      await client.embeddings.create({ model: "m", input: "x", encoding_format: "float" });
      await client.chat.completions.list();
      await fetch(`${server.url}v1/threads/t/messages`, post).then((response) => response.json());
      await sleep(0);
    });
    assert.equal(requests.length, 4);
    assert.deepEqual(finals.map(({ items, ended_by, token_usage }) => [items.length, ended_by, token_usage?.total_tokens]), [[1, "json_body", 3]]);
    assert.deepEqual(events.map(({ "event.kind": kind, input_token_count: count }) => [kind, count]).at(-1), ["response.completed", "1"]);
  });

  test("the trace goes along", async (t) => {
    let header;
    const server = await serve(t, (request) => {
      header = request.headers.traceparent;
      return { steps: [CHAT] };
    });
    await recorded(async (telemetry) => (await observedFetch({ telemetry })(new Request(server.url, post))).text(), { traceparent: TRACEPARENT });
    assert.equal(header, TRACEPARENT);
  });
});

describe("what goes wrong in the wrapper is not the caller's", () => {
  test("telemetry that has stopped, callbacks that throw, bodies of another kind", async (t) => {
    const server = await serve(t, { steps: [CHAT] });
    t.mock.method(console, "warn", () => {});
    const { telemetry } = telemetryInto();
    await telemetry.shutdown();
    const broken = () => {
      throw new Error("mine");
    };
    const text = await (await observedFetch({ telemetry, onFinal: broken, onError: broken })(server.url, post)).text();
    assert.equal(text, CHAT);
    while (console.warn.mock.callCount() === 0) await sleep(1);
    assert.match(console.warn.mock.calls[0].arguments[0], /threw Error$/);
    const odd = { ok: true, status: 200, headers: new Headers({ "content-type": "text/event-stream" }), body: { pipe() {} }, url: "" };
    assert.equal(await observedFetch({ fetch: async () => odd, telemetry })("http://x/"), odd);
    const bare = { ok: true };
    assert.equal(await observedFetch({ fetch: async () => bare })("http://x/"), bare);
  });

  test("options that are none", () => {
    for (const [options, message] of [
      [null, /takes an object/],
      [{ fetch: 1 }, /fetch must be a function/],
      [{ onFinal: 1 }, /onFinal must be a function/],
      [{ wire: "morse" }, /morse|wire/],
      [{ signal: new AbortController().signal }, /unknown option "signal"/],
      [{ telemetry: {} }, /must be a Telemetry/],
    ]) {
      assert.throws(() => observedFetch(options), { code: "bad_option", message });
    }
  });
});
