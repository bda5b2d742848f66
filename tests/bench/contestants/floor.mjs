// eventsource-parser with the few lines around it: what streamgauge has to be faster than to be worth its bytes.

import { createParser } from "eventsource-parser";

function parserInto(accumulator) {
  return createParser({
    onEvent({ data }) {
      if (data !== "[DONE]") accumulator.add(JSON.parse(data));
    },
  });
}

/** Bytes that are here. */
export function push(source, accumulator) {
  const decoder = new TextDecoder();
  const parser = parserInto(accumulator);
  for (let index = 0; index < source.chunks; index++) parser.feed(decoder.decode(source.chunk(index), { stream: true }));
  return accumulator.result();
}

/** A body that is read. */
export async function pull(source, accumulator) {
  const decoder = new TextDecoder();
  const parser = parserInto(accumulator);
  const reader = source.response().body.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return accumulator.result();
    parser.feed(decoder.decode(value, { stream: true }));
  }
}
