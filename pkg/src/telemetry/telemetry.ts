import { asStreamError, guarded, liveCore } from "../bindings.js";
import type { TelemetryCore } from "../core.js";
import { StreamError } from "../errors.js";
import { Driver } from "./driver.js";
import type { FlushOptions, FlushResult, TelemetryStats } from "./driver.js";
import { coreSettings, createExporter } from "./exporter.js";
import type { Exporter } from "./exporter.js";
import { recordAttempt, recordDecision, recordResult } from "./events.js";
import { describe, fetchWithRetries, isAbort } from "./fetch.js";
import type { FetchOptions } from "./fetch.js";
import { letObserve, noteRequest } from "./observe.js";
import { requestOf } from "./request.js";
import { requestMessage } from "./secrets.js";
import { resolveSettings } from "./settings.js";
import type { ResolvedSettings } from "./settings/resolved.js";
import type { AttributeValue, ContentSwitch, ConversationStart, TelemetryOptions, ToolCall, ToolDecision, ToolResult } from "./types.js";

const OPTIONS = [
  "conversationId", "model", "slug", "appVersion", "terminalType", "authMode", "accountId", "serviceName",
  "serviceVersion", "otel", "env", "attributeTypes", "sseEvents", "streamTimings", "logToolArguments", "logToolOutput", "traceparent",
  "maxRetries", "fetch", "onWarning", "conventions", "semconv", "provider", "captureContent",
];
const METRICS_INTERVAL_MS = 60_000;

/**
 * Measures a run as OpenTelemetry log events and exports them; see the catalog in the documentation.
 *
 * ```ts
 * const telemetry = new Telemetry({ conversationId, model: "gpt-5", appVersion: "1.4.0", otel });
 * telemetry.userPrompt("explain this function");
 * const response = await telemetry.fetch(url, init);                // codex.api_request, one per attempt
 * for await (const event of aggregate(response, { telemetry })) ..  // codex.sse_event, one per SSE event
 * await telemetry.shutdown();                                       // flushes; in a page, hiding it flushes too
 * ```
 *
 * It never throws into a stream and never holds one up: a collector that is down costs counted drops. Without an
 * exporter there is no network call and no timer.
 */
export class Telemetry {
  readonly #core: TelemetryCore;
  readonly #driver: Driver;
  /** How requests are made. */
  readonly #requests: FetchOptions;
  /** Whether requests are followed, for the conventions for generative AI. */
  readonly #follows: boolean;

