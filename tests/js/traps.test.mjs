// A trap at every place in the core where a function begins: what was under way fails as `internal`, what comes after works.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import v8 from "node:v8";
import vm from "node:vm";

import { aggregate, Aggregator, initSync, Telemetry } from "streamgauge/slim";

import { assertFailure, bytes, collect, eventsOf, HELLO, HELLO_EVENTS, message, readable, sse, textDelta, untimed, within } from "./support/chat.mjs";
import { trapModule } from "./support/trap-module.mjs";

// Instances are made by the glue; the only way to one from outside is to be there when it is made.
const { Instance } = WebAssembly;
let instances = 0;
let countdown;
WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  instances++;
  ({ countdown } = instance.exports);
  return instance;
};
initSync(await trapModule());

const unattended = [];
for (const event of ["unhandledRejection", "uncaughtException"]) process.on(event, (error) => unattended.push(error));
after(() => assert.deepEqual(unattended, []));

const parts = HELLO.map((value) => bytes(sse(value)));
const whole = bytes(sse(...HELLO));
const INTERNAL = { name: "StreamError", code: "internal", message: /^defect in streamgauge: unreachable/ };
/** More than any way below takes. */
const NEVER = 1_000_000;
/** Every one with `TRAPS=all`, which takes a minute. */
const STRIDE = process.env.TRAPS === "all" ? 1 : 7;

/** An iterator over chunks that counts what is done to it; it hangs after the last one. */
function hanging(chunks) {
  const seen = { returned: 0 };
  const rest = [...chunks];
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => (rest.length > 0 ? Promise.resolve({ value: rest.shift(), done: false }) : new Promise(() => {})),
      return: async () => {
        seen.returned++;
        return { done: true };
      },
    }),
  };
  return { source, seen };
}

/** What a stream gave before it failed must be the beginning of what it gives, and its error must have the items. */
function assertBeginning({ events, error }, whole, items = []) {
  const told = untimed(events);
  assert.deepEqual(told, whole.slice(0, told.length));
  if (error === undefined) return;
  const done = events.filter(({ type }) => type === "output_item.done").map(({ item }) => item);
  if (error.code === "internal") assert.deepEqual(error.partial, done);
  else assert.deepEqual(error.partial, items);
}

/** Ways to use the library. Each is run with a trap at every step of it; `undefined`: it has not begun. */
const WAYS = {
  "a stream, to its end": async () => {
    const { stream, seen } = readable(parts, { end: false });
    const result = await collect(aggregate(stream));
    assertBeginning(result, HELLO_EVENTS);
    assert.ok(seen.cancelled);
    return result.error;
  },
  "an iterator, to its end": async () => {
    const { source, seen } = hanging(parts);
    const result = await collect(aggregate(source).batches());
    assertBeginning({ ...result, events: result.events.flat() }, HELLO_EVENTS);
    assert.ok(seen.returned >= 1);
    return result.error;
  },
  "final() and items": async () => {
    const { source, seen } = hanging(parts);
    const stream = aggregate(source);
    const final = stream.final();
    assert.ok(Array.isArray(stream.items));
    const { error } = await settled(final);
    if (error === undefined) assert.deepEqual((await final).items, [message("Hello")]);
    assert.ok(Array.isArray(stream.items));
    assert.ok(seen.returned >= 1);
    return error;
  },
  "an abort": async () => {
    const controller = new AbortController();
    const { stream, seen } = readable(parts.slice(0, 1), { end: false });
    const reading = collect(aggregate(stream, { signal: controller.signal }));
    await sleep(1);
    controller.abort();
    const result = await reading;
    assertBeginning(result, [textDelta("Hel")], [message("Hel", { status: "incomplete" })]);
    assert.ok(seen.cancelled);
    return expected(result.error, "aborted");
  },
  "an idle timeout": async () => {
    const { source, seen } = hanging(parts.slice(0, 1));
    const result = await collect(aggregate(source, { idleTimeoutMs: 3 }));
    const partial = message("Hel", { status: "incomplete" });
    assertBeginning(result, [textDelta("Hel"), { type: "output_item.done", item: partial }], [partial]);
    assert.ok(seen.returned >= 1);
    return expected(result.error, "idle_timeout");
  },
  "cancel()": async () => {
    const { source, seen } = hanging(parts.slice(0, 1));
    const stream = aggregate(source);
    const final = settled(stream.final());
    await sleep(1);
    stream.cancel();
    const { error } = await final;
    assert.ok(seen.returned >= 1);
    return expected(error, "aborted");
  },
  "bytes that are pushed": async () => {
    const aggregator = new Aggregator();
    const events = [];
    try {
      for (const part of parts) events.push(...aggregator.feed(part));
      if (aggregator.error !== null) {
        assert.deepEqual(untimed(events), HELLO_EVENTS, "the last events came before it");
        return aggregator.error;
      }
    } catch (error) {
      assert.equal(aggregator.error, error);
      assertBeginning({ events, error }, HELLO_EVENTS);
      assert.equal(aggregator.finished, true);
      assert.deepEqual(aggregator.feed(whole), [], "it is thrown once");
      assert.deepEqual(aggregator.finish(), []);
      assert.throws(() => aggregator.final(), (again) => again === error);
      aggregator.free();
      assert.equal(aggregator.error, error);
      return error;
    }
    assert.deepEqual(untimed(events), HELLO_EVENTS);
    return undefined;
  },
};

