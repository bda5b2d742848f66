// Cuts a stream into the pieces in which it arrives, and hands them out. No Node API: pages use it as well.

import { random } from "./random.mjs";

export const SPLITS = {
  event: "one event per chunk",
  "16k": "16 KiB chunks",
  rand: "chunks of 1 to 200 bytes",
};

/** Where a stream is cut. */
function cuts({ bytes, ends }, split) {
  if (split === "event") return ends;
  const next = random(7);
  const sizeOf = split === "16k" ? () => 16384 : () => 1 + Math.floor(next() * 200);
  const found = [];
  for (let at = 0; at < bytes.length; ) found.push((at = Math.min(bytes.length, at + sizeOf())));
  return Uint32Array.from(found);
}

/**
 * A stream as it is delivered: `chunks` and `chunk(index)` for who takes bytes, `response()` for who reads a body.
 * A chunk is made when it is asked for, as a network does, so that a long stream is not half a million objects.
 */
export function deliver(stream, split) {
  const at = cuts(stream, split);
  const chunk = (index) => stream.bytes.subarray(index === 0 ? 0 : at[index - 1], at[index]);
  const response = () => {
    let index = 0;
    const source = {
      pull(controller) {
        if (index < at.length) controller.enqueue(chunk(index++));
        else controller.close();
      },
    };
    const headers = { "content-type": "text/event-stream; charset=utf-8" };
    return new Response(new ReadableStream(source, { highWaterMark: 0 }), { headers });
  };
  return { chunks: at.length, chunk, response };
}
