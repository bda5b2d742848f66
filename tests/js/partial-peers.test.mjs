// What PartialJson shows at every prefix of a text, beside what the AI SDK's and `partial-json`'s parsers make of the prefix.
//
// Left out, because these mean something else by it:
// - half a surrogate pair: they show it, we wait for the other half;
// - `ai`: `__proto__` (and `constructor` with a `prototype`) is refused by it as a whole; a key with an escaped quote ends there
//   for it; `+` in an exponent ends the number for it;
// - `partial-json`: a number at the very end is read by it only if it is one; white space at the very end is cut off, also in a
//   string; a half escape makes it drop more than that; an empty array with white space in it never ends for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { parsePartialJson } from "ai";
import { parse } from "partial-json";
import { Aggregator, PartialJson } from "streamgauge";

import {
  anthropicFixturesFile, corpusPath, fixturesFile, readJsonLines, responsesFixturesFile,
} from "./support/corpus.mjs";
import { jsonText } from "./support/partial.mjs";

const KEYS = ["a", "b", "path", "", "0", "1", "é", "a b", "toString"];
const isHalf = (text) => /[\ud800-\udbff]"?$|\\ud[89ab][\da-f]{2}(?:\\(?:u[\da-f]{0,3})?)?$/i.test(text);

/** The arguments of every call in these bytes. */
function argumentsIn(bytes) {
  const aggregator = new Aggregator();
  const events = [...aggregator.feed(bytes), ...aggregator.finish()];
  return events.flatMap(({ type, item }) => (type === "output_item.done" && item.arguments ? [item.arguments] : []));
}

function fixtureTexts() {
  const cases = [fixturesFile, responsesFixturesFile, anthropicFixturesFile].flatMap(readJsonLines);
  return cases.flatMap(({ sse, sse_base64 }) => argumentsIn(sse === undefined ? Buffer.from(sse_base64, "base64") : Buffer.from(sse)));
}

function corpusTexts(t) {
  const folder = corpusPath(t, "streams");
  if (folder === undefined) return [];
  const files = readdirSync(folder, { recursive: true }).filter((name) => /\.(sse|txt|jsonl)$/.test(name));
  return files.flatMap((name) => argumentsIn(readFileSync(join(folder, name))));
}

const isJson = (text) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** Every prefix of every text; `theirs` resolves to what a peer shows, `undefined` for nothing. */
async function compareAll(t, texts, { theirs, skips }) {
  let [compared, skipped, differ] = [0, 0, []];
  for (const text of texts) {
    const json = new PartialJson();
    for (let end = 1; end <= text.length; end++) {
      json.push(text[end - 1]);
      const prefix = text.slice(0, end);
      if (isHalf(prefix) || skips(prefix)) {
        skipped++;
        continue;
      }
      compared++;
      const expected = await theirs(prefix);
      if (!isDeepStrictEqual(json.value, expected)) differ.push([prefix, structuredClone(json.value), expected]);
    }
    assert.deepEqual(json.value, JSON.parse(text));
  }
  t.diagnostic(`${texts.length} texts, ${compared} prefixes compared, ${skipped} left out, ${differ.length} differ`);
  assert.deepEqual(differ.slice(0, 3), []);
  assert.ok(compared > 400 && compared > skipped / 2, "a good part is compared");
}

const PEERS = {
  ai: {
    theirs: async (prefix) => (await parsePartialJson(prefix)).value,
    skips: () => false,
    suits: (text) => !/__proto__|"constructor"|\de\+/i.test(text),
  },
  "partial-json": {
    theirs: (prefix) => {
      try {
        return parse(prefix);
      } catch {
        return undefined;
      }
    },
    skips: (prefix) => /[-+.eE\d\s]$/.test(prefix) || /\\(?:u[\da-fA-F]{0,3})?$/.test(prefix),
    suits: (text) => !/__proto__|\[\s+\]/.test(text),
  },
};

for (const [name, peer] of Object.entries(PEERS)) {
  const suiting = (texts) => [...new Set(texts)].filter((text) => text.length <= 4000 && isJson(text) && peer.suits(text));
  test(`${name}: arguments of the fixtures`, (t) => compareAll(t, suiting(fixtureTexts()), peer));
  test(`${name}: arguments of the corpus`, async (t) => {
    const texts = suiting(corpusTexts(t));
    if (texts.length > 0) await compareAll(t, texts, peer);
  });
  test(`${name}: texts made by chance`, (t) => {
    const texts = Array.from({ length: 400 }, (_, seed) => jsonText(seed + 1, { keys: KEYS }));
    return compareAll(t, suiting(texts), peer);
  });
}
