// What the converters give goes into the SDKs' requests without a cast. It is compiled, never run.

import type { MessageCreateParamsNonStreaming } from "@anthropic-ai/sdk/resources/messages";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import type { ResponseInputItem } from "openai/resources/responses/responses";
import { observedFetch, toChatMessages as same, type FinalResponse, type Item } from "streamgauge";
import { toAnthropicMessages, toChatMessages, toResponsesInput, type HistoryItem, type Loss } from "streamgauge/convert";

export function turn(final: FinalResponse, items: Item[]): unknown {
  const history: HistoryItem[] = [
    { role: "user", content: "hi" },
    { role: "user", content: [{ type: "input_image", image_url: "https://example.com/a.png" }] },
    ...final.items,
    ...items,
    { type: "function_call_output", call_id: "call_1", output: "ok" },
    { type: "function_call_output", call_id: "call_2", output: { any: "value" }, is_error: true },
    { type: "local_shell_call_output", call_id: "call_3", output: "ok" },
  ];
  const { messages, losses } = toChatMessages(history, { reasoning: "reasoning", emptyReasoning: " ", reasoningOf: "last" });
  const chat: ChatCompletionMessageParam[] = messages;
  const input: ResponseInputItem[] = toResponsesInput(history, { store: true, reasoning: "all" }).input;
  const { losses: lost, ...request } = toAnthropicMessages(history, { callId: (id) => id.slice(0, 9), keep: ["citations"] });
  const anthropic: MessageCreateParamsNonStreaming = { model: "m", max_tokens: 1, ...request };
  const told: string[] = [...losses, ...lost].map(({ index, kind, field, why }: Loss) => `${index} ${kind} ${field ?? ""} ${why}`);
  // @ts-expect-error there is no such option
  toAnthropicMessages(history, { store: true });
  // @ts-expect-error it takes a list
  toChatMessages("hi");
  return [chat, input, anthropic, told, same(final.items)];
}

export const clients = [new OpenAI({ fetch: observedFetch() }), new Anthropic({ fetch: observedFetch() })];
