import { createAnthropic } from "@ai-sdk/anthropic";

import { answering, doStream } from "../ai.mjs";

const { settings, answer } = answering();
const provider = createAnthropic(settings);

export async function run(source) {
  answer(source);
  const { usage, ...result } = await doStream(provider("claude-sonnet-5-5"));
  // Its sum of both, and no total of the API's.
  return { ...result, usage: { input: usage.input - usage.cached, cached: usage.cached, output: usage.output } };
}
