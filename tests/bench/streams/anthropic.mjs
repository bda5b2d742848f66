// The Anthropic Messages wire: named events, a content block per part, usage at both ends.

import { idOf, json } from "./script.mjs";

/** The events' text. */
export function anthropicFrames({ parts, usage, finish }, next) {
  const frames = [];
  const push = (type, fields, escape = false) => frames.push(`event: ${type}\ndata: ${json({ type, ...fields }, escape)}\n\n`);
  const { input, cached, output } = anthropicCounts(usage);
  push("message_start", {
    message: {
      id: `msg_${idOf(next)}`, type: "message", role: "assistant", model: "claude-sonnet-5-5", content: [], stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: input, cache_creation_input_tokens: 0, cache_read_input_tokens: cached, output_tokens: 1, service_tier: "standard" },
    },
  });
  push("ping", {});
  for (const [index, { type, id, name, deltas }] of parts.entries()) {
    push("content_block_start", { index, content_block: BEGINNINGS[type]({ id, name }) });
    for (const [text, escape] of deltas) push("content_block_delta", { index, delta: DELTAS[type](text) }, escape);
    if (type === "reasoning") push("content_block_delta", { index, delta: { type: "signature_delta", signature: idOf(next, 200) } });
    push("content_block_stop", { index });
  }
  const stop_reason = finish === "tool_calls" ? "tool_use" : "end_turn";
  push("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: output } });
  push("message_stop", {});
  return frames;
}

/** What this API says of usage: cached tokens are no part of the input, and there is no total. */
export const anthropicCounts = ({ input, cached, output }) => ({ input: input - cached, cached, output });

const BEGINNINGS = {
  reasoning: () => ({ type: "thinking", thinking: "", signature: "" }),
  text: () => ({ type: "text", text: "" }),
  tool: ({ id, name }) => ({ type: "tool_use", id, name, input: {} }),
};
const DELTAS = {
  reasoning: (thinking) => ({ type: "thinking_delta", thinking }),
  text: (text) => ({ type: "text_delta", text }),
  tool: (partial_json) => ({ type: "input_json_delta", partial_json }),
};
