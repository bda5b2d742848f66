// The stream that every app reads, and the events that must come out of it: both are of tests/fixtures.

import assert from "node:assert/strict";

import { fixturesFile, readJsonLines } from "../../js/support/corpus.mjs";
import { serve, wait } from "../../js/support/server.mjs";

const NAME = "awkward: reasoning_content";
const PIECE = 7;

const { sse, events } = readJsonLines(fixturesFile).find(({ name }) => name === NAME);
const bytes = new TextEncoder().encode(sse);
const steps = [];
for (let at = 0; at < bytes.length; at += PIECE) steps.push(bytes.subarray(at, at + PIECE), wait(1));

/** Serves the stream, some bytes at a time, to pages of any origin; resolves to its URL. */
export async function serveStream(t) {
  const { url } = await serve(t, { headers: { "access-control-allow-origin": "*" }, steps });
  return url;
}

/** Fails unless these are the fixture's events, and unless, but with `streamed: false`, the first came before the last. */
export function assertEvents(actual, { streamed = true } = {}) {
  const withoutTimings = ({ timings, ...rest }) => rest;
  assert.deepEqual(actual.map(withoutTimings), events);
  const { timings } = actual.at(-1);
  assert.ok(!streamed || timings.time_to_first_token_ms < timings.duration_ms, `nothing was streamed: ${JSON.stringify(timings)}`);
}
