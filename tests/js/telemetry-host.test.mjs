// What telemetry costs those who have it: nothing without an exporter, no process held, no stream slowed.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { aggregate, sdkLogsSink } from "streamgauge";

import { bytes, chunk, DONE, eventsOf, finish, sse, untimed } from "./support/chat.mjs";
import { grpcCollector, httpCollector } from "./support/otel-collector.mjs";
import { freePorts } from "./support/rotel.mjs";
import { assertExported, CONVERSATION_RECORDS, converse, telemetryOf, TRACEPARENT } from "./support/telemetry-run.mjs";
import { attributesOf, recordsOf, telemetryInto } from "./support/telemetry-sink.mjs";

const CHILD = fileURLToPath(new URL("support/telemetry-child.mjs", import.meta.url));
const dead = async () => `http://127.0.0.1:${await freePorts(1)}`;

/** A process that is held would be there for longer. */
const HELD_MS = 8000;

async function child(mode, otel) {
  const started = performance.now();
  const env = { PATH: process.env.PATH };
  const given = [CHILD, mode, ...(otel === undefined ? [] : [JSON.stringify(otel)])];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, given, { env, timeout: HELD_MS });
  return { stdout, stderr, ms: performance.now() - started };
}

describe("without an exporter there is no call, no timer, and the process ends", { concurrency: true }, () => {
  const cases = [
    ["by default", undefined],
    ["none", { exporter: "none" }],
    ["none, as TOML", '[otel]\nexporter = "none"\nlog_user_prompt = true\n'],
  ];
  for (const [name, otel] of cases) {
    test(name, async () => {
      const { stdout, stderr } = await child("none", otel);
      const { counts, resources, events, flush, shutdown, stats } = JSON.parse(stdout);
      assert.equal(stderr, "");
      assert.deepEqual(events, ["output_text.delta", "output_item.done", "completed"]);
      assert.deepEqual(counts, {
        fetch: 0, setTimeout: 0, setInterval: 0, setImmediate: 0, request: 0, http2: 0, socket: 0,
      });
      assert.equal(resources, 0);
      assert.deepEqual([flush, shutdown], ["ok", "ok"]);
      assert.deepEqual([stats.queued, stats.exported, stats.requests], [0, 0, 0]);
    });
  }
});

describe("the process ends when its work is done, and shutdown loses nothing", { concurrency: true }, () => {
  const slow = { delayMs: 300 };
  const collectors = [
    ["HTTP JSON", httpCollector, (url) => ({ "otlp-http": { endpoint: url, protocol: "json" } }), { status: 503 }],
    ["HTTP protobuf", httpCollector, (url) => ({ "otlp-http": { endpoint: url, protocol: "binary" } }), { status: 503 }],
    ["gRPC", grpcCollector, (url) => ({ "otlp-grpc": { endpoint: url } }), { code: 14 }],
  ];
  for (const [name, collectorOf, exporterTo, refusal] of collectors) {
    const cases = [
      { mode: "leave", arrives: false },
      { mode: "flush", arrives: true },
      { mode: "shutdown", arrives: true },
      { mode: "shutdown-exit", arrives: true },
      { mode: "shutdown-exit", arrives: true, first: refusal },
    ];
    for (const { mode, arrives, first } of cases) {
      test(`${name}, ${mode}${first === undefined ? "" : ", refused at first"}`, async (t) => {
        const collector = await collectorOf(t, first === undefined ? [slow] : [first, slow]);
        const batch = { scheduled_delay_ms: 60_000, retry_initial_ms: 100 };
        const otel = { exporter: exporterTo(collector.url), log_user_prompt: true, batch };
        const { stdout, stderr } = await child(mode, otel);
        assert.equal(stderr, "");
        assert.equal(stdout, arrives ? "ok\n" : "");
        assert.equal(collector.requests.length, arrives ? (first === undefined ? 1 : 2) : 0);
        if (!arrives) return;
        const text = collector.requests.at(-1).body.toString("latin1");
        for (const index of [0, 1, 2]) assert.equal(text.split(`prompt ${index}`).length, 2);
      });
    }
  }

  test("a dead collector holds shutdown for its timeout only", async () => {
    const endpoint = `${await dead()}/v1/logs`;
    const otel = { exporter: { "otlp-http": { endpoint, protocol: "json" } }, batch: { shutdown_timeout_ms: 300 } };
    const { stdout, ms } = await child("shutdown", otel);
    // It ends sooner when no attempt could come in time.
    assert.match(stdout, /^(failed|timed_out)\n$/);
    assert.ok(ms < 5000, `${ms} ms`);
  });
});

