// Every public type and function, as a user's program has them. It is compiled, never run.

import {
  aggregate, AggregateStream, Aggregator, AggregatorStream, ERROR_CODES, observedFetch, PartialJson, partialArguments, partialJsonOf,
  partialOutput, StreamError, Telemetry, type DeepPartial, type PartialJsonPatch, type PartialJsonState,
  type AggregateOptions, type AggregatorOptions, type CompletedEvent, type Completion, type Counts, type CreatedEvent,
  type CustomToolCallItem, type EndedBy, type ErrorCode, type FinalChoice, type FinalResponse, type FunctionCallItem,
  type IncludeName, type Item, type ItemCommon, type MessageItem, type OutputItemAddedEvent, type OutputItemDoneEvent,
  type OtherItem, type OutputTextDeltaEvent, type OutputTextPart, type ProviderError, type RawEvent, type ReasoningDeltaEvent, type ReasoningItem, type ReasoningSummaryDeltaEvent,
  type RefusalDeltaEvent, type RefusalPart, type Source, type StreamEvent, type Timings, type TokenUsage, type ToolCallDeltaEvent,
  type AttributeValue, type ObservedFetchOptions, type OtlpLogs, type OtlpMetrics, type SignalStats, type SinkInfo, type TelemetryRequest, type TelemetryStats,
  type Wire,
} from "streamgauge";
import * as slim from "streamgauge/slim";

/** Compiles only when the two types are the same. */
function same<A, B>(..._proof: [A] extends [B] ? ([B] extends [A] ? [] : [never]) : [never]): void {}
function never(value: never): never {
  throw new TypeError(`${String(value)} is not possible`);
}

// Options

const wire: Wire = "chat";
const include = ["created", "output_item.added", "tool_call.delta", "raw"] as const satisfies readonly IncludeName[];
const pushOptions: AggregatorOptions = {
  wire, maxEventBytes: 1, maxItemBytes: 1, invalidUtf8: "error", n: 1, include, partialJson: true, thinkTags: "auto",
  thinkTagNames: ["think"], stallMs: 1,
};
const options: AggregateOptions = { ...pushOptions, signal: new AbortController().signal, idleTimeoutMs: 1000 };

// @ts-expect-error there is no such wire
export const noWire: Wire = "morse";
// @ts-expect-error there is no such option
aggregate(new Uint8Array(), { idleTimeout: 5 });
// @ts-expect-error there is no such extra event
aggregate(new Uint8Array(), { include: ["completed"] });
// @ts-expect-error a push aggregator has nothing to abort
new Aggregator({ signal: new AbortController().signal });

// Sources

export async function sources(response: Response, stream: ReadableStream<Uint8Array>): Promise<AggregateStream[]> {
  async function* asynchronous(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array();
  }
  function* synchronous(): Generator<Uint8Array> {
    yield new Uint8Array();
  }
  const all: Source[] = [
    response, stream, asynchronous(), synchronous(), [new Uint8Array()], new Uint8Array(), new ArrayBuffer(0),
  ];
  // @ts-expect-error a body may be null
  aggregate(response.body);
  // @ts-expect-error the response has to be awaited
  aggregate(fetch("/"));
  // @ts-expect-error text is not bytes
  aggregate("data: 1\n\n");
  return [...all.map((source) => aggregate(source)), aggregate(await fetch("/"), options)];
}

// Events

export function narrow(event: StreamEvent): unknown {
  switch (event.type) {
    case "created":
      same<typeof event, CreatedEvent>();
      return [event.response_id, event.model] satisfies string[];
    case "output_item.added":
      same<typeof event, OutputItemAddedEvent>();
      return [event.index satisfies number, event.item satisfies Item];
    case "output_text.delta":
      same<typeof event, OutputTextDeltaEvent>();
      // @ts-expect-error a text has no call
      event.call_id;
      return [event.delta satisfies string, event.choice satisfies number | undefined];
    case "reasoning.delta":
      same<typeof event, ReasoningDeltaEvent>();
      return event.delta satisfies string;
    case "reasoning_summary.delta":
      same<typeof event, ReasoningSummaryDeltaEvent>();
      return [event.delta satisfies string, event.summary_index satisfies number];
    case "refusal.delta":
      same<typeof event, RefusalDeltaEvent>();
      return event.delta satisfies string;
    case "tool_call.delta":
      same<typeof event, ToolCallDeltaEvent>();
      return [event.call_id, event.name, event.delta, event.index satisfies number];
    case "output_item.done":
      same<typeof event, OutputItemDoneEvent>();
      return item(event.item);
    case "raw":
      same<typeof event, RawEvent>();
      return [event.event, event.id satisfies string | undefined, event.data, event.error satisfies string | undefined];
    case "completed":
      same<typeof event, CompletedEvent>();
      return completion(event);
    default:
      return never(event);
  }
}

