// The whole telemetry against a real receiver. It is rotel's agent from npm; where it is not installed, nothing is
// tested here, which is said.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { within } from "./support/chat.mjs";
import { startRotel, withoutRotel } from "./support/rotel.mjs";
import {
  assertExported, CONVERSATION_RECORDS, converse, DEMO_EVENTS, EXPORTERS, telemetryOf, TRACEPARENT,
} from "./support/telemetry-run.mjs";

const skip = withoutRotel();

const str = (value) => ({ type: "Str", value });
const int = (value) => ({ type: "Int", value: String(value) });
const ANY = "(any)";

/** What every record has beside its event's attributes. */
const COMMON = {
  "conversation.id": str("conversation-1"), "app.version": str("1.4.0"), auth_mode: str("ApiKey"),
  "user.account_id": str("account-1"), "terminal.type": str("web-ide"), model: str("example-coder-1"),
  slug: str("example-coder"),
};

const RESOURCE = {
  "service.name": str("codex-cli"), "service.version": str("1.4.0"), env: str("staging"),
  "telemetry.sdk.name": str("streamgauge"), "telemetry.sdk.language": str("webjs"),
  "telemetry.sdk.version": str("0.1.0"),
};

/** What the conversation becomes; `count` and `flag` are what the two kinds of types differ in. */
function expectedRecords(count, flag) {
  const duration = count(ANY);
  const event = { "event.kind": str("message"), duration_ms: duration };
  return [
    ["codex.conversation_starts", {
      provider_name: str("example"), reasoning_effort: str("high"), context_window: int(200_000),
      approval_policy: str("on-request"), sandbox_policy: str("read-only"), mcp_servers: str("files, web"),
    }],
    ["codex.user_prompt", { prompt_length: count(18), prompt: str("[REDACTED]") }],
    ["codex.api_request", { duration_ms: duration, "http.response.status_code": int(429), attempt: int(1) }],
    ["codex.api_request", {
      duration_ms: duration, "http.response.status_code": int(200), attempt: int(2), cf_ray: str("8f1c2d3e4f5a6b7c-FRA"),
    }],
    ...Array.from({ length: DEMO_EVENTS }, () => ["codex.sse_event", event]),
    ["codex.sse_event", {
      "event.kind": str("response.completed"), input_token_count: count(1843), output_token_count: count(187),
      cached_token_count: int(1536), reasoning_token_count: int(58), tool_token_count: count(2030),
    }],
    ["codex.tool_decision", {
      tool_name: str("shell"), call_id: str("call_1"), decision: str("approved_for_session"), source: str("user"),
    }],
    ["codex.tool_result", {
      tool_name: str("shell"), call_id: str("call_1"), arguments: str('{"command":"ls"}'), duration_ms: duration,
      success: flag(true), output: str('{"files":["a"]}'),
    }],
    ["codex.tool_result", {
      tool_name: str("nope"), duration_ms: duration, success: flag(false), output: str("no such tool"),
    }],
  ].map(([name, attributes]) => ({
    name, scope: "streamgauge 0.1.0", resource: RESOURCE, severity: "SEVERITY_NUMBER_INFO(9)", severityText: "INFO",
    body: "Empty", traceId: "5b8efff798038103d269b633813fc60c", spanId: "eee19b7ec3c1b174", flags: "1",
    attributes: { "event.name": str(name), "event.timestamp": str(ANY), ...COMMON, ...attributes },
  }));
}

/** Checks the times and durations, and takes them out. */
function timeless(records, startedAt) {
  return records.map(({ time, observed, ...record }) => {
    assert.equal(observed, time);
    const ms = Number(BigInt(time) / 1_000_000n);
    assert.ok(ms >= startedAt && ms <= Date.now(), time);
    const { "event.timestamp": timestamp, duration_ms: duration } = record.attributes;
    assert.equal(timestamp.value, new Date(ms).toISOString());
    const attributes = { ...record.attributes, "event.timestamp": { ...timestamp, value: ANY } };
    if (duration !== undefined) {
      assert.match(duration.value, /^\d{1,4}$/);
      attributes.duration_ms = { ...duration, value: ANY };
    }
    return { ...record, attributes };
  });
}

