// The `[otel]` table as its users write it.

import type { SinkSettings } from "../sink.js";

/** The settings' `[otel]` table. The same names in TOML. */
export interface OtelSettings {
  /** The resource's `env`. Default: `"dev"`. */
  environment?: string;
  /**
   * Where the events go. Default: `"none"`, unless the environment has `OTEL_LOGS_EXPORTER` or an
   * `OTEL_EXPORTER_OTLP_...`: then the `OTEL_...` variables choose and configure the exporter. Once an exporter is
   * given here, none of them is looked at.
   */
  exporter?: "none" | OtlpHttpExporter | OtlpGrpcExporter | SinkSettings;
  /** Whether prompts are exported as they are. Default: `false`, they are `[REDACTED]`. */
  log_user_prompt?: boolean;
  /** The batch worker's numbers. */
  batch?: BatchSettings;
  /** Which conventions the events follow; see the option of the same name of `Telemetry`, which counts before this. */
  conventions?: Conventions;
  /** Whether there are metrics, if `conventions` include `gen_ai`. Default: `true`. */
  metrics?: boolean | MetricsSettings;
}

/** The reference's event catalog, OpenTelemetry's conventions for generative AI, or both beside each other. */
export type Conventions = "codex" | "gen_ai" | "both";

/** When metrics are exported. */
export interface MetricsSettings {
  /** How long values are gathered before they are exported, in milliseconds. Default: 60 000. */
  interval_ms?: number;
}

/** `exporter = { otlp-http = { .. } }` */
export interface OtlpHttpExporter {
  "otlp-http": OtlpHttpSettings;
}

/** `exporter = { otlp-grpc = { .. } }`, in Node only. */
export interface OtlpGrpcExporter {
  "otlp-grpc": OtlpGrpcSettings;
}

/** OTLP over HTTP. */
export interface OtlpHttpSettings {
  /** The whole URL, used as it is: `https://otel.example.com/v1/logs`. In a page, `/v1/logs` is its own server. */
  endpoint: string;
  /**
   * The whole URL for metrics. Default: `endpoint` with `/v1/metrics` instead of the `/v1/logs` at its end; if that is not
   * its end, there are no metrics.
   */
  metrics_endpoint?: string;
  /** How records are encoded: as protobuf, or as JSON. */
  protocol: "binary" | "json";
  /** Further headers. `${NAME}`, here and in `endpoint`, is filled in from the environment. */
  headers?: Record<string, string>;
  /** Default: `"none"`. Across origins, `gzip` needs the collector's leave for the header `content-encoding`. */
  compression?: "gzip" | "none";
  /** In a page: `false` keeps from using `fetch`'s `keepalive`. What is sent as the page goes away may be lost then. */
  keepalive?: boolean;
}

/** OTLP over gRPC. */
export interface OtlpGrpcSettings {
  /** `https://otel.example.com:4317`; `http:` for no TLS. */
  endpoint: string;
  /** Further metadata. `${NAME}`, here and in `endpoint`, is filled in from the environment. */
  headers?: Record<string, string>;
  /** Default: `"none"`. A server that knows no `gzip` gets the messages without. */
  compression?: "gzip" | "none";
  /** What TLS is to trust and to show. */
  tls?: OtlpTlsSettings;
}

/** Certificates, each a file's path or PEM text. */
export interface OtlpTlsSettings {
  /** Trusted instead of Node's own list. */
  "ca-certificate"?: string;
  /** Shown to the server; needs `client-private-key`. */
  "client-certificate"?: string;
  /** The key of `client-certificate`. */
  "client-private-key"?: string;
}

/** The batch worker's numbers. Times are in milliseconds. */
export interface BatchSettings {
  /** The most records held, those in a request included; a newer one is dropped. Default: 2048. */
  max_queue_size?: number;
  /** The most bytes of records held; a newer one is dropped. Default: 16 MiB. */
  max_queue_bytes?: number;
  /** The most records in one request. Default: 512. */
  max_export_batch_size?: number;
  /** The most bytes in one request, before compression. Default: 4 MiB less 64 KiB. */
  max_request_bytes?: number;
  /** How long a record waits for company. Default: 1000. */
  scheduled_delay_ms?: number;
  /** How long one request may take. Default: 10 000. */
  export_timeout_ms?: number;
  /** How long `forceFlush` may take if it does not say. Default: 30 000. */
  flush_timeout_ms?: number;
  /** How long `shutdown` may take if it does not say. Default: 10 000. */
  shutdown_timeout_ms?: number;
  /** The first wait before sending again is drawn from 0 to this. Default: 1000. */
  retry_initial_ms?: number;
  /** What this bound grows by with each failure in a row. Default: 2. */
  retry_factor?: number;
  /** What it grows to. Default: 30 000. */
  retry_cap_ms?: number;
  /** For how long a batch is sent again. Default: until it arrives. */
  retry_max_elapsed_ms?: number;
}
