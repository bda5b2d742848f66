/** The module as pkg/scripts/inline.mjs writes it: its length, the bytes by how often they are used, and its text. */
export type InlinedModule = [length: number, alphabet: string, text: string];

/** Characters that announce a second one; the first of all that are used. */
const LEADS = 2;

/** The bytes of an inlined module. */
export function readInlined([length, alphabet, text]: InlinedModule): Uint8Array<ArrayBuffer> {
  const places = new Uint8Array(128);
  let count = 0;
  for (let code = 32; code < 127; code++) if (!'"\\`$<'.includes(String.fromCharCode(code))) places[code] = count++;
  const byUse = Uint8Array.from({ length: 256 }, (_, at) => parseInt(alphabet.slice(2 * at, 2 * at + 2), 16));
  const bytes = new Uint8Array(length);
  for (let at = 0, read = 0; at < length; at++) {
    const place = places[text.charCodeAt(read++)]!;
    const use = place < LEADS ? count - LEADS + place * count + places[text.charCodeAt(read++)]! : place - LEADS;
    bytes[at] = byUse[use]!;
  }
  return bytes;
}
