// The frames that `include: ["raw"]` shows, against those of eventsource-parser.
//
// Left out, because the two mean different things by it:
// - what comes after the end of the response: streamgauge ends at `[DONE]`, at an error and at a stream that it cannot
//   read, so the frames up to there are compared;
// - an unterminated last event: the standard drops it, streamgauge's finish() takes it, so only feed() is compared;
// - invalid UTF-8: eventsource-parser reads text, so a TextDecoder replaces it before both are compared;
// - ids: eventsource-parser tells a block's own, streamgauge the last one (as the standard's `lastEventId`), so the
//   last one of `onId` is compared.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { createParser } from "eventsource-parser";
import { Aggregator } from "streamgauge";

import { bytes } from "./support/chat.mjs";
import { corpusPath, readJsonLines } from "./support/corpus.mjs";
import { random, split } from "./support/splits.mjs";

function ours(chunks) {
  const aggregator = new Aggregator({ include: ["raw"] });
  const events = chunks.flatMap((chunk) => aggregator.feed(chunk));
  const frames = events.filter(({ type }) => type === "raw").map(({ event, id, data }) => ({ event, id, data }));
  return { frames, ended: aggregator.finished };
}

function theirs(chunks) {
  const frames = [];
  let id;
  const parser = createParser({
    onId: (value) => {
      id = value || undefined;
    },
    onEvent: ({ event = "message", data }) => frames.push({ event, id, data }),
  });
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
  return frames;
}

let compared = 0;

/** The first difference in words; `undefined` when there is none. */
function difference(chunks) {
  const { frames, ended } = ours(chunks);
  const all = theirs(chunks);
  const expected = ended ? all.slice(0, frames.length) : all;
  compared += frames.length;
  if (isDeepStrictEqual(frames, expected)) return undefined;
  const places = Array.from({ length: Math.max(frames.length, expected.length) }, (_, at) => at);
  const at = places.find((place) => !isDeepStrictEqual(frames[place], expected[place]));
  const show = (frame) => JSON.stringify(frame)?.slice(0, 200) ?? "nothing";
  return `frame ${at}: ours ${show(frames[at])}, theirs ${show(expected[at])}`;
}

function report(t, what, total, wrong) {
  t.diagnostic(`${total - wrong.length} of ${total} ${what}, ${compared} frames`);
  assert.ok(compared > total, "there was something to compare");
  compared = 0;
  assert.ok(wrong.length === 0, wrong.join("\n"));
}

test("framing cases", (t) => {
  const path = corpusPath(t, "sse_framing.jsonl");
  if (path === undefined) return;
  const cases = readJsonLines(path);
  const wrong = [];
  for (const { name, chunks } of cases) {
    const found = difference(chunks.map((chunk) => new Uint8Array(Buffer.from(chunk, "base64"))));
    if (found) wrong.push(`${name}: ${found}`);
  }
  report(t, "framing cases", cases.length, wrong);
});

test("recorded streams of all wires", (t) => {
  const folder = corpusPath(t, "streams");
  if (folder === undefined) return;
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".sse")).sort();
  const wrong = [];
  for (const name of names) {
    const input = new Uint8Array(readFileSync(join(folder, name)));
    const found = difference([input]) ?? difference(split(input, 5, 97));
    if (found) wrong.push(`${name}: ${found}`);
  }
  report(t, "recorded streams", names.length, wrong);
});

const PIECES = [
  "data", "data:", "data: ", "data:  two spaces", "data: x", "data: é 日本 👩‍👩‍👧", "data: {\"a\":1}", "event: ping", "event:", "event: a:b",
  "id: 7", "id", "id:", "id: a\0b", "retry: 10", "retry: x", ": comment", ":", "unknown: x", "DATA: x", "data : x", " data: x", "\uFEFF",
  "\uFEFFdata: x", "dat", "x", "\u2028", "data:\u2028", "data: \0",
];
const ENDS = ["\n", "\n", "\n", "\n\n", "\n\n", "\r", "\r\n", "\r\n\r\n", "\r\r", "\n\r", "", ""];

test("random input", (t) => {
  const wrong = [];
  const total = 5000;
  for (let seed = 1; seed <= total && wrong.length < 5; seed++) {
    const { below, pick } = random(seed);
    const text = Array.from({ length: 1 + below(20) }, () => pick(PIECES) + pick(ENDS)).join("");
    const input = bytes(text);
    const chunks = split(input, seed, 1 + below(12));
    const found = difference([input]) ?? difference(chunks);
    if (found) wrong.push(`seed ${seed}, ${JSON.stringify(text)}: ${found}`);
  }
  report(t, "random inputs, whole and split", total, wrong);
});
