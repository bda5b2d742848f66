// How the streams are read in stall-page.mjs: a user's loop, with each reader.

import { createParser } from "eventsource-parser";
import OpenAI from "openai";
import { aggregate } from "streamgauge";

export const READERS = {
  idle: undefined,

  async streamgauge(response, onDelta) {
    for await (const event of aggregate(response)) if (event.type.endsWith(".delta")) onDelta();
  },

  async floor(response, onDelta) {
    let text = "";
    const parser = createParser({
      onEvent({ data }) {
        const delta = data === "[DONE]" ? undefined : JSON.parse(data).choices[0]?.delta;
        if (!delta?.content) return;
        text += delta.content;
        onDelta();
      },
    });
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (let read; !(read = await reader.read()).done; ) parser.feed(decoder.decode(read.value, { stream: true }));
  },

  async openai(response, onDelta) {
    const fetch = async () => response;
    const client = new OpenAI({ apiKey: "-", baseURL: "http://localhost/v1", fetch, dangerouslyAllowBrowser: true });
    const stream = client.chat.completions.stream({ model: "gpt-5", messages: [] });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) onDelta();
    await stream.finalChatCompletion();
  },
};
