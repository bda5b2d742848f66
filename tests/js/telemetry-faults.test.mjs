// Collectors that die, stall, lie, refuse and flood, over real sockets, while a stream is read: each record is accounted for
// once, those that there was room for arrive, and the stream's events are what they are without telemetry.
// (The same in simulated time, with what takes hours: tests/fleet.rs.)

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";

import { aggregate, Telemetry } from "streamgauge";

import { chunk, DONE, eventsOf, finish, sse, untimed, within } from "./support/chat.mjs";
import { faultyCollector, framed } from "./support/faulty-collector.mjs";
import { freePorts } from "./support/rotel.mjs";
import { DEMO, DEMO_EVENTS, EXPORTERS } from "./support/telemetry-run.mjs";

const KINDS = EXPORTERS.map(([kind]) => kind);
const HTTP = KINDS.slice(0, 2);
const PROMPTS = 40;
const RECORDS = PROMPTS + DEMO_EVENTS + 1;
const GIB = 1 << 30;

/** Fast enough for a test; a request has long enough for a busy machine, but for the faults that wait for its end. */
const BATCH = {
  scheduled_delay_ms: 5, max_export_batch_size: 25, export_timeout_ms: 10_000, flush_timeout_ms: 40_000, retry_initial_ms: 10, retry_cap_ms: 20,
};
const SHORT = { export_timeout_ms: 300 };

