// `streamgauge/aggregate`: the same streams through the core without the telemetry, beside the default entry.

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, it } from "node:test";

import * as whole from "streamgauge";
import * as small from "streamgauge/aggregate";

const require = createRequire(import.meta.url);
const fixtures = ["chat", "responses"].flatMap((wire) => {
  const text = readFileSync(new URL(`../fixtures/${wire}.jsonl`, import.meta.url), "utf8");
  return text.trim().split("\n").map((line) => ({ wire, ...JSON.parse(line) }));
});

/** Everything a stream gives, but for the times. */
function outcome({ Aggregator }, { sse, sse_base64, options }) {
  const bytes = new Uint8Array(sse === undefined ? Buffer.from(sse_base64, "base64") : Buffer.from(sse));
  const { idleTimeoutMs, ...pushed } = options ?? {};
  const aggregator = new Aggregator(pushed);
  const events = [...aggregator.feed(bytes), ...aggregator.finish()];
  const error = aggregator.error && { code: aggregator.error.code, message: aggregator.error.message };
  return JSON.parse(JSON.stringify({ events, error, items: aggregator.items }, (key, value) => (key === "timings" ? 0 : value)));
}

describe("streamgauge/aggregate", () => {
  it(`gives what the default entry gives, for ${fixtures.length} streams`, () => {
    assert.ok(fixtures.length > 400);
    for (const fixture of fixtures) assert.deepEqual(outcome(small, fixture), outcome(whole, fixture), fixture.name);
  });

  it("reads a body and fails as the default entry does", async () => {
    const body = (text) => new Response(text).body;
    const { items } = await small.aggregate(body('data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n')).final();
    assert.equal(items[0].content[0].text, "hi");
    await assert.rejects(small.aggregate(body("")).final(), (error) => error instanceof small.StreamError && error.code === "stream_incomplete");
  });

  it("has no telemetry, and says so", () => {
    assert.equal("Telemetry" in small, false);
    const telemetry = new whole.Telemetry({ conversationId: "c", model: "m", appVersion: "1" });
    assert.throws(() => new small.Aggregator({ telemetry }), { code: "bad_option", message: /"streamgauge\/aggregate" has none/ });
  });

  it("is smaller by a fifth and more", () => {
    const size = (name) => statSync(new URL(name, `file://${require.resolve("streamgauge")}`)).size;
    assert.ok(size("aggregate/core_bg.wasm") < 0.8 * size("core_bg.wasm"));
  });

  it("loads by require", () => {
    assert.equal(typeof require("streamgauge/aggregate").aggregate, "function");
  });
});
