// What sends batches: one interface, and the choice of who implements it.

import type { TelemetryCoreSettings } from "../core.js";
import { GrpcExporter } from "./grpc.js";
import { HttpExporter } from "./http.js";
import type { ResolvedSettings } from "./settings/resolved.js";
import { SinkExporter } from "./sink.js";

/** One request, as the worker wants it. @internal */
export interface ExportRequest {
  /** What the records are; which path or service they go to. */
  readonly type: "logs" | "metrics";
  /** 1, or more if the same records were sent before. */
  readonly attempt: number;
  /** How many records it has. */
  readonly records: number;
  /** In the exporter's format. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** How long it may take; `signal` fires then. */
  readonly timeoutMs: number;
  /** Fires when the outcome does not matter any more. */
  readonly signal: AbortSignal;
  /** The page goes away: it has to be on its way when `send` returns. */
  readonly unload: boolean;
  /** Set by the exporter: it survives the page. */
  keepalive: boolean;
}

/** How a request ended; each is a call of the core's. @internal */
export type ExportResult =
  | { type: "http"; status: number; retryAfter: string | undefined; contentType: string; body: Uint8Array }
  | { type: "grpc"; code: number; message: string; details: Uint8Array; body: Uint8Array }
  | { type: "network"; message: string }
  | { type: "exported" }
  | { type: "sink failed"; message: string; retryable: boolean };

/** Sends batches. It has no policies: when, and whether again, is the worker's business. @internal */
export interface Exporter {
  /** How batches are to be encoded. */
  readonly format: "json" | "protobuf";
  /** Bytes that it adds to a body. */
  readonly frameOverhead: number;
  /** For people: where the batches go, without secrets. */
  readonly target: string;
  /** Whether it has a place for metrics. */
  readonly takesMetrics: boolean;
  /** What must not be told of it, whoever says it: values of headers, parts of the URL. */
  readonly secrets?: readonly string[];
  /** How many bytes of bodies it could send now so that they survive the page. */
  readonly unloadBudget: number;
  /** Sends. Does not reject, and after `signal` the result is nobody's business. */
  send(request: ExportRequest): Promise<ExportResult>;
  /** Gives connections back. Nothing is sent after it. */
  close(): void;
}

/**
 * Returns the exporter that the settings ask for; `undefined` for none.
 * @throws {@link StreamError} `bad_option`, e.g. for a certificate that can not be read.
 * @internal
 */
export function createExporter({ exporter }: ResolvedSettings): Exporter | undefined {
  switch (exporter.type) {
    case "none":
      return undefined;
    case "otlp-http":
      return new HttpExporter(exporter);
    case "otlp-grpc":
      return new GrpcExporter(exporter);
    case "sink":
      return new SinkExporter(exporter);
  }
}

/** What the core has to know of the settings. @internal */
export function coreSettings(
  settings: ResolvedSettings,
  exporter: Exporter | undefined,
): Pick<
  TelemetryCoreSettings,
  | "attributeCountLimit"
  | "attributeValueLengthLimit"
  | "environment"
  | "exports"
  | "format"
  | "frameOverhead"
  | "logUserPrompt"
  | "resourceAttributes"
  | "worker"
> {
  const { attributeCountLimit, attributeValueLengthLimit, resourceAttributes } = settings;
  return {
    environment: settings.environment,
    logUserPrompt: settings.logUserPrompt,
    exports: exporter !== undefined,
    format: exporter?.format ?? "protobuf",
    frameOverhead: exporter?.frameOverhead ?? 0,
    worker: settings.worker,
    ...(resourceAttributes === undefined ? {} : { resourceAttributes }),
    ...(attributeCountLimit === undefined ? {} : { attributeCountLimit }),
    ...(attributeValueLengthLimit === undefined ? {} : { attributeValueLengthLimit }),
  };
}
