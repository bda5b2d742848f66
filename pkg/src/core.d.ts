// The raw boundary: wasm-bindgen's glue, which pkg/scripts/glue.mjs made a function (dist/core.js). Not public.

import type { Clock } from "./clock.js";
import type { SharedSignal } from "./signal.js";

/** The module's exports. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
}

/** What the glue uses in place of the globals. */
export interface Host {
  /** Puts what traps must go through around an instance's exports. */
  guard(exports: WebAssembly.Exports): WebAssembly.Exports;
  performance: Clock;
  setTimeout(call: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The glue of one instance, which is there once `init` or `initSync` is done. */
export interface Glue {
  readonly StreamReader: new (source: unknown, options: object, signal: SharedSignal | undefined) => StreamReader;
  readonly PushAggregator: new (options: object) => PushAggregator;
  readonly TelemetryCore: new (settings: TelemetryCoreSettings) => TelemetryCore;
  initSync(arg: { module: BufferSource | WebAssembly.Module }): CoreExports;
  init(arg: {
    module_or_path:
      | string
      | URL
      | Request
      | Response
      | BufferSource
      | WebAssembly.Module
      | Promise<Response | BufferSource | WebAssembly.Module>;
  }): Promise<CoreExports>;
  module(): WebAssembly.Module;
}

export function makeCore(host: Host): Glue;

/** src/wasm/reader.rs */
export interface StreamReader {
  control(): number;
  /** Returns `true` when there is something to look at; else calls `ready` when there is. */
  pull(ready: () => void): boolean;
  cancel(): void;
  /** What is read: a locked stream's reader, or an iterator; `undefined` when there is nothing to cancel. */
  source(): unknown;
  /** Records every frame, and the end, with this telemetry. Before the first `pull()`; see `TelemetryCoreRequest`. */
  observe(telemetry: TelemetryCore, request?: TelemetryCoreRequest | null, content?: TelemetryCoreContent): void;
  error(): string | undefined;
  cause(): unknown;
  items(): string;
  snapshot(): string;
  free(): void;
}

/** src/wasm/aggregator.rs */
export interface PushAggregator {
  control(): number;
  feed(bytes: Uint8Array): void;
  finish(): void;
  fail(message: string): void;
  observe(telemetry: TelemetryCore, request?: TelemetryCoreRequest | null, content?: TelemetryCoreContent): void;
  error(): string | undefined;
  items(): string;
  snapshot(): string;
  free(): void;
}

/** What is known of a stream's request; `null` for one that is recorded already. */
export interface TelemetryCoreRequest {
  /** By `performance.now()`. */
  started_ms?: number;
  model?: string;
  server_address?: string;
  server_port?: number;
  /** Those of src/telemetry/gen_ai/names.rs, as the API takes them. */
  parameters?: object;
}

/** A request's content, in the conventions' form. */
export interface TelemetryCoreContent {
  input_messages: unknown;
  system_instructions: unknown;
}

/** What `TelemetryCore` is made of; everything is checked and filled in by the facade. */
export interface TelemetryCoreSettings {
  conversationId: string;
  model: string;
  slug: string;
  appVersion: string;
  terminalType: string;
  authMode?: string;
  accountId?: string;
  serviceName: string;
  serviceVersion: string;
  /** The resource's `env`. */
  environment: string;
  /** Further resource attributes. */
  resourceAttributes?: Record<string, string>;
  logUserPrompt: boolean;
  /** How many bytes may leave; `true` all, `false` none (`[REDACTED]`). */
  logToolArguments: boolean | number;
  logToolOutput: boolean | number;
  attributeTypes: "codex" | "typed";
  conventions: "codex" | "gen_ai" | "both";
  semconv: "1.41.0" | "latest";
  /** `gen_ai.provider.name`, where it is not to be told by the server's name or the API. */
  provider?: string;
  /** As for the tools' content. */
  captureContent: boolean | number;
  /** Absent: no metrics. */
  metricsIntervalMs?: number;
  sseEvents: "all" | "summary" | "off";
  streamTimings: boolean;
  format: "json" | "protobuf";
  /** A W3C `traceparent` to take the ids from. */
  traceparent?: string;
  /** Bytes that the transport adds to each request body (gRPC: 5). */
  frameOverhead: number;
  /** `false` (exporter none): records are made and dropped, nothing queues, no timer is ever asked for. */
  exports: boolean;
  /** Names as in src/otlp/worker.rs `WorkerOptions`; what is absent has its default. Times in ms. */
  worker: Partial<{
    max_queue_size: number;
    max_queue_bytes: number;
    max_export_batch_size: number;
    max_request_bytes: number;
    scheduled_delay_ms: number;
    export_timeout_ms: number;
    flush_timeout_ms: number;
    shutdown_timeout_ms: number;
    retry_initial_ms: number;
    retry_factor: number;
    retry_cap_ms: number;
    retry_max_elapsed_ms: number;
  }>;
  /** Attribute limits of a record; what is absent has its default (128, none). */
  attributeCountLimit?: number;
  attributeValueLengthLimit?: number;
}

/** What the worker wants from its host; src/otlp/worker.rs `Output`. Times are of `performance.now()`. */
export type WorkerOutput =
  | {
      type: "send"; id: number; signal?: "logs" | "metrics"; attempt: number; records: number; body_len: number;
      deadline_ms: number;
    }
  | { type: "cancel"; id: number }
  | { type: "wake_at"; at_ms: number | null }
  | { type: "flush_done"; ids: number[]; result: "ok" | "failed" | "timed_out" }
  | { type: "shutdown_done"; result: "ok" | "failed" | "timed_out" };

/** src/wasm/telemetry.rs: makes the records and holds the queue; performs no IO. Throws JSON texts as above. */
export interface TelemetryCore {
  /** The events. Field names are those of the public types; absent ones are omitted. */
  conversationStarts(event: object): void;
  /** Returns, as those that follow, whether there is something to `poll()`. */
  apiRequest(
    attempt: number,
    durationMs: number,
    status: number | undefined,
    errorMessage: string | undefined,
    cfRay: string | undefined,
  ): boolean;
  userPrompt(prompt: string): boolean;
  /** Texts are joined by a character; all but the last have their lengths told. */
  toolDecision(texts: string, toolName: number, callId: number, decision: number): boolean;
  /** As above; -1 is the length of a call's id that there is none of. The output, which may be large, comes alone. */
  toolResult(
    texts: string,
    toolName: number,
    callId: number,
    hasArguments: boolean,
    output: string,
    durationMs: number,
    success: boolean,
  ): boolean;
  /** A request that failed before there was a stream: by its status, or with an exception. */
  requestFailed(request: TelemetryCoreRequest, status: number | undefined, message: string, aborted: boolean): void;
  /** An event of the caller's own; what the attributes' values become is in src/wasm/telemetry_values.rs. */
  log(name: string, attributes: object): void;
  /** Whether there is something to `poll()`, which costs more. */
  hasOutput(): boolean;
  /** The next thing the worker wants, as JSON text of a `WorkerOutput`; `undefined`: nothing more now. */
  poll(): string | undefined;
  /** The encoded request body of an export that was asked for. */
  body(id: number): Uint8Array<ArrayBuffer>;
  tick(random: number): void;
  /** How an HTTP export ended. `body` is what was read of the response (at most 4 MiB), in its content type. */
  httpResponse(
    id: number,
    status: number,
    retryAfter: string | undefined,
    contentType: string,
    body: Uint8Array,
    random: number,
  ): void;
  /** How a gRPC export ended; `details` is the decoded trailer `grpc-status-details-bin`, `message` percent-decoded. */
  grpcResponse(id: number, code: number, message: string, details: Uint8Array, body: Uint8Array, random: number): void;
  /** The export could not be sent or its answer not be read (after `cancel`, nothing needs to be said). */
  networkError(id: number, message: string, random: number): void;
  /** A sink took the batch. */
  exported(id: number, random: number): void;
  /** A sink failed; `retryable`: it wants the batch again. */
  sinkFailed(id: number, message: string, retryable: boolean, random: number): void;
  flush(timeoutMs: number | undefined): number;
  shutdown(timeoutMs: number | undefined): void;
  /** Batches to be sent at once because the page goes away: JSON text of `{id, signal, records, body_len}[]`. */
  takeForUnload(budgetBytes: number, resendInFlight: boolean): string;
  abandon(): void;
  /** How many are dropped or rejected so far: another number than before says that there is something to tell. */
  losses(): number;
  /** JSON text of src/otlp/queue.rs `Stats`; with metrics, theirs are in `metrics`. */
  stats(): string;
  free(): void;
}
