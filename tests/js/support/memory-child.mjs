// node --expose-gc memory-child.mjs WAY WARM_UP STREAMS
// Opens streams and ends them in one way, and prints what is left of them, as JSON.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

import { aggregate, Aggregator, initSync } from "streamgauge/slim";

import { bytes, chunk, HELLO, readable, sse } from "./chat.mjs";

// The memory is the core's own; the only way to it from outside is to be there when it is made.
const { Instance } = WebAssembly;
let memory;
WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  memory = instance.exports.memory;
  return instance;
};
initSync(readFileSync(createRequire(import.meta.url).resolve("streamgauge/core.wasm")));
WebAssembly.Instance = Instance;

// Timers that do not hold the process are in no list of Node's.
const timers = new Set();
const { setTimeout: setTimer, clearTimeout: clearTimer } = globalThis;
globalThis.setTimeout = (...args) => {
  const timer = setTimer(...args);
  timers.add(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => {
  timers.delete(timer);
  clearTimer(timer);
};

let unhandled = 0;
process.on("unhandledRejection", () => unhandled++);

const whole = bytes(sse(chunk({ content: "x".repeat(500) }), ...HELLO));
const cut = bytes(sse(HELLO[0]));
const bad = bytes(sse(HELLO[0], { error: { message: "boom" } }));
const signal = () => new AbortController().signal;
const stalled = () => ({
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: async () => ({ done: true }) }),
});

/** How a stream is opened and ends; the parent, memory.test.mjs, has the same names. */
const WAYS = {
  finished: (round) => aggregate(readable([whole]).stream, round % 2 ? { signal: signal() } : undefined).final(),
  iterated: async () => {
    for await (const _ of aggregate(whole, { signal: signal() }));
  },
  broken_out: async () => {
    for await (const _ of aggregate(readable([whole], { end: false }).stream, { signal: signal() })) break;
  },
  failed: () => aggregate(bad).final().catch(() => {}),
  incomplete: async () => {
    try {
      for await (const _ of aggregate(cut));
    } catch {}
  },
  rejected_option: () => {
    try {
      aggregate(whole, { wire: "morse" });
    } catch {}
  },
  aborted: async () => {
    const controller = new AbortController();
    const final = aggregate(readable([cut], { end: false }).stream, { signal: controller.signal }).final();
    setImmediate(() => controller.abort());
    await final.catch(() => {});
  },
  cancelled_while_stalled: async () => {
    const stream = aggregate(stalled());
    const final = stream.final();
    setImmediate(() => stream.cancel());
    await final.catch(() => {});
  },
  dropped: () => void aggregate(whole, { signal: signal() }),
  dropped_in_the_middle: async () => {
    await aggregate(readable([cut, cut], { end: false }).stream, { signal: signal() })[Symbol.asyncIterator]().next();
  },
  pushed: () => {
    const aggregator = new Aggregator();
    aggregator.feed(whole);
    aggregator.finish();
  },
  pushed_and_dropped: () => void new Aggregator().feed(cut),
};

async function collectGarbage() {
  // Finalizers run in tasks of their own, and what they free may be the last to hold something else.
  for (let pass = 0; pass < 3; pass++) {
    globalThis.gc();
    await sleep(2);
  }
}

async function run(open, streams) {
  for (let done = 0; done < streams; done++) {
    await open(done);
    if (done % 100 === 99) await collectGarbage();
  }
  await collectGarbage();
}

const [name, warmUp, streams] = process.argv.slice(2);
await run(WAYS[name], Number(warmUp));
const before = { bytes: memory.buffer.byteLength, resources: process.getActiveResourcesInfo().length };
await run(WAYS[name], Number(streams));
console.log(JSON.stringify({
  grown: memory.buffer.byteLength - before.bytes,
  resources: process.getActiveResourcesInfo().length - before.resources,
  timers: timers.size,
  unhandled,
}));
