// The conventions for generative AI in the package: what `telemetry.fetch` and the option `request` tell, events and
// metrics into a sink, over HTTP and gRPC, against OpenTelemetry's own histograms, and against a real receiver.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { AggregationTemporality, AggregationType, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { aggregate, Aggregator, observedFetch } from "streamgauge";

import { eventsOf } from "./support/chat.mjs";
import { grpcCollector, httpCollector } from "./support/otel-collector.mjs";
import { startRotel, withoutRotel } from "./support/rotel.mjs";
import { DEMO, DEMO_EVENTS, EXPORTERS, telemetryOf } from "./support/telemetry-run.mjs";
import { attributesOf, recordsOf } from "./support/telemetry-sink.mjs";

const DETAILS = "gen_ai.client.inference.operation.details";
const EXCEPTION = "gen_ai.client.operation.exception";
const URL_OF_API = "https://api.openai.com/v1/chat/completions";
const DURATION = "gen_ai.client.operation.duration";
const FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk";
const PER_CHUNK = "gen_ai.client.operation.time_per_output_chunk";
const TOKENS = "gen_ai.client.token.usage";

const stream = (text = DEMO) => new Response(text, { headers: { "content-type": "text/event-stream" } });
const REQUEST = {
  method: "POST",
  body: JSON.stringify({ model: "example-mini", stream: true, max_tokens: 100, temperature: 0.25, stop: "END", messages: [{}] }),
};

/** A telemetry whose batches stay here; `fetch` answers with what `answer` gives. */
function telemetryInto({ answer = () => stream(), otel, ...options } = {}) {
  const batches = [];
  const sink = (batch, { type, records }) => {
    batches.push({ type, records, batch });
  };
  const telemetry = telemetryOf({
    conventions: "gen_ai", fetch: async () => answer(), maxRetries: 0, otel: { exporter: { sink }, ...otel }, ...options,
  });
  const of = (type) => batches.filter((each) => each.type === type).map(({ batch }) => batch);
  const records = () => of("logs").flatMap(recordsOf);
  const metrics = () => of("metrics").flatMap(({ resourceMetrics }) => {
    return resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics: each }) => each));
  });
  /** All points of a metric. */
  const points = (name) => metrics().filter((metric) => metric.name === name).flatMap(({ histogram }) => histogram.dataPoints);
  return { telemetry, batches, records, metrics, points };
}

const named = (records, name) => records.filter(({ eventName }) => eventName === name).map(attributesOf);

