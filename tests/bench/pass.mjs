// How a contestant's passes are timed. No Node API: pages use it as well, without `cpu`.

import { differs } from "./result.mjs";

/** Short streams are read several times per sample: clocks are coarse, and a pass has to be longer than their step. */
const SAMPLE_MS = 40;

/**
 * Reads the stream again and again until `budgetMs` are used (at least once), and returns the medians of a sample's
 * microseconds per event: `wall`, and `cpu` where there is such a clock (it counts the collector's threads too).
 * Throws if a result is wrong: then its time means nothing. Garbage is collected when it is, never on demand: after a
 * forced collection V8's young generation is small, and short passes cost three times what they do.
 */
export async function timePasses(run, { source, events, expected, loses, budgetMs, clock }) {
  const samples = [];
  let spent = 0;
  let passes = 1;
  do {
    const before = clock();
    let result;
    for (let pass = 0; pass < passes; pass++) result = await run(source);
    const after = clock();
    const problem = differs(result, expected, loses);
    if (problem !== undefined) throw new Error(problem);
    const wall = after.wall - before.wall;
    spent += wall;
    if (wall < SAMPLE_MS && samples.length === 0 && spent < budgetMs) {
      // Too short to count: more passes per sample.
      passes = Math.ceil((passes * SAMPLE_MS * 1.2) / Math.max(wall, 0.5));
      if (passes > 1) continue;
    }
    const perEvent = (name) => ((after[name] - before[name]) * 1000) / (passes * events);
    samples.push({ wall: perEvent("wall"), ...(after.cpu === undefined ? {} : { cpu: perEvent("cpu") }) });
  } while (spent < budgetMs || samples.length === 0);
  const medians = Object.keys(samples[0]).map((name) => [name, median(samples.map((sample) => sample[name]))]);
  return { ...Object.fromEntries(medians), samples: samples.length };
}

/** Lets the compilers see the code: reads a short stream until the time is up, and at least three times. */
export async function warmUp(run, { source, forMs }) {
  const until = performance.now() + forMs;
  for (let pass = 0; pass < 3 || performance.now() < until; pass++) await run(source);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
