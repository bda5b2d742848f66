// aggregate(): what comes out of a stream that fetch reads from a real server.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { aggregate, StreamError } from "streamgauge";

import {
  bytes, chunk, collect, completed, completion, DONE, eventsOf, finish, functionCall, HELLO, HELLO_EVENTS, itemDone,
  assertFailure, message, readable, reasoning, sse, textDelta, untimed,
} from "./support/chat.mjs";
import { drip, serve, stall, wait } from "./support/server.mjs";

const call = (index, fields) => chunk({ tool_calls: [{ index, ...fields }] });
const raw = (value) => ({ type: "raw", event: "message", data: typeof value === "string" ? value : JSON.stringify(value) });
const added = (index, item) => ({ type: "output_item.added", index, item: { ...item, status: "in_progress" } });
const toolDelta = (delta, call_id, name, index, more) => ({ type: "tool_call.delta", call_id, name, delta, index, ...more });

const USAGE = {
  prompt_tokens: 9, completion_tokens: 5, total_tokens: 14,
  prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 2 },
};
const TOKEN_USAGE = {
  input_tokens: 9, cached_input_tokens: 4, output_tokens: 5, reasoning_output_tokens: 2, total_tokens: 14,
};

const STREAMS = [
  { name: "text", values: HELLO, events: HELLO_EVENTS },
  {
    name: "text outside of ASCII and of the BMP",
    values: [chunk({ content: "\uFEFFgrüß " }), chunk({ content: "日本 👩‍👩‍👧 a long tail of ASCII" }), finish(), DONE],
    events: [
      textDelta("\uFEFFgrüß "), textDelta("日本 👩‍👩‍👧 a long tail of ASCII"),
      itemDone(message("\uFEFFgrüß 日本 👩‍👩‍👧 a long tail of ASCII")), completed(),
    ],
  },
  {
    name: "reasoning, text and parallel calls, with usage after the finish",
    values: [
      chunk({ role: "assistant", reasoning_content: "Let me see." }),
      chunk({ content: "Looking." }),
      call(0, { id: "call_a", type: "function", function: { name: "read", arguments: '{"path":' } }),
      call(1, { id: "call_b", type: "function", function: { name: "list", arguments: "" } }),
      call(0, { function: { arguments: '"a"}' } }),
      call(1, { function: { arguments: "{}" } }),
      finish("tool_calls"),
      { id: "resp_1", model: "test-1", choices: [], usage: USAGE },
      DONE,
    ],
    events: [
      { type: "reasoning.delta", delta: "Let me see." },
      textDelta("Looking."),
      itemDone(reasoning("Let me see.")),
      itemDone(message("Looking.")),
      itemDone(functionCall("read", '{"path":"a"}', "call_a")),
      itemDone(functionCall("list", "{}", "call_b")),
      completed({ finish_reason: "tool_calls", finish_reason_normalized: "tool_calls", token_usage: TOKEN_USAGE }),
    ],
  },
  {
    name: "a refusal",
    values: [chunk({ refusal: "I can't" }), chunk({ refusal: " do that" }), finish(), DONE],
    events: [
      { type: "refusal.delta", delta: "I can't" },
      { type: "refusal.delta", delta: " do that" },
      itemDone({ type: "message", role: "assistant", content: [{ type: "refusal", refusal: "I can't do that" }] }),
      completed(),
    ],
  },
  {
    name: "two choices",
    values: [
      chunk({ content: "A" }), chunk({ content: "B", reasoning_content: "hm" }, { index: 1 }),
      finish("stop", 0), finish("length", 1), DONE,
    ],
    events: [
      textDelta("A"), { type: "reasoning.delta", delta: "hm", choice: 1 }, textDelta("B", { choice: 1 }),
      itemDone(message("A")), itemDone(reasoning("hm", { choice: 1 })), itemDone(message("B", { choice: 1 })),
      completed(),
    ],
  },
  {
    name: "n: 1 folds the choices",
    options: { n: 1 },
    values: [chunk({ content: "A" }), chunk({ content: "B" }, { index: 1 }), finish("stop", 2), DONE],
    events: [textDelta("A"), textDelta("B"), itemDone(message("AB")), completed()],
  },
  {
    name: 'include: ["created"]',
    options: { include: ["created"] },
    values: HELLO,
    events: [{ type: "created", response_id: "resp_1", model: "test-1" }, ...HELLO_EVENTS],
  },
  {
    name: 'include: ["raw"]',
    options: { include: ["raw"] },
    values: [HELLO[0], "not json", ...HELLO.slice(1)],
    events: [
      raw(HELLO[0]), textDelta("Hel"),
      { ...raw("not json"), error: "expected ident at line 1 column 2" },
      raw(HELLO[1]), textDelta("lo"), raw(HELLO[2]), raw(DONE),
      ...HELLO_EVENTS.slice(2),
    ],
  },
  {
    name: 'include: ["output_item.added", "tool_call.delta"]',
    options: { include: ["output_item.added", "tool_call.delta"] },
    values: [
      chunk({ content: "Hi" }),
      call(0, { id: "call_a", type: "function", function: { name: "f", arguments: "" } }),
      call(0, { function: { arguments: "{}" } }),
      finish("tool_calls"), DONE,
    ],
    events: [
      added(0, { type: "message", role: "assistant", content: [] }),
      textDelta("Hi"),
      // What is added is told before what happens to it, as on the Responses API's wire.
      added(1, functionCall("f", "", "call_a")),
      toolDelta("", "call_a", "f", 0),
      toolDelta("{}", "call_a", "f", 0),
      itemDone(message("Hi")),
      itemDone(functionCall("f", "{}", "call_a")),
      completed({ finish_reason: "tool_calls", finish_reason_normalized: "tool_calls" }),
    ],
  },
  {
    name: "call deltas of another choice",
    options: { include: ["tool_call.delta"] },
    values: [
      chunk({ content: "A" }),
      { ...chunk({ tool_calls: [{ index: 0, id: "call_b", function: { name: "g", arguments: "[]" } }] }, { index: 1 }) },
      finish("stop", 0), finish("tool_calls", 1), DONE,
    ],
    events: [
      textDelta("A"), toolDelta("[]", "call_b", "g", 0, { choice: 1 }),
      itemDone(message("A")), itemDone(functionCall("g", "[]", "call_b", { choice: 1 })), completed(),
    ],
  },
  {
    name: "no [DONE] after the finish",
    values: HELLO.slice(0, -1),
    events: [...HELLO_EVENTS.slice(0, -1), completed({ ended_by: "end_of_stream" })],
  },
  {
    name: "a whole JSON body",
    body: JSON.stringify({
      id: "resp_1", object: "chat.completion", model: "test-1", usage: USAGE,
      choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
    }),
    headers: { "content-type": "application/json" },
    events: [
      textDelta("Hello"), itemDone(message("Hello")),
      completed({ ended_by: "json_body", token_usage: TOKEN_USAGE }),
    ],
  },
];

