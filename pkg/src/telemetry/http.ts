// OTLP over HTTP, by `fetch`.

import { isNode, isPage, VERSION } from "./environment.js";
import type { Exporter, ExportRequest, ExportResult } from "./exporter.js";
import { describe } from "./failure.js";
import { headerSecrets, urlSecrets } from "./secrets.js";
import type { ResolvedHttp } from "./settings/resolved.js";

/** "It is recommended to limit the response to 4 MiB", OTLP 1.11. */
export const MAX_RESPONSE_BYTES = 4 << 20;

/**
 * A browser fails the `keepalive` request that makes it more than 64 KiB of bodies under way, and the page's own code
 * may have some. A body counts until its *answer's* body was read to the end.
 */
const KEEPALIVE_BYTES = 60 * 1024;

/** The quota is the document's, so all exporters share it. */
let keepaliveInFlight = 0;

const REDIRECT = "the endpoint redirects, which is not followed: give its final URL";

/** See the file's head. */
export class HttpExporter implements Exporter {
  readonly format: "json" | "protobuf";
  readonly frameOverhead = 0;
  readonly target: string;
  readonly takesMetrics: boolean;
  readonly secrets: readonly string[];
  readonly #settings: ResolvedHttp;
  readonly #metricsEndpoint: string | undefined;
  /** As it was at the start: what wraps it later (ours, an instrumentation's) does not see the telemetry. */
  readonly #fetch: typeof fetch;
  readonly #headers: Record<string, string>;
  readonly #keepalive: boolean;
  /** After a failure that may have been due to `keepalive`, until a failure without it. */
  #avoidKeepalive = false;
  #closed = false;

  constructor(settings: ResolvedHttp, page = isPage()) {
    this.#settings = settings;
    this.#fetch = unwrapped(globalThis.fetch);
    this.format = settings.protocol === "json" ? "json" : "protobuf";
    this.target = originOf(settings.endpoint);
    this.#metricsEndpoint = settings.metricsEndpoint ?? metricsBeside(settings.endpoint);
    this.takesMetrics = this.#metricsEndpoint !== undefined;
    const urls = [settings.endpoint, settings.metricsEndpoint ?? ""];
    this.secrets = [...urls.flatMap(urlSecrets), ...Object.values(settings.headers).flatMap(headerSecrets)];
    this.#keepalive = settings.keepalive && page;
    this.#headers = {
      // A browser has its own, and would ask the server's leave for another.
      ...(isNode() && !page ? { "user-agent": `OTel-OTLP-Exporter-streamgauge/${VERSION}` } : {}),
      ...settings.headers,
      // With nothing behind it: there are receivers that reject a charset.
      "content-type": this.format === "json" ? "application/json" : "application/x-protobuf",
    };
  }

  get unloadBudget(): number {
    return this.#keepalive ? Math.max(0, KEEPALIVE_BYTES - keepaliveInFlight) : 0;
  }

  async send(request: ExportRequest): Promise<ExportResult> {
    // Nothing may wait before `fetch` when the page goes away.
    if (!this.#settings.gzip || request.unload) return this.#post(request, request.body, false);
    const compressed = await gzip(request.body);
    if (this.#closed || request.signal.aborted) return { type: "network", message: "aborted" };
    return this.#post(request, compressed ?? request.body, compressed !== undefined);
  }

  close(): void {
    this.#closed = true;
  }

  async #post(request: ExportRequest, body: Uint8Array<ArrayBuffer>, gzipped: boolean): Promise<ExportResult> {
    const mayKeep = request.unload || !this.#avoidKeepalive;
    const keepalive = mayKeep && body.length <= this.unloadBudget;
    const headers = gzipped ? { ...this.#headers, "content-encoding": "gzip" } : this.#headers;
    const { signal } = request;
    // With `manual`, headers (and the records) stay with the server that they are for.
    const init: RequestInit = { method: "POST", headers, body, signal, redirect: "manual" };
    if (keepalive) {
      init.keepalive = true;
      request.keepalive = true;
      keepaliveInFlight += body.length;
    }
    try {
      const { endpoint } = this.#settings;
      const url = request.type === "metrics" ? (this.#metricsEndpoint ?? endpoint) : endpoint;
      const response = await this.#fetch.call(globalThis, url, init);
      return await answer(response);
    } catch (error) {
      if (!signal.aborted) this.#avoidKeepalive = keepalive;
      return { type: "network", message: describe(error) };
    } finally {
      if (keepalive) keepaliveInFlight -= body.length;
    }
  }
}

async function answer(response: Response): Promise<ExportResult> {
  const { headers, status, type } = response;
  const body = await readBody(response);
  // Browsers do not tell where to, or with which status.
  if (type === "opaqueredirect" || (status >= 300 && status < 400)) {
    const contentType = "application/json";
    const described = new TextEncoder().encode(JSON.stringify({ message: REDIRECT }));
    return { type: "http", status: status || 302, retryAfter: undefined, contentType, body: described };
  }
  const retryAfter = headers.get("retry-after") ?? undefined;
  return { type: "http", status, retryAfter, contentType: headers.get("content-type") ?? "", body };
}

/**
 * Reads to the end, for only then is the connection, and a browser's quota, free again. The status is what counts, so
 * a body that breaks off or is too large is none.
 */
async function readBody(response: Response): Promise<Uint8Array> {
  const none = new Uint8Array(0);
  if (response.body === null) return none;
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > MAX_RESPONSE_BYTES) {
        reader.cancel().catch(() => {});
        return none;
      }
      chunks.push(value);
    }
  } catch {
    return none;
  }
  return joined(chunks, length);
}

/** Puts chunks together that have `length` bytes in all. */
export function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** `undefined` where there is no such thing: then it goes as it is. */
async function gzip(body: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const stream = new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    return undefined;
  }
}

/** The function below the wrappers of instrumentations, which keep it at `__original`. */
function unwrapped(fetcher: typeof fetch): typeof fetch {
  let found = fetcher;
  for (let depth = 0; depth < 16; depth++) {
    const { __original: original } = found as { __original?: unknown };
    if (typeof original !== "function") break;
    found = original as typeof fetch;
  }
  return found;
}

/** The standard's path for metrics, where the one for logs is the standard's. */
function metricsBeside(endpoint: string): string | undefined {
  const standard = /\/v1\/logs(?=\/?(?:[?#]|$))/;
  return standard.test(endpoint) ? endpoint.replace(standard, "/v1/metrics") : undefined;
}

/** A query may hold a key, and a path too. */
function originOf(endpoint: string): string {
  return endpoint.startsWith("/") ? "this page's server" : new URL(endpoint).origin;
}
