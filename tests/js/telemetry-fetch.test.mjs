// `telemetry.fetch` against a real server: what is tried again, what is sent each time, what is recorded.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, test } from "node:test";

import { within } from "./support/chat.mjs";
import { freePorts } from "./support/rotel.mjs";
import { TRACEPARENT } from "./support/telemetry-run.mjs";
import { attributesOf, telemetryInto } from "./support/telemetry-sink.mjs";

/** Answers with each step in turn, the last one for all that follow; `"drop"` is no answer. */
async function api(t, script) {
  const seen = [];
  let arrive;
  const arrived = new Promise((resolve) => {
    arrive = resolve;
  });
  const server = createServer(async (request, response) => {
    arrive();
    const step = script[Math.min(seen.length, script.length - 1)];
    const call = { at: performance.now(), method: request.method, headers: request.headers, body: "" };
    seen.push(call);
    if (step === "drop") return request.socket.destroy();
    if (step === "stall") return;
    try {
      for await (const chunk of request) call.body += chunk;
    } catch {
      return;
    }
    const { status = 200, headers = {}, body = "answer" } = step;
    response.writeHead(status, headers);
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/v1/chat`, seen, arrived };
}

const NOW = { "retry-after": "0" };

/** Calls, and returns what came of it and what was recorded. */
async function run(t, { script, options, call }) {
  const server = await api(t, script);
  const { telemetry, records } = telemetryInto(options);
  const outcome = await within(8000, Promise.resolve(call(telemetry, server)).then(
    async (response) => ({ status: response.status, text: await response.text() }),
    (error) => ({ error }),
  ));
  await telemetry.shutdown();
  const attempts = records().map((record) => {
    assert.equal(record.eventName, "codex.api_request");
    return attributesOf(record);
  });
  return { ...outcome, attempts, seen: server.seen };
}

describe("what is tried again", { concurrency: true }, () => {
  const ok = {};
  const cases = [
    { name: "success", script: [ok], statuses: [200] },
    ...[429, 500, 502, 503, 504, 529].map((status) => ({
      name: `${status}`, script: [{ status, headers: NOW }, ok], statuses: [status, 200],
    })),
    ...[201, 301, 304, 400, 401, 403, 404, 408, 409, 413, 422].map((status) => ({
      name: `not ${status}`, script: [{ status, headers: NOW, body: status === 304 ? undefined : "no" }, ok],
      statuses: [status], init: { redirect: "manual" },
    })),
    { name: "a connection that breaks", script: ["drop", ok], statuses: [undefined, 200] },
    { name: "4 times by default", script: [{ status: 503, headers: NOW }], statuses: [503, 503, 503, 503, 503] },
    { name: "as often as maxRetries says", script: [{ status: 503, headers: NOW }], options: { maxRetries: 2 }, statuses: [503, 503, 503] },
    { name: "never with maxRetries 0", script: [{ status: 429, headers: NOW }, ok], options: { maxRetries: 0 }, statuses: [429] },
    { name: "not when the server asks for too long a wait", script: [{ status: 429, headers: { "retry-after": "61" } }, ok], statuses: [429] },
  ];
  for (const { name, script, statuses, options, init } of cases) {
    test(name, async (t) => {
      const call = (telemetry, { url }) => telemetry.fetch(url, { method: "POST", body: "question", ...init });
      const { status, error, attempts, seen } = await run(t, { script, options, call });
      assert.equal(error, undefined);
      assert.equal(status, statuses.at(-1), "the last response is the caller's");
      assert.deepEqual(attempts.map((attempt) => attempt["http.response.status_code"]), statuses);
      assert.deepEqual(attempts.map(({ attempt }) => attempt), statuses.map((_, index) => index + 1));
      for (const attempt of attempts) {
        assert.match(attempt.duration_ms, /^\d{1,4}$/);
        assert.equal("error.message" in attempt, attempt["http.response.status_code"] === undefined);
      }
      assert.equal(seen.length, statuses.length);
      assert.deepEqual(seen.filter((_, index) => script[index] !== "drop").map(({ body }) => body),
        statuses.filter((status) => status !== undefined).map(() => "question"), "each time with its body");
    });
  }

  test("a network that fails to the end throws what fetch throws", async (t) => {
    const [port] = await freePorts(1);
    const call = (telemetry) => telemetry.fetch(`http://127.0.0.1:${port}/`, {});
    const { error, attempts } = await run(t, { script: [{}], options: { maxRetries: 1 }, call });
    assert.ok(error instanceof TypeError, String(error));
    assert.equal(attempts.length, 2);
    for (const attempt of attempts) assert.match(attempt["error.message"], /^fetch failed: .*ECONNREFUSED/);
  });
});