describe("what is known of a request", () => {
  test("by telemetry.fetch", async () => {
    const { telemetry, records, points } = telemetryInto();
    for (const source of ["response", "body"]) {
      const response = await telemetry.fetch(URL_OF_API, REQUEST);
      await eventsOf(aggregate(source === "body" ? response.body : response, { telemetry }));
    }
    assert.equal(await telemetry.shutdown(), "ok");
    const found = named(records(), DETAILS);
    assert.equal(records().length, 2);
    for (const details of found) {
      assert.ok(details["gen_ai.response.time_to_first_chunk"] >= 0);
      assert.deepEqual({ ...details, "gen_ai.response.time_to_first_chunk": 0 }, {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "example-mini",
        "gen_ai.response.model": "example-coder-1", "server.address": "api.openai.com", "server.port": 443,
        "gen_ai.conversation.id": "conversation-1", "gen_ai.request.stream": true, "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.25, "gen_ai.request.stop_sequences": { values: [{ stringValue: "END" }] },
        "gen_ai.response.id": details["gen_ai.response.id"],
        "gen_ai.response.finish_reasons": { values: [{ stringValue: "tool_calls" }] },
        "gen_ai.response.time_to_first_chunk": 0, "gen_ai.usage.input_tokens": 1843,
        "gen_ai.usage.cache_read.input_tokens": 1536, "gen_ai.usage.output_tokens": 187,
        "gen_ai.usage.reasoning.output_tokens": 58, "openai.api.type": "chat_completions",
      });
    }
    const [point] = points(DURATION);
    assert.deepEqual([point.count, attributesOf(point)["server.address"]], [2, "api.openai.com"]);
  });

  const urls = [
    ["http://127.0.0.1:8080/v1", ["127.0.0.1", 8080, "openai"]],
    ["http://[::1]/v1", ["::1", 80, "openai"]],
    [new URL("https://x.openai.azure.com/openai"), ["x.openai.azure.com", 443, "azure.ai.openai"]],
    [new Request("https://api.groq.com/openai/v1"), ["api.groq.com", 443, "groq"]],
    ["no url", [undefined, undefined, "openai"]],
  ];
  for (const [url, expected] of urls) {
    test(`the server of ${url.url ?? url}`, async () => {
      const { telemetry, records } = telemetryInto();
      await eventsOf(aggregate(await telemetry.fetch(url), { telemetry }));
      await telemetry.shutdown();
      const [details] = named(records(), DETAILS);
      assert.deepEqual([details["server.address"], details["server.port"], details["gen_ai.provider.name"]], expected);
      // What is no JSON text tells nothing.
      assert.equal(details["gen_ai.request.model"], "example-coder-1");
    });
  }

  test("by the option request, of any source", async () => {
    const request = {
      model: "given", serverAddress: "gateway.example", serverPort: 8443, parameters: { temperature: 1, seed: 5, messages: [1] },
      inputMessages: [{ role: "user", parts: [{ type: "text", content: "secret" }] }],
    };
    for (const captureContent of [undefined, false, true, { maxBytes: 3 }]) {
      const { telemetry, records } = telemetryInto({ captureContent, provider: "my.gateway" });
      await eventsOf(aggregate(new TextEncoder().encode(DEMO), { telemetry, request }));
      const push = new Aggregator({ telemetry, request });
      push.feed(new TextEncoder().encode(DEMO));
      push.finish();
      const response = await telemetry.fetch(URL_OF_API, REQUEST);
      await eventsOf(aggregate(response, { telemetry, request: { model: "given" } }));
      await telemetry.shutdown();
      const [bytes, pushed, fetched] = named(records(), DETAILS);
      for (const details of [bytes, pushed]) {
        assert.equal(details["gen_ai.request.model"], "given");
        assert.equal(details["gen_ai.provider.name"], "my.gateway");
        assert.deepEqual([details["server.address"], details["server.port"]], ["gateway.example", 8443]);
        assert.deepEqual([details["gen_ai.request.temperature"], details["gen_ai.request.seed"]], [1, 5]);
        const said = JSON.stringify(details);
        const content = captureContent === true ? "secret" : captureContent ? "sec" : undefined;
        assert.equal(said.includes("secret"), captureContent === true);
        assert.equal(details["gen_ai.output.messages"] !== undefined, content !== undefined);
        if (content === undefined) continue;
        const [message] = details["gen_ai.input.messages"].values;
        const { role, parts } = attributesOf({ attributes: message.kvlistValue.values });
        assert.equal(role, "user");
        assert.deepEqual(attributesOf({ attributes: parts.values[0].kvlistValue.values }), { type: "text", content });
      }
      assert.deepEqual([fetched["gen_ai.request.model"], fetched["server.address"]], ["given", "api.openai.com"]);
    }
  });

  test("by observedFetch", async () => {
    const { telemetry, records, points } = telemetryInto();
    const answers = [() => stream(), () => new Response("{}", { status: 503 }), () => new Response("{}", { status: 404 }), () => {
      throw new TypeError("fetch failed");
    }];
    const fetch = observedFetch({ telemetry, fetch: async () => answers.shift()(), request: { serverPort: 8443 } });
    await (await fetch(URL_OF_API, REQUEST)).text();
    await fetch(URL_OF_API, REQUEST);
    // What is not asked of a model is not one of these requests.
    await fetch("https://api.openai.com/v1/files");
    await assert.rejects(fetch(URL_OF_API, REQUEST), TypeError);
    // The aggregation goes on behind the reader.
    while (telemetry.stats.queued + telemetry.stats.exported < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    await telemetry.shutdown();
    const found = named(records(), DETAILS);
    const known = (details) => ["gen_ai.request.model", "server.address", "server.port", "error.type"].map((key) => details[key]);
    assert.deepEqual(found.map(known).sort((one, other) => String(one).localeCompare(String(other))), [
      ["example-mini", "api.openai.com", 443, "503"], ["example-mini", "api.openai.com", 443, "transport"],
      ["example-mini", "api.openai.com", 8443, undefined],
    ]);
    assert.equal(named(records(), EXCEPTION).length, 2);
    assert.equal(points(DURATION).reduce((sum, { count }) => sum + count, 0), 3);
  });

  test("a request that is none is refused", () => {
    for (const request of [null, "x"]) {
      assert.throws(() => aggregate(new Uint8Array(0), { request }), { code: "bad_option", message: "request must be an object" });
    }
  });
});

describe("a request that fails is told of once", () => {
  const cases = [
    ["a status", () => new Response("{}", { status: 503 }), "503", "HTTP 503"],
    ["a broken connection", () => { throw new TypeError("fetch failed", { cause: new Error("ECONNRESET") }); }, "transport", "fetch failed: ECONNRESET"],
    ["an abort", () => { throw new DOMException("stop", "AbortError"); }, "aborted", undefined],
  ];
  for (const [name, answer, type, message] of cases) {
    test(name, async () => {
      const { telemetry, records, points } = telemetryInto({ answer });
      const outcome = await telemetry.fetch(URL_OF_API, REQUEST).catch((error) => error);
      if (outcome instanceof Response) await assert.rejects(aggregate(outcome, { telemetry }).final(), { code: "http_status" });
      assert.equal(await telemetry.shutdown(), "ok");
      const details = named(records(), DETAILS);
      assert.deepEqual(details.map((each) => each["error.type"]), [type]);
      assert.deepEqual(named(records(), EXCEPTION).map((each) => each["exception.message"]), message ? [message] : []);
      assert.deepEqual(points(DURATION).map((point) => [point.count, attributesOf(point)["error.type"]]), [[1, type]]);
      assert.deepEqual([...points(FIRST_CHUNK), ...points(TOKENS)], []);
    });
  }

  test("a status of another fetch's response", async () => {
    const { telemetry, records } = telemetryInto();
    const body = JSON.stringify({ error: { message: "slow down", code: "rate_limit_exceeded" } });
    await assert.rejects(aggregate(new Response(body, { status: 429 }), { telemetry }).final());
    await telemetry.shutdown();
    assert.deepEqual(named(records(), DETAILS).map((each) => each["error.type"]), ["429"]);
    assert.deepEqual(named(records(), EXCEPTION).map((each) => each["exception.message"]), ["HTTP 429: slow down"]);
  });

  test("a loop that is left, and a signal", async () => {
    const { telemetry, records, points } = telemetryInto();
    const half = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(DEMO.slice(0, DEMO.length / 2))) });
    for await (const event of aggregate(half, { telemetry })) {
      assert.ok(event.type);
      break;
    }
    const signal = AbortSignal.abort();
    await assert.rejects(aggregate(stream(), { telemetry, signal }).final(), { code: "aborted" });
    await telemetry.shutdown();
    assert.deepEqual(named(records(), DETAILS).map((each) => each["error.type"]), ["aborted", "aborted"]);
    assert.deepEqual(named(records(), EXCEPTION), []);
    // Of the second one nothing came, so that the model that answers is not known.
    assert.deepEqual(points(DURATION).map(({ count }) => count), [1, 1]);
  });
});

