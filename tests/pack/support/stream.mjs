// The stream that every app reads, and the events that must come out of it: both are of tests/fixtures.

import assert from "node:assert/strict";

import { fixturesFile, readJsonLines } from "../../js/support/corpus.mjs";
import { serve, until, wait } from "../../js/support/server.mjs";

const NAME = "awkward: reasoning_content";
const PIECE = 7;

const { sse, events } = readJsonLines(fixturesFile).find(({ name }) => name === NAME);
const bytes = new TextEncoder().encode(sse);
const HALF = bytes.length >> 1;

function pieces(part) {
  const steps = [];
  for (let at = 0; at < part.length; at += PIECE) steps.push(part.subarray(at, at + PIECE), wait(1));
  return steps;
}

/**
 * Serves the stream, some bytes at a time, to pages of any origin; resolves to its URL. Its second half comes when `release`
 * says that an event of the first was seen: so an app that hands nothing on before the end waits forever.
 */
export async function serveStream(t) {
  let go;
  const released = new Promise((resolve) => (go = resolve));
  const { url } = await serve(t, (request, response) => {
    if (request.url !== "/release") {
      const steps = [...pieces(bytes.subarray(0, HALF)), until(released), ...pieces(bytes.subarray(HALF))];
      return { headers: { "access-control-allow-origin": "*" }, steps };
    }
    go();
    response.writeHead(204).end();
    return undefined;
  });
  return url;
}

export const release = (url) => fetch(new URL("/release", url));

/** Fails unless these are the fixture's events. */
export function assertEvents(actual) {
  const withoutTimings = ({ timings, ...rest }) => rest;
  assert.deepEqual(actual.map(withoutTimings), events);
  assert.ok(actual.at(-1).timings.duration_ms >= 0);
}
