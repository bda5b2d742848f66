// The demo, as a user starts it: it shows the stream, and its records as a collector received them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { DEMO_EVENTS } from "./support/telemetry-run.mjs";

const SCRIPT = fileURLToPath(new URL("../../pkg/scripts/demo.mjs", import.meta.url));

test("the demo prints the items, the usage and the records, and exports them", { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, "--delay-ms", "0"]);
  for (const [name, count] of [
    ["codex.user_prompt", 1], ["codex.api_request", 1], ["codex.sse_event message", DEMO_EVENTS],
    ["codex.sse_event response.completed", 1],
  ]) {
    assert.match(stdout, new RegExp(`as the collector received it\n[^]*^ +${count} ${name}$`, "m"), name);
  }
  assert.match(stdout, /^ {2}\{"type":"function_call","name":"read_file",.*"call_id":"call_read_7Kq"\}$/m);
  assert.match(stdout, /^ +tool_token_count +2030$/m);
});
