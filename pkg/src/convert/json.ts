// Values of JSON that may be of any type.

/** An item, or anything else of JSON. */
export type Json = { [field: string]: unknown };

/** A string; empty for anything else. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** An object's fields; none for anything else. */
export function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** The elements of a list that are objects. */
export function objects(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter((part) => typeof part === "object" && part !== null) : [];
}

/** The object that a JSON text is; `undefined` for anything else. */
export function objectOf(json: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}
