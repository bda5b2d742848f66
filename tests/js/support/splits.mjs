// Ways to cut bytes into chunks, the same ones from the same seed.

/** xorshift32. */
export function random(seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  const below = (end) => Math.floor(next() * end);
  return { below, pick: (list) => list[below(list.length)] };
}

export const bytewise = (bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte));

/** Chunks of 0 to `2 * mean` bytes. */
export function split(bytes, seed, mean) {
  const { below } = random(seed);
  const chunks = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + below(2 * mean + 1));
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

/** Whole, byte by byte (short inputs only), and `count` random ways, each with a name. */
export function ways(bytes, count, { bytewiseUpTo = 20_000 } = {}) {
  const all = [["whole", [bytes]]];
  if (bytes.length <= bytewiseUpTo) all.push(["byte by byte", bytewise(bytes)]);
  for (let seed = 1; seed <= count; seed++) {
    const mean = 2 ** (1 + ((seed * 3) % Math.max(2, Math.floor(Math.log2(bytes.length + 4)))));
    all.push([`split(bytes, ${seed}, ${mean})`, split(bytes, seed, mean)]);
  }
  return all;
}
