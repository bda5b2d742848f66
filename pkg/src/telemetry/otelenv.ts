// OpenTelemetry's environment variables: the fallback of settings that name no exporter.
//
// Source: OpenTelemetry's specification, "Environment Variable Specification" and "OTLP Exporter Configuration".

import type { Env } from "./environment.js";
import { variable } from "./environment.js";
import type { ResolvedExporter, ResolvedGrpc } from "./settings/resolved.js";
import type { BatchSettings } from "./settings/types.js";
import type { OtlpLogs } from "./sink.js";

interface Places {
  endpoint: string;
  headers: string;
  protocol: string;
}

interface FoundOtlp {
  endpoint: string;
  metricsEndpoint?: string;
  headers: Record<string, string>;
  gzip: boolean;
  places: Places;
}

/** An exporter that is not checked yet; `places` says which variable said what. */
export type FoundExporter =
  | Extract<ResolvedExporter, { type: "none" | "sink" }>
  | (FoundOtlp & { type: "otlp-http"; protocol: "binary" | "json" })
  | (FoundOtlp & { type: "otlp-grpc"; tls: ResolvedGrpc["tls"] });

interface OtelVariables {
  exporter: FoundExporter;
  worker: BatchSettings;
  serviceName?: string;
  resourceAttributes?: Record<string, string>;
  attributeCountLimit?: number;
  attributeValueLengthLimit?: number;
  metricsIntervalMs?: number | false;
}

/** The one variable for metrics' endpoint; their other settings are the logs'. */
export const METRICS_ENDPOINT = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";

const MAX_MS = 2_147_483_647;
const MAX_COUNT = 2 ** 31 - 1;

/** Returns what the variables ask for; `undefined` if none of them chooses or configures an exporter. */
export function otelVariables(env: Env, warn: (message: string) => void): OtelVariables | undefined {
  const isOurs = (name: string) => {
    return name === "OTEL_LOGS_EXPORTER" || /^OTEL_EXPORTER_OTLP_(?!TRACES_|METRICS_|PROFILES_)/.test(name);
  };
  // Empty is unset.
  const get = (name: string) => variable(env, name)?.trim() || undefined;
  if (!Object.keys(env).some((name) => isOurs(name) && get(name) !== undefined)) return undefined;
  return new Reader(get, warn).read();
}

class Reader {
  readonly #get: (name: string) => string | undefined;
  readonly #warn: (message: string) => void;

  constructor(get: (name: string) => string | undefined, warn: (message: string) => void) {
    this.#get = get;
    this.#warn = warn;
  }

  read(): OtelVariables {
    const attributes = this.#pairs("OTEL_RESOURCE_ATTRIBUTES");
    const { "service.name": named, ...resourceAttributes } = attributes;
    const serviceName = this.#get("OTEL_SERVICE_NAME") ?? named;
    const count = this.#limit("COUNT");
    const length = this.#limit("VALUE_LENGTH");
    const off = this.#get("OTEL_METRICS_EXPORTER")?.toLowerCase() === "none";
    const interval = off ? false : this.#number("OTEL_METRIC_EXPORT_INTERVAL", 1, MAX_MS);
    return {
      exporter: this.#exporter(),
      worker: this.#worker(),
      ...(serviceName === undefined ? {} : { serviceName }),
      ...(Object.keys(resourceAttributes).length === 0 ? {} : { resourceAttributes }),
      ...(count === undefined ? {} : { attributeCountLimit: count }),
      ...(length === undefined ? {} : { attributeValueLengthLimit: length }),
      ...(interval === undefined ? {} : { metricsIntervalMs: interval }),
    };
  }

  #exporter(): FoundExporter {
    if (this.#get("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return { type: "none" };
    const known = ["otlp", "console", "otlp/stdout", "none"];
    const names = (this.#get("OTEL_LOGS_EXPORTER") ?? "otlp").toLowerCase().split(",").map((name) => name.trim());
    const name = names.find((each) => known.includes(each));
    const ignored = names.filter((each) => each !== name);
    if (ignored.length > 0) this.#warn(`OTEL_LOGS_EXPORTER: ${JSON.stringify(ignored.join(","))} is ignored`);
    if (name === "otlp") return this.#otlp();
    if (name === undefined || name === "none") return { type: "none" };
    return { type: "sink", format: "json", sink: (line: OtlpLogs | string | Uint8Array) => console.log(line) };
  }

  #otlp(): FoundExporter {
    const [endpoint, headers, protocol] = ["ENDPOINT", "HEADERS", "PROTOCOL"].map((name) => this.#place(name));
    return this.#otlpAt({ endpoint: endpoint!, headers: headers!, protocol: protocol! });
  }

  #otlpAt(places: Places): FoundExporter {
    const protocol = this.#protocol(places.protocol);
    const headers = this.#pairs(places.headers);
    const gzip = this.#gzip();
    if (protocol === "grpc") {
      const endpoint = this.#withScheme(this.#get(places.endpoint) ?? "http://localhost:4317");
      return { type: "otlp-grpc", endpoint, headers, gzip, places, tls: this.#tls() };
    }
    for (const name of ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"]) {
      const place = this.#place(name);
      if (this.#get(place) !== undefined) {
        this.#warn(`${place} is ignored: fetch has no such setting (for a certificate, use NODE_EXTRA_CA_CERTS)`);
      }
    }
    const metrics = this.#get(METRICS_ENDPOINT);
    return {
      type: "otlp-http", protocol, endpoint: this.#httpEndpoint(places.endpoint), headers, gzip, places,
      ...(metrics === undefined ? {} : { metricsEndpoint: metrics }),
    };
  }

  /** The variable that decides: the logs' own, else the general one. */
  #place(name: string): string {
    const own = `OTEL_EXPORTER_OTLP_LOGS_${name}`;
    return this.#get(own) === undefined ? `OTEL_EXPORTER_OTLP_${name}` : own;
  }