  /** @throws {@link StreamError} `bad_option` with a message that says where and what. */
  constructor(options: TelemetryOptions) {
    const live = liveCore();
    checkOptions(options);
    const { env, slug = options.model, terminalType = "unknown" } = options;
    const settings = resolveSettings(options.otel, { env });
    const exporter = createExporter(settings);
    const conventions = options.conventions ?? settings.conventions ?? "codex";
    this.#follows = conventions !== "codex" && exporter !== undefined;
    const metrics = this.#follows ? metricsSettings(settings, exporter) : {};
    this.#core = guarded(
      () =>
        new live.TelemetryCore({
          ...coreSettings(settings, exporter),
          conversationId: options.conversationId,
          model: options.model,
          slug,
          appVersion: options.appVersion,
          terminalType,
          ...present({ authMode: options.authMode, accountId: options.accountId, traceparent: options.traceparent }),
          ...present({ provider: options.provider }),
          ...metrics,
          conventions,
          semconv: options.semconv ?? "1.41.0",
          captureContent: content("captureContent", options.captureContent ?? false),
          serviceName: options.serviceName ?? settings.serviceName ?? "codex-cli",
          serviceVersion: options.serviceVersion ?? options.appVersion,
          logToolArguments: content("logToolArguments", options.logToolArguments),
          logToolOutput: content("logToolOutput", options.logToolOutput),
          attributeTypes: options.attributeTypes ?? "codex",
          sseEvents: options.sseEvents ?? "all",
          streamTimings: options.streamTimings ?? false,
        }),
    );
    this.#driver = new Driver(this.#core, exporter, { onWarning: options.onWarning, warnings: settings.warnings });
    const { traceparent } = options;
    this.#requests = {
      // Taken now: a wrapper that is installed later, ours or another's, is not measured by itself.
      fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
      maxRetries: options.maxRetries ?? 4,
      traceparent,
      onAttempt: (attempt) => this.#record(() => recordAttempt(this.#core, attempt)),
    };
    const [core, follows] = [this.#core, this.#follows];
    letObserve(this, { core, drain: () => this.#driver.drain(), traceparent, follows });
  }

  /** What became of the records so far. */
  get stats(): TelemetryStats {
    return this.#driver.stats;
  }

  /** Records `codex.conversation_starts`. */
  conversationStarts(event: ConversationStart = {}): void {
    this.#record(() => this.#core.conversationStarts(eventObject(event)));
  }

  /** Records `codex.user_prompt`: its length, and its text only with `otel.log_user_prompt`. */
  userPrompt(prompt: string): void {
    if (typeof prompt !== "string") throw new StreamError("bad_option", "userPrompt takes the prompt's text");
    this.#record(() => this.#core.userPrompt(prompt));
  }

  /** Records `codex.tool_decision`. */
  toolDecision(event: ToolDecision): void {
    this.#record(() => recordDecision(this.#core, event));
  }

  /** Records `codex.tool_result`. */
  toolResult(event: ToolResult): void {
    this.#record(() => recordResult(this.#core, event));
  }

  /**
   * Records an event of your own, with the common metadata and these attributes. A value that can not be read is left
   * out alone, one of the name of a common attribute replaces it (not `event.name` and `event.timestamp`), and
   * `attributeTypes` changes none: they are exported as they are. At most 128 attributes, the common ones included.
   *
   * ```ts
   * telemetry.log("app.compaction", { tokens_before: 181_204, ratio: 0.25, files: ["a.ts", "b.ts"] });
   * ```
   *
   * @param name e.g. `app.compaction`: `event.name`, and the record's event name.
   */
  log(name: string, attributes: { readonly [name: string]: AttributeValue } = {}): void {
    if (typeof name !== "string" || name === "") throw bad("log takes an event's name and an object of attributes");
    if (typeof attributes !== "object" || attributes === null || Array.isArray(attributes)) {
      throw bad(`the attributes of "${name}" must be an object`);
    }
    this.#record(() => this.#core.log(name, attributes));
  }

  /**
   * Runs a tool and records its `codex.tool_result`: how long it took, whether it threw, and what it gave (a string
   * as it is, anything else as JSON). Returns or throws what the tool does.
   */
  async runTool<T>(call: ToolCall, tool: () => T | PromiseLike<T>): Promise<T> {
    checkCall(call);
    const startedAt = performance.now();
    const done = (success: boolean, output: () => string): void => {
      try {
        this.toolResult({ ...call, duration_ms: performance.now() - startedAt, success, output: output() });
      } catch {
        // What the tool gave or threw is the caller's, whatever becomes of its record.
      }
    };
    let result: T;
    try {
      result = await tool();
    } catch (error) {
      done(false, () => describe(error));
      throw error;
    }
    done(true, () => outputText(result));
    return result;
  }

  /**
   * `fetch`, with one `codex.api_request` per attempt. Tries again after 429, 5xx and failed connections (at most
   * `maxRetries` times, after `Retry-After` in seconds or a growing wait); a body that is a stream cannot be sent
   * twice. Returns the last response, whatever its status, and throws what fetch throws. Sends `traceparent`.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return this.#follows ? this.#followed(input, init) : fetchWithRetries(input, init, this.#requests);
  }

  async #followed(input: string | URL | Request, init: RequestInit | undefined): Promise<Response> {
    const request = requestOf(input, init);
    let response: Response;
    try {
      response = await fetchWithRetries(input, init, this.#requests);
    } catch (error) {
      this.#requestFailed(request, undefined, requestMessage(describe(error), input, init), isAbort(error));
      throw error;
    }
    if (!response.ok) this.#requestFailed(request, response.status, "", false);
    for (const source of [response, response.body]) noteRequest(source, response.ok ? request : null);
    return response;
  }

  #requestFailed(...failure: Parameters<TelemetryCore["requestFailed"]>): void {
    try {
      this.#record(() => this.#core.requestFailed(...failure));
    } catch {
      // What became of the request is the caller's, whatever becomes of its record.
    }
  }

  /** Exports everything recorded before this call. Never rejects. */
  forceFlush(options?: FlushOptions): Promise<FlushResult> {
    return this.#driver.forceFlush(options);
  }

  /** Exports what there is, then stops: what is recorded later is dropped and counted. Never rejects. */
  shutdown(options?: FlushOptions): Promise<FlushResult> {
    return this.#driver.shutdown(options);
  }

  /** @param call returns `false` if there is nothing for the driver to do. */
  #record(call: () => boolean | void): void {
    let wanted: boolean | void = undefined;
    try {
      wanted = call();
    } catch (error) {
      const failure = asStreamError(error);
      // A defect is the driver's to tell, once, and nobody's problem.
      if (failure.code !== "internal") throw failure;
    } finally {
      if (wanted !== false) this.#driver.drain();
    }
  }
}

