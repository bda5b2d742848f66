import { StreamError } from "./errors.js";
import type { Telemetry } from "./telemetry/telemetry.js";
import type { TelemetryRequest } from "./telemetry/types.js";
import type { AggregateOptions } from "./types.js";

const CORE_OPTIONS = ["wire", "maxEventBytes", "maxItemBytes", "invalidUtf8", "n", "thinkTags", "thinkTagNames", "stallMs", "include"];
const PUSH_OPTIONS = [...CORE_OPTIONS, "partialJson", "telemetry", "request"];
const READ_OPTIONS = [...PUSH_OPTIONS, "idleTimeoutMs", "signal"];
/** What the core does not hear of. */
const FACADE_OPTIONS = ["partialJson", "signal", "telemetry", "request"];

/** The options for the core, and the signal. */
export interface SplitOptions {
  core: Record<string, unknown>;
  signal: AbortSignal | undefined;
  telemetry: Telemetry | undefined;
  partialJson: boolean;
  request: TelemetryRequest | undefined;
}

/** Checks the options' names and types; values are checked in Rust, where they mean something. */
export function splitOptions(options: AggregateOptions | undefined, forReading: boolean): SplitOptions {
  const core: Record<string, unknown> = {};
  if (options === undefined || options === null) {
    return { core, signal: undefined, telemetry: undefined, partialJson: false, request: undefined };
  }
  if (typeof options !== "object") throw badOption(`options must be an object, not ${typeof options}`);
  const names = forReading ? READ_OPTIONS : PUSH_OPTIONS;
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) {
      throw badOption(`unknown option "${name}"; there are ${names.join(", ")}`);
    }
    if (value !== undefined && !FACADE_OPTIONS.includes(name)) core[name] = checked(name, value);
  }
  const { signal, telemetry, partialJson = false, request } = options;
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw badOption("signal must be an AbortSignal");
  }
  if (typeof partialJson !== "boolean") throw badOption(`partialJson must be a boolean, not ${typeof partialJson}`);
  if (request !== undefined && (typeof request !== "object" || request === null)) {
    throw badOption("request must be an object");
  }
  return { core, signal, telemetry, partialJson, request };
}

function checked(name: string, value: unknown): unknown {
  switch (name) {
    case "wire":
    case "invalidUtf8":
    case "thinkTags":
      if (typeof value !== "string") throw badOption(`${name} must be a string, not ${typeof value}`);
      return value;
    case "include":
    case "thinkTagNames":
      if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string")) {
        throw badOption(`${name} must be an array of ${name === "include" ? "event names" : "names"}`);
      }
      return value;
    default:
      if (typeof value !== "number") throw badOption(`${name} must be a number, not ${typeof value}`);
      return value;
  }
}

function badOption(message: string): StreamError {
  return new StreamError("bad_option", message);
}
