// What is around the worker: timer, requests, promises, warnings, the page's end, sinks.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { BatchLogRecordProcessor, InMemoryLogRecordExporter, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";

import { Driver } from "../../pkg/dist/telemetry/driver.js";
import { createExporter } from "../../pkg/dist/telemetry/exporter.js";
import { resolveSettings } from "../../pkg/dist/telemetry/settings.js";
import { sdkLogsSink } from "../../pkg/dist/telemetry/sink.js";
import { grpcCollector, httpCollector } from "./support/otel-collector.mjs";
import { FakeCore, STATS } from "./support/otel-core.mjs";

/** An exporter whose requests end when the test says so. */
class ScriptedExporter {
  format = "json";
  frameOverhead = 0;
  target = "nowhere";
  unloadBudget = 60 * 1024;
  requests = [];
  closed = 0;

  send(request) {
    return new Promise((resolve, reject) => this.requests.push(Object.assign(request, { resolve, reject })));
  }

  close() {
    this.closed++;
  }
}

/** An event target that knows how many listen. */
class CountingTarget extends EventTarget {
  listeners = 0;

  addEventListener(...args) {
    this.listeners++;
    super.addEventListener(...args);
  }

  removeEventListener(...args) {
    this.listeners--;
    super.removeEventListener(...args);
  }
}

class FakePage {
  document = new CountingTarget();
  window = new CountingTarget();

  constructor() {
    this.document.visibilityState = "visible";
  }

  hide() {
    this.document.visibilityState = "hidden";
    this.document.dispatchEvent(new Event("visibilitychange"));
  }

  show() {
    this.document.visibilityState = "visible";
    this.document.dispatchEvent(new Event("visibilitychange"));
  }

  leave() {
    this.window.dispatchEvent(new Event("pagehide"));
  }
}

function setup({ exporter = new ScriptedExporter(), ...options } = {}) {
  const core = new FakeCore();
  const warnings = [];
  const driver = new Driver(core, exporter, { random: () => 0.25, onWarning: (warning) => warnings.push(warning), ...options });
  return { core, driver, exporter, warnings, kinds: () => warnings.map(({ kind }) => kind) };
}

const settled = () => sleep(1);
const NETWORK = { type: "network", message: "no" };

describe("requests", () => {
  test("a body goes out, what it came to is told", async () => {
    const cases = [
      [{ type: "http", status: 503, retryAfter: "1", contentType: "a/b", body: new Uint8Array([104, 105]) }, ["httpResponse", 7, 503, "1", "a/b", "hi", 0.25]],
      [{ type: "grpc", code: 14, message: "m", details: new Uint8Array([1]), body: new Uint8Array([2]) }, ["grpcResponse", 7, 14, "m", new Uint8Array([1]), new Uint8Array([2]), 0.25]],
      [NETWORK, ["networkError", 7, "no", 0.25]],
      [{ type: "exported" }, ["exported", 7, 0.25]],
    ];
    for (const [result, expected] of cases) {
      const { core, driver, exporter } = setup();
      core.send(7, { attempt: 3, records: 2 });
      driver.drain();
      const [{ attempt, records, body, timeoutMs, unload, resolve }] = exporter.requests;
      assert.deepEqual({ attempt, records, body, unload }, { attempt: 3, records: 2, body: core.body_, unload: false });
      assert.ok(timeoutMs > 4000 && timeoutMs <= 5000);
      resolve(result);
      await settled();
      assert.deepEqual(core.calls.at(-1), expected);
    }
  });

  test("an exporter that rejects has failed", async () => {
    const { core, driver, exporter } = setup();
    core.send(1);
    driver.drain();
    exporter.requests[0].reject(new Error("boom"));
    await settled();
    assert.deepEqual(core.calls.at(-1), ["networkError", 1, "Error: boom", 0.25]);
  });

  test("a cancelled one is aborted, and its answer is nobody's business", async () => {
    const { core, driver, exporter } = setup();
    core.send(1);
    driver.drain();
    core.ask({ type: "cancel", id: 1 }, { type: "cancel", id: 99 });
    driver.drain();
    assert.equal(exporter.requests[0].signal.aborted, true);
    exporter.requests[0].resolve({ type: "exported" });
    await settled();
    assert.deepEqual(core.names(), ["body"]);
  });

  test("what the answer leads to is done", async () => {
    const { core, driver, exporter } = setup();
    core.on = (name) => name === "exported" && core.calls.length < 4 && core.send(2);
    core.send(1);
    driver.drain();
    exporter.requests[0].resolve({ type: "exported" });
    await settled();
    assert.equal(exporter.requests.length, 2);
  });

  test("a call from within is served by the loop outside", () => {
    const { core, driver, warnings, exporter } = setup();
    let depth = 0;
    core.on = (name) => {
      if (name !== "poll") return;
      assert.equal(depth++, 0, "the core was entered twice");
      driver.drain();
      depth--;
    };
    core.send(1);
    driver.drain();
    assert.deepEqual(warnings, []);
    assert.equal(exporter.requests.length, 1);
  });
});

