import { chatAccumulator } from "../accumulate.mjs";
import { CHAT_REQUEST, openaiClient } from "../openai.mjs";

const { client, answer } = openaiClient();

export async function run(source) {
  answer(source);
  const accumulator = chatAccumulator();
  for await (const chunk of await client.chat.completions.create({ ...CHAT_REQUEST, stream: true })) accumulator.add(chunk);
  return accumulator.result();
}
