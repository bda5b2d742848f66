// What a value of the settings has to be. Errors begin with its place: `otel.exporter.otlp-http.protocol: ..`.

import { StreamError } from "../../errors.js";
import { shownUrl } from "../secrets.js";
import { meant } from "./meant.js";

export function asTable(path: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad(path, `must be a table, not ${kind(value)}`);
  }
  return value as Record<string, unknown>;
}

export function optionalString(path: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw bad(path, `must be a string, not ${kind(value)}`);
  if (value.trim() === "") throw bad(path, "it is empty");
  return value;
}

export function optionalBoolean(path: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw bad(path, `must be true or false, not ${shown(value)}`);
}

export function choice<Choice extends string>(
  path: string,
  value: unknown,
  choices: readonly Choice[],
  elsewhere: Record<string, string> = {},
): Choice | undefined {
  if (value === undefined) return undefined;
  const found = choices.find((name) => name === value);
  if (found !== undefined) return found;
  const isElsewhere = typeof value === "string" && Object.hasOwn(elsewhere, value);
  const other = isElsewhere ? `; for that use ${elsewhere[value]}` : "";
  throw bad(path, `must be ${choices.map((name) => `"${name}"`).join(" or ")}, not ${shown(value)}${other}`);
}

export function checkKeys(path: string, table: Record<string, unknown>, known: readonly string[]): void {
  for (const key of Object.keys(table)) {
    if (!known.includes(key)) throw bad(`${path}.${key}`, `unknown key${meant(key, known)}`);
  }
}

export function kind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

export function shown(value: unknown): string {
  if (typeof value === "string") {
    const text = /[/@?#]/.test(value) ? shownUrl(value) : value;
    return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}..` : text);
  }
  return typeof value === "object" ? kind(value) : String(value);
}

export function bad(path: string, message: string): StreamError {
  return new StreamError("bad_option", `${path}: ${message}`);
}