test("requests say what they are of", () => {
  const page = new FakePage();
  const { core, driver, exporter } = setup({ page });
  core.send(1);
  core.send(2 ** 31 + 1, { signal: "metrics" });
  driver.drain();
  core.unload.push([{ id: 3, records: 1, signal: "logs" }, { id: 2 ** 31 + 3, records: 1, signal: "metrics" }]);
  page.leave();
  assert.deepEqual(exporter.requests.map(({ type }) => type), ["logs", "metrics", "logs", "metrics"]);
});

test("what is lost of metrics is said", async () => {
  const { core, driver, exporter, kinds } = setup();
  core.send(1, { signal: "metrics" });
  driver.drain();
  core.statistics.metrics = { ...structuredClone(STATS), dropped: { ...STATS.dropped, fatal: 1 } };
  exporter.requests[0].resolve({ type: "exported" });
  await settled();
  assert.deepEqual(kinds(), ["refused"]);
  assert.equal(driver.stats.metrics.dropped.fatal, 1);
});

describe("the timer", () => {
  test("fires when the worker said, with a random number", async () => {
    const { core, driver } = setup();
    const at = performance.now() + 30;
    core.ask({ type: "wake_at", at_ms: at });
    driver.drain();
    // What the timer does not do itself: hold this process.
    const [, ticked] = await Promise.all([sleep(60), core.told("tick").then((call) => [call, performance.now()])]);
    assert.deepEqual(ticked[0], ["tick", 0.25]);
    assert.ok(ticked[1] >= at);
  });

  test("there is one, and it can be cleared", async () => {
    const { core, driver } = setup();
    const at_ms = performance.now();
    core.ask({ type: "wake_at", at_ms: at_ms + 10 }, { type: "wake_at", at_ms: at_ms + 20 });
    driver.drain();
    await sleep(50);
    assert.deepEqual(core.names(), ["tick"]);
    core.ask({ type: "wake_at", at_ms: performance.now() + 10 }, { type: "wake_at", at_ms: null });
    driver.drain();
    await sleep(30);
    assert.deepEqual(core.names(), ["tick"]);
  });

  test("a time in the past is now", async () => {
    const { core, driver } = setup();
    core.ask({ type: "wake_at", at_ms: 0 });
    driver.drain();
    await Promise.all([sleep(20), core.told("tick")]);
  });

  const child = async (code) => {
    const url = (path) => JSON.stringify(new URL(path, import.meta.url));
    const script = `
      import { Driver } from ${url("../../pkg/dist/telemetry/driver.js")};
      import { FakeCore } from ${url("./support/otel-core.mjs")};
      const core = new FakeCore();
      const exporter = { unloadBudget: 0, close() { console.log("closed"); }, send: async () => ({ type: "exported" }) };
      const driver = new Driver(core, exporter);
      const wake = (ms) => core.ask({ type: "wake_at", at_ms: performance.now() + ms });
      ${code}`;
    const started = performance.now();
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { timeout: 20_000 });
    return { stdout, ms: performance.now() - started };
  };

  test("does not hold the process", async () => {
    const { stdout, ms } = await child("wake(15_000); driver.drain();");
    assert.equal(stdout, "");
    assert.ok(ms < 10_000, String(ms));
  });

  test("does while somebody waits for the shutdown", async () => {
    const { stdout } = await child(`
      core.on = (name) => {
        if (name === "shutdown") wake(300);
        if (name === "tick") core.ask({ type: "shutdown_done", result: "ok" }, { type: "wake_at", at_ms: null });
      };
      wake(15_000);
      driver.drain();
      driver.shutdown().then((result) => console.log(result));`);
    assert.equal(stdout, "closed\nok\n");
  });

  test("does while somebody waits for a flush, and not after it", async () => {
    const { stdout, ms } = await child(`
      core.on = (name) => {
        if (name === "tick") core.ask({ type: "flush_done", ids: [1], result: "failed" }), wake(15_000);
      };
      wake(300);
      driver.drain();
      driver.forceFlush().then((result) => console.log(result));`);
    assert.equal(stdout, "failed\n");
    assert.ok(ms < 10_000, String(ms));
  });
});

