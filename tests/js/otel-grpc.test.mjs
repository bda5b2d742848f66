// OTLP over gRPC, against real http2 servers that play scripts.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { GrpcExporter } from "../../pkg/dist/telemetry/grpc.js";
import { grpcCollector, request } from "./support/otel-collector.mjs";
import { CERTIFICATE, PRIVATE_KEY } from "./support/otel-tls.mjs";

const BODY = new TextEncoder().encode("x".repeat(1000));
const RETRY_INFO = Buffer.from("status with RetryInfo");

function exporterTo(t, endpoint, parts = {}) {
  const exporter = new GrpcExporter({ type: "otlp-grpc", endpoint, headers: {}, gzip: false, tls: {}, ...parts });
  t.after(() => exporter.close());
  return exporter;
}

const inline = (value) => ({ path: "tls", value });
const plain = (result) => {
  return result.type === "grpc" ? { ...result, details: Buffer.from(result.details).toString(), body: Buffer.from(result.body).toString() } : result;
};

test("what is sent", async (t) => {
  const collector = await grpcCollector(t);
  const exporter = exporterTo(t, collector.url, { headers: { "x-otlp-meta": "abc123" } });
  assert.deepEqual(plain(await exporter.send(request({ body: BODY }))), { type: "grpc", code: 0, message: "", details: "", body: "" });
  const [{ headers, body, gzipped, declared }] = collector.requests;
  const { ":method": method, ":path": path, "content-type": type, te } = headers;
  assert.deepEqual({ method, path, type, te }, {
    method: "POST", path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export", type: "application/grpc", te: "trailers",
  });
  assert.equal(headers["x-otlp-meta"], "abc123");
  assert.equal(headers["user-agent"], "OTel-OTLP-Exporter-streamgauge/0.1.0");
  assert.equal(headers["grpc-encoding"], undefined);
  assert.match(headers["grpc-timeout"], /^4\d{3}m$|^5000m$/);
  assert.deepEqual([gzipped, declared, new Uint8Array(body)], [false, BODY.length, BODY]);
});

test("a long timeout fits into eight digits", async (t) => {
  const collector = await grpcCollector(t);
  await exporterTo(t, collector.url).send(request({ timeoutMs: 2 ** 31 - 1 }));
  assert.equal(collector.requests[0].headers["grpc-timeout"], "2147484S");
});

describe("what an answer becomes", () => {
  const details = RETRY_INFO.toString("base64");
  const ok = { type: "grpc", code: 0, message: "", details: "", body: "" };
  const cases = [
    { name: "a response message", step: { body: Buffer.from("partial success") }, expected: { body: "partial success" } },
    { name: "14", step: { code: 14, message: "come back" }, expected: { code: 14, message: "come back" } },
    { name: "8 with RetryInfo", step: { code: 8, details }, expected: { code: 8, details: RETRY_INFO.toString() } },
    { name: "8 with RetryInfo, unpadded", step: { code: 8, details: details.replace(/=+$/, "") }, expected: { code: 8, details: RETRY_INFO.toString() } },
    { name: "8 alone", step: { code: 8 }, expected: { code: 8 } },
    { name: "details that are no base64", step: { code: 8, details: "?" }, expected: { code: 8 } },
    { name: "11 for the size", step: { code: 11, message: "decoded message length too large" }, expected: { code: 11, message: "decoded message length too large" } },
    { name: "12 without gzip", step: { code: 12 }, expected: { code: 12 } },
    { name: "headers only", step: { headersOnly: true, code: 16, message: "who?" }, expected: { code: 16, message: "who?" } },
    { name: "a percent-encoded message", step: { code: 3, message: "sch%C3%B6n 100%25 %zz" }, expected: { code: 3, message: "schön 100% %zz" } },
    { name: "a status that is no number", step: { code: "x" }, expected: { code: 2 } },
    { name: "no gRPC: 404", step: { httpStatus: 404 }, expected: { code: 12, message: "HTTP 404 without a gRPC status" } },
    { name: "no gRPC: 503", step: { httpStatus: 503 }, expected: { code: 14, message: "HTTP 503 without a gRPC status" } },
    { name: "no gRPC: 401", step: { httpStatus: 401 }, expected: { code: 16, message: "HTTP 401 without a gRPC status" } },
    { name: "no status", step: { noStatus: true }, expected: { code: 2, message: "HTTP 200 without a gRPC status" } },
    { name: "a reset that blames the client", step: { reset: 1 }, expected: { code: 13, message: "stream reset (1)" } },
    { name: "a reset to calm down", step: { reset: 11 }, expected: { code: 8, message: "stream reset (11)" } },
    { name: "a slow answer", step: { delayMs: 50 }, expected: {} },
  ];
  for (const { name, step, expected } of cases) {
    test(name, async (t) => {
      const collector = await grpcCollector(t, [step]);
      const exporter = exporterTo(t, collector.url);
      assert.deepEqual(plain(await exporter.send(request())), { ...ok, ...expected });
      assert.equal(collector.requests.length, 1);
    });
  }

  test("a message of more than 4 MiB is not kept", async (t) => {
    const collector = await grpcCollector(t, [{ body: Buffer.alloc((4 << 20) + 1) }]);
    assert.deepEqual(plain(await exporterTo(t, collector.url).send(request())), ok);
  });
});

