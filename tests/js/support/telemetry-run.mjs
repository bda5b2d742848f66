// One conversation, as an application would have it, for whatever exports it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { aggregate, Telemetry } from "streamgauge";

import { eventsOf } from "./chat.mjs";
import { serve } from "./server.mjs";

export const DEMO = await readFile(new URL("../../fixtures/demo.sse", import.meta.url), "utf8");
/** Each is a record, `[DONE]` too. */
export const DEMO_EVENTS = DEMO.match(/^data:/gm).length;

export const TRACEPARENT = "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01";

/** A telemetry whose warnings fail the test, unless they are given a place. */
export function telemetryOf(options) {
  const onWarning = ({ kind, message }) => assert.fail(`${kind}: ${message}`);
  return new Telemetry({
    conversationId: "conversation-1", model: "example-coder-1", slug: "example-coder", appVersion: "1.4.0", onWarning,
    ...options,
  });
}

/** Each exporter's settings for a receiver, by name. */
export const EXPORTERS = [
  ["HTTP JSON", ({ http }) => ({ "otlp-http": { endpoint: http, protocol: "json" } })],
  ["HTTP protobuf", ({ http }) => ({ "otlp-http": { endpoint: http, protocol: "binary" } })],
  ["gRPC", ({ grpc }) => ({ "otlp-grpc": { endpoint: grpc } })],
];

/** Asserts that each record is accounted for, once. */
export function assertExported(telemetry, exported, more = {}) {
  const { stats } = telemetry;
  const dropped = { fatal: 0, queue_full: 0, retries_exhausted: 0, shutdown: 0, too_large: 0, unload: 0 };
  const { queued, queued_bytes, in_flight, rejected } = stats;
  assert.deepEqual(
    { exported: stats.exported, queued, queued_bytes, in_flight, rejected, dropped: stats.dropped },
    { exported, queued: 0, queued_bytes: 0, in_flight: 0, rejected: 0, dropped: { ...dropped, ...more } },
    JSON.stringify(stats),
  );
}

/** The records of {@link converse}. */
export const CONVERSATION_RECORDS = 1 + 1 + 2 + DEMO_EVENTS + 1 + 1 + 2;

/**
 * A prompt, a request that is refused once, its stream, a decision, a tool that succeeds and one that fails.
 * Flushes, and returns the stream's events.
 */
export async function converse(t, options) {
  const telemetry = telemetryOf({ terminalType: "web-ide", authMode: "ApiKey", accountId: "account-1", ...options });
  telemetry.conversationStarts({
    provider_name: "example", reasoning_effort: "high", context_window: 200_000, approval_policy: "on-request",
    sandbox_policy: "read-only", mcp_servers: ["files", "web"],
  });
  telemetry.userPrompt("Why does ⚡ fail? 🤔");
  const server = await serve(t, () =>
    server.requests.length === 1
      ? { status: 429, headers: { "retry-after": "0" }, steps: ["slow down"] }
      : { headers: { "cf-ray": "8f1c2d3e4f5a6b7c-FRA" }, steps: [DEMO] });
  const response = await telemetry.fetch(server.url, { method: "POST", body: "{}" });
  const events = await eventsOf(aggregate(response, { telemetry }));
  telemetry.toolDecision({ tool_name: "shell", call_id: "call_1", decision: "approved_for_session", source: "user" });
  const call = { tool_name: "shell", call_id: "call_1", arguments: '{"command":"ls"}' };
  assert.deepEqual(await telemetry.runTool(call, async () => ({ files: ["a"] })), { files: ["a"] });
  const failure = new Error("no such tool");
  await assert.rejects(
    telemetry.runTool({ tool_name: "nope" }, () => {
      throw failure;
    }),
    failure,
  );
  assert.equal(await telemetry.shutdown(), "ok");
  return { telemetry, events, server };
}
