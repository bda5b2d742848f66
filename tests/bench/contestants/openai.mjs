// The openai client, whose requests are answered from here.

import OpenAI from "openai";

/** A client that is made once; `answer(source)` says what its next request gets. */
export function openaiClient() {
  let response;
  const fetch = async () => response();
  // The key is none; a page is a test's page.
  const client = new OpenAI({ apiKey: "-", baseURL: "http://localhost/v1", fetch, maxRetries: 0, dangerouslyAllowBrowser: true });
  return {
    client,
    answer(source) {
      response = () => source.response();
    },
  };
}

export const CHAT_REQUEST = {
  model: "gpt-5", messages: [{ role: "user", content: "explain this function" }], stream_options: { include_usage: true },
};
export const RESPONSES_REQUEST = { model: "gpt-5", input: "explain this function" };