describe("which conventions", () => {
  const run = async (options) => {
    const into = telemetryInto(options);
    into.telemetry.userPrompt("prompt");
    await eventsOf(aggregate(await into.telemetry.fetch(URL_OF_API, REQUEST), { telemetry: into.telemetry }));
    into.telemetry.log("app.own", { a: 1 });
    assert.equal(await into.telemetry.shutdown(), "ok");
    const names = into.records().map(({ eventName }) => eventName);
    return { ...into, codex: names.filter((name) => name.startsWith("codex.")).length, names };
  };
  const all = 1 + 1 + DEMO_EVENTS + 1;
  const cases = [
    ["codex by default", { conventions: undefined }, all, 0, 0],
    ["codex", { conventions: "codex" }, all, 0, 0],
    ["gen_ai", { conventions: "gen_ai" }, 0, 1, 4],
    ["both", { conventions: "both" }, all, 1, 4],
    ["of the table", { conventions: undefined, otel: { conventions: "both" } }, all, 1, 4],
    ["the option before the table", { conventions: "gen_ai", otel: { conventions: "codex" } }, 0, 1, 4],
    ["without metrics", { conventions: "gen_ai", otel: { metrics: false } }, 0, 1, 0],
    ["no events of the stream", { conventions: "both", sseEvents: "off" }, 3, 1, 4],
  ];
  for (const [name, options, codex, details, metrics] of cases) {
    test(name, async () => {
      const found = await run(options);
      assert.equal(found.codex, codex);
      assert.equal(named(found.records(), DETAILS).length, details);
      assert.ok(found.names.includes("app.own"));
      const of = [DURATION, FIRST_CHUNK, PER_CHUNK, TOKENS];
      const names = new Set(found.metrics().map((metric) => metric.name));
      // The stream may come in one chunk, which leaves no time between two.
      names.add(metrics === 0 ? "" : PER_CHUNK);
      assert.deepEqual([...names].sort(), metrics === 0 ? [""] : of.sort());
      assert.equal(found.telemetry.stats.metrics !== undefined, metrics > 0);
      assert.equal(found.telemetry.stats.exported, found.names.length);
    });
  }

  test("the newest names", async () => {
    const { metrics } = await run({ semconv: "latest" });
    assert.ok(metrics().some(({ name }) => name === "gen_ai.client.inference.duration"));
  });

  const refused = [
    [{ conventions: "otel" }, /conventions must be one of codex, gen_ai, both, not "otel"/],
    [{ otel: { conventions: "otel" } }, /^otel\.conventions: must be "codex" or "gen_ai" or "both", not "otel"/],
    [{ semconv: "2" }, /semconv must be one of 1\.41\.0, latest/],
    [{ provider: 7 }, /provider must be a string/],
    [{ captureContent: "all" }, /captureContent must be true, false or \{ maxBytes: N \}/],
    [{ otel: { metrics: "on" } }, /^otel\.metrics: must be a table/],
    [{ otel: { metrics: { interval: 5 } } }, /^otel\.metrics\.interval: unknown key; did you mean "interval_ms"\?/],
    [{ otel: { metrics: { interval_ms: 0 } } }, /^otel\.metrics\.interval_ms: must be a number from 1/],
  ];
  for (const [options, message] of refused) {
    test(`refused: ${JSON.stringify(options)}`, () => {
      assert.throws(() => telemetryInto(options), (error) => error.code === "bad_option" && message.test(error.message));
    });
  }

  test("no exporter, no record and no timer", async () => {
    const telemetry = telemetryOf({ conventions: "gen_ai", fetch: async () => stream(), otel: { exporter: "none" } });
    await eventsOf(aggregate(await telemetry.fetch(URL_OF_API, REQUEST), { telemetry }));
    assert.equal(telemetry.stats.queued, 0);
    assert.equal(telemetry.stats.metrics, undefined);
    assert.equal(await telemetry.shutdown(), "ok");
  });
});

