// Numbers for people. Times are in milliseconds.

/** `0.4 ms`, `18 ms`, `1.24 s`, `2 min 05 s`; a dash for what is not known. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `20 000` as `20,000`; a dash for what is not known. */
export function count(value) {
  return value === null || value === undefined ? "–" : WHOLE.format(value);
}

/** A rate: two digits below ten. */
export function rate(perSecond) {
  if (!Number.isFinite(perSecond)) return "–";
  return perSecond < 10 ? perSecond.toFixed(1) : count(perSecond);
}

/** `34.6 KB`. */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1000) return `${value} B`;
  return value < 1e6 ? `${(value / 1000).toFixed(1)} KB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** `1 item`, `2 items`. */
export function several(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}
