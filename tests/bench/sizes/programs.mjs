// The same little program with each peer: ask, show the deltas, return the finished message. What a page would ship.

const ACCUMULATE = `
  const message = { text: "", reasoning: "", tools: [] };
  function take(chunk) {
    if (chunk.usage) message.usage = chunk.usage;
    const delta = chunk.choices[0]?.delta ?? {};
    if (delta.content) show(delta.content), (message.text += delta.content);
    if (delta.reasoning_content) message.reasoning += delta.reasoning_content;
    for (const { index, id, function: call } of delta.tool_calls ?? []) {
      const tool = (message.tools[index] ??= { id, name: call.name, arguments: "" });
      tool.arguments += call.arguments;
    }
  }`;

const REQUEST = `{ model, messages, stream: true, stream_options: { include_usage: true } }`;
const OPENAI = `import OpenAI from "openai";
  const client = new OpenAI({ apiKey: key, dangerouslyAllowBrowser: true });`;
const OTEL = (format) => `
  import { LoggerProvider, BatchLogRecordProcessor } from "@opentelemetry/sdk-logs";
  import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-${format}";
  const exporter = new OTLPLogExporter({ url: "https://otel.example.com/v1/logs" });
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
  const logger = provider.getLogger("app");
  export const log = (eventName, attributes) => logger.emit({ eventName, attributes });
  export const flush = () => provider.forceFlush();`;
const ESP = `import { createParser } from "eventsource-parser";
  export async function ask(url, init, show) {
    ${ACCUMULATE}
    const parser = createParser({ onEvent({ data }) { if (data !== "[DONE]") take(JSON.parse(data)); } });
    const decoder = new TextDecoder();
    const reader = (await fetch(url, init)).body.getReader();
    for (let read; !(read = await reader.read()).done; ) parser.feed(decoder.decode(read.value, { stream: true }));
    return message;
  }`;
const OPENAI_HELPER = `${OPENAI}
  export async function ask(model, messages, show) {
    const stream = client.chat.completions.stream(${REQUEST});
    stream.on("content", show);
    return stream.finalMessage();
  }`;
const AI = `import { streamText } from "ai"; import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
  const models = createOpenAICompatible({ name: "x", apiKey: key, baseURL: "https://api.example.com/v1" });
  export async function ask(model, messages, show) {
    const result = streamText({ model: models(model), messages });
    for await (const part of result.fullStream) if (part.type === "text-delta") show(part.text);
    return { text: await result.text, tools: await result.toolCalls, usage: await result.usage };
  }`;
const OURS = (imports) => `${imports}
  export async function ask(url, init, show) {
    const stream = aggregate(await fetch(url, init));
    for await (const event of stream) if (event.type === "output_text.delta") show(event.delta);
    return stream.final();
  }`;
const OURS_TELEMETRY = (imports) => `${imports}
  const exporter = { "otlp-http": { endpoint: "https://otel.example.com/v1/logs", protocol: "json" } };
  const telemetry = new Telemetry({ conversationId: crypto.randomUUID(), model: "gpt-5", appVersion: "1", otel: { exporter } });
  export async function ask(url, init, show) {
    const stream = aggregate(await telemetry.fetch(url, init), { telemetry });
    for await (const event of stream) if (event.type === "output_text.delta") show(event.delta);
    return stream.final();
  }`;
const SLIM = 'from "streamgauge/slim"; const loaded = init("/core_bg.wasm");';

/** `files`: what is downloaded beside the bundle. */
export const PROGRAMS = [
  { name: "inlined", title: "**streamgauge**, WebAssembly inlined", code: OURS('import { aggregate } from "streamgauge";') },
  {
    name: "aggregate", title: "**streamgauge/aggregate**, no telemetry, inlined",
    code: OURS('import { aggregate } from "streamgauge/aggregate";'),
  },
  {
    name: "slim", title: "**streamgauge/slim** + `core.wasm`", code: OURS(`import { aggregate, init } ${SLIM}`),
    files: ["streamgauge/core.wasm"],
  },
  {
    name: "inlined-telemetry", title: "**streamgauge** with `Telemetry`, inlined",
    code: OURS_TELEMETRY('import { aggregate, Telemetry } from "streamgauge";'),
  },
  {
    name: "slim-telemetry", title: "**streamgauge/slim** with `Telemetry` + `core.wasm`",
    code: OURS_TELEMETRY(`import { aggregate, init, Telemetry } ${SLIM} await loaded;`), files: ["streamgauge/core.wasm"],
  },
  { name: "eventsource-parser", title: "`eventsource-parser` + `JSON.parse` + accumulate", code: ESP },
  {
    name: "openai-raw", title: "`openai` `create({stream})` + accumulate",
    code: `${OPENAI}
      export async function ask(model, messages, show) {
        ${ACCUMULATE}
        for await (const chunk of await client.chat.completions.create(${REQUEST})) take(chunk);
        return message;
      }`,
  },
  { name: "openai-helper", title: "`openai` `chat.completions.stream()`", code: OPENAI_HELPER },
  {
    name: "openai-responses", title: "`openai` `responses.stream()`",
    code: `${OPENAI}
      export async function ask(model, input, show) {
        const stream = client.responses.stream({ model, input });
        stream.on("response.output_text.delta", ({ delta }) => show(delta));
        return stream.finalResponse();
      }`,
  },
  { name: "ai-streamtext", title: "`ai` `streamText` + `@ai-sdk/openai-compatible`", code: AI },
  {
    name: "langchain", title: "`@langchain/openai`",
    code: `import { ChatOpenAI } from "@langchain/openai";
      const chat = new ChatOpenAI({ apiKey: key });
      export async function ask(messages, show) {
        let final;
        for await (const chunk of await chat.stream(messages)) show(chunk.content), (final = final ? final.concat(chunk) : chunk);
        return final;
      }`,
  },
  { name: "otel-http", title: "OpenTelemetry logs over HTTP, JSON", code: OTEL("http") },
  { name: "otel-proto", title: "OpenTelemetry logs over HTTP, protobuf", code: OTEL("proto") },
  { name: "esp-otel", title: "`eventsource-parser` + OpenTelemetry JSON", code: OTEL("http") + ESP },
  { name: "openai-otel", title: "`openai` helper + OpenTelemetry JSON", code: OTEL("http") + OPENAI_HELPER },
  { name: "ai-otel", title: "`ai` `streamText` + OpenTelemetry JSON", code: OTEL("http") + AI },
];
