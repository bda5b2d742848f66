// The AI SDK's providers: what their streams give, gathered.

const PROMPT = [{ role: "user", content: [{ type: "text", text: "explain this function" }] }];

/** Usage in the names of the AI SDK's provider interface. */
export const providerUsage = ({ inputTokens: input, outputTokens: output }) => ({
  input: input.total, cached: input.cacheRead, output: output.total, reasoning: output.reasoning,
  total: input.total + output.total,
});

/** Reads a model's own stream, below `streamText`. */
export async function doStream(model) {
  const { stream } = await model.doStream({ prompt: PROMPT });
  const reader = stream.getReader();
  const tools = [];
  let text = "";
  let reasoning = "";
  let usage;
  let visited = 0;
  for (;;) {
    const { value: part, done } = await reader.read();
    if (done) return { text, reasoning, tools, usage: providerUsage(usage), visited };
    switch (part.type) {
      case "text-delta":
        text += part.delta;
        visited += part.delta.length;
        break;
      case "reasoning-delta":
        reasoning += part.delta;
        visited += part.delta.length;
        break;
      case "tool-input-delta":
        visited += part.delta.length;
        break;
      case "tool-call":
        tools.push({ id: part.toolCallId, name: part.toolName, arguments: part.input });
        break;
      case "finish":
        usage = part.usage;
        break;
      case "error":
        throw part.error;
    }
  }
}

/** A provider's settings and what its next request gets. */
export function answering() {
  let response;
  const fetch = async () => response();
  return {
    settings: { name: "bench", apiKey: "-", baseURL: "http://localhost/v1", includeUsage: true, fetch },
    answer(source) {
      response = () => source.response();
    },
  };
}
