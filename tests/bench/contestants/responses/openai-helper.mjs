import { responsesUsage } from "../../result.mjs";
import { openaiClient, RESPONSES_REQUEST } from "../openai.mjs";

const { client, answer } = openaiClient();
const DELTAS = new Set([
  "response.output_text.delta", "response.reasoning_summary_text.delta", "response.function_call_arguments.delta",
]);

export async function run(source) {
  answer(source);
  let visited = 0;
  const stream = client.responses.stream(RESPONSES_REQUEST);
  for await (const event of stream) if (DELTAS.has(event.type)) visited += event.delta.length;
  const { output, output_text, usage } = await stream.finalResponse();
  const calls = output.filter(({ type }) => type === "function_call");
  const thoughts = output.filter(({ type }) => type === "reasoning");
  return {
    text: output_text,
    reasoning: thoughts.flatMap(({ summary }) => summary.map(({ text }) => text)).join(""),
    tools: calls.map(({ call_id, name, arguments: args }) => ({ id: call_id, name, arguments: args })),
    usage: responsesUsage(usage),
    visited,
  };
}