describe("flush and shutdown", () => {
  test("each flush has its own result", async () => {
    const { core, driver } = setup();
    const results = [driver.forceFlush(), driver.forceFlush({ timeoutMs: 5 }), driver.forceFlush()];
    assert.deepEqual(core.calls, [["flush", undefined], ["flush", 5], ["flush", undefined]]);
    core.ask({ type: "flush_done", ids: [1, 3], result: "ok" }, { type: "flush_done", ids: [2], result: "timed_out" });
    driver.drain();
    assert.deepEqual(await Promise.all(results), ["ok", "timed_out", "ok"]);
  });

  test("a flush that is done at once", async () => {
    const { core, driver } = setup();
    core.on = (name) => name === "flush" && core.ask({ type: "flush_done", ids: [1], result: "ok" });
    assert.equal(await driver.forceFlush(), "ok");
  });

  test("the shutdown is one, whoever asks", async () => {
    const page = new FakePage();
    const { core, driver, exporter } = setup({ page });
    assert.deepEqual([page.document.listeners, page.window.listeners], [1, 1]);
    const first = driver.shutdown({ timeoutMs: 7 });
    assert.equal(driver.shutdown(), first);
    page.hide();
    assert.ok(core.names().includes("takeForUnload"), "the page is still watched");
    core.ask({ type: "shutdown_done", result: "timed_out" });
    driver.drain();
    assert.equal(await first, "timed_out");
    assert.equal(await driver.shutdown(), "timed_out");
    assert.equal(exporter.closed, 1);
    assert.deepEqual(core.calls.filter(([name]) => name === "shutdown"), [["shutdown", 7]]);
    const before = core.calls.length;
    page.show();
    page.hide();
    page.leave();
    assert.equal(core.calls.length, before);
    assert.deepEqual([page.document.listeners, page.window.listeners], [0, 0]);
  });

  test("stats are the core's", () => {
    const { core, driver } = setup();
    core.statistics = { ...STATS, exported: 3 };
    assert.deepEqual(driver.stats, { ...STATS, exported: 3 });
  });
});

