// The `[otel]` table: checked, its `${NAME}`s filled in, its defaults set. Errors say where and what.

import type { TelemetryCoreSettings } from "../core.js";
import { StreamError } from "../errors.js";
import { defaultEnv, isNode, variable } from "./environment.js";
import type { Env } from "./environment.js";
import { METRICS_ENDPOINT, otelVariables } from "./otelenv.js";
import type { FoundExporter } from "./otelenv.js";
import { shownUrl } from "./secrets.js";
import type { SinkFunction, SinkSettings } from "./sink.js";
import { otelFromTomlSync } from "./toml.js";

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

/** Where settings are resolved; the defaults are those of the place. @internal */
export interface Surroundings {
  env?: Env | undefined;
  node?: boolean | undefined;
  /** What a relative endpoint is relative to. */
  base?: string | undefined;
}

const WORKER_MAX_MS = 2_147_483_647;

/** The values of the option and the key. @internal */
export const CONVENTIONS = ["codex", "gen_ai", "both"] as const satisfies readonly Conventions[];

/** Each number's least and largest value. */
const BATCH: Record<keyof BatchSettings, { least: number; most: number; integer: boolean }> = {
  max_queue_size: integer(1),
  max_queue_bytes: integer(1),
  max_export_batch_size: integer(1),
  max_request_bytes: integer(1024, 64 << 20),
  scheduled_delay_ms: ms(0),
  export_timeout_ms: ms(1),
  flush_timeout_ms: ms(0),
  shutdown_timeout_ms: ms(0),
  retry_initial_ms: ms(1),
  retry_factor: { least: 1, most: 100, integer: false },
  retry_cap_ms: ms(1),
  retry_max_elapsed_ms: ms(0),
};

/** What must not be larger than what, with the core's defaults. */
const ORDER = [
  { lower: "max_export_batch_size", upper: "max_queue_size", defaults: [512, 2048] },
  { lower: "max_request_bytes", upper: "max_queue_bytes", defaults: [(4 << 20) - (64 << 10), 16 << 20] },
  { lower: "retry_initial_ms", upper: "retry_cap_ms", defaults: [1000, 30_000] },
] as const;

/** What the protocols own. */
const RESERVED = [
  "connection", "content-encoding", "content-length", "content-type", "expect", "host", "http2-settings", "keep-alive",
  "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
];

/**
 * Checks the settings and fills them in.
 *
 * @param otel the `[otel]` table, as an object or (in Node) as TOML text.
 * @throws {@link StreamError} `bad_option`; its message begins with the place: `otel.exporter.otlp-http.protocol`.
 * @internal
 */
export function resolveSettings(otel?: OtelSettings | string, surroundings: Surroundings = {}): ResolvedSettings {
  const env = surroundings.env ?? defaultEnv();
  const node = surroundings.node ?? isNode();
  const base = surroundings.base ?? (globalThis as { location?: Location }).location?.href;
  const resolver = new Resolver(env, node, base);
  return resolver.resolve(typeof otel === "string" ? otelFromTomlSync(otel) : otel);
}

class Resolver {
  readonly #env: Env;
  readonly #node: boolean;
  readonly #base: string | undefined;
  readonly #warnings: string[] = [];

  constructor(env: Env, node: boolean, base: string | undefined) {
    this.#env = env;
    this.#node = node;
    this.#base = base;
  }

