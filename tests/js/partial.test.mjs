// partialArguments and partialOutput: what is there of a call's arguments, or of structured output, after each event.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { aggregate, Aggregator, AggregatorStream, PartialJson, partialArguments, partialJsonOf, partialOutput } from "streamgauge";

import {
  assertFailure, bytes, chunk, collect, DONE, finish, functionCall, message, readable, sse,
} from "./support/chat.mjs";
import { anthropicFixturesFile, fixturesFile, readJsonLines, responsesFixturesFile } from "./support/corpus.mjs";
import { ways } from "./support/splits.mjs";

const include = ["tool_call.delta"];
const call = (index, text, more) => ({ tool_calls: [{ index, function: { arguments: text }, ...more }] });
const begun = (index, name) => ({ tool_calls: [{ index, id: `call_${index}`, type: "function", function: { name, arguments: "" } }] });

/** The same two calls, one after the other, on each wire. */
const WIRES = {
  chat: sse(
    chunk({ role: "assistant", ...begun(0, "edit") }), chunk(call(0, '{"path":"a')), chunk(call(0, '.rs","lines":[1')),
    chunk(call(0, "2]}")), chunk(begun(1, "run")), chunk(call(1, '{"command"')), chunk(call(1, ':"ls"}')),
    finish("tool_calls"), DONE,
  ),
  responses: [
    { type: "response.created", response: { id: "resp_1", model: "test-1", status: "in_progress", output: [] } },
    ...[["edit", ['{"path":"a', '.rs","lines":[1', "2]}"]], ["run", ['{"command"', ':"ls"}']]].flatMap(([name, deltas], output_index) => {
      const item = { id: `fc_${output_index}`, type: "function_call", call_id: `call_${output_index}`, name, arguments: "" };
      return [
        { type: "response.output_item.added", output_index, item },
        ...deltas.map((delta) => ({ type: "response.function_call_arguments.delta", item_id: item.id, output_index, delta })),
        { type: "response.output_item.done", output_index, item: { ...item, arguments: deltas.join("") } },
      ];
    }),
    { type: "response.completed", response: { id: "resp_1", model: "test-1", status: "completed", output: [] } },
  ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""),
  anthropic: [
    { type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "test-1", content: [], usage: {} } },
    ...[["edit", ["", '{"path":"a', '.rs","lines":[1', "2]}"]], ["run", ['{"command"', ':"ls"}']]].flatMap(([name, deltas], index) => [
      { type: "content_block_start", index, content_block: { type: "tool_use", id: `call_${index}`, name, input: {} } },
      ...deltas.map((partial_json) => ({ type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json } })),
      { type: "content_block_stop", index },
    ]),
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: {} },
    { type: "message_stop" },
  ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""),
};

/** What is there of the call after each delta that has text. */
const AFTER_EACH = [
  ["edit", { path: "a" }], ["edit", { path: "a.rs", lines: [1] }], ["edit", { path: "a.rs", lines: [12] }],
  ["run", {}], ["run", { command: "ls" }],
];

/** What is told after each event; copied, because the value is live. */
function told(events) {
  return events.flatMap((event) =>
    event.type === "tool_call.delta" && event.delta !== "" ? [[event.name, structuredClone(partialArguments(event))]] : []);
}

/** Every way to read a stream; each resolves to what `look` returns for each event. */
const FORMS = {
  async "for await"(body, options, look) {
    const seen = [];
    for await (const event of aggregate(bytes(body), options)) seen.push(...look([event]));
    return seen;
  },
  async batches(body, options, look) {
    const seen = [];
    for await (const events of aggregate(bytes(body), options).batches()) seen.push(...look(events));
    return seen;
  },
  async "for await, an event per chunk"(body, options, look) {
    const seen = [];
    const { stream } = readable(body.split(/(?<=\n\n)/));
    for await (const event of aggregate(stream, options)) seen.push(...look([event]));
    return seen;
  },
  async AggregatorStream(body, options, look) {
    const seen = [];
    for await (const event of readable([body]).stream.pipeThrough(new AggregatorStream(options))) seen.push(...look([event]));
    return seen;
  },
  async Aggregator(body, options, look) {
    const aggregator = new Aggregator(options);
    // All events first: what is there after one must not depend on those behind it.
    return look([...aggregator.feed(bytes(body)), ...aggregator.finish()]);
  },
};