describe("every event, exactly", () => {
  for (const { name, values, body = sse(...(values ?? [])), headers, options, events } of STREAMS) {
    test(name, async (t) => {
      const server = await serve(t, { headers, steps: [body] });
      assert.deepEqual(untimed(await eventsOf(aggregate(await fetch(server.url), options))), events);
    });
  }

  test("byte by byte", async (t) => {
    const server = await serve(t, { steps: [drip(sse(...STREAMS[1].values))] });
    assert.deepEqual(untimed(await eventsOf(aggregate(await fetch(server.url)))), STREAMS[1].events);
  });
});

describe("batches()", () => {
  test("gives the events of each chunk together", async () => {
    const { stream } = readable([
      sse(HELLO[0], chunk({ content: "l" })), ": nothing in this one\n\n", sse(chunk({ content: "o" })), sse(finish(), DONE),
    ]);
    const batches = await eventsOf(aggregate(stream).batches());
    assert.deepEqual(batches.map((batch) => batch.map(({ type, delta }) => delta ?? type)), [
      ["Hel", "l"], ["o"], ["output_item.done", "completed"],
    ]);
  });

  test("gives everything received before it throws", async () => {
    const { stream } = readable([sse(HELLO[0]), sse(HELLO[1], { error: { message: "boom" } })]);
    const { events, error } = await collect(aggregate(stream).batches());
    assert.deepEqual(events, [
      [textDelta("Hel")], [textDelta("lo"), itemDone(message("Hello", { status: "incomplete" }))],
    ]);
    assertFailure(error, "provider_error", "boom");
  });
});

