// What callers may do that nobody means to: after the end, twice, from within, and giving up at every moment there is.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { aggregate, Aggregator, AggregatorStream, Telemetry } from "streamgauge";

import { assertFailure, bytes, collect, eventsOf, HELLO, HELLO_EVENTS, message, readable, sse, textDelta, untimed, within } from "./support/chat.mjs";

const unattended = [];
for (const event of ["unhandledRejection", "uncaughtException"]) process.on(event, (error) => unattended.push(error));
after(() => assert.deepEqual(unattended, []));

const parts = HELLO.map((value) => bytes(sse(value)));
const whole = bytes(sse(...HELLO));
const PARTIAL = [message("Hel", { status: "incomplete" })];
const DONE = { value: undefined, done: true };

/** An async iterable that counts what is done to it, and calls `onNext` in each `next()`; it hangs after the last chunk. */
function iterable(chunks, onNext = () => {}) {
  const seen = { next: 0, returned: 0 };
  const rest = [...chunks];
  const source = {
    [Symbol.asyncIterator]: () => ({
      next() {
        seen.next++;
        onNext(seen.next);
        return rest.length > 0 ? Promise.resolve({ value: rest.shift(), done: false }) : new Promise(() => {});
      },
      async return() {
        seen.returned++;
        return DONE;
      },
    }),
  };
  return { source, seen };
}

const outcome = async (promise) => {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
};
/** What a call gives or throws: a code, `done`, or the value. */
async function told(call) {
  const value = await outcome((async () => call())());
  if (value instanceof Error) return value.name === "StreamError" ? value.code : String(value);
  if (value?.done === true) return "done";
  if (Array.isArray(value)) return value.length === 0 ? "nothing" : value.map(({ type }) => type).join(" ");
  return value?.ended_by ?? value;
}

describe("a stream, after", () => {
  const ENDS = {
    "its end": { end: (stream) => collect(stream), final: "done", items: [message("Hello")] },
    "its end, read by batches": { end: (stream) => collect(stream.batches()), final: "done", items: [message("Hello")] },
    "its end, by final()": { end: (stream) => stream.final(), final: "done", items: [message("Hello")] },
    "cancel()": { source: [parts[0]], end: (stream) => stream.cancel(), final: "aborted", items: [] },
    "cancel() in the middle": { source: [parts[0]], end: async (stream) => { for await (const _ of stream) stream.cancel(); }, final: "aborted", items: PARTIAL },
    "break": { source: [parts[0]], end: async (stream) => { for await (const _ of stream) break; }, final: "aborted", items: PARTIAL },
    "a failure": { source: [bytes(sse(HELLO[0], { error: { message: "boom" } }))], end: (stream) => collect(stream), final: "provider_error", items: PARTIAL },
  };
  for (const [name, { source = parts, end, final, items }] of Object.entries(ENDS)) {
    test(name, async () => {
      const { source: counted, seen } = iterable(source);
      const stream = aggregate(counted);
      await end(stream);
      assert.equal(seen.returned, 1);
      const iterated = name !== "its end, by final()" && name !== "cancel()";
      // The one iterator that there may be.
      assert.equal(await told(() => stream[Symbol.asyncIterator]().next()), iterated ? "bad_option" : "done");
      assert.equal(await told(() => stream.batches()), "bad_option");
      for (let time = 0; time < 2; time++) {
        assert.equal(await told(() => stream.final()), final);
        stream.cancel();
        assert.deepEqual(stream.items, items);
      }
      assert.equal(seen.returned, 1, "exactly once");
    });
  }
});

