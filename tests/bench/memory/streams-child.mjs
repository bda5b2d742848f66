// node --expose-gc memory/streams-child.mjs WARM_UP STREAMS
// Opens streams, ends some and drops others, and prints by how much the memory grew after the warm-up, as JSON.

import { setTimeout as sleep } from "node:timers/promises";

import { deliver } from "../deliver.mjs";
import { makeStream } from "../streams.mjs";
import { aggregate, Aggregator, wasmBytes } from "./core.mjs";

const COLLECT_EVERY = 250;

const stream = makeStream({ tokens: 20 });
const source = deliver(stream, "event");
const begun = stream.bytes.subarray(0, stream.bytes.length >> 1);

const WAYS = [
  () => aggregate(source.response()).final(),
  async () => {
    for await (const _ of aggregate(source.response()));
  },
  async () => void (await aggregate(source.response())[Symbol.asyncIterator]().next()),
  () => {
    const aggregator = new Aggregator();
    aggregator.feed(stream.bytes);
    aggregator.finish();
  },
  () => void new Aggregator().feed(begun),
];

async function open(count) {
  for (let done = 1; done <= count; done++) {
    await WAYS[done % WAYS.length]();
    if (done % COLLECT_EVERY === 0) await collect();
  }
}

/** What was dropped is found by finalizers, which run in tasks of their own. */
async function collect() {
  for (let pass = 0; pass < 2; pass++) {
    globalThis.gc();
    await sleep(1);
  }
}

const [warmUp, streams] = process.argv.slice(2).map(Number);
await open(warmUp);
const before = wasmBytes();
await open(streams);
console.log(JSON.stringify({ streams, before, grown: wasmBytes() - before }));
