// node memory/long-child.mjs MEGABYTES: reads one long stream and prints what the core holds at the end, as JSON.

import { makeStream } from "../streams.mjs";
import { aggregate, wasmBytes } from "./core.mjs";

const CHUNK = 64 * 1024;

const wanted = Number(process.argv[2]) * 1e6;
const { bytes, ends } = makeStream({ kind: "text", tokens: 20_000 });
// The last three events end it: the finish reason, the usage, [DONE].
const [body, ending] = [bytes.subarray(0, ends.at(-4)), bytes.subarray(ends.at(-4))];

let sent = 0;
let at = 0;
const source = new ReadableStream({
  pull(controller) {
    if (sent < wanted || at > 0) {
      const chunk = body.subarray(at, at + CHUNK);
      at = at + CHUNK < body.length ? at + CHUNK : 0;
      sent += chunk.length;
      return controller.enqueue(chunk);
    }
    controller.enqueue(ending);
    controller.close();
  },
}, { highWaterMark: 0 });

const before = wasmBytes();
let events = 0;
let peak = 0;
const stream = aggregate(source);
for await (const _ of stream) if (++events % 5000 === 0) peak = Math.max(peak, wasmBytes());
const { items } = await stream.final();
const text = Buffer.byteLength(items[0].content[0].text);
console.log(JSON.stringify({ megabytes: sent / 1e6, events, text, before, peak: Math.max(peak, wasmBytes()) }));