describe("a conversation arrives, the same by every exporter", { skip, concurrency: true }, () => {
  const types = [
    ["codex", (value) => str(String(value)), (value) => str(String(value))],
    ["typed", int, (value) => ({ type: "Bool", value: String(value) })],
  ];
  for (const [attributeTypes, count, flag] of types) {
    for (const [name, exporterTo] of EXPORTERS) {
      for (const gzip of [false, true]) {
        test(`${attributeTypes}, ${name}${gzip ? ", gzip" : ""}`, async (t) => {
          const rotel = await startRotel(t);
          const startedAt = Date.now();
          const [[key, settings]] = Object.entries(exporterTo(rotel));
          const exporter = { [key]: { ...settings, compression: gzip ? "gzip" : "none" } };
          const otel = { environment: "staging", exporter };
          const { telemetry, server } = await converse(t, { otel, attributeTypes, traceparent: TRACEPARENT });
          assert.equal(server.requests.length, 2);
          assertExported(telemetry, CONVERSATION_RECORDS);
          const records = await rotel.received(CONVERSATION_RECORDS);
          assert.deepEqual(timeless(records, startedAt), expectedRecords(count, flag));
        });
      }
    }
  }
});

describe("values that break other exporters", { skip, concurrency: true }, () => {
  const MIB = 1 << 20;
  /** What is recorded, and what arrives; `undefined`: the attribute does not. */
  const cases = [
    ...[NaN, Infinity, -Infinity, null, undefined, -1, 1e300].map((value) => ({
      name: `context_window ${value}`,
      record: (telemetry) => telemetry.conversationStarts({ context_window: value, provider_name: "p" }),
      expected: { context_window: undefined, provider_name: str("p") },
    })),
    ...[0, 2 ** 53, 2 ** 53 - 1, 2 ** 62].map((value) => ({
      name: `context_window ${value}`,
      record: (telemetry) => telemetry.conversationStarts({ context_window: value }),
      expected: { context_window: int(BigInt(value)) },
    })),
    {
      name: "texts that are empty",
      record: (telemetry) => telemetry.conversationStarts({ provider_name: "", mcp_servers: [] }),
      expected: { provider_name: str(""), mcp_servers: str("") },
    },
    {
      name: "NUL and other control characters",
      record: (telemetry) => telemetry.userPrompt("a\0b\u0001\u001b\u007f\u2028\t\"\\/c"),
      expected: { prompt_length: str("12"), prompt: str("a\0b\u0001\u001b\u007f\u2028\t\"\\/c") },
    },
    {
      name: "lines",
      record: (telemetry) => telemetry.userPrompt("one\r\ntwo\nthree"),
      expected: { prompt: str("one\r\ntwo\nthree") },
    },
    {
      name: "lone surrogates",
      record: (telemetry) => telemetry.userPrompt("\ud800a\udc00\ud83d\ude00\udbff"),
      expected: { prompt_length: str("5"), prompt: str("\ufffda\ufffd😀\ufffd") },
    },
    {
      name: "lone surrogates in an object",
      record: (telemetry) => telemetry.toolResult({ tool_name: "\udc00", duration_ms: 1, success: true, output: "\ud800" }),
      expected: { tool_name: str("\ufffd"), output: str("\ufffd") },
    },
    {
      name: "1 MiB",
      record: (telemetry) => telemetry.userPrompt("🦀".repeat(MIB / 4)),
      expected: { prompt_length: str(String(MIB / 4)), prompt: str("🦀".repeat(MIB / 4)) },
    },
    {
      name: "output cut in an emoji",
      options: { logToolOutput: { maxBytes: 6 }, logToolArguments: { maxBytes: 3 } },
      record: (telemetry) =>
        telemetry.toolResult({ tool_name: "t", arguments: "😀", duration_ms: 1.9, success: false, output: "a😀😀" }),
      expected: { output: str("a😀"), arguments: str(""), duration_ms: str("1"), success: str("false") },
    },
    {
      name: "content that is not to leave",
      options: { logToolOutput: false, logToolArguments: false },
      record: (telemetry) =>
        telemetry.toolResult({ tool_name: "t", arguments: "secret", duration_ms: 1, success: true, output: "secret" }),
      expected: { output: str("[REDACTED]"), arguments: str("[REDACTED]") },
    },
    ...[NaN, -1, Infinity, 1e300].map((value) => ({
      name: `duration_ms ${value}`,
      record: (telemetry) => telemetry.toolResult({ tool_name: "t", duration_ms: value, success: true, output: "" }),
      // Not more than that it is a number: there is no right one.
      expected: { tool_name: str("t"), output: str("") },
    })),
  ];

  for (const [name, exporterTo] of EXPORTERS) {
    test(`${name}, all in one batch`, async (t) => {
      const rotel = await startRotel(t);
      const runs = cases.map(async (each, index) => {
        const otel = { exporter: exporterTo(rotel), log_user_prompt: true };
        const telemetry = telemetryOf({ otel, conversationId: `${index}`, ...each.options });
        // Before and after: the batch must not go with it.
        telemetry.userPrompt("before");
        each.record(telemetry);
        telemetry.userPrompt("after");
        assert.equal(await telemetry.shutdown(), "ok", each.name);
        assertExported(telemetry, 3);
        assert.equal(telemetry.stats.requests, 1, each.name);
      });
      await Promise.all(runs);
      const records = await rotel.received(3 * cases.length);
      assert.equal(records.length, 3 * cases.length);
      const problems = [];
      for (const [index, { name, expected }] of cases.entries()) {
        const run = records.filter(({ attributes }) => attributes["conversation.id"].value === `${index}`);
        const [before, { attributes }, after] = run;
        assert.deepEqual([before.attributes.prompt, after.attributes.prompt], [str("before"), str("after")], name);
        for (const [key, value] of Object.entries(expected)) {
          const shown = (attribute) => JSON.stringify(attribute)?.slice(0, 100);
          try {
            assert.deepEqual(attributes[key], value);
          } catch {
            problems.push(`${name}: ${key} is ${shown(attributes[key])}, not ${shown(value)}`);
          }
        }
      }
      assert.deepEqual(problems, []);
    });
  }

  test("a record that is too large is dropped alone", async (t) => {
    const rotel = await startRotel(t);
    for (const [index, [name, exporterTo]] of EXPORTERS.entries()) {
      const warnings = [];
      const telemetry = telemetryOf({
        otel: { exporter: exporterTo(rotel), log_user_prompt: true }, conversationId: name,
        onWarning: ({ kind }) => warnings.push(kind),
      });
      telemetry.userPrompt("before");
      telemetry.userPrompt("x".repeat(5 << 20));
      telemetry.userPrompt("after");
      await telemetry.shutdown();
      assertExported(telemetry, 2, { too_large: 1 });
      assert.deepEqual(warnings, ["refused"]);
      const records = await rotel.received(2 * (index + 1));
      assert.deepEqual(
        records.slice(2 * index).map(({ attributes }) => attributes.prompt.value), ["before", "after"], name,
      );
    }
  });

  test("more than a request may hold is split", async (t) => {
    const rotel = await startRotel(t);
    for (const [name, exporterTo] of EXPORTERS) {
      const telemetry = telemetryOf({
        otel: { exporter: exporterTo(rotel), log_user_prompt: true }, conversationId: name,
      });
      for (let index = 0; index < 9; index++) telemetry.userPrompt(`${index}`.padEnd(1 << 20, "x"));
      assert.equal(await telemetry.shutdown(), "ok");
      assertExported(telemetry, 9);
      assert.equal(telemetry.stats.requests, 3, name);
    }
    const records = await rotel.received(27);
    const order = records.map(({ attributes }) => attributes.prompt.value[0]).join("");
    assert.equal(order, "012345678".repeat(3));
  });
});