describe("warnings: one of a kind", () => {
  test("three times without an answer", async () => {
    const { core, driver, exporter, warnings } = setup();
    for (let id = 1; id <= 8; id++) {
      core.send(id);
      driver.drain();
      exporter.requests.at(-1).resolve(NETWORK);
      await settled();
      assert.equal(warnings.length, id >= 3 ? 1 : 0);
    }
    assert.deepEqual(warnings, [{ kind: "unreachable", message: "no answer from nowhere, 3 times in a row: no" }]);
  });

  test("an answer in between starts the count again", async () => {
    const { core, driver, exporter, kinds } = setup();
    for (const [id, ok] of [[1, 0], [2, 0], [3, 1], [4, 0], [5, 0]]) {
      core.send(id);
      driver.drain();
      exporter.requests.at(-1).resolve(ok ? { type: "exported" } : NETWORK);
      await settled();
    }
    assert.deepEqual(kinds(), []);
  });

  test("a request whose time was up counts", async () => {
    const { core, driver, kinds } = setup();
    for (let id = 1; id <= 3; id++) {
      core.on = (name) => name === "tick" && core.ask({ type: "cancel", id });
      core.send(id);
      core.ask({ type: "wake_at", at_ms: 0 });
      driver.drain();
      await Promise.all([sleep(10), core.told("tick")]);
    }
    assert.deepEqual(kinds(), ["unreachable"]);
  });

  const losses = [
    [{ dropped: { ...STATS.dropped, fatal: 2 }, last_error: "HTTP 401" }, { kind: "refused", message: "records were dropped (2): HTTP 401" }],
    [{ dropped: { ...STATS.dropped, queue_full: 2 } }, { kind: "overflow", message: "the queue is full, and new records are dropped" }],
    [{ rejected: 1, last_warning: "too old" }, { kind: "rejected", message: "too old" }],
    [{ last_warning: "use another endpoint" }, { kind: "rejected", message: "use another endpoint" }],
  ];
  // A warning is in an answer's body; the rest is told whatever the answer was.
  const answers = [{ type: "http", status: 200, retryAfter: null, contentType: "application/json", body: new Uint8Array([123, 125]) }, { type: "exported" }];
  for (const [statistics, expected, answer] of losses.flatMap((row) => answers.slice(0, row[0].last_warning ? 1 : 2).map((each) => [...row, each]))) {
    test(`${expected.message} (${answer.type})`, async () => {
      const { core, driver, exporter, warnings } = setup();
      for (let id = 1; id <= 2; id++) {
        core.statistics = { ...STATS, ...statistics };
        core.send(id);
        driver.drain();
        exporter.requests.at(-1).resolve(answer);
        await settled();
      }
      assert.deepEqual(warnings, [expected]);
    });
  }

  test("what the settings ignored", () => {
    assert.deepEqual(setup({ warnings: ["a", "b"] }).warnings, [{ kind: "settings", message: "a\nb" }]);
  });

  test("by default on the console", (t) => {
    const warn = t.mock.method(console, "warn", () => {});
    setup({ warnings: ["a"], onWarning: undefined });
    assert.deepEqual(warn.mock.calls.map((call) => call.arguments), [["streamgauge telemetry: a"]]);
  });
});

describe("nothing is thrown into the caller", () => {
  for (const broken of ["poll", "flush", "shutdown", "takeForUnload", "exported", "stats", "body"]) {
    test(`the core fails in ${broken}`, async () => {
      const page = new FakePage();
      const { core, driver, exporter, kinds } = setup({ page });
      core.send(1);
      core.on = (name) => {
        if (name === broken) throw new WebAssembly.RuntimeError("unreachable");
      };
      driver.drain();
      exporter.requests[0]?.resolve({ type: "exported" });
      await settled();
      page.hide();
      const flush = driver.forceFlush();
      const stopping = driver.shutdown();
      driver.drain();
      assert.equal(typeof driver.stats.exported, "number");
      assert.deepEqual(kinds(), ["defect"]);
      assert.deepEqual(await Promise.all([flush, stopping]), ["failed", "failed"]);
      assert.equal(await driver.forceFlush(), "failed");
    });
  }

  test("a warning's receiver throws", () => {
    setup({
      warnings: ["a"],
      onWarning() {
        throw new Error("boom");
      },
    });
  });
});

