// A `TelemetryCore` for tests of what is around it: it asks for what the test says and writes down what it is told.
//
//   core.ask({ type: "send", id: 1, attempt: 1, records: 2, body_len: 10, deadline_ms: performance.now() + 1000 });
//   driver.drain();
//   ... core.calls: [["exported", 1], ..]

export const STATS = {
  queued: 0, queued_bytes: 0, in_flight: 0, exported: 0, rejected: 0,
  dropped: { fatal: 0, queue_full: 0, retries_exhausted: 0, shutdown: 0, too_large: 0, unload: 0 },
  requests: 0, retried: 0, last_error: null, last_warning: null, last_export_ms: null,
};

export class FakeCore {
  calls = [];
  outputs = [];
  /** What `takeForUnload` gives, call by call. */
  unload = [];
  body_ = new TextEncoder().encode('{"resourceLogs":[]}');
  statistics = structuredClone(STATS);
  /** Called for every call, with its name; may `ask`, or throw. */
  on = () => {};
  #waiting = [];
  #flushes = 0;

  ask(...outputs) {
    this.outputs.push(...outputs);
  }

  send(id, parts = {}) {
    const deadline_ms = performance.now() + 5000;
    this.ask({ type: "send", id, attempt: 1, records: 1, body_len: this.body_.length, deadline_ms, ...parts });
  }

  /** Resolves when the core is told something by this name (again). */
  told(name) {
    return new Promise((resolve) => this.#waiting.push({ name, resolve }));
  }

  hasOutput() {
    this.on("hasOutput");
    return this.outputs.length > 0;
  }

  poll() {
    this.on("poll");
    const output = this.outputs.shift();
    return output === undefined ? undefined : JSON.stringify(output);
  }

  body(id) {
    this.#called("body", id);
    return this.body_;
  }

  tick(random) { this.#called("tick", random); }
  httpResponse(id, status, retryAfter, contentType, body, random) {
    this.#called("httpResponse", id, status, retryAfter, contentType, new TextDecoder().decode(body), random);
  }
  grpcResponse(id, code, message, details, body, random) {
    this.#called("grpcResponse", id, code, message, details, body, random);
  }
  networkError(id, message, random) { this.#called("networkError", id, message, random); }
  sinkFailed(id, message, retryable, random) { this.#called("sinkFailed", id, message, retryable, random); }
  exported(id, random) { this.#called("exported", id, random); }
  flush(timeoutMs) {
    this.#called("flush", timeoutMs);
    return ++this.#flushes;
  }
  shutdown(timeoutMs) { this.#called("shutdown", timeoutMs); }
  takeForUnload(budget, resend) {
    this.#called("takeForUnload", budget, resend);
    return JSON.stringify(this.unload.shift() ?? []);
  }
  abandon() { this.#called("abandon"); }
  losses() {
    const of = ({ rejected, dropped }) => Object.values(dropped).reduce((sum, count) => sum + count, rejected);
    return of(this.statistics) + of(this.statistics.metrics ?? STATS);
  }
  stats() {
    this.on("stats");
    return JSON.stringify(this.statistics);
  }

  names() {
    return this.calls.map(([name]) => name);
  }

  #called(...call) {
    this.calls.push(call);
    this.on(...call);
    const settled = this.#waiting.filter(({ name }) => name === call[0]);
    this.#waiting = this.#waiting.filter((each) => !settled.includes(each));
    // What the core asks for in return was polled by then.
    for (const { resolve } of settled) setImmediate(() => resolve(call));
  }
}
