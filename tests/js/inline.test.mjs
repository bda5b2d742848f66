// The module as text: what pkg/scripts/inline.mjs writes, the facade reads back, byte for byte.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { encode } from "../../pkg/scripts/inline.mjs";
import { readInlined } from "../../pkg/dist/inline.js";

const dist = new URL("../../pkg/dist/", import.meta.url);
const random = (length) => {
  let state = 7;
  return Uint8Array.from({ length }, () => (state = (state * 48271) % 2147483647) >>> 3);
};

const CASES = [
  ["nothing", new Uint8Array()],
  ["one byte", Uint8Array.of(255)],
  ["every byte once", Uint8Array.from({ length: 256 }, (_, at) => at)],
  ["every byte, the rare ones first", Uint8Array.from({ length: 65536 }, (_, at) => (at % 3 ? 0 : at >> 8))],
  ["random bytes", random(100_000)],
  ["the module", new Uint8Array(readFileSync(new URL("core_bg.wasm", dist)))],
];

describe("the inlined module", () => {
  for (const [name, bytes] of CASES) {
    it(`${name} comes back, from ASCII that needs no escape`, () => {
      const { alphabet, text } = encode(bytes);
      assert.match(text, /^[ !#%-;=-[\]-_a-~]*$/);
      assert.deepEqual(readInlined([bytes.length, alphabet, text]), bytes);
    });
  }

  it("dist has it so", async () => {
    const { default: inlined } = await import(new URL("core-inline.js", dist));
    assert.deepEqual(Buffer.from(readInlined(inlined)), readFileSync(new URL("core_bg.wasm", dist)));
  });
});
