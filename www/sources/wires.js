// How each API is asked: where, with which headers, in which words.

/** The headers all of them get. */
const COMMON = { "content-type": "application/json", accept: "text/event-stream" };

export const WIRES = {
  chat: {
    base: "https://api.openai.com/v1", model: "gpt-4o-mini", path: "/chat/completions",
    headers: COMMON, key: (key) => ["authorization", `Bearer ${key}`],
    body: (model, prompt) => ({
      model, messages: [{ role: "user", content: prompt }], stream: true, stream_options: { include_usage: true },
    }),
  },
  responses: {
    base: "https://api.openai.com/v1", model: "gpt-5-mini", path: "/responses",
    headers: COMMON, key: (key) => ["authorization", `Bearer ${key}`],
    body: (model, prompt) => ({ model, input: prompt, stream: true }),
  },
  anthropic: {
    base: "https://api.anthropic.com/v1", model: "claude-sonnet-4-5", path: "/messages",
    // Without the last one Anthropic does not answer pages.
    headers: { ...COMMON, "anthropic-version": "2023-06-01", "anthropic-dangerous-direct-browser-access": "true" },
    key: (key) => ["x-api-key", key],
    body: (model, prompt) => ({ model, max_tokens: 1024, messages: [{ role: "user", content: prompt }], stream: true }),
  },
};

/** The whole URL of a request: a base that ends in the API's path already is used as it is. */
export function urlOf(wire, base) {
  const { path } = WIRES[wire];
  const trimmed = base.trim().replace(/\/+$/, "");
  return trimmed.endsWith(path) ? trimmed : trimmed + path;
}
