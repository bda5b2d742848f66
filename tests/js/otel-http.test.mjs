// OTLP over HTTP, against real servers that play scripts.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { HttpExporter } from "../../pkg/dist/telemetry/http.js";
import { httpCollector, request } from "./support/otel-collector.mjs";

const settings = (endpoint, parts = {}) => ({
  type: "otlp-http", endpoint, protocol: "binary", headers: {}, gzip: false, keepalive: true, ...parts,
});
const exporterTo = (url, parts, page = false) => new HttpExporter(settings(url, parts), page);
const PROTOBUF = "application/x-protobuf";
const text = (result) => ({ ...result, body: new TextDecoder().decode(result.body) });

describe("what is sent", () => {
  const BODY = new TextEncoder().encode("x".repeat(1000));
  const cases = [
    { name: "binary", parts: {}, headers: { "content-type": PROTOBUF, "content-length": "1000", "content-encoding": undefined } },
    { name: "json", parts: { protocol: "json" }, headers: { "content-type": "application/json" } },
    { name: "gzip", parts: { gzip: true }, headers: { "content-type": PROTOBUF, "content-encoding": "gzip" }, wireBytes: [20, 100] },
    { name: "headers", parts: { headers: { "x-otlp-api-key": "k 1", authorization: "Bearer t" } }, headers: { "x-otlp-api-key": "k 1", authorization: "Bearer t" } },
    { name: "who sends", parts: {}, headers: { "user-agent": "OTel-OTLP-Exporter-streamgauge/0.1.0" } },
    { name: "somebody else's name", parts: { headers: { "user-agent": "mine" } }, headers: { "user-agent": "mine" } },
    { name: "no gzip as the page goes away", parts: { gzip: true }, unload: true, headers: { "content-encoding": undefined } },
  ];
  for (const { name, parts, unload = false, headers, wireBytes = [1000, 1000] } of cases) {
    test(name, async (t) => {
      const collector = await httpCollector(t);
      const result = await exporterTo(collector.url, parts).send(request({ body: BODY, unload }));
      assert.deepEqual(text(result), { type: "http", status: 200, retryAfter: undefined, contentType: PROTOBUF, body: "" });
      const [seen] = collector.requests;
      assert.equal(seen.method, "POST");
      assert.equal(seen.path, "/v1/logs");
      for (const [header, value] of Object.entries(headers)) assert.equal(seen.headers[header], value, header);
      assert.deepEqual(new Uint8Array(seen.body), BODY);
      const [least, most] = wireBytes;
      if (!unload) assert.ok(seen.wireBytes >= least && seen.wireBytes <= most, String(seen.wireBytes));
    });
  }
});

describe("what an answer becomes", () => {
  const json = { "content-type": "application/json" };
  const cases = [
    { name: "200", step: {}, expected: { status: 200 } },
    { name: "partial success", step: { headers: json, body: '{"partialSuccess":{"rejectedLogRecords":"1"}}' }, expected: { status: 200, contentType: "application/json", body: '{"partialSuccess":{"rejectedLogRecords":"1"}}' } },
    { name: "garbage", step: { headers: { "content-type": "text/html" }, body: "<html>" }, expected: { status: 200, contentType: "text/html", body: "<html>" } },
    { name: "204 without a body", step: { status: 204 }, expected: { status: 204 } },
    { name: "400", step: { status: 400, headers: json, body: '{"message":"bad"}' }, expected: { status: 400, contentType: "application/json", body: '{"message":"bad"}' } },
    { name: "413", step: { status: 413 }, expected: { status: 413 } },
    { name: "429 with Retry-After", step: { status: 429, headers: { "retry-after": "7" } }, expected: { status: 429, retryAfter: "7" } },
    { name: "503 with a date", step: { status: 503, headers: { "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT" } }, expected: { status: 503, retryAfter: "Sun, 06 Nov 1994 08:49:37 GMT" } },
    { name: "an answer cut off counts by its status", step: { cut: true }, expected: { status: 200 } },
    { name: "more than 4 MiB are not read", step: { body: Buffer.alloc((4 << 20) + 1) }, expected: { status: 200 } },
    { name: "4 MiB are", step: { body: Buffer.alloc(4 << 20, 65) }, expected: { status: 200, body: "A".repeat(4 << 20) } },
  ];
  for (const { name, step, expected } of cases) {
    test(name, async (t) => {
      const collector = await httpCollector(t, [step]);
      const result = await exporterTo(collector.url).send(request());
      assert.deepEqual(text(result), { type: "http", retryAfter: undefined, contentType: PROTOBUF, body: "", ...expected });
    });
  }

  for (const status of [301, 302, 307, 308]) {
    test(`a redirect (${status}) is not followed`, async (t) => {
      const other = await httpCollector(t);
      const collector = await httpCollector(t, [{ status, headers: { location: other.url } }]);
      const result = text(await exporterTo(collector.url, { headers: { authorization: "secret" } }).send(request()));
      assert.equal(result.status, status);
      assert.match(JSON.parse(result.body).message, /redirects, which is not followed/);
      assert.equal(other.requests.length, 0);
    });
  }
});

