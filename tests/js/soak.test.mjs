// Many streams at once for a minute: 500 in a Node process, 100 in a page of Chromium. Every one ends as it should, and memory
// and handles stay flat. For longer, and with 2 000 in the process: node tests/soak/run.mjs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { complaints } from "../soak/judge.mjs";
import { soak } from "../soak/soak.mjs";
import { excuse } from "./support/browser-launch.mjs";

// The warm-up is longer than the longest stream, on a machine that is idle.
const RUNS = {
  node: { title: "500 streams at once in a Node process", streams: 500, pace: 2, warmUpSeconds: 16, seconds: 20, everySeconds: 1 },
  page: { title: "100 streams at once in a page", streams: 100, pace: 1, warmUpSeconds: 15, seconds: 30, everySeconds: 1, skip: await excuse("Chromium") },
};

for (const [host, { title, skip = false, ...options }] of Object.entries(RUNS)) {
  test(title, { skip, timeout: 1_200_000 }, async () => {
    assert.deepEqual(complaints(await soak({ host, ...options })), []);
  });
}