describe("final()", () => {
  const counts = { bytes: bytes(sse(...HELLO)).length, frames: 4, bad_frames: 0, comments: 0, unknown_events: 0 };
  const choice = { index: 0, finish_reason: "stop", finish_reason_normalized: "stop", items: [message("Hello")] };
  const FINAL = { wire: "chat", ...completion(), items: [message("Hello")], choices: [choice], counts };

  test("alone", async (t) => {
    const server = await serve(t, { steps: [drip(sse(...HELLO))] });
    assert.deepEqual(untimed(await aggregate(await fetch(server.url)).final()), FINAL);
  });

  test("after the iteration, twice", async () => {
    const stream = aggregate(bytes(sse(...HELLO)));
    assert.deepEqual(untimed(await eventsOf(stream)), HELLO_EVENTS);
    const final = await stream.final();
    assert.deepEqual(untimed(final), FINAL);
    assert.equal(await stream.final(), final);
  });

  test("during the iteration, which loses nothing by it", async (t) => {
    const server = await serve(t, { steps: HELLO.flatMap((value) => [sse(value), wait(10)]) });
    const stream = aggregate(await fetch(server.url));
    const events = [];
    let final;
    for await (const event of stream) {
      events.push(event);
      final ??= stream.final();
    }
    assert.deepEqual(untimed(events), HELLO_EVENTS);
    assert.deepEqual(untimed(await final), FINAL);
  });

  test("before the iteration: the events of the rest are kept", async () => {
    const { stream: source } = readable(HELLO.map((value) => sse(value)));
    const stream = aggregate(source);
    const iterator = stream[Symbol.asyncIterator]();
    const final = await stream.final();
    assert.deepEqual(untimed(final), FINAL);
    assert.deepEqual(untimed(await eventsOf(iterator)), HELLO_EVENTS);
  });

  test("fails with the iterator's error", async () => {
    const stream = aggregate(bytes(sse(HELLO[0])));
    const { error } = await collect(stream);
    assertFailure(error, "stream_incomplete");
    await assert.rejects(stream.final(), (rejection) => rejection === error);
  });

  test("choices are grouped, comments and bad frames counted", async () => {
    const body = `: hi\n\n${sse(
      chunk({ content: "A" }), "{", chunk({ content: "B" }, { index: 1 }), finish("length", 1), finish(), DONE,
    )}`;
    const { choices, counts } = await aggregate(bytes(body)).final();
    assert.deepEqual(choices, [
      { index: 0, finish_reason: "stop", finish_reason_normalized: "stop", items: [message("A")] },
      { index: 1, finish_reason: "length", finish_reason_normalized: "length", items: [message("B", { choice: 1 })] },
    ]);
    assert.deepEqual(counts, { bytes: bytes(body).length, frames: 6, bad_frames: 1, comments: 1, unknown_events: 0 });
  });

  test("timings are those of the stream", async (t) => {
    const steps = [wait(30), ": hi\n\n", wait(60), sse(chunk({ reasoning_content: "hm" })), wait(60), sse(...HELLO)];
    const server = await serve(t, { steps });
    const { timings } = await aggregate(await fetch(server.url)).final();
    const { time_to_first_byte_ms: byte, time_to_first_token_ms: token, time_to_first_text_ms: text } = timings;
    assert.ok(token - byte >= 40, `a token ${token - byte} ms after the first byte`);
    assert.ok(text - token >= 40, `text ${text - token} ms after the first token`);
    assert.ok(timings.duration_ms >= text && timings.duration_ms < 10_000);
  });
});

