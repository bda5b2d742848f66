// Ratios of results. Two contestants are compared within a round, where they ran close together; then the median.

import { median } from "./pass.mjs";

/** The result of one cell, or `undefined`. */
export function find(results, wanted) {
  const matches = (result) => Object.entries({ kind: "mixed", ...wanted }).every(([key, value]) => result[key] === value);
  return results.find((result) => matches(result) && result.error === undefined);
}

/** How many times more of `clock` the first takes than the second; `undefined` when one is missing. */
export function ratio(slower, faster, clock = "cpu") {
  if (slower === undefined || faster === undefined) return undefined;
  const rounds = slower.times.flatMap((time, round) =>
    time && faster.times[round] ? [time[clock] / faster.times[round][clock]] : []);
  return rounds.length === 0 ? undefined : median(rounds);
}

/** The median time of a result. */
export const typical = (result, clock = "cpu") =>
  result === undefined ? undefined : median(result.times.filter(Boolean).map((time) => time[clock]));