describe("a collector that does not answer costs the stream nothing", () => {
  const EVENTS = 2000;
  /** The stream's events, `[DONE]` and the completion's counts. */
  const RECORDS = EVENTS + 4;
  const usage = { prompt_tokens: 1, completion_tokens: EVENTS, total_tokens: EVENTS + 1 };
  const frames = [
    chunk({ role: "assistant", content: "" }), ...Array.from({ length: EVENTS }, (_, index) => chunk({ content: `${index} ` })),
    { ...finish(), usage }, DONE,
  ].map((frame) => bytes(sse(frame)));

  async function* stream() {
    for (const [index, frame] of frames.entries()) {
      // As from a network: what else there is to do gets its turn.
      if (index % 10 === 0) await new Promise(setImmediate);
      yield frame;
    }
  }

  async function timed(telemetry) {
    const started = performance.now();
    const events = await eventsOf(aggregate(stream(), telemetry && { telemetry }));
    return { ms: performance.now() - started, events: untimed(events) };
  }

  /** Takes connections, and says nothing. */
  async function stalled(t) {
    const sockets = [];
    const server = createServer((socket) => sockets.push(socket.on("error", () => {})));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `http://127.0.0.1:${server.address().port}`;
  }

  const exporters = [
    ["HTTP", (url) => ({ "otlp-http": { endpoint: `${url}/v1/logs`, protocol: "binary" } })],
    ["gRPC", (url) => ({ "otlp-grpc": { endpoint: url } })],
  ];
  for (const [name, exporterTo] of exporters) {
    for (const [what, urlOf] of [["dead", dead], ["stalled", stalled]]) {
      test(`${what}, ${name}`, async (t) => {
        const url = await urlOf(t);
        await timed();
        const without = [];
        const beside = [];
        for (let round = 0; round < 3; round++) {
          without.push(await timed());
          const warnings = [];
          const batch = {
            max_queue_size: 500, max_export_batch_size: 100, scheduled_delay_ms: 1, export_timeout_ms: 50,
            retry_initial_ms: 1, retry_cap_ms: 5,
          };
          const telemetry = telemetryOf({
            otel: { exporter: exporterTo(url), batch }, onWarning: ({ kind }) => warnings.push(kind),
          });
          beside.push(await timed(telemetry));
          const { stats } = telemetry;
          assert.deepEqual([stats.exported, stats.queued], [0, 500], "the queue is full");
          assert.equal(stats.dropped.queue_full, RECORDS - 500);
          assert.match(await telemetry.shutdown({ timeoutMs: 50 }), /^(failed|timed_out)$/);
          assertExported(telemetry, 0, { queue_full: RECORDS - 500, shutdown: 500 });
          assert.ok(telemetry.stats.requests > 0);
          assert.equal(warnings.length, new Set(warnings).size, "each is told once");
        }
        for (const { events } of beside) assert.deepEqual(events, without[0].events);
        const best = (runs) => Math.min(...runs.map(({ ms }) => ms));
        // Told, not asserted: telemetry-faults.test.mjs compares what an event waits, which other load spoils less.
        t.diagnostic(`${best(without).toFixed(1)} ms without, ${best(beside).toFixed(1)} ms beside`);
      });
    }
  }

  test("what a warning's receiver throws is nobody's problem", async () => {
    const batch = { max_queue_size: 10, max_export_batch_size: 10, scheduled_delay_ms: 1, retry_initial_ms: 1, retry_cap_ms: 1 };
    let calls = 0;
    const telemetry = telemetryOf({
      otel: { exporter: exporters[0][1](await dead()), batch },
      onWarning: () => {
        calls++;
        throw new Error("not mine");
      },
    });
    assert.equal((await timed(telemetry)).events.at(-1).type, "completed");
    while (telemetry.stats.requests < 3) await sleep(5);
    await telemetry.shutdown({ timeoutMs: 50 });
    assert.ok(calls > 0);
  });
});