describe("items", () => {
  test("grow in mid-stream, and are the finished ones at the end", async () => {
    const { stream: source } = readable([
      sse(chunk({ reasoning_content: "hm" })), sse(HELLO[0]), sse(HELLO[1]),
      sse(call(0, { id: "call_a", function: { name: "f", arguments: '{"a"' } })), sse(finish(), DONE),
    ]);
    const stream = aggregate(source, { include: ["tool_call.delta"] });
    const half = { status: "in_progress" };
    assert.deepEqual(stream.items, []);
    const seen = [];
    for await (const event of stream) if (event.delta !== undefined) seen.push(stream.items);
    assert.deepEqual(seen.slice(0, 3), [
      [reasoning("hm", half)],
      [reasoning("hm", half), message("Hel", half)],
      [reasoning("hm", half), message("Hello", half)],
    ]);
    assert.deepEqual(seen[3].map(({ type, status }) => [type, status]), [
      ["reasoning", "in_progress"], ["message", "in_progress"], ["function_call", "in_progress"],
    ]);
    assert.equal(seen[3][2].arguments, '{"a"');
    assert.deepEqual(stream.items.map(({ type, status }) => [type, status]), [
      ["reasoning", undefined], ["message", undefined], ["function_call", undefined],
    ]);
  });

  test("of a failed stream are the error's partial", async () => {
    const stream = aggregate(bytes(sse(HELLO[0])));
    const { error } = await collect(stream);
    assert.deepEqual(stream.items, [message("Hel", { status: "incomplete" })]);
    assert.deepEqual(error.partial, stream.items);
  });
});

describe("back-pressure", () => {
  test("never more than one chunk ahead of the consumer", async () => {
    const texts = Array.from({ length: 20 }, (_, at) => `${at} `);
    const { stream: source, seen } = readable([...texts.map((content) => sse(chunk({ content }))), sse(finish(), DONE)]);
    const stream = aggregate(source);
    await sleep(5);
    assert.equal(seen.pulls, 0, "nothing is read before somebody asks");
    const got = [];
    for await (const event of stream) {
      if (event.type !== "output_text.delta") continue;
      got.push(event.delta);
      await sleep(1);
      assert.ok(seen.pulls <= got.length + 1, `${seen.pulls} pulls for ${got.length} chunks`);
    }
    assert.deepEqual(got, texts, "a slow consumer loses nothing");
  });

  test("a consumer that waits holds the server back", async (t) => {
    const block = sse(chunk({ content: "x".repeat(64 * 1024) }));
    const server = await serve(t, { steps: [...Array(400).fill(block), sse(finish(), DONE)] });
    const total = 400 * block.length;
    let length = 0;
    for await (const event of aggregate(await fetch(server.url))) {
      if (event.type !== "output_text.delta") continue;
      if (length === 0) {
        await sleep(150);
        const { bytesWritten } = server.requests[0];
        assert.ok(bytesWritten < total / 2, `${bytesWritten} of ${total} bytes written while nobody reads`);
      }
      length += event.delta.length;
    }
    assert.equal(length, 400 * 64 * 1024);
  });
});