for (const [wire, body] of Object.entries(WIRES)) {
  describe(`the arguments of a call, ${wire} wire`, () => {
    for (const [form, read] of Object.entries(FORMS)) {
      test(form, async () => assert.deepEqual(await read(body, { include }, told), AFTER_EACH));
    }

    test("split anywhere", () => {
      for (const [way, chunks] of ways(bytes(body), 20)) {
        const aggregator = new Aggregator({ include });
        const seen = chunks.flatMap((bytes) => told(aggregator.feed(bytes)));
        assert.deepEqual([...seen, ...told(aggregator.finish())], AFTER_EACH, way);
      }
    });

    test("of a finished call", async () => {
      const { items } = await aggregate(bytes(body)).final();
      assert.deepEqual(items.map(partialArguments), [{ path: "a.rs", lines: [12] }, { command: "ls" }]);
      assert.deepEqual(items.map((item) => partialJsonOf(item).state), ["complete", "complete"]);
    });
  });
}

/** The events of a chat stream. */
function eventsOf(options, ...values) {
  const aggregator = new Aggregator(options);
  return [...aggregator.feed(bytes(sse(...values))), ...aggregator.finish()];
}
const deltasOf = (events, type = "tool_call.delta") => events.filter((event) => event.type === type);

describe("the arguments of a call", () => {
  test("of parallel calls and several choices, mixed", () => {
    const of = (index, choice, text) => chunk(call(index, text), { index: choice });
    const events = eventsOf(
      { include },
      chunk(begun(0, "a")), chunk(begun(1, "b")), chunk(begun(0, "c"), { index: 1 }),
      of(0, 0, '{"x":'), of(1, 0, '["'), of(0, 1, "[tru"), of(0, 0, "1"), of(0, 1, "e,"), of(1, 0, 'é"'), of(0, 0, "0}"), of(1, 0, "]"), of(0, 1, "{}]"),
      finish("tool_calls"), finish("tool_calls", 1), DONE,
    );
    assert.deepEqual(told(events), [
      ["a", {}], ["b", [""]], ["c", [true]], ["a", { x: 1 }], ["c", [true]], ["b", ["é"]], ["a", { x: 10 }], ["b", ["é"]], ["c", [true, {}]],
    ]);
  });

  test("before they begin, there is no value", () => {
    const [first] = deltasOf(eventsOf({ include }, chunk(begun(0, "a")), finish("tool_calls"), DONE));
    assert.equal(first.delta, "");
    assert.equal(partialArguments(first), undefined);
    assert.equal(partialJsonOf(first).state, "incomplete");
  });

  test("are live: one value that grows, and an older event does not take it back", () => {
    const deltas = deltasOf(eventsOf({ include }, chunk(call(0, '{"a":"x')), chunk(call(0, "y")), chunk(call(0, 'z"}')), finish(), DONE));
    const value = partialArguments(deltas[1]);
    assert.deepEqual(value, { a: "xy" });
    assert.equal(partialArguments(deltas[0]), value);
    assert.deepEqual(value, { a: "xy" });
    assert.equal(partialArguments(deltas[2]), value);
    assert.deepEqual(value, { a: "xyz" });
    assert.equal(partialArguments(deltas[1]), value);
  });

  test("with the parser's other answers: state, snapshots, patches", () => {
    const deltas = deltasOf(eventsOf({ include }, chunk(call(0, '{"a":"x')), chunk(call(0, "y")), chunk(call(0, 'z"}')), finish(), DONE));
    const json = partialJsonOf(deltas[0]);
    assert.ok(json instanceof PartialJson);
    const first = json.snapshot();
    assert.deepEqual(json.patches(), [{ path: [], value: { a: "x" } }]);
    assert.equal(partialJsonOf(deltas[1]), json);
    assert.deepEqual(json.patches(), [{ path: ["a"], append: "y" }]);
    assert.equal(json.state, "incomplete");
    assert.equal(partialJsonOf(deltas[2]).state, "complete");
    assert.deepEqual([first, json.snapshot()], [{ a: "x" }, { a: "xyz" }]);
  });

  test("that are no JSON", () => {
    const events = eventsOf({ include }, chunk(begun(0, "a")), chunk(call(0, '{"a":[1')), chunk(call(0, "}")), chunk(call(0, ",2]}")), finish(), DONE);
    const last = deltasOf(events).at(-1);
    assert.deepEqual(partialArguments(last), { a: [1] });
    const { item } = events.find(({ type }) => type === "output_item.done");
    assert.deepEqual(partialArguments(item), { a: [1] });
    for (const of of [last, item]) {
      assert.deepEqual([partialJsonOf(of).state, partialJsonOf(of).error], ["failed", 'unexpected "}" at position 7']);
    }
  });

  test("that a server sent again with every delta: the item is mended", () => {
    const events = eventsOf({ include }, chunk(begun(0, "a")), chunk(call(0, '{"a"')), chunk(call(0, '{"a":1')), chunk(call(0, '{"a":1}')), finish(), DONE);
    assert.equal(partialJsonOf(deltasOf(events).at(-1)).state, "failed");
    const { item } = events.find(({ type }) => type === "output_item.done");
    assert.equal(item.provider.repaired, "cumulative");
    assert.deepEqual(partialArguments(item), { a: 1 });
  });

  test("of a stream that breaks off", async () => {
    const body = sse(chunk(begun(0, "a")), chunk(call(0, '{"a":"x')), chunk(call(0, "y")));
    const { events, error } = await collect(aggregate(bytes(body), { include }));
    assertFailure(error, "stream_incomplete");
    assert.deepEqual(partialArguments(deltasOf(events).at(-1)), { a: "xy" });
    assert.deepEqual(partialArguments(error.partial[0]), { a: "xy" });
    assert.equal(partialJsonOf(error.partial[0]).state, "incomplete");
  });

  test("of items by hand", () => {
    const table = [["", {}], ["{}", {}], ['{"a":1}', { a: 1 }], ['{"a":1', { a: 1 }], ["none", null], ["?", undefined], ["7", 7]];
    for (const [text, value] of table) assert.deepEqual(partialArguments(functionCall("f", text, "1")), value, text);
  });

  test("of what is no call", () => {
    const [event] = deltasOf(eventsOf({ include }, chunk(call(0, "{}")), finish(), DONE));
    const [text] = deltasOf(eventsOf({}, chunk({ content: "{}" }), finish(), DONE), "output_text.delta");
    for (const wrong of [{ ...event }, structuredClone(event), new Proxy(event, {}), text, {}, null, undefined, "{}", 7]) {
      assert.throws(() => partialArguments(wrong), (error) => (assertFailure(error, "bad_option", /^no JSON text belongs to this/), true));
    }
  });

  test("events are what they were", () => {
    const [event] = deltasOf(eventsOf({ include }, chunk(begun(0, "f")), finish(), DONE));
    assert.deepEqual(event, { type: "tool_call.delta", call_id: "call_0", name: "f", delta: "", index: 0 });
    assert.deepEqual(Reflect.ownKeys(event), ["type", "call_id", "name", "delta", "index"]);
    assert.equal(Object.getPrototypeOf(event), Object.prototype);
    assert.equal(partialArguments(Object.freeze(event)), undefined);
  });
});

