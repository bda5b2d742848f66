// The ids of calls.

import type { Entry } from "./history.js";
import { text } from "./json.js";

/** Ids of calls that an API takes. */
export interface IdRule {
  longest: number;
  /** Whether only letters, digits, `_` and `-` are allowed. */
  plain: boolean;
}

/** Gives every call an id of its own that the API takes, and its output the same. */
export function nameCalls(entries: Entry[], fit: (id: string) => string): void {
  const used = new Set<string>();
  for (const [at, entry] of entries.entries()) {
    const raw = text(entry.item["call_id"]);
    if (entry.kind === "output") {
      entry.callId = entry.partner?.callId ?? fit(raw);
    } else if (entry.kind === "call") {
      const base = raw === "" ? `call_${at}` : raw;
      let id = fit(base);
      for (let again = 2; used.has(id); again++) id = fit(`${base}_${again}`);
      used.add(id);
      entry.callId = id;
    }
  }
}

/** The id where the API takes it; else a short form, the same every time, so that what is converted piece by piece fits. */
export function fitId(id: string, { longest, plain }: IdRule): string {
  const fits = id.length <= longest && !(plain && /[^\w-]/.test(id));
  if (fits) return id;
  const tail = `_${checksum(id)}`;
  return id.replace(/[^\w-]/g, "_").slice(0, longest - tail.length) + tail;
}

/** Two 32-bit FNV-1a sums of the text, in letters and digits. */
function checksum(id: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < id.length; at++) {
    a = Math.imul(a ^ id.charCodeAt(at), 0x01000193);
    b = Math.imul(b ^ id.charCodeAt(at), 0x85ebca6b);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}
