// Canaries: texts that are in one place each, and are looked for in every other.
//
//   const canaries = new Canaries();
//   telemetry.userPrompt(canaries.of("prompt"));
//   canaries.in(JSON.stringify(records))          // ["prompt"], if it is there, or only its beginning or end

import { randomBytes } from "node:crypto";
import { inspect } from "node:util";

/** Each half of a canary is enough to know it by. */
const HALF = 10;

export class Canaries {
  #texts = new Map();

  /** The canary of this name. Letters and digits only, in small letters: no encoding of text changes it. */
  of(name) {
    if (!this.#texts.has(name)) this.#texts.set(name, `z${randomBytes(HALF - 1).toString("hex").slice(0, HALF - 1)}${randomBytes(HALF / 2).toString("hex")}`);
    return this.#texts.get(name);
  }

  /** The names of those of which a half or more is in the text, as it is or in base64; in order. */
  in(text) {
    const small = text.toLowerCase();
    const found = [...this.#texts].filter(([, canary]) =>
      small.includes(canary.slice(0, HALF)) || small.includes(canary.slice(-HALF)) || text.includes(Buffer.from(canary).toString("base64").slice(4, 20)));
    return found.map(([name]) => name).sort();
  }
}

/** Everything that a program's log could show of an error: as text, printed with all causes, and as JSON. */
export function told(error) {
  return [String(error), error?.stack, error?.message, inspect(error, { depth: 12 }), JSON.stringify(error), JSON.stringify({ ...error }), JSON.stringify(error?.cause)].join("\n");
}

/** What is written to the console while the test runs. */
export function consoleOf(t) {
  const lines = [];
  for (const method of ["debug", "error", "info", "log", "trace", "warn"]) {
    t.mock.method(console, method, (...values) => lines.push(values.map((value) => (typeof value === "string" ? value : inspect(value, { depth: 12 }))).join(" ")));
  }
  return lines;
}