describe("attributes of one's own, the same by every exporter", { skip, concurrency: true }, () => {
  const shown = (type, value) => ({ type, value });
  const one = (value) => ({ json: value, protobuf: value });
  /** `[value, what rotel shows]`; `undefined`: no attribute, or one without a value, which it does not show. */
  const values = {
    "an integer": [42, one(int(42))],
    "2^53 + 1": [2 ** 53 + 1, one(int("9007199254740992"))],
    "2^53 + 1 as bigint": [2n ** 53n + 1n, one(int("9007199254740993"))],
    "the largest of 64 bits": [2n ** 63n - 1n, one(int("9223372036854775807"))],
    "the smallest of 64 bits": [-(2n ** 63n), one(int("-9223372036854775808"))],
    "beyond 64 bits": [2n ** 63n, one(str("9223372036854775808"))],
    "-0": [-0, one(int(0))],
    "a fraction": [-0.25, one(shown("Double", "-0.25"))],
    "1e300": [1e300, one(shown("Double", String(BigInt(1e300)).slice(0, 16).padEnd(301, "0")))],
    "5e-324": [5e-324, one(shown("Double", `0.${"5".padStart(324, "0")}`))],
    // JSON has no such numbers, and rotel takes none of the spellings; so they are texts there.
    NaN: [NaN, { json: str("NaN"), protobuf: shown("Double", "NaN") }],
    Infinity: [Infinity, { json: str("Infinity"), protobuf: shown("Double", "inf") }],
    "-Infinity": [-Infinity, { json: str("-Infinity"), protobuf: shown("Double", "-inf") }],
    null: [null, one(undefined)],
    undefined: [undefined, one(undefined)],
    "a function": [() => 1, one(undefined)],
    "a symbol": [Symbol("x"), one(undefined)],
    true: [true, one(shown("Bool", "true"))],
    "no text": ["", one(str(""))],
    "lone surrogates": ["\ud800a\udc00😀", one(str("\ufffda\ufffd😀"))],
    bytes: [Uint8Array.of(0, 255), one(shown("Bytes", "[0, 255]"))],
    "a date": [new Date(0), one(str("1970-01-01T00:00:00.000Z"))],
    "an error": [new RangeError("too far"), one(str("RangeError: too far"))],
    "an object": [
      { a: { b: [1, "x", { c: true }], n: 2n ** 53n + 1n }, d: {}, e: undefined },
      one(shown("Map", "a:Map(b:Slice(Int(1), Str(x), Map(c:Bool(true))), n:Int(9007199254740993)), d:Map()")),
    ],
    "no object": [{}, one(shown("Map", ""))],
    "no array": [[], one(shown("Slice", ""))],
    // Nor takes rotel a null in an array of JSON: there it is an empty text.
    "an odd array": [
      [NaN, null, undefined, "\ud800", [[]], 1e300 > 1],
      {
        json: shown("Slice", "Str(NaN), Str(), Str(), Str(\ufffd), Slice(Slice()), Bool(true)"),
        protobuf: shown("Slice", "Double(NaN), Empty, Empty, Str(\ufffd), Slice(Slice()), Bool(true)"),
      },
    ],
  };
  const names = Object.keys(values);

  for (const attributeTypes of ["codex", "typed"]) {
    for (const [name, exporterTo] of EXPORTERS) {
      test(`${attributeTypes}, ${name}`, async (t) => {
        const rotel = await startRotel(t);
        const telemetry = telemetryOf({ otel: { exporter: exporterTo(rotel), log_user_prompt: true }, attributeTypes });
        telemetry.userPrompt("before");
        for (const each of names) telemetry.log("app.value", { before: 1, value: values[each][0], after: each });
        telemetry.log("app.all", Object.fromEntries(names.map((each) => [each, values[each][0]])));
        telemetry.userPrompt("after");
        assert.equal(await telemetry.shutdown(), "ok");
        assertExported(telemetry, names.length + 3);
        assert.equal(telemetry.stats.requests, 1, "all in one batch");

        const records = await rotel.received(names.length + 3);
        assert.equal(records.length, names.length + 3);
        assert.deepEqual([records[0], records.at(-1)].map(({ attributes }) => attributes.prompt), [str("before"), str("after")]);
        const found = Object.fromEntries(names.map((each, at) => [each, records[1 + at].attributes.value]));
        const expected = Object.fromEntries(names.map((each) => [each, values[each][1][name === "HTTP JSON" ? "json" : "protobuf"]]));
        assert.deepEqual(found, expected);
        for (const [at, each] of names.entries()) {
          const { name: eventName, attributes } = records[1 + at];
          assert.deepEqual([eventName, attributes.before, attributes.after], ["app.value", int(1), str(each)]);
          assert.deepEqual(attributes["conversation.id"], str("conversation-1"));
        }
        // All of them in one record.
        const { attributes } = records.at(-2);
        for (const each of names) assert.deepEqual(attributes[each], expected[each], each);
      });
    }
  }
});

