// Runs a stream through the public API and puts what came out into the shape of the expectations
// (`tests/fixtures/chat.jsonl`, `*.expected.json`). The same as tests/support/outcome.rs does for the core.

import { aggregate, Aggregator } from "streamgauge";

import { collect } from "./chat.mjs";

const withoutTimings = ({ timings: _, ...rest }) => rest;

/** Through the push API. */
export function push(chunks, options) {
  const aggregator = new Aggregator(options);
  const events = [];
  for (const chunk of chunks) events.push(...aggregator.feed(chunk));
  events.push(...aggregator.finish());
  const { error } = aggregator;
  return outcome(events, error ?? undefined, error ? undefined : aggregator.final());
}

/** Through `aggregate()`. */
export async function pull(chunks, options) {
  const stream = aggregate(chunks, options);
  const { events, error } = await collect(stream);
  return outcome(events, error, error ? undefined : await stream.final());
}

function outcome(events, error, final) {
  return {
    events: events.map(withoutTimings),
    error: error && { code: error.code, message: error.message, provider: error.provider && { ...error.provider, raw: error.provider.raw }, partial: error.partial },
    aggregate: final ? aggregateOf(final) : failedAggregate(error),
    // How many bytes came after the end depends on the chunks.
    final: final && withoutTimings({ ...final, counts: { ...final.counts, bytes: undefined } }),
  };
}

const nullable = (text) => (text === "" ? null : text);

function aggregateOf(final) {
  const usage = final.token_usage;
  return withFirst({
    id: nullable(final.response_id),
    model: nullable(final.model),
    finish_reason_normalized: final.finish_reason_normalized,
    usage: usage && {
      input: usage.input_tokens, output: usage.output_tokens, cached: usage.cached_input_tokens,
      reasoning: usage.reasoning_output_tokens, total: usage.total_tokens,
    },
    choices: final.choices.map((choice) => ({ ...choiceOf(choice.index, choice.items), finish_reason: choice.finish_reason })),
  });
}

/** Of a failed stream there are the items only: no id, usage or finish reason. */
function failedAggregate({ partial }) {
  const indices = [...new Set(partial.map(({ choice = 0 }) => choice))];
  const itemsOf = (index) => partial.filter(({ choice = 0 }) => choice === index);
  return withFirst({ choices: indices.map((index) => choiceOf(index, itemsOf(index))) });
}

function withFirst(aggregated) {
  const first = aggregated.choices[0] ?? { content: "", reasoning: "", tool_calls: [], finish_reason: null };
  const { content, reasoning, tool_calls, finish_reason } = first;
  return { ...aggregated, content, reasoning, tool_calls, finish_reason };
}

function choiceOf(index, items) {
  const out = { index, content: "", reasoning: "", tool_calls: [] };
  for (const item of items) {
    const { provider = {} } = item;
    if (item.type === "message") {
      for (const part of item.content) {
        if (part.type === "refusal") out.refusal = part.refusal;
        else out.content += part.text;
      }
      const { audio } = provider;
      if (audio) out.audio = { id: audio.id, transcript: audio.transcript, data_chunks: audio.data?.length ?? 0 };
      for (const name of ["annotations", "images"]) if (Array.isArray(provider[name])) out[name] = provider[name].length;
    } else if (item.type === "reasoning") {
      out.reasoning += (item.content ?? []).map(({ text }) => text).join("");
      if (provider.reasoning_details !== undefined) out.reasoning_details = provider.reasoning_details;
    } else if (item.type === "function_call" && provider.legacy_function_call === true) {
      out.function_call = { name: item.name, arguments: item.arguments };
    } else if (item.type === "function_call") {
      const call = { id: item.call_id, name: item.name, arguments: item.arguments };
      if (provider.repaired !== undefined) call.repaired = provider.repaired;
      out.tool_calls.push(call);
    } else if (item.type === "custom_tool_call") {
      out.tool_calls.push({ id: item.call_id, name: item.name, input: item.input });
    }
    // Other types are the other APIs': the events show them.
  }
  return out;
}