describe("two readers of one stream", () => {
  const TABLE = [
    ["two iterators", (stream) => [stream[Symbol.asyncIterator](), () => stream[Symbol.asyncIterator]()]],
    ["an iterator and batches()", (stream) => [stream[Symbol.asyncIterator](), () => stream.batches()]],
    ["batches() and an iterator", (stream) => [stream.batches(), () => stream[Symbol.asyncIterator]()]],
  ];
  for (const [name, open] of TABLE) {
    test(`${name}: the second is refused, the first goes on`, async () => {
      const [iterator, second] = open(aggregate(iterable(parts).source));
      assert.throws(second, { code: "bad_option", message: /iterated already/ });
      const events = (await eventsOf(iterator)).flat();
      assert.deepEqual(untimed(events), HELLO_EVENTS);
    });
  }

  test("the iterator's own iterator is itself", async () => {
    const iterator = aggregate(iterable(parts).source)[Symbol.asyncIterator]();
    assert.equal(iterator[Symbol.asyncIterator](), iterator);
    assert.deepEqual(await iterator.next(), { value: textDelta("Hel"), done: false });
    assert.deepEqual(untimed(await eventsOf(iterator)), HELLO_EVENTS.slice(1));
    assert.deepEqual(await iterator.return(), DONE);
    assert.deepEqual(await iterator.return(), DONE, "twice");
    assert.deepEqual(await iterator.next(), DONE);
  });

  test("an iterator and final() both get everything", async () => {
    const stream = aggregate(iterable(parts).source);
    const [events, final, again] = await Promise.all([eventsOf(stream), stream.final(), stream.final()]);
    assert.deepEqual(untimed(events), HELLO_EVENTS);
    assert.equal(final, again);
    assert.deepEqual(final.items, [message("Hello")]);
  });

  test("two streams of one source: the second is refused", () => {
    const { stream } = readable(parts);
    aggregate(stream);
    assert.throws(() => aggregate(stream), { code: "bad_option", message: /locked/ });
  });
});

describe("an Aggregator, after", () => {
  const ENDS = {
    "its end": [(aggregator) => aggregator.feed(whole), { feed: "nothing", finish: "nothing", final: "done", error: undefined, items: 1 }],
    "finish() in the middle": [(aggregator) => { aggregator.feed(parts[0]); aggregator.finish(); }, { feed: "nothing", finish: "nothing", final: "stream_incomplete", error: "stream_incomplete", items: 1 }],
    "free()": [(aggregator) => { aggregator.feed(parts[0]); aggregator.free(); }, { feed: "nothing", finish: "nothing", final: "aborted", error: "aborted", items: 1 }],
    "free() at once": [(aggregator) => aggregator.free(), { feed: "nothing", finish: "nothing", final: "aborted", error: "aborted", items: 0 }],
    "its end, freed": [(aggregator) => { aggregator.feed(whole); aggregator.free(); }, { feed: "nothing", finish: "nothing", final: "done", error: undefined, items: 1 }],
  };
  for (const [name, [end, expected]] of Object.entries(ENDS)) {
    test(name, async () => {
      const aggregator = new Aggregator();
      end(aggregator);
      for (let time = 0; time < 2; time++) {
        const { length } = aggregator.items;
        assert.deepEqual({
          feed: await told(() => aggregator.feed(whole)), finish: await told(() => aggregator.finish()),
          final: await told(() => aggregator.final()), error: aggregator.error?.code, items: length,
        }, expected);
        assert.equal(aggregator.finished, true);
        aggregator.free();
      }
    });
  }

  test("bytes that were given away are no bytes", () => {
    const aggregator = new Aggregator();
    const gone = (view) => {
      structuredClone(0, { transfer: [view.buffer ?? view] });
      return view;
    };
    for (const bytes of [new Uint8Array(4), new DataView(new ArrayBuffer(4)), new Uint16Array(4), new ArrayBuffer(4)].map(gone)) {
      assert.deepEqual(aggregator.feed(bytes), []);
    }
    assert.deepEqual(untimed(aggregator.feed(whole)), HELLO_EVENTS);
  });
});

test("chunks of a source that were given away are no chunks", async () => {
  const gone = [new Uint8Array(4), new DataView(new ArrayBuffer(4)), new ArrayBuffer(4)];
  for (const chunk of gone) structuredClone(0, { transfer: [chunk.buffer ?? chunk] });
  const { events, error } = await within(5000, collect(aggregate([...gone, whole])));
  assert.ifError(error);
  assert.deepEqual(untimed(events), HELLO_EVENTS);
});

