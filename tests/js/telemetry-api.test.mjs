// The methods that record: what they refuse, and that a tool's outcome is the caller's, whatever it is.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { assertFailure } from "./support/chat.mjs";
import { httpCollector } from "./support/otel-collector.mjs";
import { telemetryOf } from "./support/telemetry-run.mjs";
import { attributesOf, recordsOf, telemetryInto } from "./support/telemetry-sink.mjs";

const circular = () => {
  const object = Object.create(null);
  object.self = object;
  return object;
};
const CALL = { tool_name: "t", call_id: "c" };

describe("runTool returns what the tool does", () => {
  const cases = [
    ["a text", "text", "text"],
    ["nothing", undefined, ""],
    ["null", null, "null"],
    ["a number", NaN, "null"],
    ["an object", { a: [1] }, '{"a":[1]}'],
    ["a function", () => {}, ""],
    ["a bigint", 10n, "10"],
    ["a symbol", Symbol("s"), ""],
    ["what has no text", circular(), undefined],
    ["what throws as JSON", { toJSON() { throw new Error("no"); } }, "[object Object]"],
    ["what throws as text, too", { toJSON() { throw new Error("no"); }, toString() { throw new Error("no"); } }, undefined],
  ];
  for (const [name, value, output] of cases) {
    for (const tool of [() => value, async () => value]) {
      test(`${name}${tool.constructor === Function ? "" : ", later"}`, async () => {
        const { telemetry, records } = telemetryInto();
        assert.equal(await telemetry.runTool(CALL, tool), value);
        await telemetry.shutdown();
        const [found, ...more] = records().map(attributesOf);
        assert.deepEqual([found.success, more], ["true", []]);
        if (output !== undefined) assert.equal(found.output, output);
      });
    }
  }
});

describe("runTool throws what the tool does", () => {
  const cases = [
    ["an Error", new RangeError("out"), "out"],
    ["an Error without a message", new Error(), ""],
    ["an Error whose message is none", Object.assign(new Error(), { message: 7 }), undefined],
    ["an Error whose message throws", Object.defineProperty(new Error(), "message", { get() { throw new Error("no"); } }), undefined],
    ["a text", "text", "text"],
    ["nothing", undefined, "undefined"],
    ["what has no text", circular(), undefined],
  ];
  for (const [name, error, output] of cases) {
    test(name, async () => {
      const { telemetry, records } = telemetryInto();
      const outcome = await telemetry.runTool(CALL, () => Promise.reject(error)).then(() => "returned", (thrown) => ({ thrown }));
      assert.ok(outcome.thrown === error, "it is the tool's");
      await telemetry.shutdown();
      const [found, ...more] = records().map(attributesOf);
      assert.deepEqual([found.success, more], ["false", []]);
      if (output !== undefined) assert.equal(found.output, output);
    });
  }

  test("and fetch what fetch does", async () => {
    for (const [name, error] of cases) {
      const { telemetry, records } = telemetryInto({ fetch: () => Promise.reject(error), maxRetries: 0 });
      const outcome = await telemetry.fetch("x:y").then(() => "returned", (thrown) => ({ thrown }));
      assert.ok(outcome.thrown === error, name);
      await telemetry.shutdown();
      assert.equal(records().length, 1, name);
    }
  });
});

