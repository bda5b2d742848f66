// What the `[otel]` table means, once it is checked and filled in.

import type { TelemetryCoreSettings } from "../../core.js";
import type { SinkFunction } from "../sink.js";
import type { Conventions } from "./types.js";

/** An exporter with nothing left to decide. @internal */
export type ResolvedExporter =
  | { type: "none" }
  | ResolvedHttp
  | ResolvedGrpc
  | { type: "sink"; sink: SinkFunction; format: "object" | "json" | "protobuf" };

/** See {@link OtlpHttpSettings}. @internal */
export interface ResolvedHttp {
  type: "otlp-http";
  endpoint: string;
  /** If it was given. */
  metricsEndpoint?: string;
  protocol: "binary" | "json";
  headers: Record<string, string>;
  gzip: boolean;
  keepalive: boolean;
}

/** See {@link OtlpGrpcSettings}. @internal */
export interface ResolvedGrpc {
  type: "otlp-grpc";
  endpoint: string;
  headers: Record<string, string>;
  gzip: boolean;
  /** By the place in the settings that it was given at, for errors. */
  tls: { ca?: Certificate; cert?: Certificate; key?: Certificate };
}

/** A path or PEM text, and where it was given. @internal */
export interface Certificate {
  path: string;
  value: string;
}

/** Settings with nothing left to decide. @internal */
export interface ResolvedSettings {
  environment: string;
  logUserPrompt: boolean;
  exporter: ResolvedExporter;
  worker: TelemetryCoreSettings["worker"];
  conventions?: Conventions;
  /** How long metrics are gathered; `false` for none. */
  metricsIntervalMs?: number | false;
  /** From the `OTEL_...` variables only. */
  serviceName?: string;
  resourceAttributes?: Record<string, string>;
  attributeCountLimit?: number;
  attributeValueLengthLimit?: number;
  /** What was ignored, each to be told once. */
  warnings: string[];
}
