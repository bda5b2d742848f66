// The public words of the telemetry.

import type { TelemetryWarning } from "./driver.js";
import type { Timings } from "../types.js";
import type { OtelSettings } from "./settings.js";

/** How much of a content may leave: all, nothing (`[REDACTED]`), or its beginning. */
export type ContentSwitch = boolean | { maxBytes: number };

/** What a {@link Telemetry} is made of. */
export interface TelemetryOptions {
  /** `conversation.id` of every record. */
  conversationId: string;
  /** `model`. */
  model: string;
  /** `slug`: the model's family. Default: the model. */
  slug?: string;
  /** `app.version`. */
  appVersion: string;
  /** `terminal.type`. Default `"unknown"`. */
  terminalType?: string;
  /** `auth_mode`, e.g. `ApiKey`. */
  authMode?: string;
  /** `user.account_id`. */
  accountId?: string;
  /** The resource's `service.name`. Default `"codex-cli"`. */
  serviceName?: string;
  /** The resource's `service.version`. Default: `appVersion`. */
  serviceVersion?: string;
  /** The `[otel]` table, as an object or as TOML text. Default: no export. */
  otel?: OtelSettings | string;
  /** Where `${NAME}` in endpoints and headers is taken from. Default: `process.env` in Node. */
  env?: Record<string, string | undefined>;
  /** `"codex"` (default): counts are typed as the reference sends them; `"typed"`: all counts are integers. */
  attributeTypes?: "codex" | "typed";
  /** Records of a stream's events: each (default), bad ones and a summary, or only the end's. */
  sseEvents?: "all" | "summary" | "off";
  /**
   * One more record per stream, at its end, complete or not: `streamgauge.stream_timings` with `duration_ms`, `success`, and
   * what happened of {@link Timings}, as doubles and integers: `time_to_first_byte_ms`, `time_to_first_token_ms`,
   * `time_to_first_text_ms`, `gap_count`, `gap_p50_ms`, `gap_p95_ms`, `gap_max_ms`, `stall_count`, `stall_total_ms`,
   * `tokens_per_second`. With `sseEvents: "summary"` the summary has the same timings anyway. Default `false`.
   */
  streamTimings?: boolean;
  /** What of tool arguments is exported. Default: all, as the reference does. */
  logToolArguments?: ContentSwitch;
  /** What of tool output is exported. Default: all, as the reference does. */
  logToolOutput?: ContentSwitch;
  /** A W3C `traceparent`: its ids go into every record, and `fetch` sends it. */
  traceparent?: string;
  /** How often `fetch` tries again after 429, 5xx and failed connections. Default 4. */
  maxRetries?: number;
  /** The fetch that `telemetry.fetch` wraps. Default: the global one at the time of construction. */
  fetch?: typeof globalThis.fetch;
  /** Is told of problems of the telemetry, once per kind. Default: `console.warn`. */
  onWarning?: (warning: TelemetryWarning) => void;
}

/** `codex.conversation_starts`; what is absent is omitted. */
export interface ConversationStart {
  provider_name?: string;
  reasoning_effort?: string;
  reasoning_summary?: string;
  context_window?: number;
  max_output_tokens?: number;
  auto_compact_token_limit?: number;
  approval_policy?: string;
  sandbox_policy?: string;
  mcp_servers?: string[];
  active_profile?: string;
}

/** `codex.tool_decision`. */
export interface ToolDecision {
  tool_name: string;
  call_id: string;
  decision: "approved" | "approved_for_session" | "denied" | "abort";
  source: "config" | "user";
}

/** `codex.tool_result`. */
export interface ToolResult {
  tool_name: string;
  call_id?: string;
  arguments?: string;
  /** How long the tool ran, in milliseconds. */
  duration_ms: number;
  success: boolean;
  output: string;
}

/**
 * What an attribute of {@link Telemetry.log} may be.
 *
 * Whole numbers of up to 64 bits are integers, other numbers doubles, larger `bigint`s their decimal digits. OTLP's JSON
 * has no numbers for `NaN` and the infinities: there they are texts. `null` is an attribute without a value, `undefined`
 * is none. A lone surrogate becomes U+FFFD. An object that has `toJSON`, as `Date` has, is what that returns, an
 * error is its text, an object that holds itself is null there. Arrays and objects nest 24 deep, and one event has at most
 * 2 000 values; what is beyond that is left out.
 */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | ArrayBuffer
  | ArrayBufferView
  | Error
  | { toJSON(): unknown }
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/** The call that {@link Telemetry.runTool} measures. */
export type ToolCall = Pick<ToolResult, "tool_name" | "call_id" | "arguments">;
