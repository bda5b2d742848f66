// One run: a source is opened, read through the package, and what came of it is kept for the views to look at.

import { aggregate, StreamError, Telemetry } from "./package.js";
import { Items } from "./items.js";
import { Samples } from "./samples.js";

/** How long the loop may hold the page's thread, in milliseconds. */
const SLICE_MS = 8;

/** What deltas are counted as. */
const KIND_OF = {
  "output_text.delta": "text", "refusal.delta": "text", "reasoning.delta": "reasoning",
  "reasoning_summary.delta": "reasoning", "tool_call.delta": "arguments",
};

/** Records are handed over in pieces that the page can take between two frames, and none is dropped. */
const BATCH = {
  scheduled_delay_ms: 150, max_export_batch_size: 128, max_queue_size: 1_000_000, max_queue_bytes: 1 << 30,
};

/** `connecting`, `streaming`, then one of `completed`, `failed`, `stopped`. */
export class Run {
  state = "connecting";
  paused = false;
  samples = new Samples();
  items = new Items();
  /** Text that nobody has shown yet: `{ kind: "text" | "reasoning", choice, text }`. */
  fresh = [];
  /** Batches of log records, as OTLP JSON objects. */
  batches = [];
  /** What the package says at the end, or `undefined`. */
  final;
  /** The failure, or `undefined`. */
  error;
  responseId = "";
  model = "";
  /** When the package began to read, which its timings count from. */
  openedAfter = 0;
  #onChange;
  #abort = new AbortController();
  #resume;
  #startedAt = performance.now();
  #pausedFor = 0;
  #pausedAt = 0;
  #endedAfter;

  /**
   * @param source what is read: `{ model, provider, prompt?, options, idleTimeoutMs?, open({ fetch, signal }) }`.
   * @param settings `sseEvents` of the telemetry.
   * @param onChange is called when there is something new to show.
   */
  constructor(source, { sseEvents }, onChange) {
    this.source = source;
    this.#onChange = onChange;
    this.telemetry = new Telemetry({
      conversationId: crypto.randomUUID(), model: source.model, appVersion: "playground", terminalType: "browser",
      serviceName: "streamgauge-playground", sseEvents, maxRetries: 0, onWarning: (warning) => this.warnings.push(warning.message),
      otel: { exporter: { sink: (batch) => this.#recorded(batch) }, batch: BATCH },
    });
  }

  /** What the telemetry has to complain about. */
  warnings = [];

  /** How long it runs or ran, without the pauses. */
  get elapsed() {
    if (this.#endedAfter !== undefined) return this.#endedAfter;
    const now = this.paused ? this.#pausedAt : performance.now();
    return now - this.#startedAt - this.#pausedFor;
  }

  get running() {
    return this.state === "connecting" || this.state === "streaming";
  }

  /** Reads to the end. Never rejects. */
  async play() {
    const { source, telemetry } = this;
    const { signal } = this.#abort;
    telemetry.conversationStarts({ provider_name: source.provider });
    if (source.prompt !== undefined) telemetry.userPrompt(source.prompt);
    try {
      const body = await source.open({ fetch: (url, init) => telemetry.fetch(url, init), signal });
      // A recording is loaded first; an endpoint's answer is waited for, and that is part of the run.
      if (source.kind !== "endpoint") this.#startedAt = performance.now();
      this.openedAfter = this.elapsed;
      this.state = "streaming";
      const include = ["created", "output_item.added", "tool_call.delta"];
      const { idleTimeoutMs } = source;
      const stream = aggregate(body, { ...source.options, idleTimeoutMs, include, signal, telemetry });
      for await (const batch of stream.batches()) {
        this.#take(batch);
        await this.#breathe();
      }
      this.final = await stream.final();
      this.#end("completed", []);
    } catch (error) {
      const isOurs = error instanceof StreamError;
      const isStopped = signal.aborted && (!isOurs || error.code === "aborted");
      this.error = isStopped && !isOurs ? new StreamError("aborted", "stopped before there was an answer", { cause: error }) : error;
      this.#end(isStopped ? "stopped" : "failed", this.error.partial ?? []);
    }
    await telemetry.shutdown();
    this.#onChange();
  }

  /** Holds the stream: nothing is read meanwhile, so its sender is held as well. */
  pause(paused) {
    if (!this.running || paused === this.paused) return;
    if (paused) this.#pausedAt = performance.now();
    else this.#pausedFor += performance.now() - this.#pausedAt;
    this.paused = paused;
    if (!paused) this.#resume?.();
    this.#onChange();
  }

  stop() {
    this.pause(false);
    this.#abort.abort();
  }

  #take(batch) {
    const time = this.elapsed;
    const counts = { reasoning: 0, text: 0, arguments: 0 };
    for (const event of batch) {
      const kind = KIND_OF[event.type];
      if (kind !== undefined) counts[kind]++;
      if (kind === "text" || kind === "reasoning") this.#say(kind, event);
      if (event.type === "created") this.#created(event);
      this.items.take(event, time);
    }
    if (counts.reasoning + counts.text + counts.arguments > 0) this.samples.push(time, counts);
    this.#onChange();
  }

  #created({ response_id: id, model }) {
    this.responseId = id;
    this.model = model;
  }

  /** Deltas of one kind are put together until the next frame shows them. */
  #say(kind, { choice = 0, delta }) {
    const last = this.fresh.at(-1);
    if (last?.kind === kind && last.choice === choice) last.text += delta;
    else this.fresh.push({ kind, choice, text: delta });
  }

  #recorded(batch) {
    this.batches.push(batch);
    this.#onChange();
  }

  #end(state, partial) {
    this.#endedAfter = this.elapsed;
    this.paused = false;
    this.state = state;
    this.items.close(partial, this.#endedAfter);
    this.#onChange();
  }

  #sliceFrom = performance.now();

  /** Lets the page have its thread from time to time, and waits while the run is paused. */
  async #breathe() {
    if (performance.now() - this.#sliceFrom > SLICE_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      this.#sliceFrom = performance.now();
    }
    while (this.paused) {
      await new Promise((resolve) => {
        this.#resume = resolve;
      });
    }
  }
}