/** A failure that belongs to the way is none. */
function expected(error, code) {
  assert.ok(error, "it fails one way or the other");
  return error.code === code ? undefined : error;
}

async function settled(promise) {
  try {
    return { value: await promise, error: undefined };
  } catch (error) {
    return { error };
  }
}

async function assertWorks() {
  assert.deepEqual(untimed(await eventsOf(aggregate(whole))), HELLO_EVENTS);
}

describe("a trap at every step of", () => {
  for (const [name, run] of Object.entries(WAYS)) {
    test(name, async (t) => {
      await assertWorks();
      countdown.value = NEVER;
      assert.equal(await run(), undefined);
      const steps = NEVER - countdown.value;
      countdown.value = -1;
      for (let step = 0; step < steps; step += STRIDE) {
        const before = instances;
        countdown.value = step;
        const error = await within(5000, settled(Promise.resolve().then(run)).then(({ value, error }) => value ?? error));
        const trapped = countdown.value === -1;
        countdown.value = -1;
        // What comes after the last thing that the way needs has nobody to tell.
        if (error !== undefined) assertInternal(error, step);
        await assertWorks();
        if (error !== undefined) assert.ok(trapped, `step ${step}`);
        assert.equal(instances, before + (trapped ? 1 : 0), `step ${step}`);
      }
      t.diagnostic(`${Math.ceil(steps / STRIDE)} of ${steps} steps`);
      assert.deepEqual(process.getActiveResourcesInfo().filter((resource) => resource === "Timeout"), []);
    });
  }
});

function assertInternal(error, step) {
  if (error.code === "internal") assert.match(error.message, INTERNAL.message, `step ${step}`);
  else throw error;
}

