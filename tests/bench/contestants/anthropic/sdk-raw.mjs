import { anthropicAccumulator } from "../accumulate.mjs";
import { anthropicClient, MESSAGES_REQUEST } from "../anthropic.mjs";

const { client, answer } = anthropicClient();

export async function run(source) {
  answer(source);
  const accumulator = anthropicAccumulator();
  for await (const event of await client.messages.create({ ...MESSAGES_REQUEST, stream: true })) accumulator.add(event);
  return accumulator.result();
}