describe("gzip", () => {
  test("is sent", async (t) => {
    const collector = await grpcCollector(t);
    assert.equal((await exporterTo(t, collector.url, { gzip: true }).send(request({ body: BODY }))).code, 0);
    const [{ headers, gzipped, wireBytes, body }] = collector.requests;
    assert.deepEqual([headers["grpc-encoding"], gzipped, new Uint8Array(body)], ["gzip", true, BODY]);
    assert.ok(wireBytes < 100);
  });

  test("is given up for good when the server does not know it", async (t) => {
    const collector = await grpcCollector(t, [{ code: 12 }, {}]);
    const exporter = exporterTo(t, collector.url, { gzip: true });
    assert.equal((await exporter.send(request())).code, 0);
    assert.equal((await exporter.send(request())).code, 0);
    assert.deepEqual(collector.requests.map(({ gzipped }) => gzipped), [true, false, false]);
  });

  test("is not tried without end", async (t) => {
    const collector = await grpcCollector(t, [{ code: 12 }]);
    assert.equal((await exporterTo(t, collector.url, { gzip: true }).send(request())).code, 12);
    assert.equal(collector.requests.length, 2);
  });
});

describe("connections", () => {
  test("one is used again", async (t) => {
    const collector = await grpcCollector(t);
    const exporter = exporterTo(t, collector.url);
    for (let n = 0; n < 5; n++) assert.equal((await exporter.send(request())).code, 0);
    assert.equal(collector.connections, 1);
  });

  test("side by side", async (t) => {
    const collector = await grpcCollector(t, [{ delayMs: 20 }]);
    const exporter = exporterTo(t, collector.url);
    const results = await Promise.all(Array.from({ length: 5 }, () => exporter.send(request())));
    assert.deepEqual(results.map(({ code }) => code), [0, 0, 0, 0, 0]);
    assert.equal(collector.connections, 1);
  });

  test("a lost one is a network error, and the next call has a new one", async (t) => {
    const collector = await grpcCollector(t, [{ destroy: true }, {}]);
    const exporter = exporterTo(t, collector.url);
    assert.equal((await exporter.send(request())).type, "network");
    assert.equal((await exporter.send(request())).code, 0);
    assert.equal(collector.connections, 2);
  });

  test("a refused stream is sent again at once on a connection that was idle", async (t) => {
    const collector = await grpcCollector(t, [{}, { reset: 7 }, {}]);
    const exporter = exporterTo(t, collector.url);
    assert.equal((await exporter.send(request())).code, 0);
    assert.equal((await exporter.send(request())).code, 0);
    assert.equal(collector.requests.length, 3);
  });

  test("a refused stream on a new connection is a network error", async (t) => {
    const collector = await grpcCollector(t, [{ reset: 7 }]);
    assert.equal((await exporterTo(t, collector.url).send(request())).type, "network");
    assert.equal(collector.requests.length, 1);
  });

  test("after GOAWAY comes a new one", async (t) => {
    const collector = await grpcCollector(t, [{ goaway: true }, {}]);
    const exporter = exporterTo(t, collector.url);
    assert.equal((await exporter.send(request())).code, 0);
    await sleep(20);
    assert.equal((await exporter.send(request())).code, 0);
    assert.equal(collector.connections, 2);
  });

  test("a call right behind a GOAWAY is not lost", async (t) => {
    const collector = await grpcCollector(t, [{ goaway: true }, {}]);
    const exporter = exporterTo(t, collector.url);
    assert.equal((await exporter.send(request())).code, 0);
    assert.equal((await exporter.send(request())).code, 0);
  });

  test("the server is restarted between two calls", async (t) => {
    const collector = await grpcCollector(t);
    const exporter = exporterTo(t, collector.url);
    assert.equal((await exporter.send(request())).code, 0);
    await collector.stop();
    const down = await exporter.send(request());
    assert.equal(down.type, "network");
    assert.match(down.message, /ECONNREFUSED|ECONNRESET|closed/);
    const again = await grpcCollector(t, [{}], { port: collector.port });
    assert.equal((await exporter.send(request())).code, 0);
    assert.equal(again.requests.length, 1);
  });

  test("something that speaks no HTTP/2", async (t) => {
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const result = await exporterTo(t, `http://127.0.0.1:${server.address().port}`).send(request());
    assert.equal(result.type, "network");
  });

  test("a call that is given up", async (t) => {
    const collector = await grpcCollector(t, [{ stall: true }, {}]);
    const exporter = exporterTo(t, collector.url);
    const wanted = request();
    const sending = exporter.send(wanted);
    while (collector.requests.length === 0) await sleep(5);
    await sleep(10);
    wanted.controller.abort();
    assert.deepEqual(await sending, { type: "network", message: "aborted" });
    await sleep(20);
    assert.equal(collector.requests[0].rstCode, 8);
    assert.equal((await exporter.send(request())).code, 0);
    assert.equal(collector.connections, 2, "one that did not answer is not trusted again");
  });

  test("a connection that does not come about is given up", async (t) => {
    // It accepts, and never speaks.
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const wanted = request();
    const sending = exporterTo(t, `https://127.0.0.1:${server.address().port}`).send(wanted);
    await sleep(20);
    wanted.controller.abort();
    assert.deepEqual(await sending, { type: "network", message: "aborted" });
  });
});