  #protocol(place: string): "grpc" | "binary" | "json" {
    const value = this.#get(place) ?? "http/protobuf";
    switch (value.toLowerCase()) {
      case "grpc":
        return "grpc";
      case "http/json":
        return "json";
      case "http/protobuf":
        return "binary";
      default:
        this.#ignored(place, value, "no protocol");
        return "binary";
    }
  }

  /** The logs' own endpoint is used as it is, the general one is a base. */
  #httpEndpoint(place: string): string {
    const value = this.#get(place) ?? "http://localhost:4318";
    if (place === "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT") return value;
    try {
      const url = new URL(value);
      url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/logs`;
      return url.href;
    } catch {
      // Whoever checks it will say so.
      return value;
    }
  }

  #withScheme(endpoint: string): string {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint)) return endpoint;
    const insecure = this.#get(this.#place("INSECURE"))?.toLowerCase() === "true";
    return `${insecure ? "http" : "https"}://${endpoint}`;
  }

  #gzip(): boolean {
    const place = this.#place("COMPRESSION");
    const value = this.#get(place)?.toLowerCase() ?? "none";
    if (value !== "gzip" && value !== "none") this.#ignored(place, value, "no compression");
    return value === "gzip";
  }

  #tls(): ResolvedGrpc["tls"] {
    const tls: ResolvedGrpc["tls"] = {};
    const names = { CERTIFICATE: "ca", CLIENT_CERTIFICATE: "cert", CLIENT_KEY: "key" } as const;
    for (const [name, short] of Object.entries(names)) {
      const path = this.#place(name);
      const value = this.#get(path);
      if (value !== undefined) tls[short] = { path, value };
    }
    return tls;
  }

  #worker(): BatchSettings {
    const worker: BatchSettings = {};
    const set = (name: keyof BatchSettings, value: number | undefined) => {
      if (value !== undefined) worker[name] = value;
    };
    set("scheduled_delay_ms", this.#number("OTEL_BLRP_SCHEDULE_DELAY", 0, MAX_MS));
    set("max_queue_size", this.#number("OTEL_BLRP_MAX_QUEUE_SIZE", 1, MAX_COUNT));
    const size = this.#number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 1, MAX_COUNT);
    const queue = worker.max_queue_size ?? 2048;
    if (size !== undefined && size > queue) {
      this.#warn(`OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: ${size} is more than the queue holds; it is ${queue} now`);
    }
    set("max_export_batch_size", size === undefined ? undefined : Math.min(size, queue));
    // Here one request is one export, so the shorter time of the two holds. 0 is no limit.
    const timeouts = [this.#place("TIMEOUT"), "OTEL_BLRP_EXPORT_TIMEOUT"].map((name) => this.#number(name, 0, MAX_MS));
    const given = timeouts.filter((value) => value !== undefined).map((value) => value || MAX_MS);
    set("export_timeout_ms", given.length === 0 ? undefined : Math.min(...given));
    return worker;
  }

  #limit(what: string): number | undefined {
    const own = `OTEL_LOGRECORD_ATTRIBUTE_${what}_LIMIT`;
    return this.#number(this.#get(own) === undefined ? `OTEL_ATTRIBUTE_${what}_LIMIT` : own, 0, MAX_COUNT);
  }

  #number(name: string, least: number, most: number): number | undefined {
    const text = this.#get(name);
    if (text === undefined) return undefined;
    const value = /^\+?\d+$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    this.#ignored(name, text, `no whole number from ${least} to ${most}`);
    return undefined;
  }

  /** `k=v,k=v`, percent-encoded, as W3C baggage. Properties (`;..`) have no meaning here. */
  #pairs(name: string): Record<string, string> {
    const pairs: [string, string][] = [];
    for (const part of (this.#get(name) ?? "").split(",")) {
      if (part.trim() === "") continue;
      const at = part.indexOf("=");
      const key = decoded(part.slice(0, Math.max(at, 0)).trim());
      const value = decoded(part.slice(at + 1).trim());
      if (at < 1 || !key || value === undefined) {
        // It may be a secret, so it is not shown.
        this.#warn(`${name}: a part that is not \`key=value\` is ignored`);
        continue;
      }
      pairs.push([key, value]);
    }
    return Object.fromEntries(pairs);
  }

  #ignored(name: string, value: string, reason: string): void {
    this.#warn(`${name}: ${JSON.stringify(value)} is ignored: it is ${reason}`);
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