describe("a Telemetry, after shutdown()", () => {
  const make = (more) => new Telemetry({
    conversationId: "c", model: "m", appVersion: "1", otel: { exporter: { sink: () => {} } }, ...more,
  });
  test("records are dropped and counted, streams go on", async () => {
    const telemetry = make();
    telemetry.userPrompt("before");
    assert.equal(await telemetry.shutdown(), "ok");
    assert.equal(await telemetry.shutdown(), "ok");
    telemetry.userPrompt("after");
    telemetry.log("after");
    assert.deepEqual(untimed(await eventsOf(aggregate(iterable(parts).source, { telemetry }))), HELLO_EVENTS);
    assert.ok(["ok", "failed"].includes(await within(5000, telemetry.forceFlush())));
    assert.equal(telemetry.stats.exported, 1);
    assert.equal(telemetry.stats.dropped.shutdown, 2 + HELLO.length);
  });

  test("a telemetry that is none is refused, and the source is free", async () => {
    const { stream } = readable(parts);
    for (const telemetry of [null, {}, Object.create(Telemetry.prototype)]) {
      assert.throws(() => aggregate(stream, { telemetry }), { code: "bad_option", message: /telemetry/ });
      assert.throws(() => new Aggregator({ telemetry }), { code: "bad_option", message: /telemetry/ });
    }
    assert.deepEqual(untimed(await eventsOf(aggregate(stream))), HELLO_EVENTS);
  });
});

describe("from within", () => {
  const other = () => {
    const aggregator = new Aggregator();
    assert.deepEqual(untimed(aggregator.feed(whole)), HELLO_EVENTS);
    void aggregate(iterable(parts).source).items;
  };
  /** What may be called on the stream that is under way, from its own source. */
  const CALLS = {
    "another stream": other,
    items: (stream) => assert.ok(Array.isArray(stream.items)),
    "final()": (stream) => void stream.final().catch(() => {}),
    "next()": (stream, iterator) => void iterator.next().catch(() => {}),
    "a second iterator": (stream) => assert.throws(() => stream.batches(), { code: "bad_option" }),
  };
  for (const [name, call] of Object.entries(CALLS)) {
    test(`an iterable's next(): ${name}`, async () => {
      let stream;
      const { source, seen } = iterable(parts, () => call(stream, iterator));
      stream = aggregate(source);
      const iterator = stream[Symbol.asyncIterator]();
      const { error } = await within(5000, collect(iterator));
      assert.ifError(error);
      assert.deepEqual((await stream.final()).items, [message("Hello")]);
      assert.equal(seen.returned, 1);
    });

    test(`a stream's pull(): ${name}`, async () => {
      let stream;
      let iterator;
      const rest = [...parts];
      const body = new ReadableStream({
        pull(controller) {
          call(stream, iterator);
          controller.enqueue(rest.shift());
        },
      }, { highWaterMark: 0 });
      stream = aggregate(body);
      iterator = stream[Symbol.asyncIterator]();
      const { error } = await within(5000, collect(iterator));
      assert.ifError(error);
      assert.deepEqual((await stream.final()).items, [message("Hello")]);
    });
  }

  for (const at of [1, 2, 3]) {
    test(`cancel() in next() number ${at}`, async () => {
      let stream;
      const { source, seen } = iterable(parts, (count) => count === at && stream.cancel());
      stream = aggregate(source);
      const { events, error } = await within(5000, collect(stream));
      assert.ifError(error);
      assert.deepEqual(untimed(events), HELLO_EVENTS.slice(0, at - 1));
      await assert.rejects(stream.final(), { code: "aborted" });
      assert.equal(seen.returned, 1);
    });

    test(`an abort in next() number ${at}`, async () => {
      const controller = new AbortController();
      const { source, seen } = iterable(parts, (count) => count === at && controller.abort());
      const { events, error } = await within(5000, collect(aggregate(source, { signal: controller.signal })));
      assertFailure(error, "aborted");
      assert.deepEqual(untimed(events), HELLO_EVENTS.slice(0, at - 1));
      assert.equal(seen.returned, 1);
    });
  }

  test("an abort's listener, and the source's return()", async () => {
    const controller = new AbortController();
    const { source, seen } = iterable(parts.slice(0, 1));
    const stream = aggregate(source, { signal: controller.signal });
    let items;
    controller.signal.addEventListener("abort", () => {
      other();
      items = stream.items;
      stream.cancel();
      void stream.final().catch(() => {});
    });
    const reading = collect(stream);
    await sleep(1);
    controller.abort();
    const { error } = await within(5000, reading);
    assert.ok(error === undefined || error.code === "aborted");
    assert.equal(items[0].content[0].text, "Hel");
    assert.equal(seen.returned, 1);
  });

  test("getters of options and sources", async () => {
    const options = { get wire() { other(); return "chat"; } };
    const response = {
      status: 200, ok: true, headers: new Headers(), bodyUsed: false, get body() { other(); return readable(parts).stream; },
    };
    assert.deepEqual(untimed(await eventsOf(aggregate(response, options))), HELLO_EVENTS);
    const thrown = { get wire() { throw new RangeError("the caller's own"); } };
    assert.throws(() => aggregate(response, thrown), RangeError);
  });

  test("a sink, and a warning", async () => {
    const warned = [];
    const telemetry = new Telemetry({
      conversationId: "c", model: "m", appVersion: "1",
      onWarning: ({ kind }) => { warned.push(kind); other(); telemetry.userPrompt("in a warning"); },
      otel: { exporter: { sink: () => { other(); telemetry.userPrompt("in a sink"); void telemetry.stats; throw new Error("no"); } } },
    });
    assert.deepEqual(untimed(await eventsOf(aggregate(iterable(parts).source, { telemetry }))), HELLO_EVENTS);
    await within(10_000, telemetry.forceFlush());
    await within(10_000, telemetry.shutdown({ timeoutMs: 100 }));
    assert.deepEqual(warned, ["refused"]);
  });
});