describe("how long it waits", { concurrency: true }, () => {
  const gaps = (seen) => seen.slice(1).map(({ at }, index) => at - seen[index].at);
  const retryAfter = (value, status = 503) => ({ status, headers: { "retry-after": value } });
  const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
  // What is too long depends on how busy the machine is, so that is the next longer wait.
  const cases = [
    { name: "as Retry-After says", script: [retryAfter("1", 429), {}], least: [1000], most: 10_000 },
    { name: "not at all for 0", script: [...Array(4).fill(retryAfter("0")), {}], least: [0, 0, 0, 0], most: 2700 },
    { name: "else 200 ms, and twice that", script: [{ status: 500 }, { status: 500 }, {}], least: [179, 359], most: 5000 },
    { name: "a date is not read", script: [retryAfter(DATE), {}], least: [179], most: 5000 },
  ];
  for (const { name, script, least, most } of cases) {
    test(name, async (t) => {
      const { seen } = await run(t, { script, call: (telemetry, { url }) => telemetry.fetch(url) });
      const found = gaps(seen);
      assert.equal(found.length, least.length);
      for (const [index, gap] of found.entries()) assert.ok(gap >= least[index], `${gap} ms`);
      assert.ok(found.reduce((sum, gap) => sum + gap, 0) < most, `${found} ms`);
    });
  }
});

describe("what is sent", { concurrency: true }, () => {
  const refusedOnce = [{ status: 503, headers: NOW }, {}];
  const stream = () => new Blob(["from a stream"]).stream();
  const half = { method: "POST", duplex: "half" };
  async function* generator() {
    yield Buffer.from("from a generator");
  }

  const cases = [
    ["a text", (url) => [url, { method: "POST", body: "text" }], ["text", "text"]],
    ["bytes", (url) => [url, { method: "POST", body: Buffer.from("bytes") }], ["bytes", "bytes"]],
    ["parameters", (url) => [url, { method: "POST", body: new URLSearchParams({ a: "1" }) }], ["a=1", "a=1"]],
    ["a URL object", (url) => [new URL(url)], ["", ""]],
    ["a Request", (url) => [new Request(url, { method: "POST", body: "request" })], ["request", "request"]],
    ["a Request with a stream", (url) => [new Request(url, { ...half, body: stream() })], ["from a stream", "from a stream"]],
    ["a Request and another body", (url) => [new Request(url, { method: "POST", body: "1" }), { body: "2" }], ["2", "2"]],
    ["a stream goes once", (url) => [url, { ...half, body: stream() }], ["from a stream"]],
    ["a generator goes once", (url) => [url, { ...half, body: generator() }], ["from a generator"]],
  ];
  for (const [name, argumentsFor, bodies] of cases) {
    test(name, async (t) => {
      const call = (telemetry, { url }) => telemetry.fetch(...argumentsFor(url));
      const { error, status, attempts, seen } = await run(t, { script: refusedOnce, call });
      assert.equal(error, undefined, String(error));
      assert.deepEqual(seen.map(({ body }) => body), bodies);
      assert.equal(attempts.length, bodies.length);
      assert.equal(status, bodies.length === 1 ? 503 : 200);
    });
  }

  const other = "00-11111111111111111111111111111111-2222222222222222-00";
  const headers = [
    ["none without traceparent", undefined, (url) => [url], undefined],
    ["traceparent", TRACEPARENT, (url) => [url], TRACEPARENT],
    ["beside headers of a list", TRACEPARENT, (url) => [url, { headers: [["x-own", "1"]] }], TRACEPARENT],
    ["beside a Request's headers", TRACEPARENT, (url) => [new Request(url, { headers: { "x-own": "1" } })], TRACEPARENT],
    ["the caller's own wins", TRACEPARENT, (url) => [url, { headers: { traceparent: other } }], other],
    ["the Request's own wins", TRACEPARENT, (url) => [new Request(url, { headers: { traceparent: other } })], other],
  ];
  for (const [name, traceparent, argumentsFor, expected] of headers) {
    test(`traceparent: ${name}`, async (t) => {
      const call = (telemetry, { url }) => {
        const given = argumentsFor(url);
        // The caller's stays as it is.
        for (const part of [given[1]?.headers, given[1]]) Object.freeze(part);
        return telemetry.fetch(...given);
      };
      const { seen } = await run(t, { script: refusedOnce, options: traceparent && { traceparent }, call });
      assert.deepEqual(seen.map((request) => request.headers.traceparent), [expected, expected]);
      if (/beside/.test(name)) assert.deepEqual(seen.map((request) => request.headers["x-own"]), ["1", "1"]);
    });
  }
});

