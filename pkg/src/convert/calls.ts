// A call's arguments.

import type { Entry, History } from "./history.js";
import { objectOf, text } from "./json.js";
import type { Json } from "./json.js";

/** The name under which Anthropic's documentation has text that is no JSON sent back. */
const INVALID = "INVALID_JSON";

/** The arguments as text; none are `{}`. */
export function argumentsText(entry: Entry, history: History, invalid: "keep" | "wrap"): string {
  const { arguments: args } = entry.item;
  // Some servers stream an object; an item made by hand may have one.
  const json = typeof args === "string" ? args : args === undefined ? "" : JSON.stringify(args);
  if (json.trim() === "") return "{}";
  if (invalid === "keep" || objectOf(json) !== undefined) return json;
  return JSON.stringify(wrapped(json, entry, history, "arguments"));
}

/** The arguments as an object; what is none is wrapped in one. */
export function argumentsObject(args: unknown, entry: Entry, history: History, field: string): Json {
  if (typeof args === "object" && args !== null && !Array.isArray(args)) return args as Json;
  const json = typeof args === "string" ? args : (JSON.stringify(args) ?? "");
  return json.trim() === "" ? {} : (objectOf(json) ?? wrapped(json, entry, history, field));
}

function wrapped(json: string, entry: Entry, history: History, field: string): Json {
  history.note(entry, "changed", `no JSON object: wrapped as {"${INVALID}": ".."}`, field);
  return { [INVALID]: json };
}

/** A custom tool's input as a function's arguments. */
export function inputAsArguments(entry: Entry, history: History): Json {
  history.note(entry, "changed", 'the API has functions only: the input is {"input": ".."}', "input");
  return { input: text(entry.item["input"]) };
}
