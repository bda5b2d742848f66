// The worker's host: it owns the timer, the requests and the promises, and decides nothing.

import { clock } from "../clock.js";
import type { TelemetryCore, WorkerOutput } from "../core.js";
import { holdProcess, isPage } from "./environment.js";
import type { Exporter, ExportRequest, ExportResult } from "./exporter.js";
import { watchPage } from "./page.js";
import type { Page } from "./page.js";
import { concealed } from "./secrets.js";
import { SinkExporter } from "./sink.js";

/**
 * How a flush or a shutdown ended: `ok`, the collector has answered for every record; `failed`, at least one was
 * dropped; `timed_out`, the time was up.
 */
export type FlushResult = "ok" | "failed" | "timed_out";

/** How a flush or a shutdown is bounded. */
export interface FlushOptions {
  /** Default: the settings' `flush_timeout_ms` or `shutdown_timeout_ms`. */
  timeoutMs?: number;
}

/** Why records were dropped. */
export interface DroppedRecords {
  /** The collector, or the sink, refused them for good. */
  fatal: number;
  /** The queue had no room for them. */
  queue_full: number;
  /** They were sent again for longer than `retry_max_elapsed_ms`. */
  retries_exhausted: number;
  /** They came after `shutdown`, or were left at its deadline. */
  shutdown: number;
  /** They were too large for a request, or for the collector. */
  too_large: number;
  /** The page went away before they could be sent. */
  unload: number;
}

/** What became of the records. Each is in exactly one of `queued`, `exported`, `rejected` and `dropped`. */
export interface TelemetryStats extends SignalStats {
  /** What became of the metrics, where there are any; an instrument's values of one interval are one. */
  metrics?: SignalStats;
}

/** What became of records of one kind. */
export interface SignalStats {
  /** In the queue now, those in a request included. */
  queued: number;
  /** Their encoded bytes. */
  queued_bytes: number;
  /** In a request now. */
  in_flight: number;
  /** Taken by the collector, or the sink. */
  exported: number;
  /** Rejected by the collector in a partial success. */
  rejected: number;
  /** Given up, by reason. */
  dropped: DroppedRecords;
  /** Requests, retries included. */
  requests: number;
  /** Requests that were not the first with their batch. */
  retried: number;
  /** The last failure of a request, kept after a later success. */
  last_error: string | null;
  /** The message of the last partial success. */
  last_warning: string | null;
  /** How long the last request took, in milliseconds. */
  last_export_ms: number | null;
}

/** What can be wrong with telemetry; each kind is told once. */
export type TelemetryWarningKind = "settings" | "unreachable" | "refused" | "rejected" | "overflow" | "defect";

/** Something is wrong with the telemetry, and with nothing else. */
export interface TelemetryWarning {
  /**
   * - `settings`: something in the environment's variables was ignored;
   * - `unreachable`: three requests in a row had no answer, or were not taken by a sink that wants them again;
   * - `refused`: the collector refused records for good;
   * - `rejected`: the collector took a batch in part, or with a remark;
   * - `overflow`: the queue had no room for a record;
   * - `defect`: of this library; telemetry has stopped.
   */
  kind: TelemetryWarningKind;
  /** What happened, in words. */
  message: string;
}

/** What tests and the facade may choose. @internal */
export interface DriverOptions {
  /** Default: `console.warn`. */
  onWarning?: ((warning: TelemetryWarning) => void) | undefined;
  /** What `resolveSettings` ignored. */
  warnings?: readonly string[] | undefined;
  random?: (() => number) | undefined;
  /** The page whose end is watched; `null` for none. Default: the one there is. */
  page?: Page | null | undefined;
}

/** Failures in a row before it is worth a word: one may be a restart. */
const UNREACHABLE_AFTER = 3;
const MAX_TIMER_MS = 2_147_483_647;
/** For exporters that tell the server; the worker has its own limit. */
const UNLOAD_TIMEOUT_MS = 10_000;
/** More than any queue holds, in the 32 bits of the core. */
const NO_LIMIT = 2 ** 31 - 1;