test("without an exporter nothing is scheduled", async () => {
  const page = new FakePage();
  const core = new FakeCore();
  const driver = new Driver(core, createExporter(resolveSettings({ exporter: "none" })), { page });
  driver.drain();
  page.hide();
  page.leave();
  core.on = (name) => {
    if (name === "flush") core.ask({ type: "flush_done", ids: [1], result: "ok" });
    if (name === "shutdown") core.ask({ type: "shutdown_done", result: "ok" });
  };
  assert.equal(await driver.forceFlush(), "ok");
  assert.equal(await driver.shutdown(), "ok");
  assert.deepEqual(core.names(), ["flush", "shutdown"]);
});

describe("the page goes", () => {
  const batch = (id) => ({ id, records: 1, body_len: 10 });

  for (const [name, act, leaving] of [["hidden", (page) => page.hide(), false], ["left", (page) => page.leave(), true]]) {
    test(`${name}: what fits the budget, then the rest, all at once`, () => {
      const page = new FakePage();
      const { core, exporter } = setup({ page });
      core.unload = [[batch(1), batch(2)], [batch(3)]];
      act(page);
      assert.deepEqual(core.calls.filter(([call]) => call !== "body"), [["takeForUnload", 60 * 1024, false], ["takeForUnload", 2 ** 31 - 1, false]]);
      assert.deepEqual(exporter.requests.map(({ unload }) => unload), [true, true, true]);
      assert.ok(leaving || page.document.visibilityState === "hidden");
    });
  }

  test("shown is nothing", () => {
    const page = new FakePage();
    const { core } = setup({ page });
    page.show();
    assert.deepEqual(core.calls, []);
  });

  const inFlight = [
    { name: "one without keepalive is sent again when the page is left", act: "leave", keepalive: false, resend: true },
    { name: "one with keepalive is not", act: "leave", keepalive: true, resend: false },
    { name: "neither is when the page is only hidden", act: "hide", keepalive: false, resend: false },
  ];
  for (const { name, act, keepalive, resend } of inFlight) {
    test(`a request is under way: ${name}`, () => {
      const page = new FakePage();
      const { core, driver, exporter } = setup({ page });
      core.send(1);
      driver.drain();
      exporter.requests[0].keepalive = keepalive;
      core.calls = [];
      core.on = (call, budget, again) => {
        if (call === "takeForUnload" && again) core.ask({ type: "cancel", id: 1 });
      };
      page[act]();
      assert.equal(core.calls[0][2], resend);
      assert.equal(core.calls[1][2], false);
      assert.equal(exporter.requests[0].signal.aborted, resend);
    });
  }

  test("hidden, then left: the requests of the first are not sent again", () => {
    const page = new FakePage();
    const { core, exporter } = setup({ page });
    core.unload = [[], [batch(1)]];
    page.hide();
    page.leave();
    assert.deepEqual(core.calls.map(([, , again]) => again).filter((again) => again !== undefined), [false, false, false, false]);
    assert.equal(exporter.requests.length, 1);
  });
});

describe("over real sockets", () => {
  const HTTP = (url) => ({ "otlp-http": { endpoint: url, protocol: "json", headers: { k: "v" } } });
  const GRPC = (url) => ({ "otlp-grpc": { endpoint: url, headers: { k: "v" } } });
  for (const [name, start, exporter, answer] of [
    ["HTTP", httpCollector, HTTP, ["httpResponse", 1, 200, undefined, "application/x-protobuf", "", 0.25]],
    ["gRPC", grpcCollector, GRPC, ["grpcResponse", 1, 0, "", new Uint8Array(0), new Uint8Array(0), 0.25]],
  ]) {
    test(name, async (t) => {
      const collector = await start(t);
      const settings = resolveSettings({ exporter: exporter(collector.url) }, { env: {} });
      const { core, driver } = setup({ exporter: createExporter(settings) });
      core.on = (call) => call === "shutdown" && core.ask({ type: "shutdown_done", result: "ok" });
      core.send(1);
      driver.drain();
      const told = await core.told(answer[0]);
      assert.deepEqual(told.map((part) => (part instanceof Uint8Array ? new Uint8Array(part) : part)), answer);
      assert.equal(collector.requests[0].headers.k, "v");
      assert.deepEqual(new Uint8Array(collector.requests[0].body), core.body_);
      await driver.shutdown();
    });
  }
});

