// In the page: many streams at once, and for how long they keep everything else from running.

import { MARKS } from "./marks.mjs";

/** A timer of 0 ms comes after this, once it is nested; what is beyond it is lateness. */
const CLAMP_MS = 4;

/** Reads all `urls` with `read(response, onDelta)` while probes look; `read` may be absent: then nothing is read. */
export async function bench(read, { urls, idleMs }) {
  const longTasks = [];
  const observer = new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ entryTypes: ["longtask"] });

  let worst = 0;
  let looking = true;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    worst = Math.max(worst, now - last - CLAMP_MS);
    last = now;
    if (looking) setTimeout(look, 0);
  };
  setTimeout(look, 0);

  let deltas = 0;
  performance.mark(MARKS.start);
  const started = performance.now();
  if (read === undefined) await new Promise((resolve) => setTimeout(resolve, idleMs));
  else await Promise.all(urls.map(async (url) => read(await fetch(url), () => deltas++)));
  const seconds = (performance.now() - started) / 1000;
  performance.mark(MARKS.end);
  looking = false;
  observer.disconnect();
  return { seconds, deltas, lateness: worst, longTasks: longTasks.length, longestTask: Math.max(0, ...longTasks) };
}
