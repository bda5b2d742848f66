// Batches for a function of the user's, and for the processors of `@opentelemetry/sdk-logs`.

import type { Exporter, ExportRequest, ExportResult } from "./exporter.js";
import { describe } from "./failure.js";
import type { ResolvedExporter } from "./settings/resolved.js";

/** A batch: OTLP's `ExportLogsServiceRequest` in its JSON form. */
export interface OtlpLogs {
  resourceLogs: OtlpResourceLogs[];
}

/** Records of one resource. */
export interface OtlpResourceLogs {
  resource?: { attributes?: OtlpKeyValue[]; droppedAttributesCount?: number };
  scopeLogs?: OtlpScopeLogs[];
  schemaUrl?: string;
}

/** Records of one scope. */
export interface OtlpScopeLogs {
  scope?: { name?: string; version?: string; attributes?: OtlpKeyValue[]; droppedAttributesCount?: number };
  logRecords?: OtlpLogRecord[];
  schemaUrl?: string;
}

/** A batch of metrics: OTLP's `ExportMetricsServiceRequest` in its JSON form. */
export interface OtlpMetrics {
  resourceMetrics: OtlpResourceMetrics[];
}

/** Metrics of one resource. */
export interface OtlpResourceMetrics {
  resource?: { attributes?: OtlpKeyValue[]; droppedAttributesCount?: number };
  scopeMetrics?: OtlpScopeMetrics[];
  schemaUrl?: string;
}

/** Metrics of one scope. */
export interface OtlpScopeMetrics {
  scope?: { name?: string; version?: string; attributes?: OtlpKeyValue[]; droppedAttributesCount?: number };
  metrics?: OtlpHistogramMetric[];
  schemaUrl?: string;
}

/** An instrument's values of one interval; `aggregationTemporality` is 1, delta. */
export interface OtlpHistogramMetric {
  name: string;
  description?: string;
  unit?: string;
  histogram: { aggregationTemporality: number; dataPoints: OtlpHistogramPoint[] };
}

/** The values of one set of attributes. */
export interface OtlpHistogramPoint {
  attributes?: OtlpKeyValue[];
  startTimeUnixNano: string;
  timeUnixNano: string;
  count: number;
  sum: number;
  min: number;
  max: number;
  /** One more than there are bounds. */
  bucketCounts: number[];
  explicitBounds: number[];
}

/** One record. 64-bit numbers are decimal strings, ids are hex. */
export interface OtlpLogRecord {
  timeUnixNano?: string;
  observedTimeUnixNano?: string;
  severityNumber?: number;
  severityText?: string;
  eventName?: string;
  body?: OtlpAnyValue;
  attributes?: OtlpKeyValue[];
  droppedAttributesCount?: number;
  flags?: number;
  traceId?: string;
  spanId?: string;
}

/** An attribute; without a `value`, it is null. */
export interface OtlpKeyValue {
  key: string;
  value?: OtlpAnyValue;
}

/** One of these. */
export interface OtlpAnyValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string;
  doubleValue?: number | string;
  bytesValue?: string;
  arrayValue?: { values: OtlpAnyValue[] };
  kvlistValue?: { values: OtlpKeyValue[] };
}

/** What is known of a batch beside its records. */
export interface SinkInfo {
  /** What it is of. Metrics come only where `conventions` include `gen_ai`. */
  type: "logs" | "metrics";
  /** How many records, or metrics, it has. */
  records: number;
  /** 1, or more if it was handed out before. */
  attempt: number;
  /** Fires when the batch is given up (`export_timeout_ms`, `shutdown`); it may then come again. */
  signal: AbortSignal;
}

/**
 * An exporter of your own. Batches come one at a time, in order; a returned promise is awaited before the next.
 *
 * A sink that throws or rejects has refused the batch: its records are counted as dropped (`fatal`), and do not come
 * again. For an error with `retryable: true` they do, as after a lost connection.
 */
export type SinkSettings =
  // As methods: who has no metrics may declare a parameter of `OtlpLogs`.
  | { sink(batch: OtlpLogs | OtlpMetrics, info: SinkInfo): unknown; format?: "object" }
  | { sink(batch: string, info: SinkInfo): unknown; format: "json" }
  | { sink(batch: Uint8Array<ArrayBuffer>, info: SinkInfo): unknown; format: "protobuf" };

