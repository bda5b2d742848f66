// The project's own streams and the recorded corpus, through aggregate() and through Aggregator.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { bytes } from "./support/chat.mjs";
import { anthropicFixturesFile, corpusPath, fixturesFile, readJsonLines, responsesFixturesFile } from "./support/corpus.mjs";
import { pull, push } from "./support/outcome.mjs";
import { split, ways } from "./support/splits.mjs";

const json = (value) => (value === undefined ? "nothing" : JSON.stringify(value));

/** Where `actual` differs from `expected`, in the fields that `expected` names. */
function differences(expected, actual, path) {
  if (isDeepStrictEqual(expected, actual)) return [];
  const isObject = (value) => typeof value === "object" && value !== null;
  if (isObject(expected) && isObject(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    if (Array.isArray(expected) && expected.length !== actual.length) return [`${path}: expected ${json(expected)} but got ${json(actual)}`];
    return Object.keys(expected).flatMap((key) => differences(expected[key], actual[key], `${path}.${key}`));
  }
  return [`${path}: expected ${json(expected)} but got ${json(actual)}`];
}

function eventDifferences(expected, actual) {
  const places = Array.from({ length: Math.max(expected.length, actual.length) }, (_, at) => at);
  const at = places.find((place) => !isDeepStrictEqual(expected[place], actual[place]));
  return at === undefined ? [] : [`event ${at}: expected ${json(expected[at])} but got ${json(actual[at])}`];
}

function errorDifferences(expected, actual) {
  if (!expected || !actual) return expected ? [`does not fail with ${expected.code}`] : actual ? [`fails: ${actual.code}: ${actual.message}`] : [];
  const problems = differences({ code: expected.code, provider: expected.provider ?? {} }, { ...actual, provider: actual.provider ?? {} }, "error");
  if (expected.message && !actual.message.includes(expected.message)) problems.push(`error: expected ${json(expected.message)} in ${json(actual.message)}`);
  return problems;
}

/** Every way to read the same bytes gives the same result as the first. */
async function otherWays(input, options, first, count) {
  const problems = [];
  const compare = (name, result) => {
    if (isDeepStrictEqual(result, first)) return;
    const [what] = [...eventDifferences(first.events, result.events), ...differences(first, result, "outcome")];
    problems.push(`${name}: another result than push, whole: ${what}`);
  };
  compare("aggregate(), whole", await pull(input, options));
  for (const [name, chunks] of ways(input, count).slice(1)) compare(`push, ${name}`, push(chunks, options));
  const [name, chunks] = ways(input, 3).at(-1);
  compare(`aggregate(), ${name}`, await pull(chunks, options));
  return problems;
}

function report(t, what, total, wrong) {
  t.diagnostic(`${total - wrong.length} of ${total} ${what}`);
  assert.ok(wrong.length === 0, `${wrong.length} of ${total} ${what} are wrong:\n${wrong.join("\n")}`);
}

const FIXTURES = [["chat", fixturesFile], ["responses", responsesFixturesFile], ["anthropic", anthropicFixturesFile]];

for (const [file, path] of FIXTURES) test(`tests/fixtures/${file}.jsonl`, async (t) => {
  if (!existsSync(path)) return t.skip(`${path} is not there`);
  const cases = readJsonLines(path);
  const wrong = [];
  for (const { name, sse, sse_base64, options, events, aggregate, error } of cases) {
    const input = sse === undefined ? new Uint8Array(Buffer.from(sse_base64, "base64")) : bytes(sse);
    const first = push([input], options);
    const problems = errorDifferences(error, first.error);
    if (events) problems.push(...eventDifferences(events, first.events));
    if (aggregate) problems.push(...aggregateDifferences(aggregate, first));
    problems.push(...(await otherWays(input, options, first, 4)));
    if (problems.length > 0) wrong.push([name, ...problems].join("\n    "));
  }
  report(t, `${file} fixtures, whole, byte by byte and split, pushed and pulled`, cases.length, wrong);
});

/** What a failed stream's items cannot say is not compared: JavaScript gets the items and the error. */
function aggregateDifferences(expected, { aggregate, error }) {
  if (!error) return differences(expected, aggregate, "aggregate");
  const { content, reasoning, tool_calls } = expected;
  const said = Object.fromEntries(Object.entries({ content, reasoning, tool_calls }).filter(([, value]) => value !== undefined));
  const isSaid = ({ content, reasoning, tool_calls = [], refusal }) => content || reasoning || refusal || tool_calls.length > 0;
  const choices = expected.choices?.filter(isSaid).map(({ finish_reason: _, role: __, ...rest }) => rest);
  return differences({ ...said, ...(choices && { choices }) }, aggregate, "aggregate");
}

test("the corpus of chat streams", async (t) => {
  const folder = corpusPath(t, "streams", "chat");
  if (folder === undefined) return;
  const names = readdirSync(folder).filter((name) => name.endsWith(".sse")).sort();
  const wrong = [];
  for (const name of names) {
    const input = new Uint8Array(readFileSync(join(folder, name)));
    const readExpected = (of) => JSON.parse(readFileSync(join(folder, `${of}.expected.json`), "utf8"));
    const expected = adjusted(name, readExpected);
    const first = push([input], { wire: "chat" });
    const problems = corpusDifferences(expected, first);
    for (const way of [await pull([input]), push(split(input, 7, 61)), await pull(split(input, 11, 1500))]) {
      if (!isDeepStrictEqual(way, first)) problems.push(`another result: ${differences(first, way, "outcome")[0]}`);
    }
    if (problems.length > 0) wrong.push([name, ...problems].join("\n    "));
  }
  report(t, "corpus chat streams", names.length, wrong);
});

test("the corpus of Anthropic streams", async (t) => {
  const folder = corpusPath(t, "streams", "anthropic");
  if (folder === undefined) return;
  const names = readdirSync(folder).filter((name) => name.endsWith(".sse")).sort();
  const wrong = [];
  for (const name of names) {
    const input = new Uint8Array(readFileSync(join(folder, name)));
    const { id, model, content, reasoning, tool_calls, finish_reason, usage, errors } =
      JSON.parse(readFileSync(join(folder, `${name}.expected.json`), "utf8"));
    const { cache_creation: _, ...counts } = usage;
    const first = push([input]);
    const problems = aggregateDifferences({ id, model, content, reasoning, tool_calls, finish_reason, usage: counts }, first);
    const reported = first.error?.provider && [{ type: first.error.provider.type, message: first.error.provider.message }];
    problems.push(...differences(errors, reported ?? [], "errors"));
    for (const way of [await pull([input], { wire: "anthropic" }), push(split(input, 7, 61)), await pull(split(input, 11, 1500))]) {
      if (!isDeepStrictEqual(way, first)) problems.push(`another result: ${differences(first, way, "outcome")[0]}`);
    }
    if (problems.length > 0) wrong.push([name, ...problems].join("\n    "));
  }
  report(t, "corpus Anthropic streams", names.length, wrong);
});

/** As `adjusted` of tests/corpus.rs, which says why. */
function adjusted(name, readExpected) {
  if (name === "dialect-body-json-200-plus-done.sse") return readExpected("dialect-body-json-200-completion.sse");
  const expected = readExpected(name);
  if (name === "dialect-body-comments-only.sse") return { ...expected, finish_reason_normalized: null, errors: [] };
  return expected;
}

/** As `differences` of tests/corpus.rs. */
function corpusDifferences(expected, first) {
  const fields = ["id", "model", "content", "reasoning", "tool_calls", "finish_reason", "finish_reason_normalized", "usage", "choices"];
  const wanted = Object.fromEntries(fields.map((field) => [field, expected[field] ?? null]));
  // The item's role defaults to "assistant", so only a role that was sent could be compared.
  wanted.choices = (expected.choices ?? []).map(({ role: _, ...rest }) => rest);
  const problems = aggregateDifferences(wanted, first);
  const reportsError = (expected.errors ?? []).length > 0;
  const hasProviderError = first.error?.provider !== undefined;
  if (reportsError !== hasProviderError) problems.push(`errors: expected ${json(expected.errors)} but got ${json(first.error)}`);
  return problems;
}
