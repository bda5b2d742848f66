// Responses that are not ok, and responses without a body.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { aggregate } from "streamgauge";

import { assertFailure, collect, HELLO, sse } from "./support/chat.mjs";
import { corpusPath, readJsonLines } from "./support/corpus.mjs";
import { destroy, serve, stall } from "./support/server.mjs";

const LIMIT = 64 * 1024;
const json = (value) => JSON.stringify(value);

/** What the provider said, with what is not enumerable. */
const whole = (provider) => ({ ...provider, raw: provider.raw });

/** What a server's error becomes. */
async function failure(t, script, options) {
  const server = await serve(t, script);
  const { events, error } = await collect(aggregate(await fetch(server.url), options));
  assert.deepEqual(events, []);
  assertFailure(error, "http_status");
  assert.equal(error.status, script.status);
  assert.equal(error.provider.status, script.status);
  assert.deepEqual(error.partial, []);
  return { error, provider: error.provider, request: server.requests[0] };
}

const BODIES = [
  {
    name: "OpenAI", status: 429,
    body: json({ error: { message: "Rate limit reached", type: "requests", param: "model", code: "rate_limit_exceeded" } }),
    provider: { message: "Rate limit reached", type: "requests", param: "model", code: "rate_limit_exceeded" },
  },
  { name: "a plain text in `error`", status: 404, body: json({ error: "no such model" }), provider: { message: "no such model" } },
  {
    name: "FastAPI's list", status: 422, body: json({ detail: [{ loc: ["body", "n"], msg: "field required", type: "value_error" }] }),
    provider: { message: "field required", type: "value_error" },
  },
  {
    name: "Google's array", status: 503, body: json([{ error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } }]),
    provider: { message: "overloaded", type: "UNAVAILABLE", code: 503 },
  },
  {
    name: "an event stream of one event", status: 529, body: sse({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
    provider: { message: "Overloaded", type: "overloaded_error" },
  },
  {
    name: "an HTML page", status: 502, body: "<html><head><title>502 Bad\n Gateway</title></head><body>nginx</body></html>",
    provider: { message: "502 Bad Gateway" },
  },
  { name: "text", status: 500, body: " upstream\n  connect error ", provider: { message: "upstream connect error" } },
  { name: "nothing", status: 500, body: "", provider: { message: "" }, text: "HTTP 500" },
  {
    name: "a whole answer, which a status of 500 makes an error", status: 500, body: sse(...HELLO),
    provider: { message: "" }, text: "HTTP 500",
  },
  { name: "bytes that are not UTF-8", status: 500, body: Buffer.from("caf\xe9", "latin1"), provider: { message: "caf\uFFFD", raw: "caf\uFFFD" } },
];

describe("HTTP errors", () => {
  for (const { name, status, body, provider, text } of BODIES) {
    test(name, async (t) => {
      const { error } = await failure(t, { status, steps: body.length > 0 ? [body] : [] });
      const nothing = { type: null, code: null, param: null, retry_after_ms: null, raw: body.toString(), status };
      assert.deepEqual(whole(error.provider), { message: error.provider.message, ...nothing, ...provider });
      assert.equal(error.message, text ?? `HTTP ${status}: ${error.provider.message}`);
    });
  }

  test("of the corpus: message, type and code are found", async (t) => {
    const path = corpusPath(t, "http_errors.jsonl");
    if (path === undefined) return;
    const cases = readJsonLines(path);
    let next;
    const server = await serve(t, () => ({
      status: next.status, headers: { "content-type": next.content_type }, steps: [next.body],
    }));
    for (next of cases) {
      const { error } = await collect(aggregate(await fetch(server.url)));
      const { message, type, code, param } = said(JSON.parse(next.body));
      assertFailure(error, "http_status", `HTTP ${next.status}: ${message}`);
      assert.deepEqual(whole(error.provider), { status: next.status, message, type, code, param, retry_after_ms: null, raw: next.body });
    }
    t.diagnostic(`${cases.length} of ${cases.length} HTTP error bodies`);
  });
});

/** An independent reading of the shapes that the corpus has. */
function said(body) {
  if (typeof body.error === "string" || typeof body.detail === "string") {
    return { message: body.error ?? body.detail, type: null, code: null, param: null };
  }
  const inner = body.error ?? body;
  return {
    message: inner.message, type: inner.type ?? inner.status ?? null, code: inner.code ?? null, param: inner.param ?? null,
  };
}

describe("when to try again", () => {
  const TABLE = [
    ["seconds", { "retry-after": "20" }, 20_000],
    ["parts of a second", { "retry-after": "1.5" }, 1500],
    ["now", { "retry-after": "0" }, 0],
    ["a date in the past", { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, 0],
    ["milliseconds", { "retry-after-ms": "1500" }, 1500],
    ["milliseconds before seconds", { "retry-after-ms": "1500", "retry-after": "20" }, 1500],
    ["seconds, when the milliseconds are no number", { "retry-after-ms": "soon", "retry-after": "20" }, 20_000],
    ["less than nothing", { "retry-after": "-5" }, 0],
    ["no number and no date", { "retry-after": "soon" }, undefined],
    ["an endless time", { "retry-after-ms": "inf" }, undefined],
    ["not a number", { "retry-after-ms": "NaN", "retry-after": "20" }, 20_000],
    ["nothing", {}, undefined],
  ];
  for (const [name, headers, expected] of TABLE) {
    test(`${name}: ${expected}`, async (t) => {
      const { error } = await failure(t, { status: 429, headers, steps: ["slow down"] });
      assert.equal(error.retryAfterMs, expected);
      assert.equal(error.provider.retry_after_ms, expected ?? null);
    });
  }

  test("a date", async (t) => {
    const headers = { "retry-after": new Date(Date.now() + 60_000).toUTCString() };
    const { error } = await failure(t, { status: 503, headers });
    assert.ok(error.retryAfterMs > 50_000 && error.retryAfterMs <= 60_000, `${error.retryAfterMs}`);
  });

  test("from the body", async (t) => {
    const { error } = await failure(t, { status: 429, steps: [json({ error: { message: "slow", retry_after: 3 } })] });
    assert.equal(error.retryAfterMs, 3000);
  });

  test("the header before the body", async (t) => {
    const script = { status: 429, headers: { "retry-after": "2" }, steps: [json({ error: { message: "slow", retry_after: 3 } })] };
    assert.equal((await failure(t, script)).error.retryAfterMs, 2000);
  });
});

describe("the body of an HTTP error", () => {
  test("is read up to 64 KiB, then cancelled", async (t) => {
    const steps = ["start ", ...Array(3000).fill("y".repeat(16 * 1024)), stall];
    const { provider, error, request } = await failure(t, { status: 500, steps });
    assert.equal(provider.raw.length, LIMIT);
    assert.ok(provider.raw.startsWith("start yyy"));
    assert.ok(error.message.length < 1000, `a message of ${error.message.length} characters`);
    assert.ok((await request.closed).byClient);
  });

  test("that stalls is given up after the idle timeout, with what came", async (t) => {
    const { provider, request } = await failure(t, { status: 500, steps: ["half an", stall] }, { idleTimeoutMs: 80 });
    assert.equal(provider.message, "half an");
    assert.ok((await request.closed).byClient);
  });

  test("that is cut off is told as far as it came", async (t) => {
    const { provider, error } = await failure(t, { status: 500, steps: ["half an", destroy] });
    assert.equal(provider.message, "half an");
    assert.ok(error.cause instanceof TypeError);
  });

  test("is aborted by the signal", async (t) => {
    const server = await serve(t, { status: 500, steps: ["half an", stall] });
    const response = await fetch(server.url);
    const { error } = await collect(aggregate(response, { signal: AbortSignal.timeout(80) }));
    assertFailure(error, "aborted");
    assert.equal(error.cause.name, "TimeoutError");
  });

  test("is not read when nobody asks", async (t) => {
    const server = await serve(t, { status: 500, steps: ["half an", stall] });
    const stream = aggregate(await fetch(server.url));
    await sleep(20);
    assert.deepEqual(stream.items, []);
    stream.cancel();
    assert.ok((await server.requests[0].closed).byClient);
  });

  test("by final() alone", async (t) => {
    const server = await serve(t, { status: 401, steps: [json({ error: { message: "bad key" } })] });
    await assert.rejects(aggregate(await fetch(server.url)).final(), { code: "http_status", status: 401 });
  });
});

describe("responses without a body", () => {
  test("204", async (t) => {
    const server = await serve(t, { status: 204 });
    const { error } = await collect(aggregate(await fetch(server.url)));
    assertFailure(error, "stream_incomplete", /the body is empty/);
  });

  test("null", async () => {
    const { error } = await collect(aggregate(new Response(null)));
    assertFailure(error, "stream_incomplete", /the body is empty/);
  });

  test("Response.error()", async () => {
    const { error } = await collect(aggregate(Response.error()));
    assertFailure(error, "http_status");
    assert.equal(error.status, 0);
  });

  test("a redirect that was not followed", async (t) => {
    const server = await serve(t, { status: 302, headers: { location: "/login" } });
    const { error } = await collect(aggregate(await fetch(server.url, { redirect: "manual" })));
    assertFailure(error, "http_status", "HTTP 302");
  });
});
