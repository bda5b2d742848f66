// What the telemetry tests ask of their page: `harness`.

import * as streamgauge from "/dist/index.js";

import { fill } from "/support/browser-records.mjs";

const { aggregate, observedFetch, Telemetry } = streamgauge;

/** What a page's owner would see go wrong, beyond what the browser itself writes into the console. */
const complaints = [];
addEventListener("error", ({ message }) => complaints.push(`error: ${message}`));
addEventListener("unhandledrejection", ({ reason }) => complaints.push(`unhandled rejection: ${reason}`));
for (const level of ["error", "warn"]) {
  const original = console[level];
  console[level] = (...args) => {
    complaints.push(`${level}: ${args.join(" ")}`);
    original.apply(console, args);
  };
}

/** What became of this document, in order: it outlives a stay in the back/forward cache. */
const lifecycle = [];
document.addEventListener("visibilitychange", () => lifecycle.push(document.visibilityState));
addEventListener("pagehide", ({ persisted }) => lifecycle.push(persisted ? "pagehide, persisted" : "pagehide"));
addEventListener("pageshow", ({ persisted }) => persisted && lifecycle.push("pageshow, persisted"));

let telemetry;

globalThis.harness = {
  complaints: () => complaints,
  lifecycle: () => lifecycle,

  start(options) {
    telemetry = new Telemetry(options);
  },

  /** The error of the constructor, as data. */
  fail(options) {
    try {
      new Telemetry(options);
    } catch ({ name, code, message }) {
      return { name, code, message };
    }
    return undefined;
  },

  record(from, count, bytes) {
    fill(telemetry, from, count, bytes);
  },

  /** Waits for the collector's answer to each record. */
  async flush() {
    const result = await telemetry.forceFlush({ timeoutMs: 10_000 });
    return { result, stats: telemetry.stats };
  },

  stats: () => telemetry.stats,

  /** One batch after the other. */
  async batches(count, records, bytes) {
    const results = [];
    for (let batch = 0; batch < count; batch++) {
      fill(telemetry, batch * records, records, bytes);
      results.push(await telemetry.forceFlush());
    }
    return results;
  },

  async stream(url, { measured = true } = {}) {
    const events = [];
    for await (const { timings, ...event } of aggregate(await fetch(url), measured ? { telemetry } : {})) {
      events.push(event);
    }
    return events;
  },

  /** A library's part: reads through a measuring fetch, and hears what was measured. */
  async observed(url) {
    let final;
    const measuring = observedFetch({ telemetry, onFinal: (each) => (final = each) });
    const response = await measuring(url);
    const [text, type] = [await response.text(), response.headers.get("content-type")];
    return { text, type, url: response.url, items: final?.items };
  },

  /** From now on, what is given to `fetch` and what becomes of its answers. */
  spyOnFetch() {
    const calls = [];
    const original = globalThis.fetch;
    globalThis.fetch = async (input, init = {}) => {
      const call = { url: `${input?.url ?? input}`, keepalive: init.keepalive === true, bytes: init.body?.length ?? 0 };
      calls.push(call);
      const response = await original.call(globalThis, input, init);
      call.response = response;
      return response;
    };
    this.fetches = () => calls.map(({ response, ...call }) => ({ ...call, drained: response?.bodyUsed === true }));
  },

  /** From now on, everything that could make a timer or a request. */
  spyOnEverything() {
    const used = [];
    const watch = (owner, name) => {
      const original = owner[name];
      owner[name] = function (...args) {
        used.push(name);
        return original.apply(this, args);
      };
    };
    const timers = ["setTimeout", "setInterval", "requestAnimationFrame", "requestIdleCallback", "queueMicrotask"];
    for (const name of [...timers, "fetch"]) watch(globalThis, name);
    watch(XMLHttpRequest.prototype, "send");
    watch(Navigator.prototype, "sendBeacon");
    this.used = () => used;
  },

  /** Whether a keepalive request of so many bytes is let through, i.e. nothing else holds the quota. */
  async keepalive(url, bytes) {
    const response = await fetch(url, { method: "POST", keepalive: true, body: "x".repeat(bytes) });
    await response.text();
    return response.status;
  },
};