describe("iterators", () => {
  const three = () => aggregate(bytes(sse(...HELLO)));

  test("calls of next() that do not wait for each other are served in order", async () => {
    const { stream: source } = readable(HELLO.map((value) => sse(value)));
    const iterator = aggregate(source)[Symbol.asyncIterator]();
    const results = await Promise.all(Array.from({ length: 7 }, () => iterator.next()));
    assert.deepEqual(untimed(results.map(({ value }) => value)), [...HELLO_EVENTS, undefined, undefined, undefined]);
    assert.deepEqual(results.map(({ done }) => done), [false, false, false, false, true, true, true]);
  });

  test("calls of next() and the failure", async () => {
    const iterator = aggregate(bytes(sse(HELLO[0])))[Symbol.asyncIterator]();
    const results = await Promise.allSettled(Array.from({ length: 3 }, () => iterator.next()));
    assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "fulfilled", "rejected"]);
    assertFailure(results[2].reason, "stream_incomplete");
  });

  for (const [first, second] of [["events", "events"], ["events", "batches"], ["batches", "events"], ["batches", "batches"]]) {
    test(`${second} cannot be iterated after ${first}`, () => {
      const open = { events: (stream) => stream[Symbol.asyncIterator](), batches: (stream) => stream.batches() };
      const stream = three();
      open[first](stream);
      assert.throws(() => open[second](stream), (error) => {
        assertFailure(error, "bad_option", /once/);
        return error instanceof StreamError;
      });
    });
  }

  test("iterating again after the end", async () => {
    const stream = three();
    await eventsOf(stream);
    assertFailure((await collect(stream)).error, "bad_option", /once/);
  });

  test("return() before the first next() cancels the source", async () => {
    const { stream: source, seen } = readable([sse(HELLO[0])], { end: false });
    const iterator = aggregate(source)[Symbol.asyncIterator]();
    assert.deepEqual(await iterator.return(), { value: undefined, done: true });
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    assert.ok(seen.cancelled);
    assert.equal(seen.pulls, 0);
  });

  test("return() while next() waits ends both", async () => {
    const { stream: source, seen } = readable([], { end: false });
    const iterator = aggregate(source)[Symbol.asyncIterator]();
    const next = iterator.next();
    await sleep(1);
    assert.deepEqual(await iterator.return(), { value: undefined, done: true });
    assert.deepEqual(await next, { value: undefined, done: true });
    assert.ok(seen.cancelled);
  });

  for (const [name, end] of [
    ["return()", (_stream, iterator) => iterator.return()],
    ["cancel()", (stream) => stream.cancel()],
  ]) {
    test(`after ${name} nothing comes any more, not even of the same chunk`, async () => {
      const stream = three();
      const iterator = stream[Symbol.asyncIterator]();
      assert.deepEqual(await iterator.next(), { value: textDelta("Hel"), done: false });
      await end(stream, iterator);
      assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    });
  }

  test("an iterator is its own iterable", () => {
    const iterator = three()[Symbol.asyncIterator]();
    assert.equal(iterator[Symbol.asyncIterator](), iterator);
  });
});

describe("cancel()", () => {
  test("ends who waits, rejects final(), and does nothing when repeated", async (t) => {
    const server = await serve(t, { steps: [sse(HELLO[0]), stall] });
    const stream = aggregate(await fetch(server.url));
    const final = stream.final();
    await sleep(50);
    stream.cancel();
    stream.cancel();
    await assert.rejects(final, (error) => {
      assertFailure(error, "aborted", "the stream was cancelled");
      assert.deepEqual(error.partial, [message("Hel", { status: "incomplete" })]);
      return true;
    });
    assert.ok((await server.requests[0].closed).byClient);
  });

  test("after the end changes nothing", async () => {
    const stream = aggregate(bytes(sse(...HELLO)));
    await eventsOf(stream);
    stream.cancel();
    assert.equal((await stream.final()).finish_reason, "stop");
  });

  test("before anything was asked for", async () => {
    const { stream: source, seen } = readable([sse(...HELLO)]);
    const stream = aggregate(source);
    stream.cancel();
    assert.deepEqual(await eventsOf(stream), []);
    await assert.rejects(stream.final(), { code: "aborted" });
    assert.ok(seen.cancelled);
  });

  test("called by the source while it is being cancelled", async () => {
    let stream;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: bytes(sse(HELLO[0])) }),
        return: async () => {
          stream.cancel();
          return { done: true };
        },
      }),
    };
    stream = aggregate(source);
    for await (const event of stream) {
      assert.deepEqual(event, textDelta("Hel"));
      break;
    }
    await assert.rejects(stream.final(), { code: "aborted" });
  });
});