describe("things that look like sources, and throw", () => {
  const boom = new Error("boom");
  const thrower = (name, more = {}) => Object.defineProperty({ ...more }, name, { get() { throw boom; } });
  const reader = (more) => ({ read: () => Promise.resolve({ done: true }), cancel: async () => {}, releaseLock() {}, ...more });
  const stream = (more) => ({ locked: false, getReader: () => reader(more) });
  const response = { status: 200, ok: true, headers: new Headers(), bodyUsed: false, body: readable(parts).stream };
  const TABLE = [
    ["getReader()", { locked: false, getReader() { throw boom; } }, "transport"],
    ["read(), at once", stream({ read() { throw boom; } }), "transport"],
    ["read() that gives no promise", stream({ read: () => ({ done: true }) }), "stream_incomplete"],
    ["read() that gives nothing", stream({ read: () => undefined }), "stream_incomplete"],
    ["releaseLock()", stream({ releaseLock() { throw boom; } }), "stream_incomplete"],
    ["no read()", { locked: false, getReader: () => ({}) }, "bad_option"],
    ["done", stream({ read: async () => thrower("done") }), "bad_option"],
    ["then", { [Symbol.asyncIterator]: () => ({ next: () => thrower("then") }) }, "transport"],
    ["toStringTag of a chunk", [thrower(Symbol.toStringTag)], "bad_option"],
    ["headers.get()", { ...response, status: 500, ok: false, body: null, headers: { get() { throw boom; } } }, "http_status"],
    ["next", { [Symbol.asyncIterator]: () => thrower("next") }, "bad_option"],
    ["Symbol.asyncIterator", thrower(Symbol.asyncIterator), "bad_option"],
    ["ok of a response", thrower("ok", { status: 200, headers: new Headers(), bodyUsed: false, body: null }), "http_status"],
  ];
  for (const [name, source, code] of TABLE) {
    test(`${name}: ${code}`, async () => {
      const before = new Aggregator();
      const { error } = await within(5000, (async () => collect(aggregate(source)))().catch((error) => ({ error })));
      assertFailure(error, code);
      assert.deepEqual(untimed(before.feed(whole)), HELLO_EVENTS, "what else is under way goes on");
    });
  }

  test("a signal whose fields throw", async () => {
    const signal = Object.defineProperty(new EventTarget(), "aborted", { get() { throw boom; } });
    const { error } = await within(5000, collect(aggregate(iterable(parts).source, { signal })));
    assert.equal(error, boom, "the caller's own");
    assert.deepEqual(untimed(new Aggregator().feed(whole)), HELLO_EVENTS);
  });
});

