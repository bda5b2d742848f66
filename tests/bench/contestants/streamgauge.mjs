// Our three forms. The wire is not told: finding it out is part of the job.

import { aggregate, Aggregator } from "streamgauge";

// The others visit the fragments of tool calls, so ours does, which by default it does not.
const OPTIONS = { include: ["tool_call.delta"] };

/** Visits events as a program would: by their type. */
function visitor() {
  let visited = 0;
  return {
    visit(event) {
      switch (event.type) {
        case "output_text.delta":
        case "reasoning.delta":
        case "reasoning_summary.delta":
        case "tool_call.delta":
          visited += event.delta.length;
      }
    },
    result: (final) => ({ ...resultOf(final), visited }),
  };
}

function resultOf({ items, token_usage: usage }) {
  const ofType = (type) => items.filter((item) => item.type === type);
  const textOf = (parts) => parts.map(({ text }) => text).join("");
  return {
    text: textOf(ofType("message").flatMap(({ content }) => content)),
    reasoning: textOf(ofType("reasoning").flatMap(({ summary, content }) => [...summary, ...(content ?? [])])),
    tools: ofType("function_call").map(({ call_id, name, arguments: args }) => ({ id: call_id, name, arguments: args })),
    // What an API does not tell is null here, and not in its result.
    usage: {
      input: usage.input_tokens, cached: usage.cached_input_tokens, output: usage.output_tokens,
      reasoning: usage.reasoning_output_tokens ?? undefined, total: usage.total_tokens ?? undefined,
    },
  };
}

export function push(source) {
  const { visit, result } = visitor();
  const aggregator = new Aggregator(OPTIONS);
  for (let index = 0; index < source.chunks; index++) {
    for (const event of aggregator.feed(source.chunk(index))) visit(event);
  }
  for (const event of aggregator.finish()) visit(event);
  return result(aggregator.final());
}

export async function forAwait(source) {
  const { visit, result } = visitor();
  const stream = aggregate(source.response(), OPTIONS);
  for await (const event of stream) visit(event);
  return result(await stream.final());
}

export async function batches(source) {
  const { visit, result } = visitor();
  const stream = aggregate(source.response(), OPTIONS);
  for await (const events of stream.batches()) for (const event of events) visit(event);
  return result(await stream.final());
}
