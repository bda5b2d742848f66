// The WebAssembly module as text in a JavaScript file. Not base64: that hides from a compressor where bytes begin, and
// costs a third of the download. Here each byte that is common is one character and each that is rare is two, so what
// repeats in the module repeats in the text; compressed, it is some 3 % larger than the module itself. All of it is
// ASCII, which no bundler rewrites and no server spoils.
//
// pkg/src/inline.ts reads it; a test does both.

// Printable, without what a string literal (or a template of a page that has the script inline) would need escaped.
const CHARACTERS = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).filter((c) => !"\"\\`$<".includes(c));
/** Characters that announce a second one. */
const LEADS = 2;

/** The text of dist/core-inline.js. */
export function inlineModule(bytes) {
  const { alphabet, text } = encode(bytes);
  return `export default [${bytes.length},${JSON.stringify(alphabet)},${JSON.stringify(text)}];\n`;
}

/** `alphabet` has, for each character and then for each pair, the byte that it stands for, as a number in hexadecimal. */
export function encode(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  const byUse = [...counts.keys()].sort((a, b) => counts[b] - counts[a] || a - b);
  const leads = CHARACTERS.slice(0, LEADS);
  const singles = CHARACTERS.slice(LEADS);
  const codes = [...singles, ...leads.flatMap((lead) => CHARACTERS.map((second) => lead + second))];
  const codeOf = new Array(256);
  byUse.forEach((byte, at) => (codeOf[byte] = codes[at]));
  const alphabet = byUse.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  let text = "";
  for (const byte of bytes) text += codeOf[byte];
  return { alphabet, text };
}