function checkOptions(options: TelemetryOptions): void {
  if (typeof options !== "object" || options === null) throw bad("new Telemetry() takes an object");
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw bad(`unknown option "${name}"; there are ${OPTIONS.join(", ")}`);
  }
  for (const name of ["conversationId", "model", "appVersion"] as const) {
    if (typeof options[name] !== "string") throw bad(`${name} must be a string`);
  }
  const { maxRetries } = options;
  if (maxRetries !== undefined && !(Number.isInteger(maxRetries) && maxRetries >= 0)) {
    throw bad("maxRetries must be a whole number of at least 0");
  }
}

/** Metrics, unless they are off or have no place to go. */
function metricsSettings(settings: ResolvedSettings, exporter: Exporter | undefined): { metricsIntervalMs?: number } {
  const interval = settings.metricsIntervalMs ?? METRICS_INTERVAL_MS;
  if (interval === false) return {};
  if (exporter?.takesMetrics === true) return { metricsIntervalMs: interval };
  settings.warnings.push(
    "otel.exporter.otlp-http: the endpoint does not end in /v1/logs, so there are no metrics: give metrics_endpoint, " +
      "or say otel.metrics = false",
  );
  return {};
}

function content(name: string, value: ContentSwitch | undefined): boolean | number {
  if (value === undefined || typeof value === "boolean") return value ?? true;
  if (!(Number.isInteger(value?.maxBytes) && value.maxBytes >= 0)) {
    throw bad(`${name} must be true, false or { maxBytes: N }`);
  }
  return value.maxBytes;
}

/** What a tool gave, as text. */
function outputText(result: unknown): string {
  if (typeof result === "string") return result;
  try {
    return JSON.stringify(result) ?? "";
  } catch {
    return describe(result);
  }
}

function checkCall(call: ToolCall): void {
  const isText = (value: unknown): boolean => value === undefined || typeof value === "string";
  const { tool_name, call_id, arguments: args } = (call ?? {}) as Partial<ToolCall>;
  if (typeof tool_name !== "string" || !isText(call_id) || !isText(args)) {
    throw bad("runTool takes { tool_name, call_id?, arguments? }, all strings");
  }
}

/** The event itself: the core passes over fields without a value. */
function eventObject<T extends object>(event: T): T {
  if (typeof event !== "object" || event === null) throw bad("an event must be an object");
  return event;
}

/** The fields that have a value. */
function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}

function bad(message: string): StreamError {
  return new StreamError("bad_option", `telemetry: ${message}`);
}