const EMPTY_STATS: TelemetryStats = {
  queued: 0, queued_bytes: 0, in_flight: 0, exported: 0, rejected: 0,
  dropped: { fatal: 0, queue_full: 0, retries_exhausted: 0, shutdown: 0, too_large: 0, unload: 0 },
  requests: 0, retried: 0, last_error: null, last_warning: null, last_export_ms: null,
};

/**
 * Does what the core's worker asks for. Call {@link drain} after every call of the core. Nothing here throws: if the
 * core fails, telemetry stops with a warning.
 * @internal
 */
export class Driver {
  readonly #core: TelemetryCore;
  readonly #exporter: Exporter | undefined;
  readonly #random: () => number;
  readonly #onWarning: (warning: TelemetryWarning) => void;
  readonly #warned = new Set<TelemetryWarningKind>();
  readonly #requests = new Map<number, Request>();
  readonly #flushes = new Map<number, (result: FlushResult) => void>();
  readonly #leavePage: () => void;
  #shutdown: Promise<FlushResult> | undefined;
  #resolveShutdown: ((result: FlushResult) => void) | undefined;
  #timer: unknown;
  #draining = false;
  #broken = false;
  #failures = 0;
  #cancelled = 0;
  #losses = 0;
  #seen = EMPTY_STATS;

  /** @param exporter of `createExporter`; without one the core must have `exports: false`. */
  constructor(core: TelemetryCore, exporter: Exporter | undefined, options: DriverOptions = {}) {
    this.#core = core;
    this.#exporter = exporter;
    this.#random = options.random ?? Math.random;
    this.#onWarning = options.onWarning ?? (({ message }) => console.warn(`streamgauge telemetry: ${message}`));
    const page = options.page === undefined && isPage() ? { document, window } : options.page;
    const watched = exporter !== undefined && page ? page : undefined;
    this.#leavePage = watched === undefined ? () => {} : watchPage(watched, (leaving) => this.flushForUnload(leaving));
    const { warnings = [] } = options;
    if (warnings.length > 0) this.#warn("settings", warnings.join("\n"));
  }

  /** What became of the records so far. */
  get stats(): TelemetryStats {
    if (!this.#broken) this.#guard(() => this.#readStats());
    return structuredClone(this.#seen);
  }

  /** Does what the worker wants by now. */
  drain(): void {
    // What a call from within this loop leads to, the loop itself comes to.
    if (this.#draining) return;
    this.#draining = true;
    this.#guard(() => {
      while (this.#core.hasOutput()) this.#perform(JSON.parse(this.#core.poll()!) as WorkerOutput);
    });
    this.#draining = false;
  }

  /** Resolves when everything recorded before this call is exported, dropped, or the time is up. Never rejects. */
  forceFlush(options: FlushOptions = {}): Promise<FlushResult> {
    return new Promise((resolve) => {
      const done = this.#guard(() => {
        this.#flushes.set(this.#core.flush(timeout(options)), resolve);
        this.#hold();
      });
      if (!done) resolve("failed");
      this.drain();
    });
  }

