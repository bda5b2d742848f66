// What both sides record: turns of a conversation, five kinds of events, most of them of a stream.

import { makeStream } from "../streams.mjs";

export const SESSION = {
  conversationId: "0199c1a2-0000-7000-8000-000000000001", model: "gpt-5", slug: "gpt-5", appVersion: "1.4.0",
  terminalType: "web-ide", authMode: "ApiKey", accountId: "acct-1",
};

const ANSWER = new Response("", { headers: { "cf-ray": "8f1c2d3e4f5a6b7c-FRA" } });

/** The model's API, as far as requests are recorded. */
export const answer = async () => ANSWER;

/** Other events per turn, of each of four kinds. */
const EACH = 5;
const STREAM_TOKENS = 8;

/**
 * `turn`: what happens in one; `records`: how many records that are; `turns`: how many make about `wanted` records.
 * `sse` holds the attributes that each record of the turn's stream has beside the common ones.
 */
export function plan(wanted) {
  const stream = makeStream({ wire: "responses", tokens: STREAM_TOKENS });
  const frames = new TextDecoder().decode(stream.bytes).trimEnd().split("\n\n");
  const sse = frames.flatMap((frame) => sseAttributes(JSON.parse(frame.slice(frame.indexOf("data: ") + 6))));
  const calls = Array.from({ length: EACH }, (_, index) => ({
    prompt: `Explain why test ${index} of the parser fails, and mend it. `.repeat(1 + index),
    decision: { tool_name: "shell", call_id: `call_${index}`, decision: "approved_for_session", source: "user" },
    result: {
      tool_name: "shell", call_id: `call_${index}`, duration_ms: 120 + index, success: index !== 3,
      arguments: `{"command":["cargo","test","--test","sse","--","case_${index}"]}`,
      output: "running 12 tests\n............\ntest result: ok. 12 passed; 0 failed\n",
    },
  }));
  const records = 4 * EACH + sse.length;
  return { body: stream.bytes, sse, calls, records, turns: Math.ceil(wanted / records) };
}

/** The end of a stream has a second record, with the token counts. */
function sseAttributes({ type, response }) {
  const event = { "event.kind": type, timed: true };
  if (type !== "response.completed") return [event];
  const { input_tokens, output_tokens, total_tokens, input_tokens_details, output_tokens_details } = response.usage;
  const counts = {
    "event.kind": type, input_token_count: String(input_tokens), output_token_count: String(output_tokens),
    cached_token_count: input_tokens_details.cached_tokens, reasoning_token_count: output_tokens_details.reasoning_tokens,
    tool_token_count: String(total_tokens),
  };
  return [event, counts];
}
