// The soak's judges see what they are there for: runs that are right but for one thing, outcomes of streams that are not theirs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { aggregate } from "streamgauge";

import { check } from "../soak/check.mjs";
import { complaints } from "../soak/judge.mjs";
import { bodyOf, expectedOf, FATES, planOf } from "../soak/plan.mjs";

const fates = (count) => Object.fromEntries(Object.keys(FATES).map((fate) => [fate, count]));
const account = (more) => ({ accepted: 10, rejected: 0, refused: 0, events: { "codex.api_request": 4 }, ...more });
const said = (more) => ({ telemetries: 1, exported: 10, rejected: 0, dropped: { fatal: 0, queue_full: 0, left_in_queue: 0 }, metrics: { exported: 10 }, ...more });

/** A run in which all is well. */
function rightRun() {
  const sample = {
    at: 1, open: 100, wasm: 4e6, table: 2000, cores: 1, readers: 100, aggregators: 5, telemetries: 5, signalListeners: 9, heap: 2e7,
    rss: 1e8, resources: { TCPSocketWrap: 80, PipeWrap: 1 }, complaints: [],
  };
  const rest = { ...sample, readers: 0, aggregators: 0, telemetries: 0, signalListeners: 0, resources: { PipeWrap: 1 } };
  return {
    streams: 100, before: rest, after: structuredClone(rest), samples: Array.from({ length: 9 }, () => structuredClone(sample)),
    came: {
      ended: fates(3), opened: 3 * Object.keys(FATES).length, wrong: [], fetches: { shared: 4, busy: 4, own: 4, forgotten: 4 },
      said: { shared: said(), busy: said(), own: said(), forgotten: { telemetries: 4 } },
    },
    served: {
      served: fates(3), open: 0, errors: [],
      telemetry: Object.fromEntries(["shared", "busy", "own", "forgotten"].flatMap((owner) => [
        [`${owner} logs`, account()], [`${owner} metrics`, account()],
      ])),
    },
  };
}

/** From the seventh sample on. */
const later = (change) => ({ samples }) => samples.slice(6).forEach(change);

const CASES = {
  "all is well": { change: () => {} },
  "some growth is within the margin": { change: later((sample) => (sample.heap += 9e5)) },
  "a stream was wrong": { change: ({ came }) => came.wrong.push("stream 7: text"), sees: /stream 7: text/ },
  "a stream did not end": { change: ({ came }) => came.opened++, sees: /43 streams were opened, and 42 ended/ },
  "a stream was never served": { change: ({ served }) => served.served.cut--, sees: /3 streams were cut, and 2 were served/ },
  "a kind of stream did not occur": { change: ({ came, served }) => { came.opened -= came.ended.html; came.ended.html = served.served.html = 0; }, sees: /no stream was html/ },
  "fewer streams at once": { change: ({ samples }) => samples[3].open--, sees: /^99 streams were open/ },
  "a rejection, or a warning": { change: ({ after }) => after.complaints.push("MaxListenersExceededWarning"), sees: /MaxListeners/ },
  "a trap": { change: ({ after }) => after.cores++, sees: /trapped/ },
  "the core's memory grows": { change: later((sample) => (sample.wasm += 12e5)), sees: /^wasm grew/ },
  "the heap grows": { change: later((sample) => (sample.heap += 5e6)), sees: /^heap grew/ },
  "objects pile up in the core's table": { change: later((sample) => (sample.table *= 4)), sees: /^table grew/ },
  "readers pile up": { change: ({ samples }) => (samples[8].readers = 201), sees: /^there were 201 readers/ },
  "handles pile up": { change: ({ samples }) => (samples[8].resources.Timeout = 370), sees: /^there were 451 handles/ },
  "listeners pile up": { change: ({ samples }) => (samples[8].signalListeners = 151), sees: /^there were 151 signalListeners/ },
  "the heap stays large": { change: ({ after }) => (after.heap += 17e6), sees: /^the heap is 17000000 bytes larger/ },
  "a reader is left": { change: ({ after }) => after.readers++, sees: /^1 readers are left/ },
  "a socket is left": { change: ({ after }) => (after.resources.TCPSocketWrap = 1), sees: /1 handles of the kind TCPSocketWrap/ },
  "a stream is open at the server": { change: ({ served }) => served.open++, sees: /^1 streams are open at the server/ },
  "a record was lost": { change: ({ served }) => served.telemetry["shared logs"].accepted--, sees: /^shared: exported: 10 here, 9/ },
  "a request was not recorded": { change: ({ came }) => came.fetches.shared++, sees: /^shared: 1 requests were not recorded, 0 records/ },
  "a forgotten telemetry's record was lost": { change: ({ came }) => came.said.forgotten.telemetries++, sees: /^forgotten telemetries: 5 here, 4/ },
};

