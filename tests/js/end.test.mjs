// How a stream ends: [DONE], break, abort, idle timeout, a cut connection.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { aggregate } from "streamgauge";

import {
  assertFailure, bytes, chunk, collect, completed, eventsOf, finish, HELLO, HELLO_EVENTS, itemDone, message, readable, sse,
  textDelta, untimed, within,
} from "./support/chat.mjs";
import { destroy, serve, stall, wait } from "./support/server.mjs";

const HALF = [textDelta("Hel"), itemDone(message("Hel", { status: "incomplete" }))];

describe("the body is cancelled", () => {
  const TABLE = [
    { name: "at [DONE], at once", steps: [sse(...HELLO), stall], events: HELLO_EVENTS },
    {
      name: "at an error chunk",
      steps: [sse(HELLO[0], { error: { message: "boom", code: "overloaded" } }), stall],
      events: HALF, code: "provider_error", text: "boom",
    },
    {
      name: "at event: error",
      steps: [`${sse(HELLO[0])}event: error\ndata: {"message":"boom"}\n\n`, stall],
      events: HALF, code: "provider_error", text: "boom",
    },
    {
      name: "at an event that is too large",
      steps: [sse(HELLO[0], chunk({ content: "x".repeat(2000) })), stall], options: { maxEventBytes: 1000 },
      events: HALF, code: "event_too_large", text: /1000 bytes/,
    },
    {
      name: "at an item that is too large",
      steps: [sse(...Array(11).fill(chunk({ content: "0123456789" }))), stall], options: { maxItemBytes: 100 },
      code: "event_too_large", text: /100 bytes \(maxItemBytes\)/,
    },
    {
      name: "at invalid UTF-8, when that is an error",
      steps: [sse(HELLO[0]), Buffer.from('data: "\xff"\n\n', "latin1"), stall], options: { invalidUtf8: "error" },
      events: HALF, code: "invalid_utf8", text: "UTF8 error: invalid utf-8 sequence of 1 bytes from index 1",
    },
    {
      name: "at another API's stream",
      steps: [sse({ type: "message_start", message: { id: "m", type: "message", role: "assistant", content: [] } }), stall],
      options: { wire: "chat" }, events: [], code: "bad_option", text: /API/,
    },
  ];
  for (const { name, steps, options, events, code, text } of TABLE) {
    test(name, async (t) => {
      const server = await serve(t, { steps });
      const response = await fetch(server.url);
      const result = await within(5000, collect(aggregate(response, options)));
      const ended = performance.now();
      if (code) assertFailure(result.error, code, text);
      else assert.ifError(result.error);
      if (events) assert.deepEqual(untimed(result.events), events);
      const { byClient, at } = await within(5000, server.requests[0].closed);
      assert.ok(byClient);
      assert.ok(at - ended < 1000, `the socket closed ${at - ended} ms later`);
    });
  }

  for (const how of ["events", "batches"]) {
    test(`by break out of the ${how}`, async (t) => {
      const server = await serve(t, { steps: [sse(HELLO[0]), stall] });
      const stream = aggregate(await fetch(server.url));
      for await (const _ of how === "events" ? stream : stream.batches()) break;
      assert.ok((await within(5000, server.requests[0].closed)).byClient);
      await assert.rejects(stream.final(), { code: "aborted" });
      assert.deepEqual(stream.items, [message("Hel", { status: "incomplete" })]);
    });
  }

  test("by an exception of the consumer", async (t) => {
    const server = await serve(t, { steps: [sse(HELLO[0]), stall] });
    const response = await fetch(server.url);
    const reading = async () => {
      for await (const _ of aggregate(response)) throw new RangeError("the consumer's own");
    };
    await assert.rejects(reading, RangeError);
    assert.ok((await within(5000, server.requests[0].closed)).byClient);
  });
});

