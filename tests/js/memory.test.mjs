// What 20 000 streams leave behind: nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const child = fileURLToPath(new URL("support/memory-child.mjs", import.meta.url));

// One page of WebAssembly memory may come late: where free blocks lie differs between runs.
const PAGE = 64 * 1024;
const WARM_UP = 200;
const STREAMS = 1700;
const WAYS = [
  "finished", "iterated", "broken_out", "failed", "incomplete", "rejected_option", "aborted", "cancelled_while_stalled", "dropped",
  "dropped_in_the_middle", "pushed", "pushed_and_dropped",
];

// A process for each, so that the free space that one leaves cannot hide what the next one takes.
describe("memory, timers and rejections stay flat when streams are", { concurrency: 2 }, () => {
  for (const way of WAYS) {
    test(way.replaceAll("_", " "), async () => {
      const args = ["--expose-gc", child, way, `${WARM_UP}`, `${STREAMS}`];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
      const { grown, ...left } = JSON.parse(stdout);
      assert.ok(grown <= PAGE, `the memory grew by ${grown} bytes`);
      assert.deepEqual(left, { resources: 0, timers: 0, unhandled: 0 });
    });
  }
});
