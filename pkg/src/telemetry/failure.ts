type ErrorLike = Partial<Record<"message" | "code" | "cause", unknown>> & { errors?: unknown[] };

/** What went wrong, in one line. Node's `fetch` hides the reason in a chain of causes. */
export function describe(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 4; depth++) {
    if (typeof at !== "object") return [...parts, String(at)].join(": ");
    const { message, code, cause, errors } = at as ErrorLike;
    const text = [message, code].find((part) => typeof part === "string" && part !== "") as string | undefined;
    if (text !== undefined && !parts.includes(text)) parts.push(text);
    at = cause ?? errors?.[0];
  }
  return parts.join(": ") || "unknown error";
}