describe("a trap ends all of its instance", () => {
  /** Everything that can be under way, and a trap in one of them. */
  async function trapAmongOthers(trap) {
    await assertWorks();
    const warnings = [];
    const sunk = [];
    const others = {
      waiting: hanging(parts.slice(0, 1)), between: hanging(parts), iterated: hanging(parts.slice(0, 1)), untouched: hanging(parts),
    };
    const streams = Object.fromEntries(Object.entries(others).map(([name, { source }]) => [name, aggregate(source)]));
    const final = settled(streams.waiting.final());
    const iterated = collect(streams.iterated);
    const iterator = streams.between[Symbol.asyncIterator]();
    assert.deepEqual(await iterator.next(), { value: textDelta("Hel"), done: false });
    const aggregator = new Aggregator();
    aggregator.feed(parts[0]);
    const telemetry = new Telemetry({
      conversationId: "c", model: "m", appVersion: "1", onWarning: (warning) => warnings.push(warning.kind),
      otel: { exporter: { sink: (batch) => void sunk.push(batch) } },
    });
    telemetry.userPrompt("before");
    await sleep(1);
    await trap();
    return { others, streams, final, iterated, iterator, aggregator, telemetry, warnings };
  }
  const TRAPS = {
    "in a call": () => {
      const one = new Aggregator();
      countdown.value = 5;
      assert.throws(() => one.feed(whole), INTERNAL);
    },
    "in a callback": async () => {
      const stream = aggregate(hanging(parts).source);
      const final = stream.final();
      countdown.value = 0;
      await assert.rejects(within(5000, final), INTERNAL);
    },
    "in a constructor": () => {
      countdown.value = 0;
      assert.throws(() => aggregate(whole), INTERNAL);
    },
    "in items": () => {
      const stream = aggregate(whole);
      countdown.value = 0;
      assert.deepEqual(stream.items, []);
    },
  };
  for (const [name, trap] of Object.entries(TRAPS)) {
    test(name, async () => {
      const { others, streams, final, iterated, iterator, aggregator, telemetry, warnings } = await trapAmongOthers(trap);

      const { error } = await within(5000, final);
      assertFailure(error, "internal", INTERNAL.message);
      assert.equal(error.cause?.name, "RuntimeError");
      const result = await within(5000, iterated);
      assert.deepEqual(result.events, [textDelta("Hel")]);
      assertFailure(result.error, "internal", INTERNAL.message);
      assert.deepEqual({ waiting: others.waiting.seen.returned, iterated: others.iterated.seen.returned }, { waiting: 1, iterated: 1 });

      await assert.rejects(within(5000, iterator.next()), INTERNAL);
      assert.deepEqual(await iterator.next(), { value: undefined, done: true }, "it is thrown once");
      await assert.rejects(streams.between.final(), INTERNAL);
      assert.equal(others.between.seen.returned, 1);
      assert.deepEqual(streams.untouched.items, []);
      await assert.rejects(streams.untouched.final(), INTERNAL);
      streams.untouched.cancel();
      assert.equal(others.untouched.seen.returned, 1);

      assert.deepEqual(aggregator.items, []);
      assertFailure(aggregator.error, "internal", INTERNAL.message);
      assert.deepEqual(aggregator.feed(parts[1]), []);

      telemetry.userPrompt("after");
      telemetry.log("after", { it: "is dropped" });
      assert.equal(await within(5000, telemetry.forceFlush()), "failed");
      assert.equal(await within(5000, telemetry.shutdown()), "failed");
      assert.ok(telemetry.stats);
      assert.deepEqual(warnings, ["defect"]);

      assert.deepEqual(untimed(await eventsOf(aggregate(whole, { telemetry }))), HELLO_EVENTS, "without its telemetry");
      assert.deepEqual(untimed(await within(5000, newTelemetry())), HELLO_EVENTS);
      assert.deepEqual(process.getActiveResourcesInfo().filter((resource) => resource === "Timeout"), []);
    });
  }

  async function newTelemetry() {
    const sunk = [];
    const telemetry = new Telemetry({
      conversationId: "c", model: "m", appVersion: "1", otel: { exporter: { sink: (batch) => void sunk.push(batch) } },
    });
    const events = await eventsOf(aggregate(whole, { telemetry }));
    assert.equal(await telemetry.shutdown(), "ok");
    assert.equal(telemetry.stats.exported, HELLO.length);
    return events;
  }

  test("below a call of the caller's own: a new instance does not disturb the frames of the old one", async () => {
    await assertWorks();
    const inner = {};
    const source = {
      [Symbol.asyncIterator]: () => ({
        async next() {},
        return: async () => ({ done: true }),
      }),
    };
    // pull() of the old instance asks the source, and the source traps it and begins anew.
    source[Symbol.asyncIterator] = () => ({
      next: () => {
        const one = new Aggregator();
        countdown.value = 0;
        assert.throws(() => one.feed(whole), INTERNAL);
        const next = new Aggregator();
        inner.events = next.feed(whole);
        return Promise.resolve({ value: whole, done: false });
      },
      return: async () => ({ done: true }),
    });
    const { error } = await within(5000, collect(aggregate(source)));
    assertFailure(error, "internal", INTERNAL.message);
    assert.deepEqual(untimed(inner.events), HELLO_EVENTS);
    await assertWorks();
  });

  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc");
  const begin = () => {
    for (let at = 0; at < 20; at++) {
      void aggregate(whole);
      new Aggregator().feed(parts[0]);
    }
  };

  test("also what the garbage collector frees later is not freed in the new instance", async () => {
    begin();
    countdown.value = 0;
    assert.throws(() => new Aggregator(), INTERNAL);
    await assertWorks();
    const kept = Array.from({ length: 20 }, () => {
      const aggregator = new Aggregator();
      aggregator.feed(parts[0]);
      return aggregator;
    });
    for (let pass = 0; pass < 3; pass++) {
      gc();
      await sleep(2);
    }
    for (const aggregator of kept) {
      aggregator.feed(parts[1]);
      aggregator.feed(parts[2]);
      assert.deepEqual(aggregator.finish().map(({ type }) => type).at(-1), "completed");
    }
  });

  test("a trap in what the garbage collector frees is nobody's exception", async (t) => {
    await assertWorks();
    const other = new Aggregator();
    begin();
    countdown.value = 0;
    // When finalizers run is the engine's business.
    for (let pass = 0; pass < 50 && countdown.value === 0; pass++) {
      gc();
      await sleep(2);
    }
    if (countdown.value === 0) {
      countdown.value = -1;
      return t.skip("nothing was freed: the collector thinks that it is in use");
    }
    assert.equal(countdown.value, -1, "it was freed");
    assert.throws(() => other.feed(whole), INTERNAL);
    await assertWorks();
  });
});
