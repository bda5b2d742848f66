import { responsesAccumulator } from "../accumulate.mjs";
import { openaiClient, RESPONSES_REQUEST } from "../openai.mjs";

const { client, answer } = openaiClient();

export async function run(source) {
  answer(source);
  const accumulator = responsesAccumulator();
  for await (const event of await client.responses.create({ ...RESPONSES_REQUEST, stream: true })) accumulator.add(event);
  return accumulator.result();
}