/** What OpenTelemetry's SDK makes of the values, with these bounds. */
async function oracle(values, boundaries) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const aggregation = { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries } };
  const provider = new MeterProvider({ readers: [reader], views: [{ instrumentName: "x", aggregation }] });
  const histogram = provider.getMeter("x").createHistogram("x");
  for (const value of values) histogram.record(value);
  await provider.forceFlush();
  const [point] = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics[0].metrics[0].dataPoints);
  await provider.shutdown();
  return point.value;
}

function assertAs({ count, sum, min, max, bucketCounts, explicitBounds }, expected) {
  assert.deepEqual(explicitBounds, expected.buckets.boundaries);
  assert.deepEqual(bucketCounts, expected.buckets.counts);
  assert.deepEqual({ count, min, max }, { count: expected.count, min: expected.min, max: expected.max });
  // Sums are of another order.
  assert.ok(Math.abs(sum - expected.sum) <= 1e-12 * Math.max(1, expected.sum), `${sum} ${expected.sum}`);
}

describe("histograms are those of OpenTelemetry's SDK", () => {
  const seconds = Array.from({ length: 14 }, (_, power) => Number((0.01 * 2 ** power).toFixed(2)));
  const tokens = Array.from({ length: 14 }, (_, power) => 4 ** power);

  test("tokens, and the time to the first chunk", async () => {
    const { telemetry, records, points } = telemetryInto();
    const counts = [0, 1, 2, 4, 5, 16, 17, 1024, 65536, 65537, 67_108_864, 67_108_865, 4_000_000_000];
    for (const input of counts) {
      const body = `data: {"model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],` +
        `"usage":{"prompt_tokens":${input},"completion_tokens":${input + 3}}}\n\ndata: [DONE]\n\n`;
      await eventsOf(aggregate(stream(body), { telemetry }));
    }
    await telemetry.shutdown();
    for (const [type, more] of [["input", 0], ["output", 3]]) {
      const [point, ...others] = points(TOKENS).filter((each) => attributesOf(each)["gen_ai.token.type"] === type);
      assert.equal(others.length, 0);
      assertAs(point, await oracle(counts.map((count) => count + more), tokens));
    }
    const times = named(records(), DETAILS).map((each) => each["gen_ai.response.time_to_first_chunk"]);
    assert.equal(times.length, counts.length);
    assertAs(points(FIRST_CHUNK)[0], await oracle(times, seconds));
  });
});

