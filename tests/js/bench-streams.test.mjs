// The benchmark's streams say what they say they do, and ours reads them right in every form; no clock, no peers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { batches, forAwait, push } from "../bench/contestants/streamgauge.mjs";
import { deliver, SPLITS } from "../bench/deliver.mjs";
import { deltasOf, SHAPES } from "../bench/partial/texts.mjs";
import { checkValues } from "../bench/partial/values.mjs";
import { differs } from "../bench/result.mjs";
import { KINDS, makeStream } from "../bench/streams.mjs";

for (const wire of ["chat", "responses", "anthropic"]) {
  describe(`the ${wire} wire`, () => {
    for (const kind of Object.keys(KINDS)) {
      const stream = makeStream({ wire, kind, tokens: 300 });

      test(`${kind}: read as it was meant`, async () => {
        for (const split of Object.keys(SPLITS)) {
          for (const read of [push, forAwait, batches]) {
            assert.equal(differs(await read(deliver(stream, split)), stream.expected), undefined, `${split}, ${read.name}`);
          }
        }
      });

      test(`${kind}: cut and joined again it is the same`, () => {
        for (const split of Object.keys(SPLITS)) {
          const source = deliver(stream, split);
          const chunks = Array.from({ length: source.chunks }, (_, index) => source.chunk(index));
          assert.deepEqual(Buffer.concat(chunks), Buffer.from(stream.bytes), split);
        }
      });
    }

    test("the same seed gives the same bytes, another gives others", () => {
      const of = (seed) => Buffer.from(makeStream({ wire, tokens: 50, seed }).bytes).toString();
      assert.equal(of(1), of(1));
      assert.notEqual(of(1), of(2));
    });
  });
}

describe("texts that arrive in fragments", () => {
  for (const kind of Object.keys(SHAPES)) {
    test(`${kind}: as many fragments as were asked for, and together JSON`, () => {
      for (const fragments of [6, 299, 300, 301]) {
        const deltas = deltasOf(kind, fragments);
        assert.equal(deltas.length, fragments);
        JSON.parse(deltas.join(""));
      }
    });

    for (const name of ["push", "patches", "snapshot", "for-await"]) {
      test(`${kind}: ${name} has the right value after each`, async () => {
        const { prepare } = await import(`../bench/contestants/partial/${name}.mjs`);
        await checkValues(prepare, { name, kind, fragments: 300 });
        const tooFew = (deltas) => (visit) => prepare(deltas.slice(1))(visit);
        await assert.rejects(checkValues(tooFew, { name, kind, fragments: 300 }), { code: "ERR_ASSERTION" });
      });
    }
  }
});

test("a wrong result is seen, whichever field it is in", () => {
  const { expected } = makeStream({ tokens: 50 });
  const wrong = {
    text: `${expected.text}.`, reasoning: "", tools: expected.tools.slice(1), usage: { ...expected.usage, total: 0 }, visited: 1,
  };
  assert.equal(differs(expected, expected), undefined);
  for (const [field, value] of Object.entries(wrong)) {
    assert.match(differs({ ...expected, [field]: value }, expected), new RegExp(`^${field} differs`));
    assert.equal(differs({ ...expected, [field]: value }, expected, [field]), undefined);
  }
});