describe("a sink of one's own gets what a collector gets", { concurrency: true }, () => {
  test("batches, as objects", async (t) => {
    const batches = [];
    const exporter = { sink: (batch, info) => void batches.push([batch, info.records]) };
    const { telemetry } = await converse(t, { otel: { exporter }, traceparent: TRACEPARENT });
    assertExported(telemetry, CONVERSATION_RECORDS);
    const counts = batches.map(([batch, records]) => [recordsOf(batch).length, records]);
    assert.ok(counts.every(([found, told]) => found === told));
    assert.equal(counts.reduce((sum, [found]) => sum + found, 0), CONVERSATION_RECORDS);
  });

  test("the processors of @opentelemetry/sdk-logs", async (t) => {
    const seen = [[], []];
    const processors = seen.map((records) => ({ onEmit: (record) => void records.push(record) }));
    const exporter = { sink: sdkLogsSink(...processors) };
    await converse(t, { otel: { exporter }, attributeTypes: "typed", traceparent: TRACEPARENT });
    assert.deepEqual(seen.map(({ length }) => length), [CONVERSATION_RECORDS, CONVERSATION_RECORDS]);
    const [records] = seen;
    assert.notEqual(records[0], seen[1][0], "each has its own");
    assert.equal(new Set(records.map(({ resource }) => resource)).size, 1);
    const { attributes, eventName, hrTime, resource, severityNumber, spanContext } = records[1];
    assert.equal(eventName, "codex.user_prompt");
    assert.equal(attributes.prompt_length, 18);
    assert.equal(attributes["event.timestamp"], new Date(hrTime[0] * 1000 + hrTime[1] / 1e6).toISOString());
    assert.equal(severityNumber, 9);
    assert.equal(resource.attributes["service.name"], "codex-cli");
    assert.deepEqual(spanContext, {
      traceId: "5b8efff798038103d269b633813fc60c", spanId: "eee19b7ec3c1b174", traceFlags: 1,
    });
  });

  test("one that throws is told of, and the run goes on", async (t) => {
    const warnings = [];
    const exporter = { sink: () => Promise.reject(new Error("sink broken")) };
    const telemetry = telemetryOf({ otel: { exporter }, onWarning: (warning) => warnings.push(warning) });
    telemetry.userPrompt("a");
    assert.equal(await telemetry.forceFlush(), "failed");
    telemetry.userPrompt("b");
    assert.equal(await telemetry.shutdown(), "failed");
    assertExported(telemetry, 0, { fatal: 2 });
    assert.deepEqual(warnings.map(({ kind }) => kind), ["refused"]);
    assert.equal(warnings[0].message, "records were dropped (1): the sink failed: sink broken");
    assert.equal(telemetry.stats.last_error, "the sink failed: sink broken");
  });

  test("one that wants a batch again gets it, and is told of after three times", async () => {
    const [warnings, attempts] = [[], []];
    const sink = (batch, { attempt }) => {
      attempts.push(attempt);
      if (attempt < 4) throw Object.assign(new Error("later"), { retryable: true });
    };
    const otel = { exporter: { sink }, batch: { retry_initial_ms: 1, retry_cap_ms: 1 } };
    const telemetry = telemetryOf({ otel, onWarning: (warning) => warnings.push(warning) });
    telemetry.userPrompt("a");
    assert.equal(await telemetry.forceFlush(), "ok");
    assert.deepEqual(attempts, [1, 2, 3, 4]);
    assert.equal(telemetry.stats.last_error, "the sink failed: later");
    assert.deepEqual(warnings, [{ kind: "unreachable", message: "not taken by the sink, 3 times in a row: later" }]);
    await telemetry.shutdown();
    assertExported(telemetry, 1);
  });
});

describe("the records of a stream's events", { concurrency: true }, () => {
  const body = sse(chunk({ content: "x" }), chunk({ content: "y" }), { ...finish(), usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }, DONE);
  const run = async (options, text = body) => {
    const { telemetry, records } = telemetryInto(options);
    try {
      await eventsOf(aggregate(bytes(text), { telemetry }));
    } catch {}
    await telemetry.shutdown();
    return records().map(attributesOf);
  };
  const cases = [
    { mode: "all", kinds: ["message", "message", "message", "message", "response.completed"] },
    { mode: "summary", kinds: ["summary", "response.completed"] },
    { mode: "off", kinds: ["response.completed"] },
  ];
  for (const { mode, kinds } of cases) {
    test(mode, async () => {
      const found = await run({ sseEvents: mode });
      assert.deepEqual(found.map((attributes) => attributes["event.kind"]), kinds);
      assert.equal(found.at(-1).input_token_count, "3");
      if (mode === "summary") {
        assert.deepEqual([found[0].sse_event_count, found[0].sse_event_failed_count], [4, 0]);
      }
    });
  }

  test("a stream that is cut off has a record of it in each mode", async () => {
    for (const { mode } of cases) {
      const found = await run({ sseEvents: mode }, sse(chunk({ content: "x" })));
      const { "event.kind": kind, "error.message": message } = found.at(-1);
      assert.equal(kind, "response.completed", mode);
      assert.match(message, /ended before the response was complete/);
    }
  });
});