describe("TLS", () => {
  const SERVER = { key: PRIVATE_KEY, cert: CERTIFICATE };

  test("with a certificate of our own", async (t) => {
    const collector = await grpcCollector(t, [{}], { tls: SERVER });
    const exporter = exporterTo(t, collector.url, { tls: { ca: inline(CERTIFICATE) } });
    assert.equal((await exporter.send(request())).code, 0);
  });

  test("a certificate that nobody trusts", async (t) => {
    const collector = await grpcCollector(t, [{}], { tls: SERVER });
    const result = await exporterTo(t, collector.url).send(request());
    assert.equal(result.type, "network");
    assert.match(result.message, /self-signed|self signed/);
    assert.equal(collector.requests.length, 0);
  });

  test("showing a certificate", async (t) => {
    const tls = { ...SERVER, requestCert: true, ca: CERTIFICATE };
    const collector = await grpcCollector(t, [{}], { tls });
    const without = exporterTo(t, collector.url, { tls: { ca: inline(CERTIFICATE) } });
    assert.equal((await without.send(request())).type, "network");
    const all = { ca: inline(CERTIFICATE), cert: inline(CERTIFICATE), key: inline(PRIVATE_KEY) };
    assert.equal((await exporterTo(t, collector.url, { tls: all }).send(request())).code, 0);
  });
});

test("an idle connection does not hold the process", async (t) => {
  const collector = await grpcCollector(t);
  const code = `
    import { GrpcExporter } from ${JSON.stringify(new URL("../../pkg/dist/telemetry/grpc.js", import.meta.url))};
    const exporter = new GrpcExporter({ type: "otlp-grpc", endpoint: ${JSON.stringify(collector.url)}, headers: {}, gzip: false, tls: {} });
    const { signal } = new AbortController();
    for (let n = 0; n < 2; n++) {
      const result = await exporter.send({ attempt: 1, records: 1, timeoutMs: 5000, unload: false, body: new Uint8Array(1), signal });
      console.log(result.code);
    }`;
  const started = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], { timeout: 10_000 });
  assert.equal(stdout, "0\n0\n");
  assert.ok(performance.now() - started < 5000);
});