  resolve(otel: unknown): ResolvedSettings {
    const table = otel === undefined ? {} : asTable("otel", otel);
    checkKeys("otel", table, ["environment", "exporter", "log_user_prompt", "batch", "conventions", "metrics"]);
    const environment = optionalString("otel.environment", table["environment"]) ?? "dev";
    const logUserPrompt = optionalBoolean("otel.log_user_prompt", table["log_user_prompt"]) ?? false;
    const batch = this.#batch(table["batch"]);
    const conventions = choice("otel.conventions", table["conventions"], CONVENTIONS);
    const metricsIntervalMs = this.#metrics(table["metrics"]);
    const common = {
      environment, logUserPrompt, warnings: this.#warnings,
      ...(conventions === undefined ? {} : { conventions }),
      ...(metricsIntervalMs === undefined ? {} : { metricsIntervalMs }),
    };
    if (table["exporter"] !== undefined) {
      return { ...common, exporter: this.#exporter("otel.exporter", table["exporter"]), worker: ordered(batch) };
    }

    const found = otelVariables(this.#env, (warning) => this.#warnings.push(warning));
    if (found === undefined) return { ...common, exporter: { type: "none" }, worker: ordered(batch) };
    const { exporter, worker, ...rest } = found;
    return { ...rest, ...common, exporter: this.#fromVariables(exporter), worker: ordered({ ...worker, ...batch }) };
  }

  #metrics(value: unknown): number | false | undefined {
    if (value === undefined || value === true) return undefined;
    if (value === false) return false;
    const table = asTable("otel.metrics", value);
    checkKeys("otel.metrics", table, ["interval_ms"]);
    const interval = table["interval_ms"];
    if (interval === undefined) return undefined;
    if (typeof interval === "number" && interval >= 1 && interval <= WORKER_MAX_MS) return interval;
    throw bad("otel.metrics.interval_ms", `must be a number from 1 to ${WORKER_MAX_MS}, not ${shown(interval)}`);
  }

  #exporter(path: string, value: unknown): ResolvedExporter {
    if (value === "none") return { type: "none" };
    if (typeof value === "string") {
      if (value === "otlp-http" || value === "otlp-grpc") {
        throw bad(path, `"${value}" needs its settings: { "${value}": { endpoint: ".." } }`);
      }
      throw bad(path, `${shown(value)} is no exporter${meant(value, ["none", "otlp-http", "otlp-grpc"])}`);
    }
    const table = asTable(path, value);
    if (table["sink"] !== undefined) return this.#sink(path, table);
    checkKeys(path, table, ["otlp-http", "otlp-grpc", "sink"]);
    const [name, ...others] = Object.keys(table).filter((key) => table[key] !== undefined);
    if (name === undefined) throw bad(path, "it is empty: one of otlp-http, otlp-grpc, sink is missing");
    if (others.length > 0) throw bad(path, `there can be one exporter, not both ${name} and ${others[0]}`);
    const settings = asTable(`${path}.${name}`, table[name]);
    return name === "otlp-http" ? this.#http(`${path}.${name}`, settings) : this.#grpc(`${path}.${name}`, settings);
  }

  #sink(path: string, table: Record<string, unknown>): ResolvedExporter {
    checkKeys(path, table, ["sink", "format"]);
    const { sink } = table;
    if (typeof sink !== "function") throw bad(`${path}.sink`, `must be a function, not ${kind(sink)}`);
    const format = choice(`${path}.format`, table["format"], ["object", "json", "protobuf"] as const) ?? "object";
    return { type: "sink", sink: sink as SinkFunction, format };
  }

  #http(path: string, table: Record<string, unknown>): ResolvedHttp {
    checkKeys(path, table, ["endpoint", "metrics_endpoint", "protocol", "headers", "compression", "keepalive"]);
    const url = (name: string) => {
      return this.#endpoint(`${path}.${name}`, this.#filled(`${path}.${name}`, table[name]), true);
    };
    const endpoint = url("endpoint");
    const metrics = table["metrics_endpoint"] === undefined ? {} : { metricsEndpoint: url("metrics_endpoint") };
    const protocols = ["binary", "json"] as const;
    const protocol = choice(`${path}.protocol`, table["protocol"], protocols, { grpc: "the exporter otlp-grpc" });
    if (protocol === undefined) throw bad(`${path}.protocol`, 'it is missing: give "binary" or "json"');
    const headers = checkHeaders(`${path}.headers`, this.#filledHeaders(`${path}.headers`, table["headers"]), false);
    const keepalive = optionalBoolean(`${path}.keepalive`, table["keepalive"]) ?? true;
    return { type: "otlp-http", endpoint, ...metrics, protocol, headers, gzip: gzip(path, table), keepalive };
  }

  #grpc(path: string, table: Record<string, unknown>): ResolvedGrpc {
    this.#needNode(path);
    checkKeys(path, table, ["endpoint", "headers", "compression", "tls"]);
    const at = `${path}.endpoint`;
    const endpoint = this.#endpoint(at, this.#filled(at, table["endpoint"]), false);
    const headers = checkHeaders(`${path}.headers`, this.#filledHeaders(`${path}.headers`, table["headers"]), true);
    const tls = this.#tls(`${path}.tls`, table["tls"], endpoint);
    return { type: "otlp-grpc", endpoint, headers, gzip: gzip(path, table), tls };
  }

  #needNode(path: string): void {
    if (this.#node) return;
    throw bad(path, "a browser can not speak gRPC; use otlp-http (collectors listen for it on port 4318)");
  }