describe("what is recorded", { concurrency: true }, () => {
  test("cf-ray, only where there is one", async (t) => {
    const script = [{ status: 500, headers: NOW }, { headers: { "CF-Ray": "abc-FRA" } }];
    const { attempts } = await run(t, { script, call: (telemetry, { url }) => telemetry.fetch(url) });
    assert.deepEqual(attempts.map(({ cf_ray: ray }) => ray), [undefined, "abc-FRA"]);
  });

  test("the fetch that is given is the one that is called", async () => {
    const calls = [];
    const fetch = async (...given) => {
      calls.push(given);
      return new Response("mine", { status: 201 });
    };
    const { telemetry, records } = telemetryInto({ fetch });
    const init = { method: "PUT" };
    assert.equal(await (await telemetry.fetch("x:y", init)).text(), "mine");
    assert.deepEqual(calls, [["x:y", init]]);
    await telemetry.shutdown();
    assert.equal(attributesOf(records()[0])["http.response.status_code"], 201);
  });

  test("what is thrown need not be an Error", async () => {
    const fetch = () => Promise.reject("no");
    const { telemetry, records } = telemetryInto({ fetch, maxRetries: 0 });
    await assert.rejects(telemetry.fetch("x:y"), (error) => error === "no");
    await telemetry.shutdown();
    assert.equal(attributesOf(records()[0])["error.message"], "no");
  });

  test("after shutdown fetch goes on, unmeasured", async (t) => {
    const { url } = await api(t, [{}]);
    const { telemetry, records } = telemetryInto();
    await telemetry.shutdown();
    assert.equal(await (await telemetry.fetch(url)).text(), "answer");
    assert.equal(records().length, 0);
    assert.equal(telemetry.stats.dropped.shutdown, 1);
  });
});

describe("an abort ends it at once", { concurrency: true }, () => {
  const reason = new Error("enough");
  const cases = [
    { name: "before it begins", script: ["stall"], abortAfter: undefined, attempts: 1, seen: 0 },
    { name: "before the answer", script: ["stall"], abortAfter: 0, attempts: 1, seen: 1 },
    { name: "in the wait", script: [{ status: 503, headers: { "retry-after": "30" } }], abortAfter: 100, attempts: 1, seen: 1 },
  ];
  for (const { name, script, abortAfter, attempts, seen } of cases) {
    for (const way of ["init", "Request"]) {
      test(`${name}, by ${way}`, async (t) => {
        const controller = new AbortController();
        const { signal } = controller;
        if (abortAfter === undefined) controller.abort(reason);
        const call = (telemetry, { url, arrived }) => {
          if (abortAfter !== undefined) arrived.then(() => setTimeout(() => controller.abort(reason), abortAfter));
          return way === "init" ? telemetry.fetch(url, { signal }) : telemetry.fetch(new Request(url, { signal }));
        };
        const result = await run(t, { script, call });
        assert.equal(result.error, reason);
        assert.equal(result.attempts.length, attempts);
        assert.equal(result.seen.length, seen);
      });
    }
  }

  test("by a timeout", async (t) => {
    const call = (telemetry, { url }) => telemetry.fetch(url, { signal: AbortSignal.timeout(50) });
    const { error, attempts } = await run(t, { script: ["stall"], call });
    assert.equal(error.name, "TimeoutError");
    assert.equal(attempts.length, 1);
  });
});
