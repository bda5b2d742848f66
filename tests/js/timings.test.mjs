// Timings through the boundary, in simulated time: the core asks the host's clock, which is ours here.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { aggregate, Aggregator } from "streamgauge";

import { bytes, chunk, DONE, finish, sse } from "./support/chat.mjs";
import { attributesOf, telemetryInto } from "./support/telemetry-sink.mjs";

const { now } = performance;
let clock = 0;
before(() => {
  performance.now = () => clock;
});
after(() => {
  performance.now = now;
});

const token = sse(chunk({ content: "hi" }));
const usage = (completion_tokens) =>
  sse({ ...finish(), usage: { prompt_tokens: 1, completion_tokens, total_tokens: completion_tokens + 1 } }, DONE);

/** `[moment, text]`: what arrives when, since opening. */
const CASES = {
  "a stream": {
    steps: [[20, token], [30, token.repeat(3)], [31, ": ping\n\n"], [50, token], [1550, token], [1600, usage(61)]],
    timings: {
      time_to_first_byte_ms: 20, time_to_first_token_ms: 20, time_to_first_text_ms: 20, duration_ms: 1600,
      // 10, 20, 1500: the middles of their buckets, 20 to 21 and 1472 to 1536, but no more than the longest.
      gaps: { count: 3, p50_ms: 20.5, p95_ms: 1500, max_ms: 1500 },
      stalls: { count: 1, total_ms: 1500 },
      tokens_per_second: 39.869,
    },
  },
  "all at once": {
    steps: [[20, token.repeat(3) + usage(3)]],
    timings: {
      time_to_first_byte_ms: 20, time_to_first_token_ms: 20, time_to_first_text_ms: 20, duration_ms: 20,
      gaps: { count: 0, p50_ms: null, p95_ms: null, max_ms: null },
      stalls: { count: 0, total_ms: 0 },
      tokens_per_second: null,
    },
  },
};

for (const [name, { steps, timings }] of Object.entries(CASES)) {
  test(`${name}, pushed`, () => {
    clock = 5000;
    const aggregator = new Aggregator();
    const events = steps.flatMap(([at, text]) => {
      clock = 5000 + at;
      return aggregator.feed(bytes(text));
    });
    assert.deepEqual(events.at(-1).timings, timings);
    assert.deepEqual(aggregator.final().timings, timings);
  });

  test(`${name}, pulled`, async () => {
    clock = 9000.5;
    const source = async function* () {
      for (const [at, text] of steps) {
        clock = 9000.5 + at;
        yield bytes(text);
      }
    };
    const stream = aggregate(source());
    const events = [];
    for await (const event of stream) events.push(event);
    assert.deepEqual(events.at(-1).timings, timings);
    assert.deepEqual((await stream.final()).timings, timings);
  });
}

test("stallMs", () => {
  for (const [stallMs, count] of [[20, 2], [21, 1], [1501, 0]]) {
    clock = 0;
    const aggregator = new Aggregator({ stallMs });
    for (const [at, text] of CASES["a stream"].steps) {
      clock = at;
      aggregator.feed(bytes(text));
    }
    assert.equal(aggregator.final().timings.stalls.count, count, String(stallMs));
  }
});

describe("in the records", () => {
  const run = async (options) => {
    const { telemetry, records } = telemetryInto(options);
    clock = 0;
    const aggregator = new Aggregator({ telemetry });
    for (const [at, text] of CASES["a stream"].steps) {
      clock = at;
      aggregator.feed(bytes(text));
    }
    await telemetry.shutdown();
    return records().map(attributesOf);
  };
  const EXPECTED = {
    time_to_first_byte_ms: 20, time_to_first_token_ms: 20, time_to_first_text_ms: 20, gap_count: 3, gap_p50_ms: 20.5,
    gap_p95_ms: 1500, gap_max_ms: 1500, stall_count: 1, stall_total_ms: 1500, tokens_per_second: 39.869,
  };
  const timingsOf = (attributes) => Object.fromEntries(Object.keys(EXPECTED).map((name) => [name, attributes[name]]));
  const has = (attributes) => attributes.gap_count !== undefined;

  test("by default there are none", async () => {
    const found = await run({});
    assert.equal(found.filter(has).length, 0);
    assert.ok(found.every((attributes) => attributes["event.name"] === "codex.sse_event"));
  });

  test("the summary has them", async () => {
    const found = (await run({ sseEvents: "summary" })).filter(has);
    assert.deepEqual(found.map((attributes) => attributes["event.kind"]), ["summary"]);
    assert.deepEqual(timingsOf(found[0]), EXPECTED);
  });

  test("streamTimings: a record of their own", async () => {
    for (const sseEvents of ["all", "off"]) {
      const found = (await run({ sseEvents, streamTimings: true })).filter(has);
      assert.deepEqual(found.map((attributes) => attributes["event.name"]), ["streamgauge.stream_timings"]);
      assert.deepEqual(timingsOf(found[0]), EXPECTED);
      assert.deepEqual([found[0].duration_ms, found[0].success], ["1600", "true"]);
    }
  });
});
