// The converters: the table in fixtures/convert.jsonl, and round trips beside what the providers' own SDKs make of the
// same streams for the next request.

import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, promisify } from "node:util";
import OpenAI from "openai";
import { Aggregator } from "streamgauge";
import { toAnthropicMessages, toChatMessages, toResponsesInput } from "streamgauge/convert";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const lines = (name) => readFileSync(path(`../fixtures/${name}.jsonl`), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
const rows = lines("convert");
const byName = { upper: (id) => id.toUpperCase() };
const optionsOf = ({ options }) => (options?.callId === undefined ? options : { ...options, callId: byName[options.callId] });

const convert = {
  chat: (items, options) => {
    const { messages, losses } = toChatMessages(items, options);
    return { said: messages, losses };
  },
  responses: (items, options) => {
    const { input, losses } = toResponsesInput(items, options);
    return { said: input, losses };
  },
  anthropic: (items, options) => {
    const { messages, losses, ...rest } = toAnthropicMessages(items, options);
    return { said: messages, losses, ...rest };
  },
};

function frozen(value) {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

/** Ids that were made fit, told by their checksum, are `@` in the table. */
function withMadeIds(said, { to }) {
  const longest = to === "chat" ? 40 : 64;
  return JSON.parse(JSON.stringify(said), (key, value) => {
    if (!["id", "call_id", "tool_call_id", "tool_use_id"].includes(key) || !/_[0-9a-z]{9,14}$/.test(value)) return value;
    assert.ok(value.length <= longest && /^[\w-]+$/.test(value), value);
    return "@";
  });
}

describe("the table", () => {
  for (const row of rows) {
    test(row.name, () => {
      const items = frozen(structuredClone(row.items));
      const { said, losses, system } = convert[row.to](items, optionsOf(row));
      assert.deepEqual(withMadeIds(said, row), row.expected);
      assert.deepEqual(losses.map(({ index, kind, field }) => [index, kind, field].filter((word) => word !== undefined).join(" ")), row.losses);
      for (const { index, item, why } of losses) {
        assert.equal(item, items[index]);
        assert.match(why, /^\S.{9,}[^.]$/s);
      }
      assert.equal(system, row.system);
    });
  }

  test("ids that were made fit are the same for a call and its output, whichever list they are in", () => {
    for (const [to, id] of [["chat", "x".repeat(41)], ["responses", "a.b"], ["anthropic", "a.b"]]) {
      const call = { type: "function_call", name: "get", arguments: "{}", call_id: id };
      const output = { type: "function_call_output", call_id: id, output: "ok" };
      const idsOf = (items) => JSON.stringify(convert[to](items).said).match(/"(?:id|call_id|tool_call_id|tool_use_id)":"[^"]+"/g).map((pair) => pair.split(":")[1]);
      const ids = new Set([...idsOf([call]), ...idsOf([output]), ...idsOf([call, output])]);
      assert.equal(ids.size, 1, `${to} ${[...ids]}`);
    }
  });

  test("options and lists that are none", () => {
    for (const [call, message] of [
      [() => toChatMessages("x"), /items must be an array/],
      [() => toResponsesInput([1]), /items\[0\] must be an object/],
      [() => toAnthropicMessages([null]), /items\[0\] must be an object/],
      [() => toChatMessages([{ role: "tool", tool_call_id: "a", content: "b" }]), /items\[0\] is a message of Chat Completions/],
      [() => toChatMessages([{ role: "assistant", content: "b", tool_calls: [] }]), /items\[0\] is a message of Chat Completions/],
      [() => toChatMessages([], { store: true }), /unknown option "store"; there are reasoningOf/],
      [() => toResponsesInput([], null), /options must be an object/],
    ]) {
      assert.throws(call, { name: "StreamError", code: "bad_option", message });
    }
  });
});

/** What each API answers with a 400; `open`: the last turn may wait for its outputs. */
const refusals = {
  chat(messages) {
    let waiting = [];
    for (const [at, { role, content, tool_calls: calls = [], function_call: legacy, tool_call_id: id, name, refusal }] of messages.entries()) {
      if (role === "tool") {
        // Those at the beginning answer calls of another list.
        if (!waiting.includes(id) && messages.slice(0, at).some((message) => message.role === "assistant")) return `${at}: no call ${id}`;
        waiting = waiting.filter((other) => other !== id);
        continue;
      }
      if (role === "function") {
        if (!waiting.includes(name)) return `${at}: no function_call ${name}`;
        waiting = [];
        continue;
      }
      if (waiting.length > 0) return `${at}: ${waiting} without outputs`;
      if (role === "assistant") waiting = legacy ? [legacy.name] : calls.map((call) => call.id);
      if (role === "assistant" && !content && waiting.length === 0 && !refusal) return `${at}: empty`;
    }
    return waiting.length > 0 && messages.at(-1).role !== "assistant" ? `${waiting} without outputs` : undefined;
  },
  anthropic(messages) {
    const ids = new Set();
    for (const [at, { role, content }] of messages.entries()) {
      if (role === messages[at - 1]?.role) return `${at}: ${role} again`;
      if (content.length === 0) return `${at}: empty`;
      const calls = content.filter(({ type }) => type === "tool_use");
      const results = content.filter(({ type }) => type === "tool_result");
      for (const { id, input } of calls) {
        if (ids.has(id) || !/^[\w-]{1,64}$/.test(id) || typeof input !== "object" || Array.isArray(input)) return `${at}: ${id} ${input}`;
        ids.add(id);
      }
      if (role === "assistant" && content.at(-1).type === "thinking") return `${at}: ends with thinking`;
      if (content.some(({ type, text }) => type === "text" && text.trim() === "")) return `${at}: a blank text`;
      if (content.findLastIndex?.(({ type }) => type === "tool_result") >= results.length) return `${at}: results not first`;
      const next = messages[at + 1]?.content.filter(({ type }) => type === "tool_result").map(({ tool_use_id: id }) => id) ?? [];
      if (at + 1 < messages.length && calls.map(({ id }) => id).sort().join() !== next.toSorted().join()) return `${at}: ${calls.map(({ id }) => id)}, but ${next}`;
    }
    return undefined;
  },
  responses(input) {
    const open = new Set();
    for (const [at, item] of input.entries()) {
      if (/^(function|custom_tool)_call$/.test(item.type)) {
        if (open.has(item.call_id) || item.call_id.length > 64) return `${at}: ${item.call_id} again`;
        open.add(item.call_id);
      } else if (/_call_output$/.test(item.type)) {
        if (!open.delete(item.call_id) && input.slice(0, at).some(({ role, type }) => role === "assistant" || type === "reasoning" || /_call$/.test(type))) return `${at}: no call ${item.call_id}`;
      } else if (item.type === "reasoning") {
        const next = input[at + 1];
        if (next === undefined || next.role === "user" || next.role === "system" || /_output$/.test(next.type)) return `${at}: nothing follows the reasoning`;
      }
    }
    const last = input.at(-1);
    const isOver = last?.role === "user" || last?.role === "system" || /_output$/.test(last?.type);
    return isOver && open.size > 0 ? `${[...open]} without outputs` : undefined;
  },
};

test("whatever the history, no request that the API refuses", () => {
  let seed = 7;
  const below = (n) => Math.floor(((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32) * n);
  const one = (...of) => of[below(of.length)];
  const id = () => one("a", "b", "c", "", "functions.get:0", "x".repeat(70));
  const status = () => one({}, {}, {}, { status: "incomplete" }, { status: "in_progress" }, { status: "completed", id: "item_1" });
  const make = [
    () => ({ role: one("user", "user", "system"), content: one("hi", "", [{ type: "input_text", text: "x" }], [{ type: "odd" }]) }),
    () => ({ type: "message", role: "assistant", content: one([], [{ type: "output_text", text: one("text", " ", "") }], [{ type: "refusal", refusal: "no" }]), ...status() }),
    () => ({ type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: one("hm", "") }], ...status(), ...one({}, { provider: { signature: "S" } }, { encrypted_content: "E" }) }),
    () => ({ type: "function_call", name: one("get", "get", "get", ""), arguments: one("{}", "", "[]", '{"a'), call_id: id(), ...status(), ...one({}, {}, { provider: { legacy_function_call: true } }) }),
    () => ({ type: "function_call_output", call_id: id(), output: one("ok", "", { a: 1 }, [{ type: "input_image", image_url: "u" }]) }),
    () => ({ type: "custom_tool_call", name: "sh", input: "ls", call_id: id() }),
    () => ({ type: "custom_tool_call_output", call_id: id(), output: "ok" }),
    () => one({ type: "server_tool_use", id: "s", name: "web_search", input: "{" }, { type: "web_search_call", id: "w", status: "completed" }, { type: "hologram" }),
  ];
  for (let run = 0; run < 6000; run++) {
    const items = Array.from({ length: 1 + below(9) }, () => one(...make)());
    const options = one({}, {}, { unanswered: "drop" }, { incompleteCalls: "keep" }, { reasoningOf: "last" });
    for (const to of Object.keys(refusals)) {
      const { said } = convert[to](frozen(items), options);
      assert.equal(refusals[to](said), undefined, `${to} ${JSON.stringify(options)} ${JSON.stringify(items)}\n${JSON.stringify(said)}`);
    }
  }
});

test("what comes out is what the SDKs' types ask for", async () => {
  // With other fields beside, and without the ids that the SDK asks for and the API does not.
  const loose = `type Loose<T> = T extends readonly (infer U)[] ? Loose<U>[]
    : T extends object ? { [K in keyof T as K extends "id" ? never : K]: Loose<T[K]> } & { [name: string]: unknown } : T;`;
  const types = { chat: "ChatCompletionMessageParam", responses: "ResponseInputItem", anthropic: "MessageParam" };
  const checked = rows.filter(({ untyped }) => untyped === undefined);
  const program = [
    'import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";',
    'import type { ResponseInputItem } from "openai/resources/responses/responses";',
    'import type { MessageParam } from "@anthropic-ai/sdk/resources/messages";',
    loose,
    ...checked.map((row, at) => {
      const { said } = convert[row.to](row.items, optionsOf(row));
      return `/* ${row.name} */ export const row${at}: Loose<${types[row.to]}[]> = ${JSON.stringify(said)};`;
    }),
  ];
  // Beside the SDKs, where their types are found.
  const folder = mkdtempSync(path("../node_modules/.convert-types-"));
  try {
    writeFileSync(join(folder, "rows.ts"), program.join("\n"));
    const args = [path("../../pkg/node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022",
      "--lib", "es2022,dom,dom.iterable", "--module", "nodenext", "--types", "", join(folder, "rows.ts")];
    await promisify(execFile)(process.execPath, args).catch(({ stdout }) => {
      const at = [...new Set([...stdout.matchAll(/rows\.ts[(:](\d+)/g)].map(([, line]) => program[line - 1]?.slice(0, 80)))];
      assert.fail(`${at.join("\n")}\n${stdout.slice(0, 3000)}`);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the entry needs no WebAssembly", () => {
  const seen = new Set();
  const visit = (url) => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    for (const [, next] of readFileSync(url, "utf8").matchAll(/\bfrom "(\.[^"]+)"/g)) visit(new URL(next, url));
  };
  visit(new URL(import.meta.resolve("streamgauge/convert")));
  assert.deepEqual([...seen].filter((href) => /core|bindings|inline/.test(href)), []);
});

/** The items of a stream that completes; `undefined` of one that does not. */
function itemsOf(bytes, wire, options) {
  const aggregator = new Aggregator({ ...options, wire });
  aggregator.feed(bytes);
  aggregator.finish();
  return aggregator.error === null ? aggregator.final().items : undefined;
}

const answering = (bytes) => ({
  apiKey: "k", maxRetries: 0, fetch: async () => new Response(bytes, { headers: { "content-type": "text/event-stream" } }),
});
/** Fields without a value are left out: the SDKs fill in what a response may have. */
const present = (value, isLeftOut = () => false) =>
  JSON.parse(JSON.stringify(value), (key, inner) => (inner === null || isLeftOut(key) ? undefined : inner));

/** Azure and OpenRouter encrypt anew for the response object, which the SDK goes by, and Copilot makes new ids. */
const isNew = (key) => key === "encrypted_content" || key === "id";

/** What each SDK would send back of a stream, and what the converter makes of its items. */
const wires = {
  anthropic: {
    bySdk: async (bytes) => {
      const stream = new Anthropic(answering(bytes)).messages.stream({ model: "m", max_tokens: 1, messages: [] });
      const { content } = await stream.finalMessage();
      // The API refuses blank texts and thinking without a signature.
      return present(content).filter((block) => (block.type === "text" ? block.text.trim() !== "" : block.type !== "thinking" || block.signature));
    },
    // A text behind it, because thinking may not be the last, nor blanks.
    ours: (items) => present(toAnthropicMessages([...items, { role: "assistant", content: "." }]).messages[0].content.slice(0, -1)),
  },
  chat: {
    bySdk: async (bytes) => {
      const { content, refusal, tool_calls: calls } = await new OpenAI(answering(bytes)).chat.completions.stream({ model: "m", messages: [] }).finalMessage();
      const said = (calls ?? []).map((call) => call.function.arguments === "" ? { ...call, function: { ...call.function, arguments: "{}" } } : call);
      return present({ content: content || null, refusal: refusal || null, calls: said }, (key) => /^parsed|^index$/.test(key));
    },
    ours: (items) => {
      const { content, refusal, tool_calls: calls } = toChatMessages(items).messages[0] ?? {};
      return present({ content, refusal, calls: calls ?? [] }, (key) => key === "extra_content");
    },
  },
  responses: {
    bySdk: async (bytes) => {
      const { output } = await new OpenAI(answering(bytes)).responses.stream({ model: "m", input: [] }).finalResponse();
      // The API refuses raw reasoning.
      const said = output.map((item) => (item.type === "reasoning" ? { ...item, content: null, status: null } : item));
      return present(said, (key) => /^parsed/.test(key) || isNew(key));
    },
    ours: (items) => present(toResponsesInput([...items, { role: "assistant", content: "." }], { store: true }).input.slice(0, -1), isNew),
  },
};

/** Every stream that both read to its end: how many say the same, and the names of those that do not. */
async function compare(wire, streams) {
  const { bySdk, ours } = wires[wire];
  let same = 0;
  const apart = [];
  for (const { name, bytes, options } of streams) {
    const items = itemsOf(bytes, wire, options);
    const theirs = items && (await bySdk(bytes).catch(() => undefined));
    if (theirs === undefined) continue;
    if (isDeepStrictEqual(ours(items), theirs)) same++;
    else apart.push(name);
  }
  return { same, apart };
}

const encode = (text) => new TextEncoder().encode(text);
/** Not those of thoughts between tags, which no SDK takes out of the text. */
const isCompared = ({ name, sse }) => sse !== undefined && !name.startsWith("think:");
const fixtures = (wire) => lines(wire).filter(isCompared).map(({ name, sse, options }) => ({ name, bytes: encode(sse), options }));

/** Streams that the SDK reads otherwise, and those of which the converter leaves out what the API would refuse. */
const APART = {
  anthropic: [
    // Input that is no JSON object: the SDK says {} or sends the text; calls that were cut off are left out here.
    "max_tokens in a call", "max_tokens in a call that does not stop", "max_tokens before a call's input", "a call with its input as text",
    // What the SDK does not know, or mixes up: indices that gateways send, signatures in pieces, blocks of the beta API.
    "interleaved blocks", "a signature in pieces", "MCP", "compaction", "an unknown block", "one index for all blocks", "no indices at all",
    "indices that do not count", "a delta after the block's end", "halves of a surrogate pair",
  ],
  chat: [
    // The SDK goes by the index alone, joins what is sent again, and adds objects to texts.
    "dialect-tc-index0-parallel-distinct-ids", "dialect-tc-index0-parallel-noid", "dialect-tc-id-churn", "dialect-tc-sglang-id-is-counter",
    "dialect-tc-vllm-empty-id-continuation", "dialect-tc-args-cumulative", "dialect-tc-args-replayed-at-end", "dialect-content-array-magistral",
    "awkward: content as parts array", "B7 message beside delta",
  ],
  responses: [],
};
/** Of the corpus, beside the dialects made by hand, which the fixtures have, too. */
const CORPUS_APART = {
  anthropic: [],
  chat: [
    "copilot-node-stream-sseprocessor-spec-ts-multiple-tool-calls.sse", "mistral-chat-mistral-hybrid-reasoning-streams-thinking-separately-from-content.sse",
    "mistral-stream-reasoning-model-1-1.sse", "perplexity-testtool-integration.sse",
  ],
  responses: [
    // The response object has no output, other pictures and fingerprints, or another order.
    "chatgpt-codex-codex-sessions-reasoning-session-two-tool-calls-streaming.sse", "openai-image-generation-tool-1.sse",
    "openai-programmatic-tool-calling-1.sse", "openrouter-openai-responses-raw-cot-stream-openrouter.sse",
    "xai-x-search-tool.sse",
  ],
};
const corpus = path("../../../shared/corpus/streams");

describe("round trips: a stream's items say what its SDK would send back", () => {
  for (const wire of Object.keys(wires)) {
    test(`fixtures, ${wire}`, async (t) => {
      const { same, apart } = await compare(wire, fixtures(wire));
      t.diagnostic(`${same} the same`);
      assert.deepEqual(apart, APART[wire]);
    });

    test(`the corpus, ${wire}`, { skip: existsSync(corpus) ? false : "../shared/corpus is absent" }, async (t) => {
      const names = readdirSync(join(corpus, wire)).filter((name) => name.endsWith(".sse"));
      const streams = names.map((name) => ({ name, bytes: readFileSync(join(corpus, wire, name)) }));
      const { same, apart } = await compare(wire, streams);
      t.diagnostic(`${same} the same`);
      assert.deepEqual(apart.filter((name) => !name.startsWith("dialect-")), CORPUS_APART[wire]);
      assert.ok(same > 30);
    });
  }
});
