// Whose telemetry a stream is recorded by: one for all, as a program has; one with a record per event, whose collector refuses
// some; one of the stream's own, shut down after it; one that is forgotten with the stream. No Node API: pages use it as well.

/** The busy one's queue is full now and then, and should not be most of what the core holds. */
const QUEUES = { busy: { max_queue_size: 512, max_export_batch_size: 256 } };

const otel = (base, owner) => ({
  exporter: { "otlp-http": { endpoint: `${base}/${owner}/v1/logs`, protocol: "json" } },
  metrics: { interval_ms: 3000 },
  // A machine that is busy with the load must not make requests be sent twice.
  batch: { scheduled_delay_ms: 500, export_timeout_ms: 600_000, retry_initial_ms: 200, retry_cap_ms: 1000, ...QUEUES[owner] },
});
const COUNTS = { telemetries: 0, exported: 0, rejected: 0, dropped: {}, metrics: { exported: 0 } };

export class Telemetries {
  /** By owner: what its telemetries say of themselves. The forgotten ones can not be asked; of them it is how many there were. */
  said = { shared: structuredClone(COUNTS), busy: structuredClone(COUNTS), own: structuredClone(COUNTS), forgotten: structuredClone(COUNTS) };
  /** Calls of `fetch`, by owner. */
  fetches = { shared: 0, busy: 0, own: 0, forgotten: 0 };
  #make;
  #lasting = {};

  constructor({ Telemetry }, base) {
    const settings = {
      shared: { sseEvents: "summary", conventions: "both", streamTimings: true, captureContent: false },
      busy: { sseEvents: "all" },
      own: { sseEvents: "summary", conventions: "gen_ai" },
      forgotten: { sseEvents: "off" },
    };
    this.#make = (owner) => new Telemetry({
      conversationId: `soak-${owner}`, model: "gpt-5", appVersion: "1", maxRetries: 0, onWarning: () => {},
      otel: otel(base, owner), ...settings[owner],
    });
    for (const owner of ["shared", "busy"]) this.#lasting[owner] = this.#make(owner);
  }

  /** The telemetry for a stream, if any; `done` goes with it. */
  for(owner) {
    if (owner === "none") return undefined;
    this.fetches[owner]++;
    if (this.#lasting[owner] !== undefined) return this.#lasting[owner];
    const telemetry = this.#make(owner);
    telemetry.conversationStarts();
    return telemetry;
  }

  /** The stream has ended. */
  async done(owner, telemetry) {
    if (owner === "own") await this.#end(owner, telemetry);
    if (owner === "forgotten") this.said.forgotten.telemetries++;
  }

  /** All that lasts comes to its end. */
  async end() {
    await Promise.all(Object.entries(this.#lasting).map(([owner, telemetry]) => this.#end(owner, telemetry)));
    this.#lasting = {};
  }

  async #end(owner, telemetry) {
    await telemetry.shutdown({ timeoutMs: 900_000 });
    const { exported, rejected, dropped, queued, metrics } = telemetry.stats;
    const said = this.said[owner];
    said.telemetries++;
    said.exported += exported;
    said.rejected += rejected;
    said.metrics.exported += metrics?.exported ?? 0;
    for (const [reason, count] of Object.entries({ ...dropped, left_in_queue: queued })) said.dropped[reason] = (said.dropped[reason] ?? 0) + count;
  }
}
