// Seeded randomness: the same streams and the same order on every machine.

/** A generator of numbers in [0, 1) (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A copy in random order. */
export function shuffled(list, next) {
  const copy = [...list];
  for (let left = copy.length; left > 1; left--) {
    const at = Math.floor(next() * left);
    [copy[left - 1], copy[at]] = [copy[at], copy[left - 1]];
  }
  return copy;
}