const BATCH = {
  resourceLogs: [{
    resource: { attributes: [{ key: "service.name", value: { stringValue: "codex-cli" } }] },
    scopeLogs: [{
      scope: { name: "streamgauge", version: "1" },
      logRecords: [
        {
          timeUnixNano: "1767225600123456789", observedTimeUnixNano: "1767225600123456790", severityNumber: 9, severityText: "INFO",
          eventName: "codex.sse_event", body: { stringValue: "b" }, flags: 257, traceId: "5b8efff798038103d269b633813fc60c", spanId: "eee19b7ec3c1b174",
          droppedAttributesCount: 2,
          attributes: [
            { key: "int", value: { intValue: "42" } }, { key: "big", value: { intValue: "9007199254740993" } },
            { key: "ratio", value: { doubleValue: 0.5 } }, { key: "nan", value: { doubleValue: "NaN" } }, { key: "ok", value: { boolValue: false } },
            { key: "raw", value: { bytesValue: "AAEC/w==" } }, { key: "null" },
            { key: "list", value: { arrayValue: { values: [{ stringValue: "a" }, { intValue: "1" }] } } },
            { key: "map", value: { kvlistValue: { values: [{ key: "k", value: { stringValue: "v" } }] } } },
          ],
        },
        { timeUnixNano: "1", eventName: "second" },
      ],
    }],
  }],
};

describe("a sink", () => {
  /** Runs one batch through a sink and returns what the core was told. */
  async function run(exporter, body = JSON.stringify(BATCH)) {
    const { core, driver } = setup({ exporter: createExporter(resolveSettings({ exporter })) });
    core.body_ = new TextEncoder().encode(body);
    core.send(1, { records: 2, attempt: 3 });
    driver.drain();
    await settled();
    return core.calls.at(-1);
  }

  const formats = [
    { format: undefined, expected: BATCH },
    { format: "object", expected: BATCH },
    { format: "json", expected: JSON.stringify(BATCH) },
    { format: "protobuf", expected: new TextEncoder().encode(JSON.stringify(BATCH)) },
  ];
  for (const { format, expected } of formats) {
    test(`gets ${format ?? "objects by default"}`, async () => {
      const got = [];
      const told = await run({ sink: (...args) => got.push(args), ...(format && { format }) });
      const [[batch, { records, attempt, signal }]] = got;
      assert.deepEqual(batch, expected);
      assert.deepEqual([records, attempt, signal.aborted], [2, 3, false]);
      assert.deepEqual(told, ["exported", 1, 0.25]);
    });
  }

  test("is awaited", async () => {
    let done;
    const told = await run({ sink: () => new Promise((resolve) => (done = resolve)) });
    assert.deepEqual(told, ["body", 1]);
    done();
  });

  const failures = [
    ["throws", () => { throw new Error("boom"); }, ["sinkFailed", "boom", false]],
    ["rejects", async () => Promise.reject(new Error("boom", { cause: new Error("why") })), ["sinkFailed", "boom: why", false]],
    ["throws a text", () => { throw "text"; }, ["sinkFailed", "text", false]],
    ["throws nothing", () => { throw undefined; }, ["sinkFailed", "unknown error", false]],
    ["wants it again", () => { throw Object.assign(new Error("later"), { retryable: true }); }, ["sinkFailed", "later", true]],
  ];
  for (const [name, sink, [call, ...rest]] of failures) {
    test(`that ${name}`, async () => {
      const told = await run({ sink });
      assert.deepEqual(told.slice(0, 2 + rest.length), [call, 1, ...rest]);
    });
  }

  test("is not called in the middle of the caller's work", async () => {
    const got = [];
    const { core, driver } = setup({ exporter: createExporter(resolveSettings({ exporter: { sink: (batch) => got.push(batch) } })) });
    core.send(1);
    driver.drain();
    assert.equal(got.length, 0);
    await settled();
    assert.equal(got.length, 1);
  });

  test("is when the page goes away", () => {
    const got = [];
    const page = new FakePage();
    const { core } = setup({ page, exporter: createExporter(resolveSettings({ exporter: { sink: (batch) => got.push(batch) } })) });
    core.unload = [[{ id: 1, records: 1, body_len: 5 }]];
    page.leave();
    assert.equal(got.length, 1);
  });
});

