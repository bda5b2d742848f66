// The Responses wire: named events, each with its sequence number and the item that it belongs to.

import { idOf, json } from "./script.mjs";

/** The events' text. */
export function responsesFrames({ parts, usage }, next) {
  const frames = [];
  const padding = idOf(next, 10);
  const push = (type, fields, escape = false) => {
    const event = { type, sequence_number: frames.length, ...fields };
    frames.push(`event: ${type}\ndata: ${json(event, escape)}\n\n`);
  };
  const response = {
    id: `resp_${idOf(next, 48)}`, object: "response", created_at: 1764000000, status: "in_progress", background: false, error: null,
    incomplete_details: null, instructions: null, max_output_tokens: null, model: "gpt-5-2025-08-07", output: [],
    parallel_tool_calls: true, previous_response_id: null, reasoning: { effort: "medium", summary: "auto" },
    service_tier: "default", store: true, temperature: 1, text: { format: { type: "text" }, verbosity: "medium" },
    tool_choice: "auto", tools: [], top_p: 1, truncation: "disabled", usage: null, user: null, metadata: {},
  };
  push("response.created", { response });
  push("response.in_progress", { response });
  const output = parts.map((part, index) => {
    const item_id = `${{ reasoning: "rs", text: "msg", tool: "fc" }[part.type]}_${idOf(next, 48)}`;
    const place = { item_id, output_index: index };
    const noise = () => ({ obfuscation: padding.slice(0, 1 + Math.floor(next() * 10)) });
    return ITEMS[part.type](part, { place, noise, push });
  });
  const details = {
    input_tokens: usage.input, input_tokens_details: { cached_tokens: usage.cached }, output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning }, total_tokens: usage.total,
  };
  push("response.completed", { response: { ...response, status: "completed", output, usage: details } });
  return frames;
}

const joined = ({ deltas }) => deltas.map(([text]) => text).join("");

/** Each writes an item's events and returns the finished item. */
const ITEMS = {
  reasoning(part, { place, noise, push }) {
    const item = { id: place.item_id, type: "reasoning", summary: [] };
    const at = { ...place, summary_index: 0 };
    const summary = { type: "summary_text", text: joined(part) };
    push("response.output_item.added", { output_index: place.output_index, item });
    push("response.reasoning_summary_part.added", { ...at, part: { type: "summary_text", text: "" } });
    for (const [delta, escape] of part.deltas) push("response.reasoning_summary_text.delta", { ...at, delta, ...noise() }, escape);
    push("response.reasoning_summary_text.done", { ...at, text: summary.text });
    push("response.reasoning_summary_part.done", { ...at, part: summary });
    return done(push, place, { ...item, summary: [summary] });
  },

  text(part, { place, noise, push }) {
    const item = { id: place.item_id, type: "message", status: "in_progress", content: [], role: "assistant" };
    const at = { ...place, content_index: 0 };
    const content = { type: "output_text", annotations: [], logprobs: [], text: joined(part) };
    push("response.output_item.added", { output_index: place.output_index, item });
    push("response.content_part.added", { ...at, part: { ...content, text: "" } });
    for (const [delta, escape] of part.deltas) push("response.output_text.delta", { ...at, delta, logprobs: [], ...noise() }, escape);
    push("response.output_text.done", { ...at, text: content.text, logprobs: [] });
    push("response.content_part.done", { ...at, part: content });
    return done(push, place, { ...item, status: "completed", content: [content] });
  },

  tool(part, { place, noise, push }) {
    const item = { id: place.item_id, type: "function_call", status: "in_progress", arguments: "", call_id: part.id, name: part.name };
    push("response.output_item.added", { output_index: place.output_index, item });
    for (const [delta, escape] of part.deltas) push("response.function_call_arguments.delta", { ...place, delta, ...noise() }, escape);
    push("response.function_call_arguments.done", { ...place, name: part.name, arguments: joined(part) });
    return done(push, place, { ...item, status: "completed", arguments: joined(part) });
  },
};

function done(push, { output_index }, item) {
  push("response.output_item.done", { output_index, item });
  return item;
}
