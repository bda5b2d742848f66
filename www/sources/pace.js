// Plays bytes event by event, at a pace. A capture has no clock in it, so real time is what a provider's stream is like:
// a wait for the first event, then some sixty events per second, unevenly, with a longer pause now and then.

const REAL_PER_SECOND = 60;
const FIRST_MS = 350;
/** A chunk as fast as possible. */
const CHUNK = 16 * 1024;
/** After a pause the stream goes on from where it was, it does not catch up. */
const MOST_LATE_MS = 200;

/**
 * A stream of the bytes.
 *
 * @param speed tells the pace of the moment: `{ factor }` of real time, `{ perSecond }` evenly, or `{}` for none.
 */
export function paced(bytes, speed) {
  const ends = eventEnds(bytes);
  const uneven = unevenness();
  let at = 0;
  let from = 0;
  let due;
  let cancelled = false;
  let wake = () => {};
  const waitAfter = () => {
    const { factor, perSecond } = speed();
    if (factor !== undefined) return (uneven() * 1000) / (REAL_PER_SECOND * factor);
    return perSecond === undefined ? 0 : 1000 / perSecond;
  };
  const sleep = (ms) => new Promise((resolve) => {
    wake = resolve;
    setTimeout(resolve, ms);
  });
  return new ReadableStream({
    async pull(controller) {
      if (at === ends.length) return controller.close();
      const { factor, perSecond } = speed();
      if (factor === undefined && perSecond === undefined) {
        do at++;
        while (at < ends.length && ends[at] - from < CHUNK);
      } else {
        const now = performance.now();
        due ??= now + (factor === undefined ? 0 : FIRST_MS / factor);
        due = Math.max(due, now - MOST_LATE_MS);
        if (due > now) await sleep(due - now);
        if (cancelled) return undefined;
        // Timers are coarse: what is due by now comes at once.
        do {
          at++;
          due += waitAfter();
        } while (at < ends.length && due <= performance.now());
      }
      controller.enqueue(bytes.subarray(from, ends[at - 1]));
      from = ends[at - 1];
    },
    cancel() {
      cancelled = true;
      wake();
    },
  }, { highWaterMark: 0 });
}

/** Where each event ends: after a blank line; line by line where there is none. */
function eventEnds(bytes) {
  const blanks = ends(bytes, true);
  const found = blanks.length > 1 ? blanks : ends(bytes, false);
  if (found.at(-1) !== bytes.length && bytes.length > 0) found.push(bytes.length);
  return found;
}

const LF = 10;
const CR = 13;

/** The ends of lines, or only of blank ones. */
function ends(bytes, blank) {
  const found = [];
  let start = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== LF && bytes[at] !== CR) continue;
    const isEmpty = at === start;
    if (bytes[at] === CR && bytes[at + 1] === LF) at++;
    start = at + 1;
    if (isEmpty || !blank) found.push(start);
  }
  return found;
}

/** Factors around 1, the same ones in every run: most between a half and twice, a few much longer. */
function unevenness() {
  let state = 20_817;
  const next = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
  return () => (next() < 0.02 ? 4 + 8 * next() : 0.35 + next());
}
