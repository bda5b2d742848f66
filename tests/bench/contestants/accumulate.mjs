// What one writes by hand around a parser: the deltas of a chunk into the final message. As little as is right.

import { anthropicUsage, chatUsage, responsesUsage } from "../result.mjs";

/** `add(chunk)` for every chunk of the Chat Completions wire. */
export function chatAccumulator() {
  let text = "";
  let reasoning = "";
  let usage;
  let visited = 0;
  const tools = [];
  return {
    add(chunk) {
      if (chunk.usage) usage = chunk.usage;
      const delta = chunk.choices[0]?.delta;
      if (delta === undefined) return;
      if (delta.content) {
        text += delta.content;
        visited += delta.content.length;
      }
      if (delta.reasoning_content) {
        reasoning += delta.reasoning_content;
        visited += delta.reasoning_content.length;
      }
      if (delta.tool_calls) {
        for (const { index, id, function: call } of delta.tool_calls) {
          const tool = (tools[index] ??= { id, name: call.name, arguments: "" });
          tool.arguments += call.arguments;
          visited += call.arguments.length;
        }
      }
    },
    result: () => ({ text, reasoning, tools, usage: chatUsage(usage), visited }),
  };
}

/** `add(event)` for every event of the Responses wire. */
export function responsesAccumulator() {
  let text = "";
  let reasoning = "";
  let usage;
  let visited = 0;
  const tools = [];
  return {
    add(event) {
      switch (event.type) {
        case "response.output_text.delta":
          text += event.delta;
          visited += event.delta.length;
          break;
        case "response.reasoning_summary_text.delta":
          reasoning += event.delta;
          visited += event.delta.length;
          break;
        case "response.function_call_arguments.delta":
          visited += event.delta.length;
          break;
        case "response.output_item.done":
          if (event.item.type === "function_call") {
            tools.push({ id: event.item.call_id, name: event.item.name, arguments: event.item.arguments });
          }
          break;
        case "response.completed":
          usage = event.response.usage;
      }
    },
    result: () => ({ text, reasoning, tools, usage: responsesUsage(usage), visited }),
  };
}

/** `add(event)` for every event of the Anthropic wire. */
export function anthropicAccumulator() {
  let text = "";
  let reasoning = "";
  let usage = {};
  let visited = 0;
  const tools = [];
  const calls = [];
  return {
    add(event) {
      switch (event.type) {
        case "message_start":
          usage = event.message.usage;
          break;
        case "content_block_start":
          if (event.content_block.type === "tool_use") {
            const { id, name } = event.content_block;
            tools.push((calls[event.index] = { id, name, arguments: "" }));
          }
          break;
        case "content_block_delta": {
          const { delta } = event;
          if (delta.type === "text_delta") {
            text += delta.text;
            visited += delta.text.length;
          } else if (delta.type === "thinking_delta") {
            reasoning += delta.thinking;
            visited += delta.thinking.length;
          } else if (delta.type === "input_json_delta") {
            calls[event.index].arguments += delta.partial_json;
            visited += delta.partial_json.length;
          }
          break;
        }
        case "message_delta":
          usage = { ...usage, ...event.usage };
      }
    },
    result: () => ({ text, reasoning, tools, usage: anthropicUsage(usage), visited }),
  };
}
