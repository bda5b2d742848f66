// The Chat Completions wire, with the fields that OpenAI and the servers compatible with it send around a delta.

import { idOf, json } from "./script.mjs";

/** The events' text, `[DONE]` included. */
export function chatFrames({ parts, usage, finish }, next) {
  const head = {
    id: `chatcmpl-${idOf(next, 29)}`, object: "chat.completion.chunk", created: 1764000000,
    model: "gpt-5-2025-08-07", system_fingerprint: `fp_${idOf(next, 10)}`,
  };
  const padding = idOf(next, 10);
  const frame = (delta, { escape = false, finish_reason = null } = {}) => {
    // As much noise as the API adds, so that lengths do not tell the tokens.
    const obfuscation = padding.slice(0, 1 + Math.floor(next() * 10));
    const choices = [{ index: 0, delta, logprobs: null, finish_reason }];
    return `data: ${json({ ...head, choices, usage: null, obfuscation }, escape)}\n\n`;
  };
  const frames = [frame({ role: "assistant", content: "", refusal: null })];
  let index = -1;
  for (const { type, id, name, deltas } of parts) {
    if (type === "tool") {
      index++;
      frames.push(frame({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }));
    }
    for (const [text, escape] of deltas) frames.push(frame(deltaOf(type, text, index), { escape }));
  }
  frames.push(frame({}, { finish_reason: finish }));
  const usageChunk = {
    prompt_tokens: usage.input, completion_tokens: usage.output, total_tokens: usage.total,
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0,
    },
  };
  frames.push(`data: ${json({ ...head, choices: [], usage: usageChunk })}\n\n`, "data: [DONE]\n\n");
  return frames;
}

function deltaOf(type, text, index) {
  if (type === "text") return { content: text };
  if (type === "reasoning") return { reasoning_content: text };
  return { tool_calls: [{ index, function: { arguments: text } }] };
}
