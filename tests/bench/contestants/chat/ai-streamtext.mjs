import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { jsonSchema, streamText, tool } from "ai";

import { answering } from "../ai.mjs";

const { settings, answer } = answering();
const model = createOpenAICompatible(settings)("gpt-5");
// Tools that it does not know become errors.
const inputSchema = jsonSchema({ type: "object", properties: { path: { type: "string" }, content: { type: "string" } } });
const TOOLS = Object.fromEntries(["write_file", "apply_patch", "run_command"].map((name) => [name, tool({ inputSchema })]));

export async function run(source) {
  answer(source);
  let visited = 0;
  const result = streamText({ model, prompt: "explain this function", tools: TOOLS, maxRetries: 0 });
  for await (const part of result.fullStream) {
    if (part.type === "text-delta" || part.type === "reasoning-delta") visited += part.text.length;
    else if (part.type === "tool-input-delta") visited += part.delta.length;
    else if (part.type === "error") throw part.error;
  }
  const { inputTokens, outputTokens, totalTokens, inputTokenDetails, outputTokenDetails } = await result.usage;
  return {
    text: await result.text,
    reasoning: (await result.reasoningText) ?? "",
    // Only the parsed value is there; the streams' arguments are as JSON.stringify writes them.
    tools: (await result.toolCalls).map(({ toolCallId: id, toolName: name, input }) => ({ id, name, arguments: JSON.stringify(input) })),
    usage: {
      input: inputTokens, cached: inputTokenDetails.cacheReadTokens, output: outputTokens,
      reasoning: outputTokenDetails.reasoningTokens, total: totalTokens,
    },
    visited,
  };
}