describe("what makes no event is refused, by name", () => {
  const decision = { tool_name: "t", call_id: "c", decision: "denied", source: "user" };
  const result = { tool_name: "t", duration_ms: 1, success: true, output: "" };
  const unreadable = (event, name) => {
    const get = () => {
      throw new Error("not now");
    };
    return Object.defineProperty({ ...event }, name, { get, enumerable: false });
  };
  const cases = [
    ["userPrompt", 7, /prompt/],
    ["userPrompt", undefined, /prompt/],
    ["log", undefined, /^telemetry: log takes an event's name/],
    ["log", "", /^telemetry: log takes an event's name/],
    ["log", { name: "x" }, /^telemetry: log takes an event's name/],
    ["conversationStarts", null, /./],
    ["conversationStarts", { context_window: "5" }, /./],
    ["conversationStarts", { mcp_servers: "files" }, /./],
    ["toolDecision", undefined, /./],
    ["toolDecision", { ...decision, decision: "yes" }, /^decision must be one of approved, .*not "yes"$/],
    ["toolDecision", { ...decision, source: "cat" }, /^source must be one of config, user, not "cat"$/],
    ["toolDecision", { ...decision, call_id: undefined }, /call_id|string/],
    ["toolResult", undefined, /./],
    ["toolResult", { ...result, output: undefined }, /output/],
    ["toolResult", { ...result, duration_ms: undefined }, /duration_ms/],
    ["toolResult", { ...result, duration_ms: "5" }, /^telemetry event: duration_ms must be a number$/],
    ["toolResult", { ...result, tool_name: null }, /^telemetry event: tool_name must be a string$/],
    ["toolResult", { ...result, call_id: 7 }, /^telemetry event: call_id must be a string$/],
    ["toolResult", { ...result, arguments: { a: 1 } }, /^telemetry event: arguments must be a string$/],
    ["toolResult", { ...result, success: "true" }, /^telemetry event: success must be true or false$/],
    ["toolResult", unreadable(result, "output"), /^not now$/],
    ["toolDecision", unreadable(decision, "source"), /^not now$/],
  ];
  for (const [method, event, message] of cases) {
    test(`${method}(${JSON.stringify(event)})`, async () => {
      const { telemetry, records } = telemetryInto();
      assert.throws(() => telemetry[method](event), (error) => {
        assertFailure(error, "bad_option", message);
        return true;
      });
      telemetry.userPrompt("the rest goes on");
      assert.equal(await telemetry.shutdown(), "ok");
      assert.equal(records().length, 1);
    });
  }

  test("a tool is not run for a call that can not be recorded", async () => {
    const { telemetry } = telemetryInto();
    for (const call of [undefined, null, {}, { tool_name: 7 }]) {
      let ran = false;
      const outcome = await telemetry.runTool(call, () => {
        ran = true;
        return "result";
      }).catch((error) => error);
      // Either its outcome is the caller's, or it did not run.
      if (ran) assert.equal(outcome, "result", JSON.stringify(call));
      else assertFailure(outcome, "bad_option");
    }
    await telemetry.shutdown();
  });
});

describe("an event of one's own", { concurrency: true }, () => {
  /** The attributes beyond the common ones, as OTLP's JSON has them. */
  async function logged(...args) {
    const { telemetry, records } = telemetryInto();
    telemetry.log(...args);
    assert.equal(await telemetry.shutdown(), "ok");
    const [{ attributes, ...record }] = records();
    return { record, attributes, own: Object.fromEntries(attributes.slice(7).map(({ key, value }) => [key, value])) };
  }
  const text = (stringValue) => ({ stringValue });
  const int = (value) => ({ intValue: String(value) });

  test("has the common metadata, and nothing else if there is nothing else", async () => {
    const { record, attributes, own } = await logged("app.start");
    assert.equal(record.eventName, "app.start");
    assert.equal(record.severityNumber, 9);
    const keys = ["event.name", "event.timestamp", "conversation.id", "app.version", "terminal.type", "model", "slug"];
    assert.deepEqual(attributes.map(({ key }) => key), keys);
    assert.deepEqual(own, {});
  });

  test("may replace common attributes, but not its name and time", async () => {
    const given = { model: "small", "event.name": "x", "event.timestamp": "y", "": 1 };
    const { record, attributes } = await logged("app.x", given);
    const found = Object.fromEntries(attributes.map(({ key, value }) => [key, value]));
    assert.deepEqual([found.model, found["event.name"]], [text("small"), text("app.x")]);
    assert.match(found["event.timestamp"].stringValue, /^2/);
    assert.equal(record.droppedAttributesCount, 3);
  });

  test("leaves out alone what can not be read", async () => {
    const { proxy: revoked, revoke } = Proxy.revocable([], {});
    revoke();
    const fail = () => {
      throw new Error("not for you");
    };
    const { own } = await logged("app.x", {
      before: 1, revoked, json: { toJSON: fail }, proxy: new Proxy({}, { ownKeys: fail, get: fail }),
      get getter() { return fail(); },
      tag: { get [Symbol.toStringTag]() { return fail(); } },
      error: Object.assign(new Error("x"), { toString: fail }),
      inside: { get x() { return fail(); }, y: 1 }, after: 2,
    });
    assert.deepEqual(own, { before: int(1), inside: { kvlistValue: { values: [{ key: "y", value: int(1) }] } }, after: int(2) });
  });

  test("has an end, whatever holds itself or is large", async () => {
    const itself = { a: 1 };
    itself.itself = itself;
    itself.list = [itself];
    const { own } = await logged("app.x", { itself });
    const list = { arrayValue: { values: [text("")] } };
    assert.deepEqual(own.itself.kvlistValue.values, [{ key: "a", value: int(1) }, { key: "itself" }, { key: "list", value: list }]);

    let shared = [1];
    for (let depth = 0; depth < 20; depth++) shared = Array(10).fill(shared);
    const started = performance.now();
    for (const value of [shared, new Array(4e9), Object.fromEntries(Array.from({ length: 1e5 }, (_, key) => [key, key]))]) {
      const { own } = await logged("app.x", { before: 1, value });
      assert.deepEqual(own.before, int(1));
      assert.ok(JSON.stringify(own).length < 1e6);
    }
    assert.ok(performance.now() - started < 5000);
  });

  test("nests 24 deep", async () => {
    let value = "leaf";
    for (let depth = 0; depth < 40; depth++) value = { v: value };
    let { value: at } = (await logged("app.x", { value })).own;
    let depth = 0;
    for (; at?.kvlistValue !== undefined; depth++) at = at.kvlistValue.values[0].value;
    assert.deepEqual([depth, at], [24, undefined]);
  });

  test("has at most 128 attributes, and counts the others", async () => {
    const { record, attributes } = await logged("app.x", Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`a${at}`, at])));
    assert.equal(attributes.length, 128);
    assert.equal(record.droppedAttributesCount, 7 + 200 - 128);
  });

  test("may be recorded by a getter of another's", async () => {
    const { telemetry, records } = telemetryInto();
    telemetry.log("app.outer", {
      get value() {
        telemetry.log("app.inner");
        return 1;
      },
    });
    assert.equal(await telemetry.shutdown(), "ok");
    assert.deepEqual(records().map(({ eventName }) => eventName), ["app.inner", "app.outer"]);
  });
});