  #tls(path: string, value: unknown, endpoint: string): ResolvedGrpc["tls"] {
    const tls: ResolvedGrpc["tls"] = {};
    if (value === undefined) return tls;
    const table = asTable(path, value);
    const names = { "ca-certificate": "ca", "client-certificate": "cert", "client-private-key": "key" } as const;
    checkKeys(path, table, Object.keys(names));
    for (const [name, short] of Object.entries(names)) {
      const text = optionalString(`${path}.${name}`, table[name]);
      if (text !== undefined) tls[short] = { path: `${path}.${name}`, value: text };
    }
    if (tls.cert !== undefined && tls.key === undefined) {
      throw bad(`${path}.client-private-key`, "it is missing: client-certificate needs it");
    }
    if (tls.key !== undefined && tls.cert === undefined) {
      throw bad(`${path}.client-certificate`, "it is missing: client-private-key needs it");
    }
    if (Object.keys(tls).length > 0 && /^http:/i.test(endpoint)) {
      throw bad(path, "the endpoint's scheme http: is without TLS; use https:");
    }
    return tls;
  }

  /** Errors show the template: what was filled in may be a secret. */
  #endpoint(path: string, { template, text }: Filled, mayBeRelative: boolean): string {
    const endpoint = text.trim();
    // A URL's parser would pass over line ends and tabs, and so hide what somebody has put in.
    if (/[\x00-\x1f\x7f]/.test(endpoint)) throw bad(path, "it has a control character, which no URL has");
    const base = mayBeRelative && endpoint.startsWith("/") ? this.#base : undefined;
    const url = parseUrl(endpoint, base);
    if (url === undefined) {
      const hint = /^[\w.-]+(:\d+)?(\/|$)/.test(endpoint) ? "; it needs http:// or https:// in front" : "";
      throw bad(path, `${shown(template)} is no URL${hint}`);
    }
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw bad(path, `${shown(template)} must be an http: or https: URL`);
    }
    if (url.username !== "" || url.password !== "") {
      throw bad(path, "it must not hold a user or password; give a header `authorization` instead");
    }
    if (!mayBeRelative && (url.pathname !== "/" || url.search !== "")) {
      this.#warnings.push(`${path}: the path of ${shown(template)} is ignored; gRPC has its own`);
    }
    return endpoint;
  }

  #filledHeaders(path: string, value: unknown): Record<string, string> {
    if (value === undefined) return {};
    const given = Object.entries(asTable(path, value)).filter(([, template]) => template !== undefined);
    return Object.fromEntries(given.map(([name, template]) => {
      const at = `${path}.${name}`;
      if (typeof template !== "string") throw bad(at, `must be a string, not ${kind(template)}`);
      return [name, this.#fill(at, template)];
    }));
  }

  #filled(path: string, value: unknown): Filled {
    const template = optionalString(path, value);
    if (template === undefined) throw bad(path, "it is missing");
    return { template, text: this.#fill(path, template) };
  }

  #fill(path: string, template: string): string {
    return template.replace(/\$\{([^}]*)(\}?)/g, (_, name: string, close: string) => {
      if (close === "" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw bad(path, "`${` must be followed by a variable's name and `}`");
      }
      const value = variable(this.#env, name);
      if (value === undefined) throw bad(path, `the environment has no variable ${name}${this.#envHint()}`);
      return value;
    });
  }

  #envHint(): string {
    return this.#node ? "" : "; in a browser, give it with the option `env`";
  }

  #batch(value: unknown): BatchSettings {
    if (value === undefined) return {};
    const table = asTable("otel.batch", value);
    checkKeys("otel.batch", table, Object.keys(BATCH));
    const batch: BatchSettings = {};
    for (const [name, { least, most, integer }] of Object.entries(BATCH)) {
      const number = table[name];
      if (number === undefined) continue;
      const fits = typeof number === "number" && number >= least && number <= most;
      if (!fits || (integer && !Number.isInteger(number))) {
        const what = integer ? "a whole number" : "a number";
        throw bad(`otel.batch.${name}`, `must be ${what} from ${least} to ${most}, not ${shown(number)}`);
      }
      batch[name as keyof BatchSettings] = number;
    }
    return batch;
  }

  /** What the variables gave, checked as settings are, but literal: `${..}` in them was the shell's business. */
  #fromVariables(found: FoundExporter): ResolvedExporter {
    if (found.type === "none" || found.type === "sink") return found;
    const { places, endpoint: text, gzip, metricsEndpoint: metricsText } = found;
    if (found.type === "otlp-grpc") this.#needNode(places.protocol);
    const isHttp = found.type === "otlp-http";
    const endpoint = this.#endpoint(places.endpoint, { template: text, text }, isHttp);
    const headers = checkHeaders(places.headers, found.headers, !isHttp);
    if (found.type === "otlp-grpc") return { type: "otlp-grpc", endpoint, headers, gzip, tls: found.tls };
    const metrics = metricsText === undefined ? {} : {
      metricsEndpoint: this.#endpoint(METRICS_ENDPOINT, { template: metricsText, text: metricsText }, true),
    };
    return { type: "otlp-http", endpoint, ...metrics, headers, gzip, protocol: found.protocol, keepalive: true };
  }
}