describe("giving up at every moment", () => {
  /** Sources whose chunks come in so many turns of the queue of microtasks, or of the loop. */
  const SOURCES = {
    iterable: () => iterable(parts),
    "slow iterable": () => {
      const seen = { returned: 0 };
      const rest = [...parts];
      const source = {
        [Symbol.asyncIterator]: () => ({
          async next() {
            for (let turn = 0; turn < 3; turn++) await null;
            return { value: rest.shift() ?? (await new Promise(() => {})), done: false };
          },
          async return() { seen.returned++; return DONE; },
        }),
      };
      return { source, seen };
    },
    stream: () => {
      const seen = { returned: 0 };
      const rest = [...parts];
      const source = new ReadableStream({
        pull: (controller) => (rest.length > 0 ? controller.enqueue(rest.shift()) : new Promise(() => {})),
        cancel: () => void seen.returned++,
      }, { highWaterMark: 0 });
      return { source, seen };
    },
  };
  const WAYS = {
    "abort()": ({ controller }) => controller.abort(),
    "cancel()": ({ stream }) => stream.cancel(),
    "return()": ({ iterator }) => iterator.return(),
    "abort() and cancel()": ({ controller, stream }) => { controller.abort(); stream.cancel(); },
    "cancel() and abort(), then return()": ({ controller, stream, iterator }) => { stream.cancel(); controller.abort(); return iterator.return(); },
  };
  const READS = { events: (stream) => stream[Symbol.asyncIterator](), batches: (stream) => stream.batches() };
  const MOMENTS = 60;
  for (const [sourceName, open] of Object.entries(SOURCES)) {
    for (const [wayName, giveUp] of Object.entries(WAYS)) {
      test(`${sourceName}, ${wayName}`, async () => {
        const ended = { early: 0, late: 0 };
        for (const read of Object.values(READS)) {
          for (let moment = 0; moment < MOMENTS; moment++) {
            const { source, seen } = open();
            const controller = new AbortController();
            const stream = aggregate(source, { signal: controller.signal });
            const iterator = read(stream);
            const reading = collect(iterator);
            const final = moment % 2 === 0 ? outcome(stream.final()) : undefined;
            for (let turn = 0; turn < moment; turn++) await null;
            await giveUp({ controller, stream, iterator });
            const { events, error } = await within(5000, reading);
            const told = untimed(events.flat());
            assert.deepEqual(told, HELLO_EVENTS.slice(0, told.length), `moment ${moment}`);
            if (error !== undefined) assertFailure(error, "aborted");
            const last = await within(5000, final ?? outcome(stream.final()));
            assert.ok(last.code === "aborted" || last.ended_by === "done", `moment ${moment}: ${last}`);
            ended[last.ended_by === "done" ? "late" : "early"]++;
            await null;
            assert.equal(seen.returned, 1, `moment ${moment}: exactly once`);
          }
        }
        assert.ok(ended.early > 0 && ended.late > 0, JSON.stringify(ended));
      });
    }
  }

  test("a transform stream's readable side, at every moment", async () => {
    for (let moment = 0; moment < MOMENTS; moment++) {
      const { stream, seen } = readable(parts, { end: false });
      const reader = stream.pipeThrough(new AggregatorStream()).getReader();
      const reading = outcome((async () => { while (!(await reader.read()).done); })());
      for (let turn = 0; turn < moment; turn++) await null;
      await reader.cancel();
      await within(5000, reading);
      await sleep(0);
      assert.ok(seen.cancelled, `moment ${moment}`);
    }
  });
});
