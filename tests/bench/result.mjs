// What every contestant must find, and the comparison. No Node API: pages use it as well.

/**
 * A contestant returns `text`, `reasoning`, `tools` (each `{id, name, arguments}`), `usage` (`{input, cached, output,
 * reasoning, total}`) and `visited`: how many characters of deltas passed through its loop, so that nobody is
 * fast by not looking.
 */
export const FIELDS = ["text", "reasoning", "tools", "usage", "visited"];

/** What is wrong with a result, in words; `undefined` if it is right. `loses` names fields that are known to be wrong. */
export function differs(result, expected, loses = []) {
  for (const field of FIELDS) {
    if (loses.includes(field)) continue;
    const [found, wanted] = [result[field], expected[field]].map((value) => JSON.stringify(value));
    if (found === wanted) continue;
    let at = 0;
    while (found?.[at] === wanted[at]) at++;
    const around = (text) => String(text).slice(Math.max(0, at - 20), at + 40);
    return `${field} differs at ${at}: found ${around(found)}, expected ${around(wanted)}`;
  }
  return undefined;
}

/** Usage in the names of the Chat Completions API. */
export const chatUsage = (usage) => ({
  input: usage.prompt_tokens, cached: usage.prompt_tokens_details?.cached_tokens, output: usage.completion_tokens,
  reasoning: usage.completion_tokens_details?.reasoning_tokens, total: usage.total_tokens,
});

/** Usage in the names of the Responses API. */
export const responsesUsage = (usage) => ({
  input: usage.input_tokens, cached: usage.input_tokens_details?.cached_tokens, output: usage.output_tokens,
  reasoning: usage.output_tokens_details?.reasoning_tokens, total: usage.total_tokens,
});

/** Usage in the names of the Anthropic API, which has no total and tells no reasoning. */
export const anthropicUsage = (usage) => ({
  input: usage.input_tokens, cached: usage.cache_read_input_tokens, output: usage.output_tokens,
});
