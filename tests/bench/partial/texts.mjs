// JSON texts that arrive in so many fragments, the ways in which they are large.

import { random } from "../random.mjs";

const WORDS = [" stream", " the", " returns", "()", " const", " value", "é", " index", " 42", "流", " error", " response"];

/** By what grows: `rows` is an array of objects, as structured output is; `file` one string, as when a file is written. */
export const SHAPES = {
  rows: {
    title: "an array of objects that grows",
    make(fragments, word) {
      const rows = Math.floor((fragments - 2) / 4);
      const deltas = ['{"rows":['];
      for (let row = 0; row < rows; row++) {
        deltas.push(`${row === 0 ? "" : ","}{"id":${row},"name":"`, word(), word(), '","done":false}');
      }
      return [...deltas, ...Array.from({ length: fragments - 2 - rows * 4 }, () => "\n"), "]}"];
    },
  },
  file: {
    title: "one string that grows",
    make(fragments, word) {
      const content = Array.from({ length: fragments - 2 }, (_, at) => (at % 12 === 11 ? "\\n" : word()));
      return ['{"path":"src/stream.rs","content":"', ...content, '"}'];
    },
  },
};

/** The fragments of a text of this shape; always the same. */
export function deltasOf(shape, fragments) {
  const next = random(fragments);
  return SHAPES[shape].make(fragments, () => WORDS[Math.floor(next() * WORDS.length)]);
}