describe("texts are what they were, wherever one ends and the next begins", () => {
  const texts = ["", "a", "\n", "a\nb", "\u00e9", "\u4f60\u597d", "\u{1f600}", "x\u{1f600}y\n", "\ud83d", "\ude00", "\0", "\u{1f600}".repeat(40)];
  const wellFormed = (text) => new TextDecoder().decode(new TextEncoder().encode(text));
  test("tool decisions", async () => {
    const { telemetry, records } = telemetryInto();
    const events = texts.flatMap((tool_name) => texts.map((call_id) => ({ tool_name, call_id, decision: "abort", source: "config" })));
    events.forEach((event) => telemetry.toolDecision(event));
    assert.equal(await telemetry.shutdown(), "ok");
    const found = records().map(attributesOf).map(({ tool_name, call_id, decision, source }) => ({ tool_name, call_id, decision, source }));
    assert.deepEqual(found, events.map((event) => ({ ...event, tool_name: wellFormed(event.tool_name), call_id: wellFormed(event.call_id) })));
  });

  test("tool results", async () => {
    const { telemetry, records } = telemetryInto();
    const events = texts.flatMap((text, at) =>
      [...texts, undefined, null].flatMap((call_id) =>
        [text, undefined, null].map((args) => ({ tool_name: text, call_id, arguments: args, output: texts[(at + 5) % texts.length] })),
      ),
    );
    events.forEach((event) => telemetry.toolResult({ ...event, duration_ms: 1, success: true }));
    assert.equal(await telemetry.shutdown(), "ok");
    const found = records().map(attributesOf).map(({ tool_name, call_id, arguments: args, output }) => [tool_name, call_id, args, output]);
    const plain = (value) => (typeof value === "string" ? wellFormed(value) : undefined);
    assert.deepEqual(found, events.map(({ tool_name, call_id, arguments: args, output }) => [tool_name, call_id, args, output].map(plain)));
  });
});

test("a duration that is no number of milliseconds is 0", async () => {
  const cases = [[0, "0"], [12.9, "12"], [-1, "0"], [NaN, "0"], [Infinity, "0"], [null, "0"], [2 ** 53, String(2 ** 53)]];
  const { telemetry, records } = telemetryInto();
  for (const [duration_ms] of cases) telemetry.toolResult({ tool_name: "t", duration_ms, success: false, output: "" });
  assert.equal(await telemetry.shutdown(), "ok");
  assert.deepEqual(records().map((record) => attributesOf(record).duration_ms), cases.map(([, text]) => text));
});

test("the words of a decision are the catalog's", () => {
  const catalog = readFileSync(new URL("../../src/telemetry/catalog.rs", import.meta.url), "utf8");
  for (const [name, list] of [["decision", "DECISIONS"], ["source", "SOURCES"]]) {
    const [, words] = new RegExp(`${list}: \\[&'static str; \\d\\] = \\[(.*?)\\];`).exec(catalog);
    const event = { tool_name: "t", call_id: "c", decision: "denied", source: "user", [name]: "x" };
    assert.throws(() => telemetryInto().telemetry.toolDecision(event), {
      message: `${name} must be one of ${JSON.parse(`[${words}]`).join(", ")}, not "x"`,
    });
  }
});

test("a wrapper that is installed later does not see the telemetry", async (t) => {
  const collector = await httpCollector(t);
  const telemetry = telemetryOf({ otel: { exporter: { "otlp-http": { endpoint: collector.url, protocol: "json" } } } });
  const original = globalThis.fetch;
  let calls = 0;
  globalThis.fetch = (...given) => {
    calls++;
    return original(...given);
  };
  t.after(() => {
    globalThis.fetch = original;
  });
  telemetry.userPrompt("a");
  assert.equal(await telemetry.shutdown(), "ok");
  assert.deepEqual([calls, collector.requests.length], [0, 1]);
});
