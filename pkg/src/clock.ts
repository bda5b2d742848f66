// The clock of the core and of what is measured around it.

/** What is asked for the time: milliseconds that do not go backwards, from the host's time origin on. */
export type Clock = Pick<Performance, "now">;

/** How often a moment may be given again: a page whose `Date` stands still (a test's) has its times all the same. */
const MOST_REPEATS = 64;

/**
 * A clock that is asked for every chunk of bytes. A browser's `performance.now()` is rounded on purpose, and costs some
 * 300 ns in Chromium, a fifth of what an event costs; `Date.now()` costs 50. So as long as the latter has not moved, the
 * former's last answer is given: less than a millisecond old.
 */
export function coarseClock(exact: () => number, date: () => number): Clock {
  let day = NaN;
  let moment = 0;
  let repeats = 0;
  return {
    now() {
      const today = date();
      if (today !== day || repeats++ >= MOST_REPEATS) {
        day = today;
        repeats = 0;
        moment = exact();
      }
      return moment;
    },
  };
}

/** Node, Bun and Deno: their clock is exact, and as cheap as the other. */
const isExactCheap = typeof (globalThis as { process?: unknown }).process === "object";

// Looked up at each call: tests put simulated clocks in the place of the host's.
const exactNow = (): number => performance.now();

/** The one clock, so that differences are never negative. */
export const clock: Clock = isExactCheap ? { now: exactNow } : coarseClock(exactNow, () => Date.now());
