// Events on their way into the core: checked here, in the words that the core has for its own checks, and handed over in
// parts. As objects they would cross as JSON text, which costs more than all else that their records do.

import type { TelemetryCore } from "../core.js";
import { StreamError } from "../errors.js";
import { describe } from "./failure.js";
import type { Attempt } from "./fetch.js";
import type { ToolDecision, ToolResult } from "./types.js";

/** As in src/telemetry/catalog.rs. */
const DECISIONS = ["approved", "approved_for_session", "denied", "abort"];
const SOURCES = ["config", "user"];

/** Each records an event, and returns whether the core wants something now. */
export function recordAttempt(core: TelemetryCore, attempt: Attempt): boolean {
  return core.apiRequest(attempt.attempt, attempt.duration_ms, attempt.status, attempt.error_message, attempt.cf_ray);
}

/** @throws {@link StreamError} `bad_option` */
export function recordDecision(core: TelemetryCore, event: ToolDecision): boolean {
  const { tool_name, call_id, decision, source } = fieldsOf(event, decisionFields);
  text("tool_name", tool_name);
  text("call_id", call_id);
  text("decision", decision);
  text("source", source);
  word("decision", decision, DECISIONS);
  word("source", source, SOURCES);
  const texts = `${tool_name}\n${call_id}\n${decision}\n${source}`;
  return core.toolDecision(texts, tool_name.length, call_id.length, decision.length);
}

/** @throws {@link StreamError} `bad_option` */
export function recordResult(core: TelemetryCore, event: ToolResult): boolean {
  const { tool_name, call_id, arguments: args, duration_ms, success, output } = fieldsOf(event, resultFields);
  text("tool_name", tool_name);
  const id = optional("call_id", call_id);
  const given = optional("arguments", args);
  // As in JSON, `null` is a number that is none.
  if (typeof duration_ms !== "number" && duration_ms !== null) throw bad("duration_ms", "a number");
  if (typeof success !== "boolean") throw bad("success", "true or false");
  text("output", output);
  const texts = `${tool_name}\n${id === undefined ? "" : `${id}\n`}${given ?? ""}`;
  const duration = Number.isFinite(duration_ms) ? duration_ms : 0;
  return core.toolResult(texts, tool_name.length, id?.length ?? -1, given !== undefined, output, duration, success);
}

function decisionFields({ tool_name, call_id, decision, source }: ToolDecision): ToolDecision {
  return { tool_name, call_id, decision, source };
}

function resultFields({ tool_name, call_id, arguments: args, duration_ms, success, output }: ToolResult) {
  return { tool_name, call_id, arguments: args, duration_ms, success, output };
}

/** Reads each field once; what a getter throws is told in its own words. */
function fieldsOf<T extends object, F>(event: T, read: (event: T) => F): F {
  if (typeof event !== "object" || event === null) throw new StreamError("bad_option", "telemetry: an event must be an object");
  try {
    return read(event);
  } catch (error) {
    throw new StreamError("bad_option", describe(error));
  }
}

function text(name: string, value: unknown): void {
  if (typeof value !== "string") throw bad(name, "a string");
}

function optional(name: string, value: string | null | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  text(name, value);
  return value;
}

function word(name: string, value: string, words: readonly string[]): void {
  if (words.includes(value)) return;
  throw new StreamError("bad_option", `${name} must be one of ${words.join(", ")}, not "${value}"`);
}

function bad(name: string, kind: string): StreamError {
  return new StreamError("bad_option", `telemetry event: ${name} must be ${kind}`);
}