function item(item: Item): unknown {
  const common: ItemCommon = item;
  const status: "in_progress" | "completed" | "incomplete" | undefined = common.status;
  // @ts-expect-error what the provider sent is not known
  common.provider?.["annotations"]?.length;
  switch (item.type) {
    case "message":
      same<typeof item, MessageItem>();
      return item.content.map((part) => {
        if (part.type === "refusal") return (part satisfies RefusalPart).refusal;
        return (part satisfies OutputTextPart).text;
      });
    case "reasoning":
      same<typeof item, ReasoningItem>();
      return [...item.summary, ...(item.content ?? [])].map(({ text }) => text satisfies string);
    case "function_call":
      same<typeof item, FunctionCallItem>();
      // @ts-expect-error arguments are JSON text, not yet parsed
      item.arguments.path;
      return [item.name, JSON.parse(item.arguments), item.call_id, status];
    case "custom_tool_call":
      same<typeof item, CustomToolCallItem>();
      return [item.name, item.input satisfies string, item.call_id];
    case "web_search_call":
      same<typeof item, OtherItem>();
      return item["action"];
    default:
      return (item satisfies OtherItem).id;
  }
}

function completion(end: Completion): unknown {
  const ended: EndedBy = end.ended_by;
  const usage: TokenUsage | null = end.token_usage;
  // @ts-expect-error the provider may have sent no usage
  end.token_usage.input_tokens;
  const timings: Timings = end.timings;
  const total: number | null | undefined = usage?.total_tokens;
  return [ended, total, timings.duration_ms, timings.gaps.p95_ms satisfies number | null, timings.stalls.total_ms, timings.tokens_per_second, end.finish_reason satisfies string | null, end.finish_reason_normalized, end.provider?.["x"]];
}

// Reading

export async function reading(response: Response): Promise<FinalResponse> {
  const stream: AggregateStream = aggregate(response, options);
  for await (const event of stream) {
    same<typeof event, StreamEvent>();
    narrow(event);
  }
  for await (const batch of stream.batches()) same<typeof batch, StreamEvent[]>();
  const items: Item[] = stream.items;
  stream.cancel();
  const final = await stream.final();
  const choices: FinalChoice[] = final.choices;
  const counts: Counts = final.counts;
  completion(final);
  return { ...final, items: [...items, ...choices.flatMap((choice) => choice.items)], counts };
}

// Items go back to an API as they are.
export const input: readonly Item[] = [
  { type: "message", role: "assistant", content: [{ type: "output_text", text: "" }] },
  { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "" }] },
  { type: "function_call", name: "", arguments: "", call_id: "" },
  { type: "custom_tool_call", name: "", input: "", call_id: "", status: "incomplete", choice: 1, provider: {} },
];

// Push and transform

export function pushing(bytes: Uint8Array): FinalResponse {
  const aggregator = new Aggregator(pushOptions);
  const events: StreamEvent[] = [...aggregator.feed(bytes), ...aggregator.feed(new ArrayBuffer(0)), ...aggregator.finish()];
  events.forEach(narrow);
  const error: StreamError | null = aggregator.error;
  if (error !== null || !aggregator.finished) throw error;
  aggregator.items.forEach(item);
  aggregator.free();
  // @ts-expect-error text is not bytes
  aggregator.feed("data: 1\n\n");
  return aggregator.final();
}

export async function transforming(response: Response): Promise<void> {
  const events: ReadableStream<StreamEvent> = response.body!.pipeThrough(new AggregatorStream(options));
  await events.pipeTo(new WritableStream<StreamEvent>({ write: (event) => void narrow(event) }));
  const { readable, writable } = new AggregatorStream();
  await new Response("").body?.pipeTo(writable);
  await readable.cancel();
}

// JSON that still arrives

interface Edit {
  path: string;
  edits: { line: number; text: string }[];
}

export function arriving(event: StreamEvent): unknown {
  if (event.type === "tool_call.delta") {
    same<ReturnType<typeof partialArguments>, unknown>();
    const edit = partialArguments<Edit>(event);
    same<typeof edit, DeepPartial<Edit> | undefined>();
    // @ts-expect-error it may not be there yet
    edit.path.length;
    const json: PartialJson<Edit> = partialJsonOf<Edit>(event);
    const patches: PartialJsonPatch[] = json.patches();
    const state: PartialJsonState = json.state;
    const grown = patches.map((patch) => ("append" in patch ? patch.append satisfies string : patch.value satisfies unknown));
    return [edit?.edits?.[0]?.line satisfies number | undefined, json.snapshot()?.path, json.error satisfies string | undefined, state, grown];
  }
  if (event.type === "output_text.delta") return partialOutput<Edit>(event)?.path satisfies string | undefined;
  // @ts-expect-error reasoning has no JSON
  if (event.type === "reasoning.delta") return partialOutput(event);
  if (event.type === "output_item.done" && event.item.type === "function_call") return partialArguments(event.item);
  return new PartialJson<number[]>().push("[1") satisfies number[] | undefined;
}

