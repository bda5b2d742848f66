// Options that are not usable are told at once, by name.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { aggregate, Aggregator, AggregatorStream, StreamError } from "streamgauge";

import { bytes, eventsOf, HELLO, HELLO_EVENTS, sse, untimed } from "./support/chat.mjs";

const text = sse(...HELLO);
const NOT_WHOLE = (name) => new RegExp(`^${name} must be a whole number of at least 1`);
const INCLUDE = 'include knows "created", "output_item.added", "tool_call.delta", "raw", not ';
const NAMES = 'thinkTagNames must be 1 to 16 names like "think", of at most 64 bytes';
const MILLISECONDS = "idleTimeoutMs must be a number of milliseconds, 0 for none";

const BAD = [
  ["options", 7, "options must be an object, not number"],
  ["options", "chat", "options must be an object, not string"],
  ["an unknown name", { idleTimeout: 5 }, /^unknown option "idleTimeout"; there are wire, .*idleTimeoutMs, signal$/],
  ["another case", { maxeventbytes: 5 }, /^unknown option "maxeventbytes"/],
  ["wire", { wire: 7 }, "wire must be a string, not number"],
  ["wire", { wire: "morse" }, 'wire must be "auto", "chat", "responses" or "anthropic", not "morse"'],
  ["maxEventBytes", { maxEventBytes: "5" }, "maxEventBytes must be a number, not string"],
  ["maxEventBytes", { maxEventBytes: 0 }, NOT_WHOLE("maxEventBytes")],
  ["maxEventBytes", { maxEventBytes: 1.5 }, NOT_WHOLE("maxEventBytes")],
  ["maxEventBytes", { maxEventBytes: NaN }, NOT_WHOLE("maxEventBytes")],
  ["maxEventBytes", { maxEventBytes: -1 }, NOT_WHOLE("maxEventBytes")],
  ["maxEventBytes", { maxEventBytes: 5n }, "maxEventBytes must be a number, not bigint"],
  ["maxItemBytes", { maxItemBytes: null }, "maxItemBytes must be a number, not object"],
  ["maxItemBytes", { maxItemBytes: 0 }, NOT_WHOLE("maxItemBytes")],
  ["n", { n: 0 }, NOT_WHOLE("n")],
  ["n", { n: true }, "n must be a number, not boolean"],
  ["invalidUtf8", { invalidUtf8: false }, "invalidUtf8 must be a string, not boolean"],
  ["invalidUtf8", { invalidUtf8: "ignore" }, 'invalidUtf8 must be "replace" or "error", not "ignore"'],
  ["partialJson", { partialJson: "yes" }, "partialJson must be a boolean, not string"],
  ["stallMs", { stallMs: 0 }, NOT_WHOLE("stallMs")],
  ["stallMs", { stallMs: "1" }, "stallMs must be a number, not string"],
  ["thinkTags", { thinkTags: true }, "thinkTags must be a string, not boolean"],
  ["thinkTags", { thinkTags: "on" }, 'thinkTags must be "off", "auto" or "inside", not "on"'],
  ["thinkTagNames", { thinkTagNames: "think" }, "thinkTagNames must be an array of names"],
  ["thinkTagNames", { thinkTags: "auto", thinkTagNames: [] }, NAMES],
  ["thinkTagNames", { thinkTags: "auto", thinkTagNames: ["<think>"] }, NAMES],
  ["include", { include: "raw" }, "include must be an array of event names"],
  ["include", { include: [7] }, "include must be an array of event names"],
  ["include", { include: ["raw", "everything"] }, `${INCLUDE}"everything"`],
];
const BAD_READING = [
  ["idleTimeoutMs", { idleTimeoutMs: "5" }, "idleTimeoutMs must be a number, not string"],
  ["idleTimeoutMs", { idleTimeoutMs: -1 }, MILLISECONDS],
  ["idleTimeoutMs", { idleTimeoutMs: NaN }, MILLISECONDS],
  ["signal", { signal: "stop" }, "signal must be an AbortSignal"],
  ["signal", { signal: new AbortController() }, "signal must be an AbortSignal"],
];

const APIS = {
  aggregate: { make: (options) => aggregate(bytes(text), options), bad: [...BAD, ...BAD_READING] },
  AggregatorStream: { make: (options) => new AggregatorStream(options), bad: [...BAD, ...BAD_READING] },
  Aggregator: {
    make: (options) => new Aggregator(options),
    bad: [
      ...BAD.filter(([name]) => name !== "an unknown name"),
      ["a name for reading only", { idleTimeoutMs: 5 }, /^unknown option "idleTimeoutMs"; there are wire, .*telemetry, request$/],
      ["a name for reading only", { signal: AbortSignal.abort() }, /^unknown option "signal"/],
    ],
  },
};

for (const [api, { make, bad }] of Object.entries(APIS)) {
  describe(`bad options of ${api}`, () => {
    for (const [name, options, message] of bad) {
      test(`${name}: ${message}`, () => {
        assert.throws(() => make(options), (error) => {
          assert.ok(error instanceof StreamError);
          assert.equal(error.code, "bad_option");
          if (message instanceof RegExp) assert.match(error.message, message);
          else assert.equal(error.message, message);
          return true;
        });
      });
    }
  });
}

describe("options that change nothing", () => {
  const NOTHING = [
    undefined, null, {}, { wire: undefined, signal: undefined, n: undefined }, { wire: "auto" }, { wire: "chat" }, { include: [] },
    { thinkTags: "off" }, { thinkTags: "auto", thinkTagNames: ["think", "thought"] }, { thinkTagNames: ["t"], stallMs: 1 },
    { maxEventBytes: Infinity, maxItemBytes: 2 ** 53, n: 2 ** 40 }, { idleTimeoutMs: Infinity }, Object.freeze({ invalidUtf8: "replace" }),
  ];
  for (const options of NOTHING) {
    test(String(options && Object.entries(options)), async () => {
      assert.deepEqual(untimed(await eventsOf(aggregate(bytes(text), options))), HELLO_EVENTS);
    });
  }
});

describe("invalid UTF-8", () => {
  const body = Buffer.concat([Buffer.from(text.slice(0, -14)), Buffer.from('data: {"x":"\xff"}\n\ndata: [DONE]\n\n', "latin1")]);

  test("is replaced, and the stream goes on", async () => {
    const events = await eventsOf(aggregate(body, { include: ["raw"] }));
    const bad = events.find(({ error }) => error !== undefined);
    assert.deepEqual(bad, {
      type: "raw", event: "message", data: '{"x":"\uFFFD"}', error: "UTF8 error: invalid utf-8 sequence of 1 bytes from index 6",
    });
    assert.equal(events.at(-1).type, "completed");
  });

  test('fails with invalidUtf8: "error"', async () => {
    await assert.rejects(aggregate(body, { invalidUtf8: "error" }).final(), {
      code: "invalid_utf8", message: "UTF8 error: invalid utf-8 sequence of 1 bytes from index 6",
    });
  });
});
