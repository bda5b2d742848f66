import { chatUsage } from "../../result.mjs";
import { CHAT_REQUEST, openaiClient } from "../openai.mjs";

const { client, answer } = openaiClient();

export async function run(source) {
  answer(source);
  let visited = 0;
  const stream = client.chat.completions.stream(CHAT_REQUEST);
  for await (const chunk of stream) {
    const delta = chunk.choices[0]?.delta;
    if (delta === undefined) continue;
    if (delta.content) visited += delta.content.length;
    if (delta.reasoning_content) visited += delta.reasoning_content.length;
    for (const call of delta.tool_calls ?? []) visited += call.function.arguments.length;
  }
  const { choices: [{ message }], usage } = await stream.finalChatCompletion();
  return {
    text: message.content,
    reasoning: message.reasoning_content,
    tools: (message.tool_calls ?? []).map(({ id, function: call }) => ({ id, name: call.name, arguments: call.arguments })),
    usage: chatUsage(usage),
    visited,
  };
}
