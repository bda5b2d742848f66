// Chat streams to feed, and what comes out of them.

import assert from "node:assert/strict";

export const bytes = (text) => new TextEncoder().encode(text);

/** SSE frames, one per value: text as it is, anything else as JSON. */
export const sse = (...values) =>
  values.map((value) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`).join("");

/** A chunk of one choice. */
export const chunk = (delta, { finish = null, index = 0, ...rest } = {}) => ({
  id: "resp_1", model: "test-1", choices: [{ index, delta, finish_reason: finish }], ...rest,
});

export const finish = (reason = "stop", index = 0) => chunk({}, { finish: reason, index });
export const DONE = "[DONE]";

/** "Hello", in two deltas. */
export const HELLO = [chunk({ role: "assistant", content: "Hel" }), chunk({ content: "lo" }), finish(), DONE];

export const textDelta = (delta, more) => ({ type: "output_text.delta", delta, ...more });
// An item's event carries the choice's index beside the item's own.
export const itemDone = (item) =>
  item.choice === undefined ? { type: "output_item.done", item } : { type: "output_item.done", item, choice: item.choice };
export const message = (text, more) => ({
  type: "message", role: "assistant", content: [{ type: "output_text", text }], ...more,
});
export const reasoning = (text, more) => ({
  type: "reasoning", summary: [], content: [{ type: "reasoning_text", text }], ...more,
});
export const functionCall = (name, args, call_id, more) => ({
  type: "function_call", name, arguments: args, call_id, ...more,
});
export const completion = (more) => ({
  response_id: "resp_1", model: "test-1", finish_reason: "stop", finish_reason_normalized: "stop",
  token_usage: null, ended_by: "done", ...more,
});
export const completed = (more) => ({ type: "completed", ...completion(more) });

/** What {@link HELLO} gives. */
export const HELLO_EVENTS = [textDelta("Hel"), textDelta("lo"), itemDone(message("Hello")), completed()];

/** Reads to the end or the failure. */
export async function collect(iterable) {
  const events = [];
  try {
    for await (const event of iterable) events.push(event);
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

/** The events of a stream that must complete. */
export async function eventsOf(iterable) {
  const { events, error } = await collect(iterable);
  if (error) throw error;
  return events;
}

/** Waits with a limit: what hangs must fail as itself, not take the rest of its file along. */
export async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Checks an event's or a result's timings and takes them away: the rest can be compared exactly. */
export function untimed(value) {
  if (Array.isArray(value)) return value.map(untimed);
  if (value?.timings === undefined) return value;
  const { timings, ...rest } = value;
  const { time_to_first_byte_ms: byte, time_to_first_token_ms: token, time_to_first_text_ms: text } = timings;
  assert.deepEqual(Object.keys(timings).sort(), [
    "duration_ms", "gaps", "stalls", "time_to_first_byte_ms", "time_to_first_text_ms", "time_to_first_token_ms",
    "tokens_per_second",
  ]);
  const moments = [0, byte, token, text, timings.duration_ms].filter((moment) => moment !== null);
  assert.deepEqual(moments, [...moments].sort((a, b) => a - b), "the moments are in order");
  return rest;
}

/** Asserts a `StreamError`: its code, and its message if that is given (text or pattern). */
export function assertFailure(error, code, text) {
  assert.equal(error?.name, "StreamError", `a StreamError, not ${error}`);
  assert.equal(error.code, code, error.message);
  if (text instanceof RegExp) assert.match(error.message, text);
  else if (text !== undefined) assert.equal(error.message, text);
}

/** A source of chunks that counts what is done to it. Without `end` it stays open and silent. */
export function readable(chunks, { end = true } = {}) {
  const seen = { pulls: 0, cancelled: false, reason: undefined };
  const waiting = [...chunks];
  const source = {
    pull(controller) {
      seen.pulls++;
      if (waiting.length > 0) {
        const next = waiting.shift();
        controller.enqueue(typeof next === "string" ? bytes(next) : next);
      } else if (end) controller.close();
      else return new Promise(() => {});
    },
    cancel(reason) {
      seen.cancelled = true;
      seen.reason = reason;
    },
  };
  return { stream: new ReadableStream(source, { highWaterMark: 0 }), seen };
}
