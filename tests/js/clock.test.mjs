// The clock of pages: the exact one's answers, as long as the day's milliseconds stand still.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clock, coarseClock } from "../../pkg/dist/clock.js";

/** `[Date.now(), performance.now(), what is told]`, one after the other. */
const CASES = {
  "within a millisecond, the first answer": [[1000, 5.1, 5.1], [1000, 5.4, 5.1], [1000, 5.9, 5.1], [1001, 6.1, 6.1], [1001, 6.2, 6.1]],
  "a leap of the day's time, forward and back, leaves the differences right": [[1000, 5, 5], [90_000, 6, 6], [1000, 7, 7], [1000, 7.5, 7]],
  "an hour's sleep": [[1000, 5, 5], [3_601_000, 3_600_005, 3_600_005]],
};

for (const [name, steps] of Object.entries(CASES)) {
  test(name, () => {
    let at = 0;
    const coarse = coarseClock(() => steps[at][1], () => steps[at][0]);
    const told = steps.map((_, index) => {
      at = index;
      return coarse.now();
    });
    assert.deepEqual(told, steps.map((step) => step[2]));
  });
}

test("a day that stands still: the exact clock is asked all the same, now and then", () => {
  let exact = 0;
  const coarse = coarseClock(() => exact++, () => 1000);
  const told = Array.from({ length: 1000 }, () => coarse.now());
  assert.deepEqual(told, told.toSorted((a, b) => a - b));
  const different = new Set(told).size;
  assert.ok(different > 10 && different < 20, `${different} moments`);
});

test("in Node it is the host's own, whatever stands in its place", (t) => {
  const before = performance.now();
  const between = clock.now();
  assert.ok(before <= between && between <= performance.now());
  t.mock.method(performance, "now", () => 42.5);
  assert.equal(clock.now(), 42.5);
  const own = Object.getOwnPropertyDescriptor(globalThis, "performance");
  t.after(() => Object.defineProperty(globalThis, "performance", own));
  Object.defineProperty(globalThis, "performance", { value: { now: () => 43.5 }, configurable: true });
  assert.equal(clock.now(), 43.5);
});
