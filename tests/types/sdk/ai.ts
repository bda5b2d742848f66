// The adapter's chunks are those of the `ai` package. It is compiled, never run.

import { createUIMessageStreamResponse, type UIMessageChunk as TheirChunk } from "ai";
import { aggregate, observedFetch } from "streamgauge";
import { toUIMessageStream, type UIMessageChunk, type UIMessageStreamOptions } from "streamgauge/ai";
import { createOpenAI } from "@ai-sdk/openai";

export function route(response: Response): Response {
  const options: UIMessageStreamOptions = {
    messageId: "m", sendSources: true, messageMetadata: (event) => (event.type === "completed" ? event.token_usage : undefined), onError: String,
  };
  const events = aggregate(response, { include: ["tool_call.delta"] });
  return createUIMessageStreamResponse({ stream: toUIMessageStream(events, options) });
}
export const theirs = (chunk: UIMessageChunk): TheirChunk => chunk;
export const provider = createOpenAI({ fetch: observedFetch() });
// @ts-expect-error there is no such option
toUIMessageStream(aggregate(new Uint8Array()), { sendUsage: true });