describe("over the network", () => {
  const runOnce = async (telemetry) => eventsOf(aggregate(stream(), { telemetry }));

  test("the metrics' path, beside the logs'", async (t) => {
    const cases = [
      [({ port }) => ({ endpoint: `http://127.0.0.1:${port}/v1/logs` }), "/v1/metrics"],
      [({ port }) => ({ endpoint: `http://127.0.0.1:${port}/otel/v1/logs?key=1` }), "/otel/v1/metrics?key=1"],
      [({ port }) => ({ endpoint: `http://127.0.0.1:${port}/in`, metrics_endpoint: `http://127.0.0.1:${port}/\${PLACE}` }), "/there"],
    ];
    for (const [settings, path] of cases) {
      const collector = await httpCollector(t);
      const exporter = { "otlp-http": { protocol: "json", headers: { "x-key": "k" }, ...settings(collector) } };
      const telemetry = telemetryOf({ conventions: "gen_ai", otel: { exporter }, env: { PLACE: "there" } });
      await runOnce(telemetry);
      assert.equal(await telemetry.shutdown(), "ok");
      const [metrics, ...more] = collector.requests.filter(({ body }) => body.includes("resourceMetrics"));
      assert.deepEqual([metrics.path, metrics.headers["x-key"], more.length], [path, "k", 0]);
    }
  });

  test("no place for metrics is said, once, and only if they are wanted", async (t) => {
    const { port } = await httpCollector(t);
    const exporter = { "otlp-http": { endpoint: `http://127.0.0.1:${port}/in`, protocol: "json" } };
    for (const [options, expected] of [
      [{ conventions: "codex" }, 0], [{ conventions: "gen_ai" }, 1], [{ conventions: "gen_ai", metrics: false }, 0],
    ]) {
      const warnings = [];
      const { conventions, ...otel } = options;
      const onWarning = (warning) => warnings.push(warning);
      const telemetry = telemetryOf({ conventions, otel: { exporter, ...otel }, onWarning });
      await runOnce(telemetry);
      assert.equal(telemetry.stats.metrics, undefined);
      await telemetry.shutdown();
      assert.deepEqual(warnings.map(({ kind }) => kind), Array(expected).fill("settings"));
      if (expected) assert.match(warnings[0].message, /does not end in \/v1\/logs, so there are no metrics: give metrics_endpoint/);
    }
  });

  test("the environment's variables", async (t) => {
    const collector = await httpCollector(t);
    const base = `http://127.0.0.1:${collector.port}`;
    for (const [env, path] of [
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: base }, "/v1/metrics"],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${base}/m` }, "/m"],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_METRICS_EXPORTER: "none" }, undefined],
    ]) {
      const before = collector.requests.length;
      const telemetry = telemetryOf({ conventions: "gen_ai", env });
      await runOnce(telemetry);
      assert.equal(await telemetry.shutdown(), "ok");
      const paths = collector.requests.slice(before).map((request) => request.path);
      assert.deepEqual(paths.filter((each) => each !== "/v1/logs"), path === undefined ? [] : [path]);
    }
  });

  test("every interval, by itself", async (t) => {
    const collector = await httpCollector(t);
    const exporter = { "otlp-http": { endpoint: collector.url, protocol: "json" } };
    const telemetry = telemetryOf({ conventions: "gen_ai", otel: { exporter, metrics: { interval_ms: 20 } } });
    const bodies = () => collector.requests.filter(({ path, body }) => path === "/v1/metrics" && body);
    for (let round = 1; round <= 2; round++) {
      await runOnce(telemetry);
      while (bodies().length < round) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await telemetry.shutdown();
    const starts = bodies().map(({ body }) => {
      const [point] = JSON.parse(body).resourceMetrics[0].scopeMetrics[0].metrics[0].histogram.dataPoints;
      assert.equal(point.count, 1);
      return [point.startTimeUnixNano, point.timeUnixNano];
    });
    assert.equal(starts.length, 2);
    assert.equal(starts[1][0], starts[0][1], "one interval begins where the last ended");
  });

  test("a refusal that passes, and a partial success", async (t) => {
    const partial = JSON.stringify({ partialSuccess: { rejectedDataPoints: "2", errorMessage: "too old" } });
    const script = [{ status: 503, headers: { "retry-after": "0" } }, { headers: { "content-type": "application/json" }, body: partial }];
    const metrics = await httpCollector(t, script);
    const logs = await httpCollector(t);
    const warnings = [];
    const telemetry = telemetryOf({
      conventions: "gen_ai", onWarning: ({ kind, message }) => warnings.push(`${kind}: ${message}`),
      otel: {
        exporter: { "otlp-http": { endpoint: logs.url, metrics_endpoint: metrics.url, protocol: "json" } },
        batch: { retry_initial_ms: 1 },
      },
    });
    await runOnce(telemetry);
    assert.equal(await telemetry.forceFlush(), "ok");
    const { stats } = telemetry;
    const queued = stats.metrics.exported + stats.metrics.rejected;
    assert.deepEqual([stats.metrics.retried, stats.metrics.rejected, stats.metrics.queued, stats.metrics.requests], [1, 2, 0, 2]);
    assert.ok(queued >= 3);
    assert.deepEqual([stats.rejected, stats.retried, stats.exported], [0, 0, 1]);
    assert.deepEqual(metrics.requests[0].body, metrics.requests[1].body, "the same again");
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /^rejected: the server rejected 2 of \d records: too old$/);
    await telemetry.shutdown();
  });

  test("a collector of metrics that is down costs nothing but them", async (t) => {
    const collector = await httpCollector(t, [{ status: 404 }]);
    const logs = await httpCollector(t);
    const exporter = { "otlp-http": { endpoint: logs.url, metrics_endpoint: collector.url, protocol: "binary" } };
    const kinds = [];
    const telemetry = telemetryOf({ conventions: "gen_ai", otel: { exporter }, onWarning: ({ kind }) => kinds.push(kind) });
    const events = await runOnce(telemetry);
    assert.equal(events.at(-1).type, "completed");
    assert.equal(await telemetry.shutdown(), "failed");
    const { stats } = telemetry;
    assert.deepEqual([stats.exported, stats.dropped.fatal], [1, 0]);
    assert.ok(stats.metrics.dropped.fatal >= 3);
    assert.deepEqual(kinds, ["refused"]);
  });

  test("gRPC, the service of each", async (t) => {
    const collector = await grpcCollector(t);
    const telemetry = telemetryOf({ conventions: "gen_ai", otel: { exporter: { "otlp-grpc": { endpoint: collector.url } } } });
    await runOnce(telemetry);
    assert.equal(await telemetry.shutdown(), "ok");
    const services = collector.requests.map(({ headers }) => headers[":path"].replace("/opentelemetry.proto.collector.", ""));
    assert.deepEqual(services.sort(), ["logs.v1.LogsService/Export", "metrics.v1.MetricsService/Export"]);
  });
});

const skip = withoutRotel();
const str = (value) => ({ type: "Str", value });
const int = (value) => ({ type: "Int", value: String(value) });

describe("a real receiver takes events and metrics", { skip, concurrency: true }, () => {
  for (const [name, exporterTo] of EXPORTERS) {
    for (const compression of ["none", "gzip"]) {
      test(`${name}, ${compression}`, async (t) => {
        const rotel = await startRotel(t);
        const [[key, settings]] = Object.entries(exporterTo(rotel));
        const telemetry = telemetryOf({
          conventions: "gen_ai", captureContent: true, fetch: async () => stream(),
          otel: { exporter: { [key]: { ...settings, compression } } },
        });
        const request = { inputMessages: [{ role: "user", parts: [{ type: "text", content: "Hi\n" }] }] };
        await eventsOf(aggregate(await telemetry.fetch(URL_OF_API, REQUEST), { telemetry, request }));
        await assert.rejects(aggregate(stream("data: {\"error\":{\"message\":\"no\",\"code\":\"overloaded\"}}\n\n"), { telemetry }).final());
        assert.equal(await telemetry.shutdown(), "ok");
        const records = await rotel.received(3);
        assert.deepEqual(records.map((record) => [record.name, record.severity]), [
          [DETAILS, "SEVERITY_NUMBER_INFO(9)"], [DETAILS, "SEVERITY_NUMBER_INFO(9)"], [EXCEPTION, "SEVERITY_NUMBER_WARN(13)"],
        ]);
        const [{ attributes }, failed] = records;
        assert.deepEqual(attributes["gen_ai.usage.input_tokens"], int(1843));
        assert.deepEqual(attributes["gen_ai.request.temperature"], { type: "Double", value: "0.25" });
        assert.equal(attributes["gen_ai.input.messages"].value, "Map(role:Str(user), parts:Slice(Map(type:Str(text), content:Str(Hi\n))))");
        assert.match(attributes["gen_ai.output.messages"].value, /^Map\(role:Str\(assistant\), parts:Slice\(Map\(type:Str\(reasoning\).*Map\(type:Str\(tool_call\), arguments:Map\(.*finish_reason:Str\(tool_call\)\)$/s);
        assert.deepEqual(failed.attributes["error.type"], str("overloaded"));

        const metrics = await rotel.receivedMetrics(3);
        const of = (wanted) => metrics.filter((metric) => metric.name === wanted);
        for (const metric of metrics) {
          assert.deepEqual([metric.type, metric.temporality], ["Histogram", "AGGREGATION_TEMPORALITY_DELTA"]);
          assert.deepEqual([metric.scope, metric.schema], ["streamgauge 0.1.0", "https://opentelemetry.io/schemas/1.41.0"]);
          assert.deepEqual(metric.resource["service.name"], str("codex-cli"));
          for (const point of metric.points) {
            assert.equal(point.buckets.reduce((sum, count) => sum + count), point.count);
            assert.equal(point.buckets.length, point.bounds.length + 1);
          }
        }
        const [duration] = of(DURATION);
        assert.deepEqual(duration.points.map((point) => [point.count, point.attributes["error.type"]]), [
          [1, undefined], [1, str("overloaded")],
        ]);
        const [usage] = of(TOKENS);
        const sums = usage.points.map((point) => [point.attributes["gen_ai.token.type"].value, point.sum, point.buckets.indexOf(1)]);
        assert.deepEqual(sums, [["input", 1843, 6], ["output", 187, 4]]);
        assert.equal(telemetry.stats.metrics.exported, metrics.length);
      });
    }
  }
});
