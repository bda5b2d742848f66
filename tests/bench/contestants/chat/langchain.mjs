import { ChatOpenAI } from "@langchain/openai";

let response;
const fetch = async () => response();
const model = new ChatOpenAI({
  model: "gpt-5", apiKey: "-", maxRetries: 0, streamUsage: true, useResponsesApi: false,
  configuration: { baseURL: "http://localhost/v1", fetch, dangerouslyAllowBrowser: true },
});

export async function run(source) {
  response = () => source.response();
  let visited = 0;
  let final;
  for await (const chunk of await model.stream("explain this function")) {
    const { content, additional_kwargs: { reasoning_content: reasoning }, tool_call_chunks: calls } = chunk;
    visited += content.length;
    if (reasoning) visited += reasoning.length;
    for (const call of calls ?? []) visited += call.args?.length ?? 0;
    final = final === undefined ? chunk : final.concat(chunk);
  }
  const { usage_metadata: usage } = final;
  return {
    text: final.content,
    reasoning: final.additional_kwargs.reasoning_content ?? "",
    tools: final.tool_calls.map(({ id, name, args }) => ({ id, name, arguments: JSON.stringify(args) })),
    usage: {
      input: usage.input_tokens, cached: usage.input_token_details?.cache_read, output: usage.output_tokens,
      reasoning: usage.output_token_details?.reasoning, total: usage.total_tokens,
    },
    visited,
  };
}
