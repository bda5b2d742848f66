// The public API, whichever entry loads the core.

export { aggregate, AggregateStream } from "./aggregate.js";
export { Aggregator } from "./aggregator.js";
export { ERROR_CODES, StreamError } from "./errors.js";
export type { ErrorCode, PartialResponse, ProviderError } from "./errors.js";
export { toAnthropicMessages, toChatMessages, toResponsesInput } from "./convert/index.js";
export type * from "./convert/index.js";
export { partialArguments, partialJsonOf, partialOutput } from "./partial.js";
export { PartialJson } from "./partial-json.js";
export type { DeepPartial, PartialJsonPatch, PartialJsonState } from "./partial-json.js";
export { AggregatorStream } from "./transform.js";
export type * from "./types.js";
export { sdkLogsSink } from "./telemetry/sink.js";
export { observedFetch } from "./telemetry/observed-fetch.js";
export type { ObservedFetchOptions } from "./telemetry/observed-fetch.js";
export { Telemetry } from "./telemetry/telemetry.js";
export { otelFromToml } from "./telemetry/toml.js";
export type {
  DroppedRecords,
  FlushOptions,
  FlushResult,
  SignalStats,
  TelemetryStats,
  TelemetryWarning,
  TelemetryWarningKind,
} from "./telemetry/driver.js";
export type {
  BatchSettings,
  Conventions,
  MetricsSettings,
  OtelSettings,
  OtlpGrpcExporter,
  OtlpGrpcSettings,
  OtlpHttpExporter,
  OtlpHttpSettings,
  OtlpTlsSettings,
} from "./telemetry/settings/types.js";
export type {
  LogRecordProcessorLike,
  OtlpAnyValue,
  OtlpHistogramMetric,
  OtlpHistogramPoint,
  OtlpKeyValue,
  OtlpLogRecord,
  OtlpLogs,
  OtlpMetrics,
  OtlpResourceLogs,
  OtlpResourceMetrics,
  OtlpScopeLogs,
  OtlpScopeMetrics,
  SinkFunction,
  SinkInfo,
  SinkSettings,
} from "./telemetry/sink.js";
export type * from "./telemetry/types.js";