describe("no answer", () => {
  test("a connection that breaks", async (t) => {
    const collector = await httpCollector(t, [{ destroy: true }]);
    const result = await exporterTo(collector.url).send(request());
    assert.equal(result.type, "network");
    assert.match(result.message, /^fetch failed: /);
  });

  test("nobody listens, and then somebody does", async (t) => {
    const { url, port, server } = await httpCollector(t);
    const exporter = exporterTo(url);
    await new Promise((resolve) => server.close(resolve));
    const result = await exporter.send(request());
    assert.equal(result.type, "network");
    assert.match(result.message, /ECONNREFUSED/);
    const again = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).listen(port, "127.0.0.1");
    t.after(() => again.close());
    await new Promise((resolve) => again.once("listening", resolve));
    assert.equal((await exporter.send(request())).status, 200);
  });

  test("an answer that is given up", async (t) => {
    const collector = await httpCollector(t, [{ stall: true }]);
    const wanted = request();
    const sending = exporterTo(collector.url).send(wanted);
    while (collector.requests.length === 0) await sleep(5);
    wanted.controller.abort();
    assert.equal((await sending).type, "network");
    await sleep(20);
    assert.equal(collector.requests[0].closedByClient, true);
  });

  test("given up while it is compressed: nothing is sent", async (t) => {
    const collector = await httpCollector(t);
    const wanted = request();
    const sending = exporterTo(collector.url, { gzip: true }).send(wanted);
    wanted.controller.abort();
    assert.deepEqual(await sending, { type: "network", message: "aborted" });
    assert.equal(collector.requests.length, 0);
  });
});

describe("fetch", () => {
  /** Puts `fetcher` where the global is, for one test. */
  function install(t, fetcher) {
    const { fetch } = globalThis;
    globalThis.fetch = fetcher;
    t.after(() => {
      globalThis.fetch = fetch;
    });
  }

  test("is the one of the start: what wraps it later does not see telemetry", async (t) => {
    const collector = await httpCollector(t);
    const exporter = exporterTo(collector.url);
    install(t, () => assert.fail("the telemetry was observed"));
    assert.equal((await exporter.send(request())).status, 200);
  });

  test("is not what an instrumentation wrapped before, either", async (t) => {
    const collector = await httpCollector(t);
    const wrapper = () => assert.fail("the telemetry was observed");
    wrapper.__original = globalThis.fetch;
    install(t, wrapper);
    assert.equal((await exporterTo(collector.url).send(request())).status, 200);
  });

  test("is called before `send` returns when the page goes away", async (t) => {
    const calls = [];
    install(t, async (url, init) => {
      calls.push({ url, init });
      return new Response();
    });
    const exporter = exporterTo("/v1/logs", { gzip: true }, true);
    const sending = exporter.send(request({ unload: true }));
    assert.equal(calls.length, 1);
    assert.equal(calls[0].url, "/v1/logs");
    assert.equal(calls[0].init.keepalive, true);
    await sending;
  });

  test("a `this` of its own", async (t) => {
    install(t, function fetcher() {
      assert.ok(this === globalThis || this === undefined, "Illegal invocation");
      return Promise.resolve(new Response());
    });
    assert.equal((await exporterTo("http://h/").send(request())).status, 200);
  });
});

describe("keepalive in a page", () => {
  const KIB = 1024;
  const bytes = (kib) => new Uint8Array(kib * KIB);
  const BUDGET = 60 * KIB;

  /** A `fetch` whose answers, and their bodies, come when the test says so. */
  function page(t) {
    const calls = [];
    const { fetch } = globalThis;
    globalThis.fetch = (_, { keepalive = false, body }) => {
      const call = { keepalive, bytes: body.length };
      calls.push(call);
      return new Promise((resolve, reject) => {
        call.fail = () => reject(new TypeError("Failed to fetch"));
        call.answer = () => {
          const stream = new ReadableStream({ start: (controller) => (call.endBody = () => controller.close()) });
          resolve(new Response(stream));
        };
      });
    };
    t.after(() => {
      globalThis.fetch = fetch;
      for (const call of calls) call.fail();
    });
    return calls;
  }

  test("is for 60 KiB under way, of all exporters together, until answers were read to the end", async (t) => {
    const calls = page(t);
    const [one, two] = [exporterTo("http://h/", {}, true), exporterTo("http://h/", {}, true)];
    assert.equal(one.unloadBudget, BUDGET);
    const sending = one.send(request({ body: bytes(40) }));
    assert.equal(two.unloadBudget, 20 * KIB);
    const second = request({ body: bytes(21) });
    two.send(second);
    const third = request({ body: bytes(20) });
    two.send(third);
    assert.deepEqual(calls.map(({ keepalive }) => keepalive), [true, false, true]);
    assert.deepEqual([second.keepalive, third.keepalive], [false, true]);
    assert.equal(one.unloadBudget, 0);
    calls[0].answer();
    await sleep(5);
    assert.equal(one.unloadBudget, 0, "the answer is there, its body is not");
    calls[0].endBody();
    await sending;
    assert.equal(one.unloadBudget, 40 * KIB);
    calls[2].fail();
    await sleep(5);
    assert.equal(one.unloadBudget, BUDGET, "a failure gives it back, too");
  });

  test("is not used with `keepalive: false`, or without a page", (t) => {
    const calls = page(t);
    for (const exporter of [exporterTo("http://h/", { keepalive: false }, true), exporterTo("http://h/", {}, false)]) {
      assert.equal(exporter.unloadBudget, 0);
      exporter.send(request({ unload: true }));
    }
    assert.deepEqual(calls.map(({ keepalive }) => keepalive), [false, false]);
  });

  test("is left out after it failed, until it is clear that it was not to blame", async (t) => {
    const calls = page(t);
    const exporter = exporterTo("http://h/", {}, true);
    const round = async (end, parts) => {
      const sending = exporter.send(request(parts));
      const call = calls.at(-1);
      call[end]();
      if (end === "answer") (await sleep(1), call.endBody());
      await sending;
      return call.keepalive;
    };
    assert.deepEqual([await round("fail"), await round("fail"), await round("fail"), await round("answer"), await round("answer")], [true, false, true, false, false]);
    assert.equal(await round("answer", { unload: true }), true, "without it there is no hope at all");
  });
});