describe("idle timeout", { concurrency: true }, () => {
  test("comments count as life", async (t) => {
    const steps = [...Array(15).fill([": still here\n\n", wait(40)]).flat(), sse(...HELLO)];
    const server = await serve(t, { steps });
    const stream = aggregate(await fetch(server.url), { idleTimeoutMs: 300 });
    assert.deepEqual(untimed(await eventsOf(stream)), HELLO_EVENTS);
    assert.equal((await stream.final()).counts.comments, 15);
  });

  test("the time that a consumer takes does not count", async (t) => {
    const server = await serve(t, { steps: HELLO.map((value) => sse(value)).flatMap((text) => [text, wait(10)]) });
    const events = [];
    for await (const event of aggregate(await fetch(server.url), { idleTimeoutMs: 200 })) {
      events.push(event);
      if (events.length < 3) await sleep(300);
    }
    assert.deepEqual(untimed(events), HELLO_EVENTS);
  });

  test("before the finish it is a failure, and closes the socket", async (t) => {
    const server = await serve(t, { steps: [sse(HELLO[0]), stall] });
    const started = performance.now();
    const response = await fetch(server.url);
    const { events, error } = await within(5000, collect(aggregate(response, { idleTimeoutMs: 100 })));
    assertFailure(error, "idle_timeout", "idle timeout waiting for SSE");
    assert.ok(performance.now() - started >= 95);
    assert.deepEqual(events, HALF);
    assert.deepEqual(error.partial, [message("Hel", { status: "incomplete" })]);
    assert.ok((await within(5000, server.requests[0].closed)).byClient);
  });

  test("before the first byte", async () => {
    const { stream, seen } = readable([], { end: false });
    const { events, error } = await within(5000, collect(aggregate(stream, { idleTimeoutMs: 50 })));
    assertFailure(error, "idle_timeout");
    assert.deepEqual(events, []);
    assert.ok(seen.cancelled);
  });

  test("after the finish it completes", async (t) => {
    const server = await serve(t, { steps: [sse(...HELLO.slice(0, 3)), stall] });
    const response = await fetch(server.url);
    const events = await within(5000, eventsOf(aggregate(response, { idleTimeoutMs: 100 })));
    assert.deepEqual(untimed(events), [...HELLO_EVENTS.slice(0, 3), completed({ ended_by: "idle_timeout" })]);
    assert.ok((await within(5000, server.requests[0].closed)).byClient);
  });

  for (const idleTimeoutMs of [0, Infinity, 2 ** 40]) {
    test(`${idleTimeoutMs} does not fire`, async (t) => {
      const server = await serve(t, { steps: [sse(HELLO[0]), wait(120), sse(...HELLO.slice(1))] });
      const events = await eventsOf(aggregate(await fetch(server.url), { idleTimeoutMs }));
      assert.deepEqual(untimed(events), HELLO_EVENTS);
    });
  }
});

describe("the connection", () => {
  test("is cut: transport, with its cause and what was received", async (t) => {
    const server = await serve(t, { steps: [sse(HELLO[0]), destroy] });
    const { events, error } = await collect(aggregate(await fetch(server.url)));
    assertFailure(error, "transport", /terminated/);
    assert.ok(error.cause instanceof TypeError, `${error.cause}`);
    assert.match(error.message, new RegExp(error.cause.cause.message), "fetch's cause says more than its error");
    assert.deepEqual(events, HALF);
    assert.deepEqual(error.partial, [message("Hel", { status: "incomplete" })]);
  });

  test("is cut after the finish: complete", async (t) => {
    const server = await serve(t, { steps: [sse(...HELLO.slice(0, 3)), destroy] });
    const events = await eventsOf(aggregate(await fetch(server.url)));
    assert.deepEqual(untimed(events), [...HELLO_EVENTS.slice(0, 3), completed({ ended_by: "transport_error" })]);
  });

  const INCOMPLETE = [
    ["in mid-answer", sse(HELLO[0]), HALF, /before the response was complete/],
    ["in mid-frame", sse(HELLO[0]) + 'data: {"choices":[{"del', HALF, /before the response was complete/],
    ["with comments only", ": ping\n\n: ping\n\n", [], /without a single event, after 2 comment/],
    ["with nothing", "", [], /the body is empty/],
  ];
  for (const [name, body, events, text] of INCOMPLETE) {
    test(`ends cleanly ${name}: stream_incomplete`, async (t) => {
      const server = await serve(t, { steps: body === "" ? [] : [body] });
      const result = await collect(aggregate(await fetch(server.url)));
      assertFailure(result.error, "stream_incomplete", text);
      assert.deepEqual(result.events, events);
    });
  }

  test("ends without a last blank line: the last event is taken", async (t) => {
    const server = await serve(t, { steps: [sse(...HELLO.slice(0, 2)) + `data: ${JSON.stringify(finish())}`] });
    const events = await eventsOf(aggregate(await fetch(server.url)));
    assert.deepEqual(untimed(events), [...HELLO_EVENTS.slice(0, 3), completed({ ended_by: "end_of_stream" })]);
  });
});