const status = (line, headers = {}, body = "") => {
  const all = { "content-length": Buffer.byteLength(body), ...headers };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from([`HTTP/1.1 ${line}`, ...lines, "", ""].join("\r\n")), Buffer.from(body)]);
};
const answering = (...parts) => ({ write, take }) => (take(), write(status(...parts)));
const JSON_TYPE = { "content-type": "application/json" };
/** ExportLogsServiceResponse { partial_success { rejected_log_records, error_message } } */
const partial = (rejected, message = "") => {
  const varint = [];
  for (let rest = BigInt(rejected); ; rest >>= 7n) {
    varint.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    if (rest <= 0x7fn) break;
  }
  const inner = Buffer.concat([Buffer.from([0x08, ...varint, 0x12, message.length]), Buffer.from(message)]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
};

/** Writes until the other side has had enough, and notes how much it took. */
function flood(sink, seen) {
  const block = Buffer.alloc(64 << 10, 0x20);
  const more = () => {
    while (seen.sent < GIB && !sink.destroyed) {
      seen.sent += block.length;
      if (!sink.write(block)) return sink.once("drain", more);
    }
    return undefined;
  };
  more();
}

/**
 * `copies`: how often each record arrives, at least and at most; `lost`: what the stats say instead, of all records or of
 * the first request's. A time that is too short for a request on a busy machine makes more copies.
 */
const FAULTS = [
  { name: "dies in the middle of a request", fault: { head: ({ socket }) => socket.destroy(), times: 3 }, retried: true },
  { name: "dies when it has the request", fault: { answer: ({ socket, take }) => (take(), socket.destroy()), times: 2 }, copies: [1, Infinity], retried: true },
  { name: "accepts and stalls", fault: { accept: () => {}, times: 2 }, batch: SHORT, copies: [1, Infinity], retried: true },
  { name: "accepts and closes", fault: { accept: (socket) => socket.end(), times: 3 }, batch: { export_timeout_ms: 2000 }, copies: [1, Infinity], retried: true },
  { name: "speaks something else", fault: { accept: (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"), times: 2 }, retried: true },
  { name: "has the request and stalls", fault: { answer: ({ take }) => take(), times: 2 }, batch: SHORT, copies: [1, Infinity], retried: true },
  // A status that came counts, whatever becomes of the rest.
  { name: "closes after the head of its answer", kinds: HTTP, fault: { answer: ({ socket, take }) => (take(), socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")), times: 2 } },
  { name: "stalls after the head of its answer", kinds: HTTP, fault: { answer: ({ write, take }) => (take(), write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")), times: 2 }, batch: SHORT, copies: [1, Infinity], retried: true },
  { name: "sends 1 GB", kinds: HTTP, flood: true, fault: (seen) => ({ answer: ({ socket, take }) => (take(), socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${GIB}\r\n\r\n`), flood(socket, seen)) }) },
  { name: "sends 1 GB in chunks, as an error", kinds: HTTP, flood: true, retried: true, fault: (seen) => ({ answer: ({ socket }) => (socket.write("HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n40000000\r\n"), flood(socket, seen)) }) },
  { name: "rejects more than it was sent", kinds: ["HTTP JSON"], fault: { answer: answering("200 OK", JSON_TYPE, '{"partialSuccess":{"rejectedLogRecords":"9000000000"}}') }, lost: { rejected: "first" } },
  { name: "rejects less than nothing", kinds: ["HTTP JSON"], fault: { answer: answering("200 OK", JSON_TYPE, '{"partialSuccess":{"rejectedLogRecords":"-5"}}') } },
  { name: "rejects more than it was sent", kinds: ["HTTP protobuf"], fault: { answer: answering("200 OK", { "content-type": "application/x-protobuf" }, partial(9e9)) }, lost: { rejected: "first" } },
  { name: "rejects three", kinds: ["HTTP protobuf"], fault: { answer: answering("200 OK", { "content-type": "application/x-protobuf" }, partial(3, "too old")) }, lost: { rejected: 3 } },
  { name: "answers with broken JSON", kinds: HTTP, fault: { answer: answering("200 OK", JSON_TYPE, '{"partialSuccess":{"rejectedLogRecords":"3"') } },
  { name: "answers with broken protobuf", kinds: HTTP, fault: { answer: answering("200 OK", { "content-type": "application/x-protobuf" }, "\x0a\xff\xff\xff\xff\x0f\x08") } },
  { name: "answers with JSON and says protobuf", kinds: HTTP, fault: { answer: answering("200 OK", { "content-type": "application/x-protobuf" }, '{"partialSuccess":{}}') } },
  { name: "answers 200 with a page", kinds: HTTP, fault: { answer: answering("200 OK", { "content-type": "text/html" }, "<!doctype html><title>Sign in</title>"), times: 9 } },
  { name: "answers without a content type", kinds: HTTP, fault: { answer: answering("200 OK", {}, "partialSuccess") } },
  { name: "answers 429, a second at a time", kinds: HTTP, fault: { answer: ({ write }) => write(status("429 Too Many Requests", { "retry-after": "1" })), times: 2 }, retried: true },
  { name: "answers 429 and a time that is none", kinds: HTTP, fault: { answer: ({ write }) => write(status("429 Too Many Requests", { "retry-after": "soon" })), times: 3 }, retried: true },
  { name: "answers 413 to more than 7", kinds: HTTP, fault: { answer: ({ records, write, take }) => (records.length > 7 ? write(status("413 Too Large")) : (take(), write(status("200 OK")))), times: Infinity } },
  { name: "answers 413 to all", kinds: HTTP, fault: { answer: ({ write }) => write(status("413 Too Large")), times: Infinity }, lost: { too_large: RECORDS } },
  { name: "redirects", kinds: HTTP, fault: { answer: ({ write }) => write(status("308 Moved", { location: "http://127.0.0.1:1/elsewhere" })), times: Infinity }, lost: { fatal: RECORDS } },
  { name: "answers 400 once", kinds: HTTP, fault: { answer: ({ write }) => write(status("400 Bad Request")) }, lost: { fatal: "first" } },
  { name: "answers in gzip", kinds: ["HTTP JSON"], fault: { answer: answering("200 OK", { ...JSON_TYPE, "content-encoding": "gzip" }, gzipSync('{"partialSuccess":{"rejectedLogRecords":2}}')) }, lost: { rejected: 2 } },
  { name: "answers in gzip that is none", kinds: HTTP, fault: { answer: answering("200 OK", { "content-encoding": "gzip" }, "not gzip"), times: 2 } },
  { name: "answers in HTTP/1.0", kinds: HTTP, fault: { answer: ({ socket, take }) => (take(), socket.end("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{}")), times: 9 } },
  { name: "answers byte by byte", kinds: HTTP, fault: { answer: ({ socket, take }) => (take(), trickle(socket, status("200 OK", JSON_TYPE, '{"partialSuccess":{}}'))), times: 2 } },
  { name: "answers without an end, byte by byte", kinds: HTTP, fault: { answer: ({ socket, take }) => (take(), trickle(socket, Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${GIB}\r\n\r\n${"x".repeat(9999)}`))) }, batch: { export_timeout_ms: 700 }, copies: [1, Infinity], retried: true },
  { name: "answers before it has the request", kinds: HTTP, fault: { head: ({ write }) => write(status("503 Busy", { connection: "close" })), times: 2 }, retried: true },

  // gRPC: a call without a status is one without an answer.
  { name: "closes after the head of its answer", kinds: ["gRPC"], fault: { answer: ({ stream, socket, take }) => (take(), stream.respond({ ":status": 200, "content-type": "application/grpc" }), setTimeout(() => socket.destroy(), 20)), times: 2 }, copies: [1, Infinity], retried: true },
  { name: "stalls after the head of its answer", kinds: ["gRPC"], fault: { answer: ({ stream, take }) => (take(), stream.respond({ ":status": 200, "content-type": "application/grpc" })), times: 2 }, batch: SHORT, copies: [1, Infinity], retried: true },
  { name: "sends 1 GB", kinds: ["gRPC"], flood: true, fault: (seen) => ({ answer: ({ stream, take }) => (take(), stream.respond({ ":status": 200, "content-type": "application/grpc" }), stream.write(framed(Buffer.alloc(0))), flood(stream, seen)) }), copies: [1, Infinity], retried: true },
  { name: "rejects more than it was sent", kinds: ["gRPC"], fault: { answer: ({ ok, take }) => (take(), ok(partial(9e9))) }, lost: { rejected: "first" } },
  { name: "answers with broken protobuf", kinds: ["gRPC"], fault: { answer: ({ ok, take }) => (take(), ok(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x0f, 0x08]))) } },
  { name: "answers compressed, unasked", kinds: ["gRPC"], fault: { answer: ({ stream, take }) => (take(), respond(stream, framed(gzipSync(partial(3)), 1))) } },
  { name: "answers with a length that is not its own", kinds: ["gRPC"], fault: { answer: ({ stream, take }) => (take(), respond(stream, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]))) } },
  { name: "answers with a page", kinds: ["gRPC"], fault: { answer: ({ stream }) => (stream.respond({ ":status": 502, "content-type": "text/html" }), stream.end("<html>")), times: 3 }, retried: true },
  { name: "is exhausted, for 200 ms at a time", kinds: ["gRPC"], fault: { answer: ({ ok }) => ok(Buffer.alloc(0), { "grpc-status": "8", "grpc-status-details-bin": retryInfo(200) }), times: 3 }, retried: true },
  { name: "finds more than 7 too large", kinds: ["gRPC"], fault: { answer: ({ records, ok, take }) => (records.length > 7 ? ok(Buffer.alloc(0), { "grpc-status": "8", "grpc-message": "received message larger than max" }) : (take(), ok())), times: Infinity } },
  { name: "redirects", kinds: ["gRPC"], fault: { answer: ({ stream }) => (stream.respond({ ":status": 308, location: "http://127.0.0.1:1/" }), stream.end()), times: Infinity }, lost: { fatal: RECORDS } },
];

function respond(stream, bytes, trailers = { "grpc-status": "0" }) {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(bytes);
}

/** google.rpc.Status { code, details: [Any { RetryInfo { retry_delay { nanos } } }] }, in base64. */
function retryInfo(ms) {
  const field = (number, bytes) => Buffer.concat([Buffer.from([number << 3 | 2, bytes.length]), bytes]);
  let nanos = ms * 1e6;
  const varint = [];
  for (; nanos > 0x7f; nanos = Math.floor(nanos / 128)) varint.push(nanos % 128 | 0x80);
  const delay = Buffer.from([0x10, ...varint, nanos]);
  const any = Buffer.concat([field(1, Buffer.from("type.googleapis.com/google.rpc.RetryInfo")), field(2, field(1, delay))]);
  return Buffer.concat([Buffer.from([0x08, 8]), field(3, any)]).toString("base64");
}

async function trickle(socket, bytes) {
  for (const byte of bytes) {
    if (socket.destroyed) return;
    socket.write(Buffer.of(byte));
    await sleep(2);
  }
}

const BASELINE = untimed(await eventsOf(aggregate(Buffer.from(DEMO))));

/** Bytes as a network brings them. */
async function* network() {
  const bytes = Buffer.from(DEMO);
  for (let at = 0; at < bytes.length; at += 700) {
    yield bytes.subarray(at, at + 700);
    await turn();
  }
}

function telemetryTo(kind, port, batch, warnings = []) {
  const at = { http: `http://127.0.0.1:${port}/v1/logs`, grpc: `http://127.0.0.1:${port}` };
  const exporter = EXPORTERS.find(([name]) => name === kind)[1](at);
  const onWarning = (warning) => warnings.push(warning);
  return new Telemetry({ conversationId: "c", model: "m", appVersion: "1", onWarning, otel: { log_user_prompt: true, exporter, batch: { ...BATCH, ...batch } } });
}

/** Records the prompts, with a stream in their midst; each has its number. */
async function record(telemetry, prompts = PROMPTS) {
  let events;
  for (let at = 0; at < prompts; at++) {
    telemetry.userPrompt(`prompt ${at}`);
    if (at === prompts >> 1) events = untimed(await eventsOf(aggregate(network(), { telemetry })));
  }
  assert.deepEqual(events, BASELINE, "the stream is what it is without telemetry");
}

function balance(telemetry, recorded) {
  const { queued, exported, rejected, dropped } = telemetry.stats;
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  assert.equal(queued + exported + rejected + lost, recorded, JSON.stringify(telemetry.stats));
}

/** How often each prompt is there. */
function copiesOf(requests) {
  const counts = new Map();
  for (const { prompt } of requests.flat()) if (prompt !== undefined) counts.set(prompt, (counts.get(prompt) ?? 0) + 1);
  return counts;
}

for (const kind of KINDS) {
  describe(`${kind}: a collector that`, { concurrency: 4 }, () => {
    for (const { name, kinds = KINDS, fault, batch, copies = [1, 1], lost = {}, retried = false, ...more } of FAULTS) {
      if (!kinds.includes(kind)) continue;
      test(name, async (t) => {
        const seen = { sent: 0 };
        const memory = process.memoryUsage.rss();
        const collector = await faultyCollector(t, kind, typeof fault === "function" ? fault(seen) : fault);
        const telemetry = telemetryTo(kind, collector.port, batch);
        await record(telemetry);
        const result = await within(60_000, telemetry.forceFlush());
        // Records that were dropped before were not this flush's.
        if (lost.fatal === undefined && lost.too_large === undefined) assert.equal(result, "ok", JSON.stringify(telemetry.stats));
        assert.ok(collector.faults > 0, "there was a fault");
        balance(telemetry, RECORDS);

        const { rejected, dropped, retried: again, queued, in_flight } = telemetry.stats;
        const first = Math.max(0, ...[rejected, ...Object.values(dropped)]);
        const expected = Object.fromEntries(Object.entries(lost).map(([reason, count]) => [reason, count === "first" ? first : count]));
        const found = Object.fromEntries(Object.entries({ rejected, ...dropped }).filter(([, count]) => count > 0));
        assert.deepEqual({ found, queued, in_flight }, { found: expected, queued: 0, in_flight: 0 });
        if (Object.values(lost).includes("first")) assert.ok(first > 0 && first <= BATCH.max_export_batch_size, `${first}`);
        assert.equal(again > 0, retried, `${again} were sent again`);

        const [least, most] = copies;
        const counts = copiesOf(collector.taken);
        const missing = Object.values(dropped).reduce((sum, count) => sum + count, 0);
        if (missing === 0) assert.equal(counts.size, PROMPTS, "each arrived");
        assert.ok([...counts.values()].every((count) => count >= least && count <= most), JSON.stringify([...counts]));
        if (more.flood) {
          const grown = process.memoryUsage.rss() - memory;
          t.diagnostic(`${(seen.sent / 1e6).toFixed(1)} of 1000 MB were sent, ${(grown / 1e6).toFixed(0)} MB more memory`);
          assert.ok(seen.sent < 64 << 20 && grown < 256 << 20, `${seen.sent} bytes, ${grown} of memory`);
        }
        assert.equal(await telemetry.shutdown(), "ok");
      });
    }

    test("goes away, and comes back at the same port", async (t) => {
      const collector = await faultyCollector(t, kind);
      const telemetry = telemetryTo(kind, collector.port);
      telemetry.userPrompt("before");
      assert.equal(await telemetry.forceFlush(), "ok");
      await collector.stop();
      await record(telemetry);
      while (telemetry.stats.retried < 2) await sleep(5);
      assert.match(telemetry.stats.last_error, /ECONNREFUSED|ECONNRESET|closed/);
      await collector.start();
      assert.equal(await telemetry.forceFlush(), "ok");
      balance(telemetry, RECORDS + 1);
      assert.equal(telemetry.stats.exported, RECORDS + 1);
      const counts = copiesOf(collector.taken);
      assert.equal(counts.size, PROMPTS + 1);
      assert.ok([...counts.values()].every((count) => count === 1));
      await telemetry.shutdown();
    });

    test("refuses for longer than the queue lasts: what is dropped is counted, what was queued arrives", async (t) => {
      const busy = kind === "gRPC"
        ? ({ ok }) => ok(Buffer.alloc(0), { "grpc-status": "14" })
        : ({ write }) => write(status("429 Too Many Requests", { "retry-after": "0" }));
      const collector = await faultyCollector(t, kind, { answer: busy, times: Infinity });
      const warnings = [];
      const telemetry = telemetryTo(kind, collector.port, { max_queue_size: 50, max_export_batch_size: 10 }, warnings);
      await record(telemetry, 200);
      while (collector.faults < 4) await sleep(5);
      const { queued, dropped } = telemetry.stats;
      const recorded = 200 + DEMO_EVENTS + 1;
      assert.deepEqual([queued, dropped.queue_full], [50, recorded - 50]);
      collector.heal();
      assert.equal(await telemetry.forceFlush(), "ok");
      balance(telemetry, recorded);
      assert.equal(telemetry.stats.exported, 50);
      assert.equal(collector.taken.flat().length, 50);
      // The oldest are kept, once each.
      assert.deepEqual([...copiesOf(collector.taken).keys()].slice(0, 3), ["prompt 0", "prompt 1", "prompt 2"]);
      assert.ok(warnings.some((warning) => warning.kind === "overflow"));
      await telemetry.shutdown();
    });
  });
}

test("429 for an hour: flush and shutdown end in time, and say what was lost", async (t) => {
  const collector = await faultyCollector(t, "HTTP JSON", { answer: ({ write }) => write(status("429 Too Many Requests", { "retry-after": "3600" })), times: Infinity });
  const telemetry = telemetryTo("HTTP JSON", collector.port);
  await record(telemetry);
  assert.equal(await within(20_000, telemetry.forceFlush({ timeoutMs: 200 })), "timed_out");
  assert.equal(collector.faults, 1, "the server's wait is kept");
  assert.equal(telemetry.stats.queued, RECORDS);
  assert.equal(await within(20_000, telemetry.shutdown({ timeoutMs: 200 })), "failed");
  assert.equal(telemetry.stats.dropped.shutdown, RECORDS);
  assert.equal(collector.faults, 1);
  balance(telemetry, RECORDS);
});

test("what a caller's stream waits for is the same with a dead collector as without telemetry", async (t) => {
  const CHUNKS = 150;
  const server = createServer(async (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let at = 0; at < CHUNKS && !response.destroyed; at++) {
      response.write(sse(chunk({ content: `${performance.now()} ` })));
      await sleep(1);
    }
    response.end(sse(finish(), DONE));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));

  const [closed] = await freePorts(1);
  const stalled = await faultyCollector(t, "HTTP protobuf", { accept: () => {}, times: Infinity });
  const busy = await faultyCollector(t, "HTTP JSON", { answer: ({ write }) => write(status("503 Busy")), times: Infinity });
  const collectors = {
    "no telemetry": () => undefined,
    "nobody listens": () => telemetryTo("HTTP JSON", closed),
    "nobody listens, gRPC": () => telemetryTo("gRPC", closed),
    "it stalls": () => telemetryTo("HTTP protobuf", stalled.port, SHORT),
    "it refuses": () => telemetryTo("HTTP JSON", busy.port),
  };
  const waits = Object.fromEntries(Object.keys(collectors).map((name) => [name, []]));
  // In turns, so that whatever else the machine does is everybody's.
  for (let round = 0; round < 3; round++) {
    for (const [name, make] of Object.entries(collectors)) {
      const telemetry = make();
      const response = await fetch(`http://127.0.0.1:${server.address().port}/`);
      for await (const event of aggregate(response, telemetry === undefined ? {} : { telemetry })) {
        if (event.type === "output_text.delta") waits[name].push(performance.now() - Number(event.delta));
      }
      await telemetry?.shutdown({ timeoutMs: 1 });
    }
  }
  const at = (list, part) => list.toSorted((a, b) => a - b)[Math.floor(list.length * part)];
  const without = at(waits["no telemetry"], 0.5);
  for (const [name, list] of Object.entries(waits)) {
    t.diagnostic(`${name}: median ${at(list, 0.5).toFixed(3)} ms, 99 of 100 within ${at(list, 0.99).toFixed(3)} ms`);
    assert.equal(list.length, 3 * CHUNKS);
    assert.ok(at(list, 0.5) < 3 * without + 1, `${name}: ${at(list, 0.5)} ms, without telemetry ${without} ms`);
  }
});
