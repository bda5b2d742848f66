// Makes the streams that everybody reads, and says what is in them. No Node API: pages use it as well.

import { anthropicCounts, anthropicFrames } from "./streams/anthropic.mjs";
import { chatFrames } from "./streams/chat.mjs";
import { responsesFrames } from "./streams/responses.mjs";
import { random } from "./random.mjs";
import { script } from "./streams/script.mjs";

const WIRES = { chat: chatFrames, responses: responsesFrames, anthropic: anthropicFrames };

/** What a stream can be made of: shares of the tokens. The rest is text. */
export const KINDS = {
  mixed: { reasoning: 0.25, tools: 0.25 },
  text: { reasoning: 0, tools: 0 },
  reasoning: { reasoning: 0.8, tools: 0 },
  tools: { reasoning: 0, tools: 1 },
};

/**
 * A stream of about so many tokens, one per event.
 *
 * `bytes` is the body, `ends` where each event ends in it, `expected` what a reader must find: see `result.mjs`.
 */
export function makeStream({ wire = "chat", kind = "mixed", tokens, seed = 1 }) {
  const story = script({ ...KINDS[kind], tokens, next: random(seed) });
  const usage = wire === "anthropic" ? anthropicCounts(story.usage) : story.usage;
  return { ...encodeFrames(WIRES[wire](story, random(seed + 1))), expected: { ...story.expected, usage } };
}

/** The events' texts as one body, and where each ends in it. */
export function encodeFrames(frames) {
  const encoder = new TextEncoder();
  const parts = frames.map((frame) => encoder.encode(frame));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  const ends = new Uint32Array(parts.length);
  let at = 0;
  parts.forEach((part, index) => {
    bytes.set(part, at);
    ends[index] = at += part.length;
  });
  return { bytes, ends, events: parts.length };
}
