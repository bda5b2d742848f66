// Whether a contestant's values are right, and how long they take.

import assert from "node:assert/strict";

import { deltasOf } from "./texts.mjs";

/** What is there after each delta, as JSON; said by hand, not by a parser. */
export function* expectedValues(deltas) {
  // Every fragment of these texts ends in a string, or behind a value.
  let text = "";
  for (const delta of deltas) {
    text += delta;
    yield JSON.stringify(JSON.parse(closed(text)));
  }
}

/** The text, ended: its open string, its open object without an unfinished member, its open arrays. */
function closed(text) {
  let end = "";
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString && character === "\\") at++;
    else if (character === '"') inString = !inString;
    else if (inString) continue;
    else if (character === "{" || character === "[") end = (character === "{" ? "}" : "]") + end;
    else if (character === "}" || character === "]") end = end.slice(1);
  }
  return text.replace(/,$/, "") + (inString ? '"' : "") + end;
}

/** Runs it once and compares what it gives after each delta. Who parses once at the end gives that alone. */
export async function checkValues(prepare, { name, kind, fragments }) {
  const deltas = deltasOf(kind, fragments);
  const values = [];
  await prepare(deltas)((value) => values.push(JSON.stringify(value)));
  const expected = [...expectedValues(deltas)];
  assert.deepEqual(values, name === "floor" ? expected.slice(-1) : expected, `${name}, ${kind}`);
}

/** Values are counted and the last one compared: nobody is fast by giving fewer. */
export async function timedValues(prepare, { name, kind, fragments, warmUpMs, budgetMs }) {
  await checkValues(prepare, { name, kind, fragments: 300 });
  const until = performance.now() + warmUpMs;
  const warm = prepare(deltasOf(kind, 300));
  do await warm(() => {});
  while (performance.now() < until);

  const deltas = deltasOf(kind, fragments);
  const run = prepare(deltas);
  let given = 0;
  let last;
  const visit = (value) => {
    if (value !== undefined) given++;
    last = value;
  };
  const [cpu, started] = [process.cpuUsage(), performance.now()];
  let passes = 0;
  do {
    await run(visit);
    passes++;
  } while (performance.now() - started < budgetMs);
  const { user, system } = process.cpuUsage(cpu);
  const wall = performance.now() - started;
  assert.equal(given, passes * (name === "floor" ? 1 : deltas.length), "a value after every delta");
  assert.deepEqual(last, JSON.parse(deltas.join("")));
  return { cpu: (user + system) / 1000 / passes, wall: wall / passes };
}