/** A sink of any format. */
export type SinkFunction = (batch: never, info: SinkInfo) => unknown;

type AnySink = (batch: OtlpLogs | OtlpMetrics | string | Uint8Array<ArrayBuffer>, info: SinkInfo) => unknown;

/** Hands batches to a function. @internal */
export class SinkExporter implements Exporter {
  readonly format: "json" | "protobuf";
  readonly frameOverhead = 0;
  readonly target = "the sink";
  readonly takesMetrics = true;
  /** It is only handed over, so there is no limit; but the core counts in 32 bits. */
  readonly unloadBudget = 2 ** 31 - 1;
  readonly #format: "object" | "json" | "protobuf";
  readonly #sink: AnySink;

  constructor({ sink, format }: Extract<ResolvedExporter, { type: "sink" }>) {
    this.#sink = sink as AnySink;
    this.#format = format;
    this.format = format === "protobuf" ? "protobuf" : "json";
  }

  async send(request: ExportRequest): Promise<ExportResult> {
    const { attempt, body, records, signal, type, unload } = request;
    request.keepalive = unload;
    // Not in the middle of whatever call filled the batch.
    if (!unload) await undefined;
    try {
      const text = this.#format === "protobuf" ? "" : new TextDecoder().decode(body);
      const batch = this.#format === "object" ? (JSON.parse(text) as OtlpLogs | OtlpMetrics) : text || body;
      await this.#sink(batch, { type, records, attempt, signal });
      return { type: "exported" };
    } catch (error) {
      const retryable = (error as { retryable?: unknown } | null | undefined)?.retryable === true;
      return { type: "sink failed", message: describe(error), retryable };
    }
  }

  close(): void {}
}

/** As much of a `LogRecordProcessor` of `@opentelemetry/sdk-logs` as is needed. */
export interface LogRecordProcessorLike {
  /** Is given each record, as a `ReadWriteLogRecord`. */
  onEmit(record: never, context?: never): void;
}

/** What an OTLP value is in JavaScript. */
export type LogValue = string | number | boolean | null | Uint8Array | LogValue[] | { [key: string]: LogValue };

/**
 * Makes a sink of processors of `@opentelemetry/sdk-logs`: each record comes to each of them as a
 * `ReadWriteLogRecord`.
 *
 * ```ts
 * const processor = new BatchLogRecordProcessor({ exporter });
 * new Telemetry({ ..., otel: { exporter: { sink: sdkLogsSink(processor) } } });
 * ```
 *
 * Metrics are none of their business, and are passed over. They stay yours: after `telemetry.forceFlush()` or `shutdown()`, call theirs.
 */
export function sdkLogsSink(...processors: LogRecordProcessorLike[]): (batch: OtlpLogs | OtlpMetrics) => void {
  // Exporters group by identity, over batches too.
  const resources = new Map<string, SdkResource>();
  const scopes = new Map<string, SdkScope>();
  return (batch) => {
    const errors: unknown[] = [];
    for (const { resource = {}, scopeLogs = [], schemaUrl } of "resourceLogs" in batch ? batch.resourceLogs : []) {
      const sdkResource = cached(resources, JSON.stringify([resource, schemaUrl]), () => {
        return new SdkResource(attributesOf(resource.attributes), schemaUrl);
      });
      for (const { scope = {}, logRecords = [], schemaUrl } of scopeLogs) {
        const sdkScope = cached(scopes, JSON.stringify([scope, schemaUrl]), () => scopeOf(scope, schemaUrl));
        for (const record of logRecords) {
          for (const processor of processors) {
            try {
              // Processors may change it, so each has its own.
              processor.onEmit(new SdkLogRecord(record, sdkResource, sdkScope) as never);
            } catch (error) {
              errors.push(error);
            }
          }
        }
      }
    }
    if (errors.length > 0) throw errors[0];
  };
}

type Attributes = Record<string, LogValue>;
type HrTime = [seconds: number, nanos: number];

interface SdkScope {
  name: string;
  version?: string;
  schemaUrl?: string;
  attributes?: Attributes;
  droppedAttributesCount?: number;
}

