// Many streams that share one AbortSignal: one listener is there for all of them, and none when all have ended.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { aggregate } from "streamgauge";

import { collect, HELLO, HELLO_EVENTS, sse, untimed, within } from "./support/chat.mjs";

const STREAMS = 40;
const bytes = new TextEncoder().encode(sse(...HELLO));

/** Streams that have got half of their bytes, and what brings the rest. */
async function streams(signal, count = STREAMS) {
  let goOn;
  const rest = new Promise((resolve) => (goOn = resolve));
  const source = async function* () {
    yield bytes.subarray(0, bytes.length >> 1);
    await rest;
    yield bytes.subarray(bytes.length >> 1);
  };
  const all = Array.from({ length: count }, () => {
    const stream = aggregate(source(), { signal });
    return { stream, done: collect(stream) };
  });
  await sleep(10);
  return { all, goOn };
}

const warnings = [];
process.on("warning", ({ name, message }) => warnings.push(`${name}: ${message}`));
const listeners = (signal) => getEventListeners(signal, "abort").length;

const CASES = {
  "read to the end": { act: ({ goOn }) => goOn() },
  // A loop just ends.
  "cancelled": { act: ({ all }) => all.forEach(({ stream }) => stream.cancel()), final: "aborted" },
  "aborted": { act: (_, controller) => controller.abort("enough"), thrown: "aborted", final: "aborted" },
};

for (const [name, { act, thrown, final }] of Object.entries(CASES)) {
  test(`${STREAMS} streams of one signal, ${name}`, async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const given = await streams(signal);
    assert.equal(listeners(signal), 1);
    act(given, controller);
    for (const { done, stream } of given.all) {
      const { events, error } = await within(5000, done);
      assert.equal(error?.code, thrown);
      if (thrown !== undefined) assert.equal(error.cause, "enough");
      if (final !== undefined) await assert.rejects(stream.final(), { code: final });
      else assert.deepEqual(untimed(events), HELLO_EVENTS);
    }
    assert.equal(listeners(signal), 0);
    // A second time: nothing of the first is in the way.
    if (!signal.aborted) {
      const again = await streams(signal, 2);
      assert.equal(listeners(signal), 1);
      controller.abort();
      for (const { done } of again.all) assert.equal((await within(5000, done)).error?.code, "aborted");
      assert.equal(listeners(signal), 0);
    }
    await sleep(0);
    assert.deepEqual(warnings, []);
  });
}

test("a stream that another one's abort cancels", async () => {
  const controller = new AbortController();
  const { all } = await streams(controller.signal, 3);
  // In the middle of telling the others.
  void all[0].done.then(() => all[2].stream.cancel());
  controller.abort();
  for (const { done } of all) assert.equal((await within(5000, done)).error?.code, "aborted");
});