/** An AbortController whose signal counts its listeners. */
function countedController() {
  const controller = new AbortController();
  const { signal } = controller;
  const counts = { added: 0, removed: 0 };
  signal.addEventListener = (...args) => {
    counts.added++;
    EventTarget.prototype.addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args) => {
    counts.removed++;
    EventTarget.prototype.removeEventListener.apply(signal, args);
  };
  return { controller, signal, counts };
}

describe("AbortSignal", () => {
  test("aborted before: nothing is read, the source is cancelled", async () => {
    const { stream: source, seen } = readable([sse(...HELLO)]);
    const reason = new Error("my reason");
    const { events, error } = await collect(aggregate(source, { signal: AbortSignal.abort(reason) }));
    assertFailure(error, "aborted");
    assert.equal(error.cause, reason);
    assert.deepEqual(events, []);
    assert.deepEqual({ ...seen, reason: undefined }, { pulls: 0, cancelled: true, reason: undefined });
  });

  test("while waiting", async (t) => {
    const server = await serve(t, { steps: [sse(HELLO[0]), stall] });
    const { controller, signal, counts } = countedController();
    const response = await fetch(server.url);
    const stream = aggregate(response, { signal });
    setTimeout(() => controller.abort(), 50);
    const { events, error } = await within(5000, collect(stream));
    assertFailure(error, "aborted");
    assert.equal(error.cause, signal.reason);
    assert.equal(error.cause.name, "AbortError");
    assert.deepEqual(events, [textDelta("Hel")], "what was received is in partial, not in events after the abort");
    assert.deepEqual(error.partial, [message("Hel", { status: "incomplete" })]);
    assert.deepEqual(counts, { added: 1, removed: 1 });
    assert.ok((await within(5000, server.requests[0].closed)).byClient);
    await assert.rejects(stream.final(), (rejection) => rejection === error);
  });

  for (const [name, cut] of [["the next chunk", (text) => [text]], ["the same chunk", undefined]]) {
    test(`between events, the next one in ${name}`, async () => {
      const texts = HELLO.slice(0, 2).map((value) => sse(value));
      const { stream: source, seen } = readable(cut ? texts.flatMap(cut) : [texts.join("")], { end: false });
      const { controller, signal, counts } = countedController();
      const events = [];
      await assert.rejects(async () => {
        for await (const event of aggregate(source, { signal })) {
          events.push(event);
          controller.abort();
        }
      }, { code: "aborted" });
      assert.deepEqual(events, [textDelta("Hel")]);
      assert.ok(seen.cancelled);
      assert.deepEqual(counts, { added: 1, removed: 1 });
    });
  }

  test("after the end: nothing, and no listener is left", async () => {
    const { controller, signal, counts } = countedController();
    const stream = aggregate(bytes(sse(...HELLO)), { signal });
    assert.deepEqual(untimed(await eventsOf(stream)), HELLO_EVENTS);
    assert.deepEqual(counts, { added: 1, removed: 1 });
    controller.abort();
    assert.equal((await stream.final()).finish_reason, "stop");
  });

  const ENDS = {
    break: async (stream) => {
      for await (const _ of stream) break;
    },
    "cancel()": async (stream) => stream.cancel(),
    failure: async (stream) => {
      await collect(stream);
    },
  };
  for (const [name, end] of Object.entries(ENDS)) {
    test(`the listener is removed by ${name}`, async () => {
      const { signal, counts } = countedController();
      await end(aggregate(bytes(sse(HELLO[0])), { signal }));
      assert.deepEqual(counts, { added: 1, removed: 1 });
    });
  }

  test("of fetch itself", async (t) => {
    const server = await serve(t, { steps: [sse(HELLO[0]), stall] });
    const controller = new AbortController();
    const response = await fetch(server.url, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    const { error } = await within(5000, collect(aggregate(response)));
    assertFailure(error, "aborted");
    assert.equal(error.cause.name, "AbortError");
  });

  test("of fetch itself, by AbortSignal.timeout()", async (t) => {
    const server = await serve(t, { steps: [sse(HELLO[0]), stall] });
    const response = await fetch(server.url, { signal: AbortSignal.timeout(150) });
    const { error } = await within(5000, collect(aggregate(response)));
    assertFailure(error, "aborted");
    assert.equal(error.cause.name, "TimeoutError");
  });

  test("of a source that aborts while it is asked", async () => {
    const controller = new AbortController();
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          controller.abort();
          return new Promise(() => {});
        },
      }),
    };
    const { error } = await within(5000, collect(aggregate(source, { signal: controller.signal })));
    assertFailure(error, "aborted");
  });
});