describe("a receiver that is killed and comes back loses nothing", { skip, concurrency: true }, () => {
  for (const [name, exporterTo] of EXPORTERS) {
    test(name, async (t) => {
      const rotel = await startRotel(t);
      const batch = { scheduled_delay_ms: 5, max_export_batch_size: 20, retry_initial_ms: 20, retry_cap_ms: 50 };
      const warnings = [];
      const telemetry = telemetryOf({
        otel: { exporter: exporterTo(rotel), log_user_prompt: true, batch },
        onWarning: ({ kind }) => warnings.push(kind),
      });
      let count = 0;
      const say = async (prompts) => {
        for (const until = count + prompts; count < until; count++) {
          telemetry.userPrompt(`prompt ${count}`);
          if (count % 25 === 0) await sleep(2);
        }
      };
      await say(100);
      assert.equal(await telemetry.forceFlush(), "ok");
      // What was answered for must have been printed before the process goes.
      await rotel.received(100);
      for (let round = 1; round <= 2; round++) {
        // A request under way when it dies, and several that nobody takes.
        rotel.freeze();
        await say(50);
        await until(() => telemetry.stats.in_flight > 0);
        await rotel.kill();
        await say(100);
        await until(() => telemetry.stats.retried >= 3 * round);
        await rotel.restart();
        await say(50);
        assert.equal(await within(8000, telemetry.forceFlush()), "ok");
        await rotel.received(count);
      }
      await say(10);
      assert.equal(await telemetry.shutdown(), "ok");
      const records = await rotel.received(count);
      const expected = Array.from({ length: count }, (_, index) => `prompt ${index}`);
      assert.deepEqual(records.map(({ attributes }) => attributes.prompt.value), expected, "all, once, in order");
      assertExported(telemetry, count);
      const { requests, retried, last_error: error } = telemetry.stats;
      assert.ok(retried >= 6 && requests >= count / 20 + retried, JSON.stringify(telemetry.stats));
      assert.match(error, /\S/);
      assert.deepEqual(warnings, ["unreachable"], "it is told once");
    });
  }
});

async function until(condition, ms = 5000) {
  const giveUpAt = performance.now() + ms;
  while (!condition()) {
    assert.ok(performance.now() < giveUpAt, `not within ${ms} ms: ${condition}`);
    await sleep(5);
  }
}
