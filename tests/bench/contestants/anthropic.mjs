// The Anthropic client, whose requests are answered from here.

import Anthropic from "@anthropic-ai/sdk";

/** A client that is made once; `answer(source)` says what its next request gets. */
export function anthropicClient() {
  let response;
  const fetch = async () => response();
  const client = new Anthropic({ apiKey: "-", baseURL: "http://localhost", fetch, maxRetries: 0 });
  return {
    client,
    answer(source) {
      response = () => source.response();
    },
  };
}

export const MESSAGES_REQUEST = {
  model: "claude-sonnet-5-5", max_tokens: 64_000, messages: [{ role: "user", content: "explain this function" }],
};
