// JSON texts to cut, and what patches make of a value.

import { random } from "./splits.mjs";

/** Values by chance, as JSON texts with all the spellings that JSON has. The same seed gives the same text. */
export function jsonText(seed, { keys, depth = 4 } = {}) {
  const { below, pick } = random(seed);
  const space = () => pick(["", "", "", " ", "\n  ", "\t"]);
  const letters = ["a", "b", " ", "é", "数", "😀", "\\n", '\\"', "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "{", "}", "[", ",", ":"];
  const string = () => `"${Array.from({ length: below(6) }, () => pick(letters)).join("")}"`;
  const key = () => `"${pick(keys ?? ["a", "b", "constructor", "toString", "__proto__", "", "0", "1", "é", "\\u0061", "\\\"x", "a:b"])}"`;
  const number = () => pick(["0", "-0", "7", "-12", "3.25", "1e3", "1.5E-7", "2e+9", "123456789012345678901234567890", "1e999"]);
  const list = (open, close, element) => open + space() + Array.from({ length: below(4) }, element).join(`${space()},${space()}`) + space() + close;
  const value = (left) => {
    const kind = below(left === 0 ? 5 : 9);
    if (kind === 0) return pick(["true", "false", "null"]);
    if (kind <= 2) return number();
    if (kind <= 4) return string();
    if (kind <= 6) return list("[", "]", () => value(left - 1));
    return list("{", "}", () => `${key()}${space()}:${space()}${value(left - 1)}`);
  };
  return space() + value(depth) + space();
}

/** Brings a copy of the value up to date with the patches of `PartialJson.patches()`. */
export function applied(value, patches) {
  const set = (target, key, value) =>
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  // The value itself is a member too, of a root around it.
  const root = { value };
  for (const { path, ...change } of patches) {
    const keys = ["value", ...path];
    const last = keys.pop();
    const parent = keys.reduce((at, key) => at[key], root);
    // What another call got must not change through this one.
    set(parent, last, "append" in change ? parent[last] + change.append : structuredClone(change.value));
  }
  return root.value;
}

/** The text in pieces of 1 to `2 * mean` characters. */
export function pieces(text, seed, mean) {
  const { below } = random(seed);
  const found = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + below(2 * mean);
    found.push(text.slice(at, end));
    at = end;
  }
  return found;
}