describe("structured output", () => {
  const partialJson = true;
  const BODY = sse(
    chunk({ role: "assistant", content: '{"name":"Ad' }), chunk({ content: 'a","tags":["x"' }), chunk({ content: ',"y"' }),
    chunk({ content: "]}" }), finish(), DONE,
  );
  const values = [
    { name: "Ad" }, { name: "Ada", tags: ["x"] }, { name: "Ada", tags: ["x", "y"] }, { name: "Ada", tags: ["x", "y"] },
  ];
  const look = (events) => deltasOf(events, "output_text.delta").map((event) => structuredClone(partialOutput(event)));

  for (const [form, read] of Object.entries(FORMS)) {
    test(form, async () => assert.deepEqual(await read(BODY, { partialJson }, look), values));
  }

  test("of several choices", () => {
    const of = (index, content) => chunk({ content }, { index });
    const events = eventsOf({ partialJson }, of(0, "[1"), of(1, "[2"), of(0, "0,"), of(1, ",3"), finish(), finish("stop", 1), DONE);
    assert.deepEqual(look(events), [[1], [2], [10], [2, 3]]);
  });

  test("each message is a text of its own", () => {
    const block = (index, ...texts) => [
      { type: "content_block_start", index, content_block: { type: "text", text: "" } },
      ...texts.map((text) => ({ type: "content_block_delta", index, delta: { type: "text_delta", text } })),
      { type: "content_block_stop", index },
    ];
    const frames = [
      { type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "test-1", content: [], usage: {} } },
      ...block(0, "[1", "]"), ...block(1, "[", "2]"), { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: {} }, { type: "message_stop" },
    ];
    const body = frames.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
    const aggregator = new Aggregator({ partialJson });
    assert.deepEqual(look([...aggregator.feed(bytes(body)), ...aggregator.finish()]), [[1], [1], [], [2]]);
  });

  test("with prose or a fence before it there is none", () => {
    for (const [before, error] of [["```json\n", 'unexpected "`" at position 0'], ["Sure: ", 'unexpected "S" at position 0']]) {
      const [event] = deltasOf(eventsOf({ partialJson }, chunk({ content: `${before}{"a":1}` }), finish(), DONE), "output_text.delta");
      assert.equal(partialOutput(event), undefined);
      assert.deepEqual([partialJsonOf(event).state, partialJsonOf(event).error], ["failed", error]);
    }
  });

  test("of a finished message", () => {
    assert.deepEqual(partialOutput(message('{"a":1}')), { a: 1 });
    assert.deepEqual(partialOutput({ ...message('{"a":'), content: [{ type: "output_text", text: '{"a":' }, { type: "refusal", refusal: "no" }, { type: "output_text", text: "2" }] }), { a: 2 });
  });

  test("only when it was asked for", () => {
    const [event] = deltasOf(eventsOf({ partialJson: false }, chunk({ content: "{}" }), finish(), DONE), "output_text.delta");
    assert.throws(() => partialOutput(event), (error) => (assertFailure(error, "bad_option", /partialJson: true/), true));
  });
});