describe("a run", () => {
  for (const [name, { change, sees }] of Object.entries(CASES)) {
    test(name, () => {
      const run = rightRun();
      change(run);
      const found = complaints(run);
      assert.equal(found.length, sees === undefined ? 0 : 1, found.join("\n"));
      if (sees !== undefined) assert.match(found[0], sees);
    });
  }
});

describe("a stream", () => {
  /** The first number whose plan is such. */
  const numberOf = (suits) => {
    for (let number = 0; ; number++) if (suits(planOf(number, 1))) return number;
  };
  const read = async (plan) => {
    const { bytes, events } = bodyOf(plan);
    const outcome = { sent: events, events: 0, visited: 0, text: "", reasoning: "", unvisited: true };
    const stream = aggregate(bytes);
    outcome.final = await stream.final().catch((error) => void (outcome.error = error));
    return outcome;
  };
  const finished = (wire, after = -1) => numberOf(({ fate, number, ...plan }) => number > after && fate === "finished" && plan.wire === wire && plan.kind === "text");

  for (const wire of ["chat", "responses", "anthropic"]) {
    test(`${wire}: its own, another's, one that lacks something, none`, async () => {
      const number = finished(wire);
      const [plan, other] = [number, finished(wire, number)].map((one) => planOf(one, 1));
      const outcome = await read(plan);
      assert.equal(check(plan, expectedOf(plan), outcome), undefined);
      assert.match(check(plan, expectedOf(plan), await read(other)), /^text differs/);
      const short = structuredClone(outcome.final);
      short.items[0].content[0].text = short.items[0].content[0].text.slice(1);
      assert.match(check(plan, expectedOf(plan), { ...outcome, final: short }), /^text differs/);
      assert.match(check(plan, expectedOf(plan), { ...outcome, final: undefined }), /did not end/);
      const left = { ...plan, fate: "dropped" };
      assert.equal(check(left, expectedOf(plan), { ...outcome, text: expectedOf(plan).text.slice(0, 9), final: undefined }), undefined);
      assert.match(check(left, expectedOf(plan), { ...outcome, text: "x", final: undefined }), /is not how/);
    });

    test(`${wire}: cut off`, async () => {
      const plan = planOf(numberOf(({ fate, wire: its, kind }) => fate === "cut" && its === wire && kind !== "tools"), 1);
      const outcome = { ...(await read(plan)), final: undefined };
      outcome.text = outcome.error.partial.filter(({ type }) => type === "message").map(({ content }) => content[0].text).join("");
      assert.equal(check(plan, expectedOf(plan), outcome), undefined);
      assert.match(check(plan, expectedOf(plan), { ...outcome, error: undefined }), /no error, not stream_incomplete/);
      assert.match(check(plan, expectedOf(plan), { ...outcome, sent: outcome.sent + 1 }), /frames/);
    });
  }

  test("every fate occurs, and a number's plan is always the same", () => {
    const found = new Set();
    for (let number = 0; number < 2000; number++) {
      found.add(planOf(number, 1).fate);
      assert.deepEqual(planOf(number, 1), planOf(number, 1));
    }
    assert.deepEqual([...found].sort(), Object.keys(FATES).sort());
  });
});
