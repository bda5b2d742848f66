// When deltas came, and what they were of: what the plots are made of. Times are milliseconds since the start.

export const KINDS = ["reasoning", "text", "arguments"];

/** A rate over less than this is noise. */
const CHUNKS_PER_BIN = 2.5;
/** Widths that a bin may have, in milliseconds. */
const WIDTHS = [
  1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10_000, 30_000, 60_000,
];

export class Samples {
  /** How many chunks had a delta. */
  length = 0;
  totals = { reasoning: 0, text: 0, arguments: 0 };
  #times = new Float64Array(1024);
  #counts = Object.fromEntries(KINDS.map((kind) => [kind, new Uint32Array(1024)]));

  /** One chunk: how many deltas of each kind it brought. */
  push(time, counts) {
    if (this.length === this.#times.length) this.#grow();
    this.#times[this.length] = time;
    for (const kind of KINDS) {
      this.#counts[kind][this.length] = counts[kind];
      this.totals[kind] += counts[kind];
    }
    this.length++;
  }

  get total() {
    return this.totals.reasoning + this.totals.text + this.totals.arguments;
  }

  get last() {
    return this.length === 0 ? 0 : this.#times[this.length - 1];
  }

  get first() {
    return this.length === 0 ? 0 : this.#times[0];
  }

  /**
   * Rates over `end` milliseconds: `{ width, bins: [{ reasoning, text, arguments }] }` per second. There are at most `most`
   * bins, and fewer where they would hold next to nothing.
   */
  rates(end, most) {
    const least = Math.max(end / most, (CHUNKS_PER_BIN * (this.last - this.first)) / Math.max(1, this.length));
    const width = WIDTHS.find((each) => each >= least) ?? least;
    const bins = Array.from({ length: Math.ceil(end / width) || 1 }, () => ({ reasoning: 0, text: 0, arguments: 0 }));
    const perSecond = 1000 / width;
    for (let at = 0; at < this.length; at++) {
      const bin = bins[Math.min(bins.length - 1, Math.floor(this.#times[at] / width))];
      for (const kind of KINDS) bin[kind] += this.#counts[kind][at] * perSecond;
    }
    return { width, bins };
  }

  /** Deltas per second over the last `span` milliseconds before `now`. */
  rateAt(now, span) {
    let sum = 0;
    for (let at = this.length - 1; at >= 0 && this.#times[at] > now - span; at--) {
      for (const kind of KINDS) sum += this.#counts[kind][at];
    }
    return (sum * 1000) / span;
  }

  /** The longest gap that ends in each of `columns` equal parts of `end` milliseconds; 0 for none. */
  gaps(end, columns) {
    const longest = new Float64Array(columns);
    for (let at = 1; at < this.length; at++) {
      const column = Math.min(columns - 1, Math.floor((this.#times[at] / end) * columns));
      longest[column] = Math.max(longest[column], this.#times[at] - this.#times[at - 1]);
    }
    return longest;
  }

  /** Gaps between chunks: `{ median, p95, longest }`; `undefined` with fewer than two chunks. */
  gapStatistics() {
    if (this.length < 2) return undefined;
    const gaps = new Float64Array(this.length - 1);
    for (let at = 1; at < this.length; at++) gaps[at - 1] = this.#times[at] - this.#times[at - 1];
    gaps.sort();
    const quantile = (part) => gaps[Math.min(gaps.length - 1, Math.floor(part * gaps.length))];
    return { median: quantile(0.5), p95: quantile(0.95), longest: gaps[gaps.length - 1] };
  }

  /** The gap that a moment lies in; `undefined` before the first chunk and after the last. */
  gapAt(time) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low === 0 || low === this.length ? undefined : this.#times[low] - this.#times[low - 1];
  }

  #grow() {
    const grown = (old) => {
      const larger = new old.constructor(old.length * 2);
      larger.set(old);
      return larger;
    };
    this.#times = grown(this.#times);
    for (const kind of KINDS) this.#counts[kind] = grown(this.#counts[kind]);
  }
}
