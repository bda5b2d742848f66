// PartialJson with texts that nobody would write: made by chance, spoiled and joined, JSON or not. Beside JSON.parse,
// in any pieces, with patches and snapshots on the way. `FUZZ_RUNS` makes more of them than a check does.
// No fuzzer guided by coverage runs wherever the tests do (@jazzer.js/core is native code for a newer glibc than
// current Debian's), hence a generator with the words that matter.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PartialJson } from "streamgauge";

import { applied, jsonText, pieces } from "./support/partial.mjs";
import { random } from "./support/splits.mjs";

const RUNS = Number(process.env.FUZZ_RUNS ?? 12_000);

const WORDS = [
  '"', "{", "}", "[", "]", ",", ":", "\\", "\\\\", '\\"', "\\u", "\\u00", "\\u0041", "\\ud83d", "\\ude00", "\\ud83d\\ude00", "\\x", "\\n",
  "\ud83d", "\ude00", "😀", "\ud83d\ud83d", "é", "\0", "\x1f", "\n", "\r", "\t", " ", "\u00a0", "\u2028", "\ufeff", "\x7f",
  "0", "-", "-0", "1", "01", "1.", ".5", "1.5", "1e", "1e+", "1e5", "1E-7", "1e999", "--1", "+1", "9".repeat(399), "8".repeat(401), "0.".padEnd(420, "3"),
  "true", "tru", "t", "false", "fal", "null", "nul", "n", "nulll", "NaN", "undefined", "{}", "[]", '""', '{"a":', '"a":', '":"', '","', "},{", "]]", "[[",
  '{"__proto__":', '"constructor":{', '"__proto__":[', "/**/", "'", "```json\n", "[".repeat(999), "]".repeat(999), '{"a":'.repeat(40),
];

function spoiled(seed) {
  const { below, pick } = random(seed);
  // From nothing, or from a text of JSON.
  let text = below(3) === 0 ? "" : jsonText(seed, { depth: below(5) });
  for (let edits = below(text === "" ? 12 : 4); edits > 0; edits--) {
    const at = below(text.length + 1);
    const until = at + below(8);
    const kind = below(6);
    if (kind === 0) text = text.slice(0, at) + text.slice(until);
    else if (kind === 1) text = text.slice(0, at);
    else if (kind === 2) text = text.slice(0, at) + text.slice(below(at + 1), at) + text.slice(at);
    else if (kind === 3) text = text.slice(0, at) + pick(WORDS) + text.slice(until);
    else text = text.slice(0, at) + pick(WORDS) + text.slice(at);
  }
  return text.slice(0, 4000);
}

const told = ({ value, state, error }) => ({ value, state, error });

function parsed(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** What reads strings and brackets and nothing else: how deep it gets, and what closes it. */
function closers(text) {
  let [isString, isEscaped, depth] = [false, false, 0];
  const open = [];
  for (const character of text) {
    if (isString) {
      if (isEscaped) isEscaped = false;
      else if (character === "\\") isEscaped = true;
      else if (character === '"') isString = false;
    } else if (character === '"') isString = true;
    else if (character === "{" || character === "[") open.push(character === "{" ? "}" : "]");
    else if (character === "}" || character === "]") open.pop();
    depth = Math.max(depth, open.length);
  }
  return { depth, closing: open.reverse().join("") };
}

/** What may be missing before the brackets. */
const MISSING = (() => {
  const strings = ['"', 'n"', '0"', '00"', '000"', '0000"'];
  const values = ["", "0", ".0", "e0", "null", ...["rue", "ue", "e", "alse", "lse", "se", "ull", "ll", "l"], ...strings];
  return [...values, ":0", '"":0', ...strings.map((end) => `${end}:0`)];
})();

function check(text, seed) {
  const whole = new PartialJson();
  whole.push(text);
  const expected = told(whole);

  const charwise = new PartialJson();
  for (let at = 0; at < text.length; at++) charwise.push(text[at]);
  assert.deepEqual(told(charwise), expected, "by the character");
  const cut = random(seed + 1).below(text.length + 1);
  const halves = new PartialJson();
  halves.push(text.slice(0, cut));
  halves.push(text.slice(cut));
  assert.deepEqual(told(halves), expected, `cut at ${cut}`);

  const json = new PartialJson();
  const snapshots = [];
  let copy;
  for (const [number, piece] of pieces(text, seed, 1 + (seed % 9)).entries()) {
    json.push(piece);
    if (number % 3 !== seed % 3) continue;
    copy = applied(copy, json.patches());
    assert.deepEqual(copy, json.value, "patches");
    if (snapshots.length < 8) snapshots.push([json.snapshot(), structuredClone(json.value)]);
  }
  assert.deepEqual(applied(copy, json.patches()), json.value, "patches, at the end");
  assert.deepEqual(told(json), expected, "in pieces");
  for (const [snapshot, then] of snapshots) assert.deepEqual(snapshot, then, "a snapshot has changed");

  const { depth, closing } = closers(text);
  const document = parsed(text);
  const isLongNumber = typeof document?.value === "number" && /\S{401}$/.test(text);
  if (document !== undefined && depth <= 1000 && !isLongNumber) {
    assert.deepEqual(expected, { value: document.value, state: "complete", error: undefined }, "beside JSON.parse");
  } else assert.notEqual(expected.state, "complete");
  if (expected.state === "incomplete") {
    // A number is judged where it ends: until then it may be as malformed as it likes.
    const judged = text.replace(/[-+.eE\d]+$/, "");
    const becomes = (beginning) => MISSING.some((missing) => parsed(beginning + missing + closing) !== undefined);
    assert.ok(becomes(text) || becomes(judged), "it can never become JSON");
  }
  if (expected.state === "failed") {
    // The place is the first at which it can not: one character less is fine.
    const at = Number(/ at position (\d+)$/.exec(expected.error)[1]);
    const before = new PartialJson();
    before.push(text.slice(0, at));
    assert.equal(before.error, undefined);
    before.push(text[at]);
    assert.equal(before.error, expected.error);
    assert.deepEqual(before.value, expected.value, "what comes after a mistake changes nothing");
  }
  return expected.state;
}

test(`${RUNS} texts by chance, in any pieces, beside JSON.parse`, (t) => {
  const states = { complete: 0, incomplete: 0, failed: 0 };
  for (let seed = 1; seed <= RUNS; seed++) {
    const text = spoiled(seed);
    try {
      states[check(text, seed)]++;
    } catch (error) {
      error.message = `seed ${seed}, ${JSON.stringify(text)}: ${error.message}`;
      throw error;
    }
  }
  t.diagnostic(JSON.stringify(states));
  for (const count of Object.values(states)) assert.ok(count > RUNS / 20, JSON.stringify(states));
});