// Telemetry

export async function measuring(response: Response): Promise<TelemetryStats> {
  const telemetry = new Telemetry({ conversationId: "c", model: "m", appVersion: "1", otel: { exporter: "none" } });
  for await (const event of aggregate(response, { telemetry })) narrow(event);
  const attributes: Record<string, AttributeValue> = {
    text: "", number: 1, big: 1n, flag: true, none: null, absent: undefined, at: new Date(), error: new Error(""), bytes: new Uint8Array(),
    list: ["", 1, [null]], map: { a: { b: [] } },
  };
  telemetry.log("app.x");
  telemetry.log("app.x", attributes);
  telemetry.log("app.x", { rest: attributes, tokens: 1 });
  // @ts-expect-error it has no name
  telemetry.log({ tokens: 1 });
  // @ts-expect-error a function is no value
  telemetry.log("app.x", { call: () => 1 });
  await telemetry.shutdown();
  return telemetry.stats;
}

export function observing(telemetry: Telemetry): typeof fetch {
  const options: ObservedFetchOptions = { telemetry, wire: "chat", fetch, onFinal: (final) => void completion(final), onError: failing };
  // @ts-expect-error the library that takes it has its own signals
  observedFetch({ signal: new AbortController().signal });
  return observedFetch(options);
}

export async function measuredAsOthersDo(response: Response): Promise<SignalStats | undefined> {
  const batches: (OtlpLogs | OtlpMetrics)[] = [];
  const telemetry = new Telemetry({
    conversationId: "c", model: "m", appVersion: "1", conventions: "both", semconv: "latest", provider: "groq",
    captureContent: { maxBytes: 100 },
    otel: { exporter: { sink: (batch: OtlpLogs | OtlpMetrics, { type }: SinkInfo) => type === "logs" && batches.push(batch) }, metrics: { interval_ms: 1000 } },
  });
  // Who has no metrics need not know of them.
  new Telemetry({ conversationId: "c", model: "m", appVersion: "1", otel: { exporter: { sink: (batch: OtlpLogs) => batch.resourceLogs } } });
  const inputMessages = [{ role: "user", parts: [{ type: "text", content: "Hi" }] }];
  const request: TelemetryRequest = { model: "m", serverAddress: "x", serverPort: 443, parameters: { seed: 1 }, inputMessages };
  await aggregate(response, { telemetry, request }).final();
  new Aggregator({ telemetry, request });
  // @ts-expect-error a message has parts
  aggregate(response, { telemetry, request: { inputMessages: [{ role: "user", content: "Hi" }] } });
  // @ts-expect-error there are no such conventions
  new Telemetry({ conversationId: "c", model: "m", appVersion: "1", conventions: "otel" });
  return telemetry.stats.metrics;
}

// Errors

export function failing(error: unknown): unknown {
  if (!(error instanceof StreamError)) throw error;
  const code: ErrorCode = error.code;
  same<ErrorCode, (typeof ERROR_CODES)[number]>();
  // @ts-expect-error there is no such code
  if (code === "timeout") return;
  const provider: ProviderError | undefined = error.provider;
  const said = provider && [provider.status, provider.message, provider.type, provider.code, provider.param, provider.retry_after_ms];
  return [
    error.name satisfies "StreamError", error.message, error.cause, error.partial satisfies Item[], error.status satisfies number | undefined,
    error.retryAfterMs satisfies number | undefined, provider?.raw, said,
  ];
}
export const own = new StreamError("aborted", "words", { partial: [], cause: 1 });

// The slim entry: the same API, and its loaders

export async function loading(response: Response, bytes: Uint8Array<ArrayBuffer>, module: WebAssembly.Module): Promise<void> {
  const sources: slim.CoreSource[] = [
    "core.wasm", new URL("https://example.com/"), new Request("/"), response, bytes, bytes.buffer, module, Promise.resolve(module), fetch("/"),
  ];
  for (const source of sources) await slim.init(source);
  slim.initSync(module);
  slim.initSync(bytes);
  // @ts-expect-error it does not know where its module is
  await slim.init();
  const stream: slim.AggregateStream = slim.aggregate(response);
  narrow(await stream[Symbol.asyncIterator]().next().then(({ value }) => value as slim.StreamEvent));
}
