// Whether a stream was what its plan says: nothing lost, nothing of another stream, the right end. No Node API.

import { differs } from "../bench/result.mjs";
import { FATES } from "./plan.mjs";

/** What is wrong, in words; `undefined` if nothing is. */
export function check({ fate, form, options }, expected, outcome) {
  const { code, left, completes, loses, stops } = FATES[fate];
  const { error, final } = outcome;
  if (code !== undefined) {
    if (error?.code !== code) return `ended with ${error === undefined ? "no error" : `${error.code}: ${error.message}`}, not ${code}`;
    const found = contentOf({ items: error.partial });
    const cut = beginning(outcome.text, expected.text, "deltas") ?? beginning(found.text, expected.text, "items") ??
      beginning(found.reasoning, expected.reasoning, "reasoning");
    if (cut !== undefined) return cut;
    // An abort comes when it likes, silence is the machine's as well, and what a reset leaves is the host's affair.
    if (!stops || loses || code === "aborted") return undefined;
    const frames = error.response.counts.frames - (fate === "error" ? 1 : 0);
    if (frames !== outcome.sent) return `${frames} frames, and ${outcome.sent} were sent`;
    return form !== "final" && outcome.text !== found.text ? "deltas are not what the items are" : undefined;
  }
  if (error !== undefined) return `failed with ${error.code}: ${error.message}`;
  const reads = beginning(outcome.text, expected.text, "text") ?? beginning(outcome.reasoning, expected.reasoning, "reasoning");
  // One who leaves after the last event has all of it.
  if (left && final === undefined) return reads;
  if (final === undefined) return "did not end";
  const endings = completes === "done" ? ["done", "terminal_event"] : [completes ?? "done", "terminal_event"];
  if (!endings.includes(final.ended_by)) return `ended by ${final.ended_by}`;
  const result = { ...contentOf(final), visited: outcome.visited };
  const seesCalls = options.include?.includes("tool_call.delta");
  const wrong = differs(result, expected, outcome.unvisited || !seesCalls ? ["visited"] : []);
  if (wrong !== undefined) return wrong;
  if (outcome.unvisited || (outcome.text === expected.text && outcome.reasoning === expected.reasoning)) return undefined;
  return "deltas are not what the items are";
}

/** Items in the fields of the benchmark's results. */
function contentOf({ items = [], token_usage: usage }) {
  const ofType = (type) => items.filter((item) => item.type === type);
  const textOf = (parts) => parts.map(({ text }) => text).join("");
  return {
    text: textOf(ofType("message").flatMap(({ content }) => content)),
    reasoning: textOf(ofType("reasoning").flatMap(({ summary, content }) => [...summary, ...(content ?? [])])),
    tools: ofType("function_call").map(({ call_id, name, arguments: args }) => ({ id: call_id, name, arguments: args })),
    usage: usage && {
      input: usage.input_tokens, cached: usage.cached_input_tokens, output: usage.output_tokens,
      reasoning: usage.reasoning_output_tokens ?? undefined, total: usage.total_tokens ?? undefined,
    },
  };
}

function beginning(found, whole, what) {
  return whole.startsWith(found) ? undefined : `${what}: "${found.slice(0, 60)}.." is not how "${whole.slice(0, 60)}.." begins`;
}