class SdkResource {
  readonly asyncAttributesPending = false;
  readonly attributes: Attributes;
  readonly schemaUrl: string | undefined;

  constructor(attributes: Attributes, schemaUrl: string | undefined) {
    this.attributes = attributes;
    this.schemaUrl = schemaUrl;
  }

  async waitForAsyncAttributes(): Promise<void> {}

  getRawAttributes(): [string, LogValue][] {
    return Object.entries(this.attributes);
  }

  merge(other: { attributes: Attributes; schemaUrl?: string } | null): SdkResource {
    if (other === null) return this;
    return new SdkResource({ ...this.attributes, ...other.attributes }, other.schemaUrl ?? this.schemaUrl);
  }
}

/** The SDK's `ReadWriteLogRecord`. */
class SdkLogRecord {
  hrTime: HrTime;
  hrTimeObserved: HrTime;
  spanContext: { traceId: string; spanId: string; traceFlags: number } | undefined;
  severityText: string | undefined;
  severityNumber: number | undefined;
  body: LogValue | undefined;
  eventName: string | undefined;
  readonly resource: SdkResource;
  readonly instrumentationScope: SdkScope;
  readonly attributes: Attributes;
  droppedAttributesCount: number;

  constructor(record: OtlpLogRecord, resource: SdkResource, scope: SdkScope) {
    const { timeUnixNano = "0", observedTimeUnixNano = timeUnixNano, traceId, spanId, flags = 0 } = record;
    this.hrTime = hrTime(timeUnixNano);
    this.hrTimeObserved = hrTime(observedTimeUnixNano);
    this.spanContext = traceId && spanId ? { traceId, spanId, traceFlags: flags & 0xff } : undefined;
    this.severityText = record.severityText;
    this.severityNumber = record.severityNumber;
    this.body = record.body === undefined ? undefined : valueOf(record.body);
    this.eventName = record.eventName;
    this.resource = resource;
    this.instrumentationScope = scope;
    this.attributes = attributesOf(record.attributes);
    this.droppedAttributesCount = record.droppedAttributesCount ?? 0;
  }

  setAttribute(key: string, value: LogValue): this {
    this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes);
    return this;
  }

  setBody(body: LogValue): this {
    this.body = body;
    return this;
  }

  setEventName(eventName: string): this {
    this.eventName = eventName;
    return this;
  }

  setSeverityNumber(severityNumber: number): this {
    this.severityNumber = severityNumber;
    return this;
  }

  setSeverityText(severityText: string): this {
    this.severityText = severityText;
    return this;
  }
}

function scopeOf(scope: NonNullable<OtlpScopeLogs["scope"]>, schemaUrl: string | undefined): SdkScope {
  const { name = "", version, attributes, droppedAttributesCount } = scope;
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(schemaUrl === undefined ? {} : { schemaUrl }),
    ...(attributes === undefined ? {} : { attributes: attributesOf(attributes) }),
    ...(droppedAttributesCount === undefined ? {} : { droppedAttributesCount }),
  };
}

function attributesOf(list: readonly OtlpKeyValue[] = []): Attributes {
  return Object.fromEntries(list.map(({ key, value }) => [key, value === undefined ? null : valueOf(value)]));
}

function valueOf(value: OtlpAnyValue): LogValue {
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } = value;
  if (stringValue !== undefined) return stringValue;
  if (boolValue !== undefined) return boolValue;
  // The SDK has no integers of 64 bits: better another type than another number.
  if (intValue !== undefined) return Number.isSafeInteger(Number(intValue)) ? Number(intValue) : String(intValue);
  if (doubleValue !== undefined) return Number(doubleValue);
  if (bytesValue !== undefined) return Uint8Array.from(atob(bytesValue), (character) => character.charCodeAt(0));
  if (arrayValue !== undefined) return arrayValue.values.map(valueOf);
  if (kvlistValue !== undefined) return attributesOf(kvlistValue.values);
  return null;
}

function hrTime(nanos: string): HrTime {
  const time = BigInt(nanos);
  return [Number(time / 1_000_000_000n), Number(time % 1_000_000_000n)];
}

function cached<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
