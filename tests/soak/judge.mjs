// What a run must show: every stream ended as planned, the counts of both sides agree, nothing grew, nothing is left.

/**
 * By how much (a share, but at least so much) the median of the last third of the samples may be above that of the first.
 * How many streams of those that are open wait for an answer, and how many are read, is the machine's affair, so what is counted by
 * streams has bounds instead, and has to be gone in the end.
 */
const GROWTH = {
  // It never shrinks: the most that was ever needed, which creeps up with the number of moments.
  wasm: { unit: "bytes", share: 0.1, least: 1 << 20 },
  // It doubles.
  table: { unit: "places", share: 1, least: 0 },
  heap: { unit: "bytes", share: 0.15, least: 2e6 },
  external: { unit: "bytes", share: 0.15, least: 4e6 },
  rss: { unit: "bytes", share: 0.2, least: 32e6 },
  nodes: { unit: "nodes", share: 0, least: 5 },
};

/** How many of them there may be at most, by streams that are open. */
const MOST = {
  // Those that were dropped and are not found yet.
  readers: 1.5,
  aggregators: 0.5,
  telemetries: 0.5,
  // One, however many streams.
  signalListeners: 0,
  // The timer that waits, the socket; those that are kept open for the next request.
  handles: 4,
  listeners: 4,
};

/**
 * By how much the heap may be larger than before, when all streams have ended: what was compiled, and the objects of the
 * connections that were open at once, which Node's fetch keeps.
 */
const heapLeft = (streams) => 8e6 + streams * 10e3;

/** What was sampled, as `{ name, unit, first, last, most, allowed }`: medians of the first and the last third. */
export function series({ samples }) {
  const bounded = Object.keys(MOST).map((name) => [name, { unit: name }]);
  return [...Object.entries(GROWTH), ...bounded].flatMap(([name, { unit, share = Infinity, least = 0 }]) => {
    const values = samples.map((sample) => valueOf(sample, name)).filter((value) => value !== undefined);
    if (values.length === 0) return [];
    const third = Math.ceil(values.length / 3);
    const [first, last] = [median(values.slice(0, third)), median(values.slice(-third))];
    return [{ name, unit, first, last, most: Math.max(...values), allowed: first + Math.max(first * share, least) }];
  });
}

/** What is wrong, in words. */
export function complaints(run) {
  return [...outcomes(run), ...growth(run), ...leftovers(run), ...accounts(run)];
}

function outcomes({ came, served, samples, after, streams }) {
  const wrong = [...came.wrong];
  const say = (is, text) => is || wrong.push(text);
  const ended = Object.values(came.ended).reduce((sum, count) => sum + count, 0);
  say(ended === came.opened, `${came.opened} streams were opened, and ${ended} ended`);
  for (const [fate, count] of Object.entries(came.ended)) {
    say(count > 0, `no stream was ${fate}`);
    say(count === served.served[fate], `${count} streams were ${fate}, and ${served.served[fate]} were served so`);
  }
  for (const { open, at } of samples) say(open === streams, `${open} streams were open after ${at.toFixed(0)} s`);
  say(after.cores === 1, `the core trapped: ${after.cores} instances`);
  return [...wrong, ...after.complaints, ...served.errors];
}

function growth(run) {
  return series(run).filter(({ last, allowed }) => last > allowed)
    .map(({ name, unit, first, last, allowed }) => `${name} grew from ${first} to ${last} ${unit}: ${Math.floor(allowed)} are allowed`);
}

/** Nothing, and handles are exactly what they were. */
function leftovers({ samples, streams, before, after, served }) {
  const many = Object.entries(MOST).flatMap(([name, share]) => {
    const most = Math.max(...samples.map((sample) => valueOf(sample, name) ?? 0));
    const allowed = Math.ceil(share * streams) + 50;
    return most > allowed ? [`there were ${most} ${name} at once: ${allowed} are allowed`] : [];
  });
  const left = ["readers", "aggregators", "telemetries", "signalListeners"]
    .filter((what) => (after[what] ?? 0) !== 0).map((what) => `${after[what]} ${what} are left`);
  left.push(...many);
  const heap = after.heap - before.heap;
  if (heap > heapLeft(streams)) left.push(`the heap is ${heap} bytes larger than before: ${heapLeft(streams)} are allowed`);
  if (served.open !== 0) left.push(`${served.open} streams are open at the server`);
  for (const kind of new Set([...Object.keys(before.resources ?? {}), ...Object.keys(after.resources ?? {})])) {
    const [was, is] = [before.resources[kind] ?? 0, after.resources[kind] ?? 0];
    if (is !== was) left.push(`${is} handles of the kind ${kind}, and before there were ${was}`);
  }
  if ((after.listeners ?? 0) > (before.listeners ?? 0)) left.push(`${after.listeners} listeners, and before there were ${before.listeners}`);
  return left;
}

/** Each record is in one of the accounts, here and at the collector. */
function accounts({ came, served }) {
  const wrong = [];
  const equal = (what, here, there) => here === there || wrong.push(`${what}: ${here} here, ${there} at the collector`);
  const none = { accepted: 0, rejected: 0, refused: 0, events: {} };
  for (const owner of ["shared", "busy", "own"]) {
    const said = came.said[owner];
    const [logs, metrics] = ["logs", "metrics"].map((signal) => served.telemetry[`${owner} ${signal}`] ?? none);
    equal(`${owner}: exported`, said.exported, logs.accepted);
    equal(`${owner}: rejected`, said.rejected, logs.rejected);
    equal(`${owner}: refused`, said.dropped.fatal ?? 0, logs.refused);
    equal(`${owner}: metrics`, said.metrics.exported, metrics.accepted);
    // By their names: what is missing was dropped, and counted. The own ones follow other conventions, without this event.
    const { fatal, ...others } = said.dropped;
    const dropped = Object.values(others).reduce((sum, count) => sum + count, 0);
    const missing = came.fetches[owner] - (logs.events["codex.api_request"] ?? 0);
    const most = dropped + (owner === "busy" ? fatal : 0);
    if (owner !== "own" && (missing < 0 || missing > most)) {
      wrong.push(`${owner}: ${missing} requests were not recorded, ${most} records dropped`);
    }
    if ((others.left_in_queue ?? 0) > 0) wrong.push(`${owner}: ${others.left_in_queue} records were left`);
  }
  const { "forgotten logs": forgotten = none } = served.telemetry;
  equal("forgotten telemetries", came.said.forgotten.telemetries, forgotten.events["codex.api_request"] ?? 0);
  return wrong;
}

function valueOf(sample, name) {
  if (name !== "handles") return sample[name];
  return sample.resources && Object.values(sample.resources).reduce((sum, count) => sum + count, 0);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