describe("processors of @opentelemetry/sdk-logs", () => {
  test("get every record, with its types", async () => {
    const [simple, batched] = [new InMemoryLogRecordExporter(), new InMemoryLogRecordExporter()];
    const processors = [
      new SimpleLogRecordProcessor({ exporter: simple }),
      new BatchLogRecordProcessor({ exporter: batched }),
    ];
    const sink = sdkLogsSink(...processors);
    sink(BATCH);
    sink(BATCH);
    await Promise.all(processors.map((processor) => processor.forceFlush()));
    for (const memory of [simple, batched]) {
      const records = memory.getFinishedLogRecords();
      assert.deepEqual(records.map(({ eventName }) => eventName), ["codex.sse_event", "second", "codex.sse_event", "second"]);
      const [{ hrTime, hrTimeObserved, severityNumber, severityText, body, spanContext, attributes, droppedAttributesCount, resource, instrumentationScope }] = records;
      assert.deepEqual({ hrTime, hrTimeObserved, severityNumber, severityText, body, droppedAttributesCount }, {
        hrTime: [1767225600, 123456789], hrTimeObserved: [1767225600, 123456790], severityNumber: 9, severityText: "INFO", body: "b", droppedAttributesCount: 2,
      });
      assert.deepEqual(spanContext, { traceId: "5b8efff798038103d269b633813fc60c", spanId: "eee19b7ec3c1b174", traceFlags: 1 });
      assert.deepEqual(attributes, {
        int: 42, big: "9007199254740993", ratio: 0.5, nan: NaN, ok: false, raw: new Uint8Array([0, 1, 2, 255]), null: null, list: ["a", 1], map: { k: "v" },
      });
      assert.deepEqual(resource.attributes, { "service.name": "codex-cli" });
      assert.deepEqual(instrumentationScope, { name: "streamgauge", version: "1" });
      assert.equal(records[2].resource, resource, "exporters group by identity");
      assert.equal(records[2].instrumentationScope, instrumentationScope);
    }
    await Promise.all(processors.map((processor) => processor.shutdown()));
  });

  test("one may change its records, and throw, without harm to the others", () => {
    const got = [];
    const bad = { onEmit(record) {
      record.setAttribute("a", 1).setAttributes({ b: 2 }).setBody("x").setEventName("e").setSeverityNumber(1).setSeverityText("T");
      assert.deepEqual([record.attributes, record.body, record.eventName, record.severityNumber, record.severityText], [{ a: 1, b: 2 }, "x", "e", 1, "T"]);
      throw new Error("boom");
    } };
    const sink = sdkLogsSink(bad, { onEmit: (record) => got.push(record.eventName) });
    const batch = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ eventName: "1" }, { eventName: "2" }] }] }] };
    assert.throws(() => sink(batch), { message: "boom" });
    assert.deepEqual(got, ["1", "2"]);
  });
});
