import { anthropicUsage } from "../../result.mjs";
import { anthropicClient, MESSAGES_REQUEST } from "../anthropic.mjs";

const { client, answer } = anthropicClient();

export async function run(source) {
  answer(source);
  let visited = 0;
  const stream = client.messages.stream(MESSAGES_REQUEST);
  for await (const event of stream) {
    if (event.type !== "content_block_delta") continue;
    const { text = "", thinking = "", partial_json = "" } = event.delta;
    visited += text.length + thinking.length + partial_json.length;
  }
  const { content, usage } = await stream.finalMessage();
  const of = (type) => content.filter((block) => block.type === type);
  return {
    text: of("text").map(({ text }) => text).join(""),
    reasoning: of("thinking").map(({ thinking }) => thinking).join(""),
    tools: of("tool_use").map(({ id, name, input }) => ({ id, name, arguments: JSON.stringify(input) })),
    usage: anthropicUsage(usage),
    visited,
  };
}
