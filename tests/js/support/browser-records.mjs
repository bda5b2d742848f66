// Records that can be counted: in the page, and in Node to know their size.

/**
 * Records `count` events, number `from` and on: `codex.tool_result` with a `call_id` of its own, all of one size.
 *
 * @param bytes of filling.
 */
export function fill(telemetry, from, count, bytes = 0) {
  const output = "x".repeat(bytes);
  for (let at = from; at < from + count; at++) {
    telemetry.toolResult({ tool_name: "count", call_id: name(at), arguments: "{}", duration_ms: 1, success: true, output });
  }
}

/** The `call_id` of a record. */
export const name = (at) => `record-${String(at).padStart(6, "0")}`;

/** Those of `count` records. */
export const names = (count, from = 0) => Array.from({ length: count }, (_, at) => name(from + at));