/** A text of the settings, before and after its `${NAME}`s were filled in. */
interface Filled {
  template: string;
  text: string;
}

/** Values may be secrets, so errors do not show them. */
function checkHeaders(path: string, given: Record<string, string>, grpc: boolean): Record<string, string> {
  const names = new Map<string, string>();
  const headers: [string, string][] = [];
  for (const [name, text] of Object.entries(given)) {
    const at = `${path}.${name}`;
    const lower = name.toLowerCase();
    // Not shown, either: with a `:` for a `=`, the value is a part of it.
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) throw bad(path, "a name has a character that no header's name can have");
    if (grpc && !/^[0-9a-z_.-]+$/.test(lower)) throw bad(path, `${shown(name)} is no name for gRPC metadata`);
    if (RESERVED.includes(lower) || (grpc && lower.startsWith("grpc-"))) {
      throw bad(at, "this header is the protocol's own and can not be set");
    }
    const twin = names.get(lower);
    if (twin !== undefined) throw bad(at, `it is there twice, also as ${twin}`);
    names.set(lower, name);
    // What is around a value is no part of it, for fetch neither.
    const value = text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
    // No line ends: nobody is to smuggle a further header in.
    const allowed = grpc ? /^[\x20-\x7e]*$/ : /^[\t\x20-\x7e\x80-\xff]*$/;
    if (!allowed.test(value)) throw bad(at, "its value has a character that no header can have");
    if (grpc && lower.endsWith("-bin") && !/^[0-9A-Za-z+/]*={0,2}$/.test(value)) throw bad(at, "metadata of a name in -bin must be base64");
    headers.push([lower, value]);
  }
  return Object.fromEntries(headers);
}

/** Fits what was not given to what was, and checks that the given go together. */
function ordered(batch: BatchSettings): BatchSettings {
  const worker = { ...batch };
  for (const { lower, upper, defaults } of ORDER) {
    const low = worker[lower];
    const up = worker[upper];
    if (low !== undefined && low > (up ?? defaults[1])) {
      if (up !== undefined) throw bad(`otel.batch.${lower}`, `${low} must not be larger than ${upper} (${up})`);
      worker[upper] = low;
    } else if (low === undefined && up !== undefined && up < defaults[0]) {
      worker[lower] = up;
    }
  }
  return worker;
}

function gzip(path: string, table: Record<string, unknown>): boolean {
  return choice(`${path}.compression`, table["compression"], ["gzip", "none"] as const) === "gzip";
}

function integer(least: number, most = 2 ** 31 - 1) {
  return { least, most, integer: true };
}

function ms(least: number) {
  return { least, most: WORKER_MAX_MS, integer: false };
}

function asTable(path: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad(path, `must be a table, not ${kind(value)}`);
  }
  return value as Record<string, unknown>;
}

function optionalString(path: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw bad(path, `must be a string, not ${kind(value)}`);
  if (value.trim() === "") throw bad(path, "it is empty");
  return value;
}

function optionalBoolean(path: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw bad(path, `must be true or false, not ${shown(value)}`);
}

function choice<Choice extends string>(
  path: string,
  value: unknown,
  choices: readonly Choice[],
  elsewhere: Record<string, string> = {},
): Choice | undefined {
  if (value === undefined) return undefined;
  const found = choices.find((name) => name === value);
  if (found !== undefined) return found;
  const isElsewhere = typeof value === "string" && Object.hasOwn(elsewhere, value);
  const other = isElsewhere ? `; for that use ${elsewhere[value]}` : "";
  throw bad(path, `must be ${choices.map((name) => `"${name}"`).join(" or ")}, not ${shown(value)}${other}`);
}

function checkKeys(path: string, table: Record<string, unknown>, known: readonly string[]): void {
  for (const key of Object.keys(table)) {
    if (!known.includes(key)) throw bad(`${path}.${key}`, `unknown key${meant(key, known)}`);
  }
}

function meant(word: string, known: readonly string[]): string {
  const near = known.map((name) => ({ name, distance: distance(plain(word), plain(name)) }));
  const best = near.reduce((least, each) => (each.distance < least.distance ? each : least));
  if (best.distance <= Math.max(1, Math.floor(best.name.length / 3))) return `; did you mean "${best.name}"?`;
  return `; there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}`;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "").slice(0, 64);
}

/** Levenshtein's, with two neighbours swapped as one step. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

function parseUrl(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

function kind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

function shown(value: unknown): string {
  if (typeof value === "string") {
    const text = /[/@?#]/.test(value) ? shownUrl(value) : value;
    return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}..` : text);
  }
  return typeof value === "object" ? kind(value) : String(value);
}

function bad(path: string, message: string): StreamError {
  return new StreamError("bad_option", `${path}: ${message}`);
}
