// What becomes of stream number N: how long it is, how it comes, how it ends, who reads it and how. It follows from the
// number alone, so the server and the client need not speak about it, and a stream that went wrong can be had again. No
// Node API: the page uses it as well.

import { random } from "../bench/random.mjs";
import { KINDS, makeStream } from "../bench/streams.mjs";
import { anthropicCounts } from "../bench/streams/anthropic.mjs";
import { script } from "../bench/streams/script.mjs";

/** How a stream ends, and how many in a hundred do so. `code`: it fails; `left`: its reader does not read to the end. */
export const FATES = {
  finished: { share: 50, completes: "done" },
  // The chat wire without [DONE].
  unterminated: { share: 4, completes: "end_of_stream", wire: "chat" },
  dropped: { share: 8, left: true },
  broken_out: { share: 6, left: true },
  cancelled: { share: 5, left: true },
  aborted: { share: 6, code: "aborted", stops: true },
  aborted_in_silence: { share: 3, code: "aborted", stops: true },
  reset: { share: 4, code: "transport", stops: true, loses: true },
  cut: { share: 3, code: "stream_incomplete", stops: true },
  error: { share: 3, code: "provider_error", stops: true },
  stalled: { share: 3, code: "idle_timeout", stops: true, loses: true },
  too_large: { share: 2, code: "event_too_large", stops: true },
  http: { share: 2, code: "http_status" },
  html: { share: 1, code: "provider_error" },
};

const WIRES = { chat: 4, responses: 3, anthropic: 3 };
const SHAPES = { mixed: 5, text: 3, reasoning: 1, tools: 1 };
/** Whose telemetry records it: see telemetries.mjs. */
const TELEMETRIES = { none: 34, shared: 50, busy: 10, own: 5, forgotten: 1 };
const SIGNALS = { none: 2, own: 1, shared: 1 };
const FORMS = { events: 5, batches: 2, final: 1, transform: 1, push: 1 };
/** Those who leave do so in the middle of a loop. */
const LEAVING_FORMS = { events: 2, batches: 1 };
/** A body without its response has no status, and one that is read by another gets no signal. */
const FORMS_OF = { http: { events: 2, batches: 1, final: 1 }, reset: LEAVING_FORMS, stalled: LEAVING_FORMS };

/** What `maxEventBytes` is in streams that have an event which is larger. */
export const MAX_EVENT_BYTES = 64 * 1024;

/**
 * @param pace by what the server's pauses are longer than a second to eight
 * @returns `fate`, `wire`, `kind`, `tokens`, `seed` (of the stream), `lastsMs` (pauses of the server together), `pieces` (how
 *   often it writes), `leavesAfter` (events, for those who leave or abort), `stopsAt` (a share of the events), `form`, `signal`,
 *   `telemetry`, `options`.
 */
export function planOf(number, pace) {
  const next = random(Math.imul(number + 1, 0x9e3779b1));
  const fate = pick(Object.fromEntries(Object.entries(FATES).map(([name, { share }]) => [name, share])), next);
  const { wire = pick(WIRES, next), left, code } = FATES[fate];
  const isLeft = left || code === "aborted";
  // Regularly, so that there are about as many at any time: what they need is most of what is needed.
  const isLong = number % 50 === 7;
  const form = pick(isLeft ? LEAVING_FORMS : FORMS_OF[fate] ?? FORMS, next);
  const options = {
    ...(next() < 0.25 ? { include: ["tool_call.delta"] } : next() < 0.15 ? { include: ["raw", "created", "output_item.added"] } : {}),
    ...(next() < 0.25 ? { thinkTags: "auto" } : {}),
    ...(next() < 0.1 ? { partialJson: true } : {}),
  };
  return {
    number, fate, wire, form, options,
    // There have to be as many events as those who leave wait for.
    kind: isLeft ? "text" : pick(SHAPES, next),
    seed: number,
    tokens: isLong ? 3000 : (isLeft ? 60 : 20) + Math.floor(next() * 100),
    lastsMs: (1000 + next() * 7000) * pace,
    pieces: 4 + Math.floor(next() * 12),
    leavesAfter: 1 + Math.floor(next() * 12),
    stopsAt: isLeft ? 0.5 + next() * 0.4 : 0.1 + next() * 0.6,
    signal: pick(SIGNALS, next),
    telemetry: pick(TELEMETRIES, next),
  };
}

/** What a reader of all of it finds, as in `bench/result.mjs`. */
export function expectedOf({ wire, kind, tokens, seed }) {
  const { expected } = script({ ...KINDS[kind], tokens, next: random(seed) });
  return wire === "anthropic" ? { ...expected, usage: anthropicCounts(expected.usage) } : expected;
}

/** The body, up to where the server stops, and how many events that are. */
export function bodyOf(plan) {
  const { bytes, ends } = makeStream(plan);
  let events = ends.length;
  if (FATES[plan.fate].stops) events = Math.max(1, Math.floor((ends.length - 4) * plan.stopsAt));
  if (plan.fate === "unterminated") events -= 1;
  return { bytes: bytes.subarray(0, ends[events - 1]), events };
}

function pick(shares, next) {
  let left = next() * Object.values(shares).reduce((sum, share) => sum + share, 0);
  for (const [name, share] of Object.entries(shares)) if ((left -= share) < 0) return name;
  return Object.keys(shares)[0];
}
