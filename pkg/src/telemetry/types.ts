// The public words of the telemetry.

import type { TelemetryWarning } from "./driver.js";
import type { Timings } from "../types.js";
import type { Conventions, OtelSettings } from "./settings/types.js";

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
  /**
   * Which conventions the run's events follow: `"codex"` (default), the reference's catalog; `"gen_ai"`, OpenTelemetry's
   * semantic conventions for generative AI: an event and metrics for each request; or `"both"`. Default: that of `otel`.
   */
  conventions?: Conventions;
  /**
   * Which version of the conventions for generative AI, which are in development: `"1.41.0"` (default), the last of
   * OpenTelemetry's semantic-conventions that has them; `"latest"`, semantic-conventions-genai as of November 2026.
   */
  semconv?: "1.41.0" | "latest";
  /** `gen_ai.provider.name`, e.g. `"azure.ai.openai"`. Default: told by the server's name, else by the API that it speaks. */
  provider?: string;
  /**
   * What of messages goes into the event `gen_ai.client.inference.operation.details`: nothing (default), all, or at most so
   * many bytes of each text. Never more than 1 MiB in one event.
   */
  captureContent?: ContentSwitch;
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

/** `codex.conversation_starts`: its fields are the reference's attributes of the same names; what is absent is omitted. */
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
  /** The tool's name. */
  tool_name: string;
  /** The id of the call that was decided on. */
  call_id: string;
  /** What was decided. */
  decision: "approved" | "approved_for_session" | "denied" | "abort";
  /** Whether settings decided, or the user did. */
  source: "config" | "user";
}

/** `codex.tool_result`. */
export interface ToolResult {
  /** The tool's name. */
  tool_name: string;
  /** The id of the call that it answers. */
  call_id?: string;
  /** The call's arguments as JSON text; what of them is exported, `logToolArguments` says. */
  arguments?: string;
  /** How long the tool ran, in milliseconds. */
  duration_ms: number;
  /** Whether it did what it was to do. */
  success: boolean;
  /** What it gave; what of it is exported, `logToolOutput` says. */
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

/**
 * What a stream answers, as far as it should be recorded by the conventions for generative AI. Of a response of
 * `telemetry.fetch`, model, server and parameters are known (from its URL and body); what is given here counts before that.
 */
export interface TelemetryRequest {
  /** `gen_ai.request.model`. Default: the telemetry's `model`. */
  model?: string;
  /** `server.address`, without the port. */
  serverAddress?: string;
  /** `server.port`. */
  serverPort?: number;
  /** Parameters of the request's body as the API has them: `temperature`, `max_tokens`, `stop`, .. Others are passed over. */
  parameters?: { readonly [name: string]: unknown };
  /** `gen_ai.input.messages`, with `captureContent` only. */
  inputMessages?: readonly GenAiMessage[];
  /** `gen_ai.system_instructions`, with `captureContent` only. */
  systemInstructions?: readonly GenAiPart[];
}

/** A message in the form of the conventions for generative AI. */
export interface GenAiMessage {
  /** `user`, `assistant`, `system` or `tool`. */
  role: string;
  /** What it says, in order. */
  parts: readonly GenAiPart[];
}

/** A part of a message, e.g. `{ type: "text", content: ".." }`; which types there are, the conventions' JSON schemas say. */
export interface GenAiPart {
  type: string;
  readonly [name: string]: AttributeValue;
}

/** The call that {@link Telemetry.runTool} measures. */
export type ToolCall = Pick<ToolResult, "tool_name" | "call_id" | "arguments">;
