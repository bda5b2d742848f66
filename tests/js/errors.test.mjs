// The error's shape, and its codes on both sides.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ERROR_CODES, StreamError } from "streamgauge";

test("ERROR_CODES are those of src/error.rs", () => {
  const source = readFileSync(new URL("../../src/error.rs", import.meta.url), "utf8");
  const names = [...source.matchAll(/Self::(\w+) => "(\w+)"/g)].map(([, variant, name]) => [variant, name]);
  const all = [.../ALL: \[Self; \d+\] = \[([^\]]*)\]/.exec(source)[1].matchAll(/Self::(\w+)/g)].map(([, variant]) => variant);
  assert.deepEqual(names.map(([variant]) => variant).sort(), [...all].sort());
  assert.deepEqual([...ERROR_CODES], names.map(([, name]) => name).sort());
});

test("a StreamError", () => {
  const cause = new Error("below");
  const error = new StreamError("transport", "words", { cause });
  assert.ok(error instanceof Error);
  assert.equal(String(error), "StreamError: words");
  assert.equal(error.cause, cause);
  assert.deepEqual(error.partial, []);
  assert.equal(error.provider, undefined);
  assert.equal(error.status, undefined);
  assert.equal(error.retryAfterMs, undefined);
  assert.equal("cause" in new StreamError("internal", "words"), false);
});