  /** Exports what there is, then stops; the first call's promise is every later call's. Never rejects. */
  shutdown(options: FlushOptions = {}): Promise<FlushResult> {
    this.#shutdown ??= new Promise((resolve) => {
      this.#resolveShutdown = resolve;
      this.#hold();
      if (!this.#guard(() => this.#core.shutdown(timeout(options)))) this.#stop("failed");
      this.drain();
    });
    return this.#shutdown;
  }

  /**
   * Sends what waits, at once and synchronously up to `fetch`: what the budget allows so that it survives the page,
   * the rest without that promise.
   *
   * @param leaving the page goes for sure, and with it requests that can not survive it: their records are sent again.
   */
  flushForUnload(leaving: boolean): void {
    const exporter = this.#exporter;
    if (exporter === undefined || this.#resolveShutdown === undefined && this.#shutdown !== undefined) return;
    this.#guard(() => {
      const resend = leaving && [...this.#requests.values()].some(({ unload, keepalive }) => !unload && !keepalive);
      this.#unload(exporter, exporter.unloadBudget, resend);
      this.#unload(exporter, NO_LIMIT, false);
    });
    this.drain();
  }

  #unload(exporter: Exporter, budget: number, resend: boolean): void {
    const batches = JSON.parse(this.#core.takeForUnload(budget, resend)) as UnloadBatch[];
    for (const { id, records, signal: type = "logs" } of batches) {
      const parts = { type, attempt: 1, records, timeoutMs: UNLOAD_TIMEOUT_MS, body: this.#core.body(id), unload: true };
      this.#send(exporter, id, new Request(parts));
    }
  }

  #perform(output: WorkerOutput): void {
    switch (output.type) {
      case "send": {
        const { id, signal: type = "logs", attempt, records, deadline_ms } = output;
        const timeoutMs = Math.max(0, deadline_ms - clock.now());
        const request = new Request({ type, attempt, records, timeoutMs, body: this.#core.body(id), unload: false });
        if (this.#exporter !== undefined) this.#send(this.#exporter, id, request);
        return;
      }
      case "cancel": {
        const request = this.#requests.get(output.id);
        this.#requests.delete(output.id);
        this.#cancelled++;
        request?.abort();
        return;
      }
      case "wake_at":
        return this.#setTimer(output.at_ms);
      case "flush_done":
        for (const id of output.ids) {
          this.#flushes.get(id)?.(output.result);
          this.#flushes.delete(id);
        }
        return this.#hold();
      case "shutdown_done":
        return this.#stop(output.result);
    }
  }

  #send(exporter: Exporter, id: number, request: Request): void {
    this.#requests.set(id, request);
    exporter.send(request).then(
      (result) => this.#settle(id, result),
      (error: unknown) => this.#settle(id, { type: "network", message: String(error) }),
    );
  }

  /** Tells the core how a request ended, unless it was cancelled. */
  #settle(id: number, result: ExportResult): void {
    if (!this.#requests.delete(id)) return;
    this.#guard(() => {
      const random = this.#random();
      switch (result.type) {
        case "http": {
          const { status, retryAfter, contentType, body } = result;
          this.#core.httpResponse(id, status, retryAfter, contentType, body, random);
          break;
        }
        case "grpc": {
          const { code, message, details, body } = result;
          this.#core.grpcResponse(id, code, message, details, body, random);
          break;
        }
        case "network":
          this.#core.networkError(id, result.message, random);
          break;
        case "sink failed":
          this.#core.sinkFailed(id, result.message, result.retryable, random);
          break;
        case "exported":
          this.#core.exported(id, random);
      }
      if (result.type === "network") this.#unanswered("no answer from", result.message);
      else if (result.type === "sink failed" && result.retryable) this.#unanswered("not taken by", result.message);
      else {
        this.#failures = 0;
      }
      const losses = this.#core.losses();
      // A success whose answer has a body may have a warning in it.
      if (losses !== this.#losses || !isPlainSuccess(result)) this.#tellOfLosses();
      this.#losses = losses;
    });
    this.drain();
  }

  #setTimer(at: number | null): void {
    clearTimeout(this.#timer as number | undefined);
    this.#timer = undefined;
    if (at === null) return;
    // A timer rounds down, and one that is early would have to be set again.
    const delay = Math.min(Math.max(0, Math.ceil(at - clock.now())), MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#tick(), delay);
    this.#hold();
  }

  #tick(): void {
    this.#timer = undefined;
    const before = this.#cancelled;
    this.#guard(() => this.#core.tick(this.#random()));
    this.drain();
    if (this.#cancelled > before) this.#unanswered("no answer from", "no answer in time");
  }

  /** The timer holds the process while somebody waits for a flush or the shutdown, and else does not. */
  #hold(): void {
    const isAwaited = this.#flushes.size > 0 || this.#resolveShutdown !== undefined;
    if (this.#timer !== undefined) holdProcess(this.#timer, isAwaited);
  }

  #stop(result: FlushResult): void {
    this.#leavePage();
    this.#exporter?.close();
    for (const resolve of this.#flushes.values()) resolve(result);
    this.#flushes.clear();
    const resolve = this.#resolveShutdown;
    this.#resolveShutdown = undefined;
    resolve?.(result);
    this.#hold();
  }

  /** Runs a call into the core and returns whether it came back. */
  #guard(call: () => void): boolean {
    if (this.#broken) return false;
    try {
      call();
      return true;
    } catch (error) {
      this.#broken = true;
      this.#setTimer(null);
      for (const request of this.#requests.values()) request.abort();
      this.#requests.clear();
      this.#warn("defect", `it has stopped, for a defect in streamgauge: ${String(error)}`);
      this.#stop("failed");
      return false;
    }
  }

  #readStats(): TelemetryStats {
    const { last_error, last_warning, ...stats } = JSON.parse(this.#core.stats()) as TelemetryStats;
    const told = (text: string | null) => (text === null ? null : this.#concealed(text));
    return (this.#seen = { ...stats, last_error: told(last_error), last_warning: told(last_warning) });
  }

  /** A collector may repeat a header's value: "invalid API key ..". */
  #concealed(text: string): string {
    return concealed(text, this.#exporter?.secrets ?? []);
  }

  #unanswered(what: string, reason: string): void {
    if (++this.#failures !== UNREACHABLE_AFTER || this.#exporter === undefined) return;
    const { target } = this.#exporter;
    const hint = isPage() && !(this.#exporter instanceof SinkExporter)
      ? "; if the collector is there, see that it allows this page's origin and the request's headers (CORS)"
      : "";
    this.#warn("unreachable", `${what} ${target}, ${UNREACHABLE_AFTER} times in a row: ${this.#concealed(reason)}${hint}`);
  }

  #tellOfLosses(): void {
    const before = this.#seen;
    const now = this.#readStats();
    this.#tellOfLossesOf(before, now);
    if (now.metrics !== undefined) this.#tellOfLossesOf(before.metrics ?? EMPTY_STATS, now.metrics);
  }

  #tellOfLossesOf({ dropped: before, rejected, last_warning }: SignalStats, now: SignalStats): void {
    const refused = now.dropped.fatal + now.dropped.too_large - before.fatal - before.too_large;
    if (refused > 0) this.#warn("refused", `records were dropped (${refused}): ${now.last_error ?? "too large"}`);
    if (now.dropped.queue_full > before.queue_full) {
      this.#warn("overflow", "the queue is full, and new records are dropped");
    }
    if (now.rejected > rejected || (now.last_warning !== null && now.last_warning !== last_warning)) {
      this.#warn("rejected", now.last_warning ?? `records were rejected (${now.rejected - rejected})`);
    }
  }

  #warn(kind: TelemetryWarningKind, message: string): void {
    if (this.#warned.has(kind)) return;
    this.#warned.add(kind);
    try {
      this.#onWarning({ kind, message });
    } catch {
      // Telemetry is nobody's problem.
    }
  }
}

type UnloadBatch = Pick<Extract<WorkerOutput, { type: "send" }>, "id" | "signal" | "records">;

/** A request under way. */
class Request implements ExportRequest {
  readonly type: "logs" | "metrics";
  readonly attempt: number;
  readonly records: number;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly timeoutMs: number;
  readonly unload: boolean;
  keepalive = false;
  readonly #controller = new AbortController();

  constructor(parts: Pick<ExportRequest, "type" | "attempt" | "records" | "body" | "timeoutMs" | "unload">) {
    this.type = parts.type;
    this.attempt = parts.attempt;
    this.records = parts.records;
    this.body = parts.body;
    this.timeoutMs = parts.timeoutMs;
    this.unload = parts.unload;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(): void {
    this.#controller.abort();
  }
}

/** Whether the collector took everything, without a word. */
function isPlainSuccess(result: ExportResult): boolean {
  if (result.type === "http" || result.type === "grpc") return result.body.length === 0;
  return result.type === "exported";
}

function timeout({ timeoutMs }: FlushOptions): number | undefined {
  return typeof timeoutMs === "number" ? timeoutMs : undefined;
}
