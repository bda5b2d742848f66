import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

import { answering, doStream } from "../ai.mjs";

const { settings, answer } = answering();
const provider = createOpenAICompatible(settings);

export function run(source) {
  answer(source);
  return doStream(provider("gpt-5"));
}
