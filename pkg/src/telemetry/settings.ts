// The `[otel]` table: checked, its `${NAME}`s filled in, its defaults set. Errors say where and what.

import { defaultEnv, isNode, variable } from "./environment.js";
import type { Env } from "./environment.js";
import { METRICS_ENDPOINT, otelVariables } from "./otelenv.js";
import type { FoundExporter } from "./otelenv.js";
import { batchOf, ordered, WORKER_MAX_MS } from "./settings/batch.js";
import { asTable, bad, checkKeys, choice, kind, optionalBoolean, optionalString, shown } from "./settings/checks.js";
import { checkHeaders } from "./settings/headers.js";
import { meant } from "./settings/meant.js";
import type { ResolvedExporter, ResolvedGrpc, ResolvedHttp, ResolvedSettings } from "./settings/resolved.js";
import type { Conventions, OtelSettings } from "./settings/types.js";
import type { SinkFunction } from "./sink.js";
import { otelFromTomlSync } from "./toml.js";

/** Where settings are resolved; the defaults are those of the place. @internal */
export interface Surroundings {
  env?: Env | undefined;
  node?: boolean | undefined;
  /** What a relative endpoint is relative to. */
  base?: string | undefined;
}

/** The values of the option and the key. @internal */
export const CONVENTIONS = ["codex", "gen_ai", "both"] as const satisfies readonly Conventions[];

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
    const batch = batchOf(table["batch"]);
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

function gzip(path: string, table: Record<string, unknown>): boolean {
  return choice(`${path}.compression`, table["compression"], ["gzip", "none"] as const) === "gzip";
}

function parseUrl(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
