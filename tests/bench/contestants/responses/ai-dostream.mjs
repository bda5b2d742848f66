import { createOpenAI } from "@ai-sdk/openai";

import { answering, doStream } from "../ai.mjs";

const { settings, answer } = answering();
const provider = createOpenAI(settings);

export function run(source) {
  answer(source);
  return doStream(provider.responses("gpt-5"));
}