for (const file of [fixturesFile, responsesFixturesFile, anthropicFixturesFile]) {
  test(`every call of ${file.slice(file.lastIndexOf("/") + 1)}: after each delta what its text so far says`, (t) => {
    let compared = 0;
    for (const { name, sse: text, sse_base64, options } of readJsonLines(file)) {
      const body = text === undefined ? Buffer.from(sse_base64, "base64") : bytes(text);
      for (const [way, chunks] of ways(body, 2)) {
        const aggregator = new Aggregator({ ...options, include, partialJson: true });
        const events = [...chunks.flatMap((bytes) => aggregator.feed(bytes)), ...aggregator.finish()];
        const texts = new Map();
        for (const event of deltasOf(events)) {
          const key = `${event.choice ?? 0}/${event.index}`;
          if (!texts.has(key)) texts.set(key, new PartialJson());
          texts.get(key).push(event.delta);
          assert.deepEqual(partialArguments(event), texts.get(key).value, `${name}, ${way}`);
          compared++;
        }
        for (const event of deltasOf(events, "output_text.delta")) partialOutput(event);
        for (const { item } of deltasOf(events, "output_item.done")) {
          if (item.type !== "function_call") continue;
          const value = partialArguments(item);
          if (partialJsonOf(item).state === "complete") assert.deepEqual(value, JSON.parse(item.arguments || "{}"), `${name}, ${way}`);
          else assert.throws(() => JSON.parse(item.arguments), SyntaxError, `${name}, ${way}`);
        }
      }
    }
    t.diagnostic(`${compared} deltas compared`);
    assert.ok(compared > 50);
  });
}
