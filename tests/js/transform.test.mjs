// AggregatorStream: the TransformStream form.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { AggregatorStream } from "streamgauge";

import {
  assertFailure, bytes, chunk, collect, completed, DONE, eventsOf, finish, HELLO, HELLO_EVENTS, itemDone, message, readable, sse,
  textDelta, untimed,
} from "./support/chat.mjs";
import { serve, stall, wait } from "./support/server.mjs";

const HALF = [textDelta("Hel"), itemDone(message("Hel", { status: "incomplete" }))];
const frames = HELLO.map((value) => sse(value));

test("pipeThrough", async (t) => {
  const server = await serve(t, { steps: frames.flatMap((text) => [text, wait(5)]) });
  const { body } = await fetch(server.url);
  assert.deepEqual(untimed(await eventsOf(body.pipeThrough(new AggregatorStream()))), HELLO_EVENTS);
});

test("pipeThrough and pipeTo", async () => {
  const seen = [];
  let closed = false;
  const sink = new WritableStream({
    async write(event) {
      await sleep(1);
      seen.push(event);
    },
    close() {
      closed = true;
    },
  });
  await readable(frames).stream.pipeThrough(new AggregatorStream()).pipeTo(sink);
  assert.deepEqual(untimed(seen), HELLO_EVENTS);
  assert.ok(closed);
});

test("options", async () => {
  const stream = readable(frames).stream.pipeThrough(new AggregatorStream({ include: ["created"] }));
  assert.equal((await eventsOf(stream))[0].type, "created");
});

test("a writer by hand", async () => {
  const { readable: events, writable } = new AggregatorStream();
  const writer = writable.getWriter();
  const reading = eventsOf(events);
  for (const text of frames.slice(0, 3)) await writer.write(bytes(text));
  await writer.close();
  assert.deepEqual(untimed(await reading), [...HELLO_EVENTS.slice(0, 3), completed({ ended_by: "end_of_stream" })]);
});

test("at [DONE] the events end and the source is cancelled", async (t) => {
  const server = await serve(t, { steps: [...frames, stall] });
  const { body } = await fetch(server.url);
  assert.deepEqual(untimed(await eventsOf(body.pipeThrough(new AggregatorStream()))), HELLO_EVENTS);
  assert.ok((await server.requests[0].closed).byClient);
});

describe("errors after all events", () => {
  const TABLE = [
    ["provider_error", [frames[0] + sse({ error: { message: "boom" } })], {}, "boom"],
    ["stream_incomplete", [frames[0]], {}, undefined],
    ["event_too_large", [frames[0], `data: ${"x".repeat(300)}\n\n`], { maxEventBytes: 200 }, undefined],
  ];
  for (const [code, chunks, options, text] of TABLE) {
    test(code, async () => {
      const { stream } = readable(chunks);
      const { events, error } = await collect(stream.pipeThrough(new AggregatorStream(options)));
      assertFailure(error, code, text);
      assert.deepEqual(events, HALF);
      assert.deepEqual(error.partial, [message("Hel", { status: "incomplete" })]);
    });
  }

  test("they wait for a reader that is late", async () => {
    const events = readable([frames[0] + sse({ error: { message: "boom" } })]).stream.pipeThrough(new AggregatorStream());
    await sleep(20);
    const result = await collect(events);
    assert.deepEqual(result.events, HALF);
    assertFailure(result.error, "provider_error");
  });

  test("the source's own", async () => {
    const cause = new Error("disk on fire");
    let pulls = 0;
    const source = new ReadableStream({
      async pull(controller) {
        if (pulls++ === 0) return controller.enqueue(bytes(frames[0]));
        // A transform drops what waits in it when its source fails, so the first chunk is given its time.
        await sleep(20);
        throw cause;
      },
    }, { highWaterMark: 0 });
    const { events, error } = await collect(source.pipeThrough(new AggregatorStream()));
    assertFailure(error, "transport", "disk on fire");
    assert.equal(error.cause, cause);
    assert.deepEqual(events, HALF);
  });

  test("idle timeout", async () => {
    const { stream, seen } = readable([frames[0]], { end: false });
    const { events, error } = await collect(stream.pipeThrough(new AggregatorStream({ idleTimeoutMs: 60 })));
    assertFailure(error, "idle_timeout");
    assert.deepEqual(events, HALF);
    await sleep(5);
    assert.ok(seen.cancelled);
  });

  test("abort", async () => {
    const { stream, seen } = readable([frames[0]], { end: false });
    const options = { signal: AbortSignal.timeout(60) };
    const { events, error } = await collect(stream.pipeThrough(new AggregatorStream(options)));
    assertFailure(error, "aborted");
    assert.deepEqual(events, [textDelta("Hel")]);
    await sleep(5);
    assert.ok(seen.cancelled);
  });
});

describe("cancel", () => {
  test("of the events cancels the source", async (t) => {
    const server = await serve(t, { steps: [frames[0], stall] });
    const { body } = await fetch(server.url);
    const reader = body.pipeThrough(new AggregatorStream()).getReader();
    assert.deepEqual((await reader.read()).value, textDelta("Hel"));
    await reader.cancel("enough");
    assert.deepEqual(await reader.read(), { value: undefined, done: true });
    assert.ok((await server.requests[0].closed).byClient);
  });

  test("while a read waits", async () => {
    const { stream, seen } = readable([], { end: false });
    const reader = stream.pipeThrough(new AggregatorStream()).getReader();
    const read = reader.read();
    await sleep(5);
    await reader.cancel();
    assert.deepEqual(await read, { value: undefined, done: true });
    await sleep(5);
    assert.ok(seen.cancelled);
  });

  test("before anything was read", async () => {
    const { stream, seen } = readable(frames);
    await stream.pipeThrough(new AggregatorStream()).cancel();
    await sleep(5);
    assert.ok(seen.cancelled);
  });

  test("by break", async () => {
    const { stream, seen } = readable(frames, { end: false });
    for await (const _ of stream.pipeThrough(new AggregatorStream())) break;
    await sleep(5);
    assert.ok(seen.cancelled);
  });
});

test("back-pressure: the source is asked only a little ahead of the reader", async () => {
  const count = 50;
  const chunks = Array.from({ length: count }, (_, at) => sse(chunk({ content: `${at} ` })));
  const { stream, seen } = readable([...chunks, sse(finish(), DONE)]);
  const events = stream.pipeThrough(new AggregatorStream());
  await sleep(20);
  assert.ok(seen.pulls <= 2, `${seen.pulls} pulls before anybody read`);
  let got = 0;
  for await (const event of events) {
    if (event.type !== "output_text.delta") continue;
    got++;
    await sleep(1);
    assert.ok(seen.pulls <= got + 3, `${seen.pulls} pulls for ${got} events`);
  }
  assert.equal(got, count);
});
