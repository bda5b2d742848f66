// The time axis that all plots share.

/** Ends that an axis may have while a run goes on, in milliseconds: it grows in steps, so that nothing creeps. */
const STEPS = [1, 1.5, 2, 3, 4, 6, 8];

/** Where the axis ends, in milliseconds. */
export function axisEnd(run) {
  const elapsed = Math.max(run?.elapsed ?? 0, 1);
  if (run === undefined) return 1000;
  return run.running ? niceAbove(Math.max(elapsed, 1000)) : elapsed * 1.01;
}

function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * (STEPS.find((step) => step * power >= value) ?? 10);
}

/** The distance of ticks so that there are at most `most`. */
export function tickStep(end, most) {
  const power = 10 ** Math.floor(Math.log10(end / most));
  return power * ([1, 2, 5, 10].find((step) => end / (step * power) <= most) ?? 10);
}
