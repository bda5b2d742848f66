// The public vocabulary. Event and item fields are snake_case as on the wire (items go back to the API as
// they are); options are camelCase.

import type { Telemetry } from "./telemetry/telemetry.js";
import type { TelemetryRequest } from "./telemetry/types.js";

/** Which API's stream it is. `"auto"` decides by the first frames, whatever event names and content type say. */
export type Wire = "auto" | "chat" | "responses" | "anthropic";

/** Extra events, off unless asked for. */
export type IncludeName = "created" | "output_item.added" | "tool_call.delta" | "raw";

/** How a stream is aggregated. */
export interface AggregatorOptions {
  /** Which API's stream it is. Default `"auto"`. */
  wire?: Wire;
  /** The most bytes one SSE event may have before the stream fails with `event_too_large`. Default 8 MiB. */
  maxEventBytes?: number;
  /**
   * The most bytes that one item may gather (text, arguments, and what the provider adds) before the same
   * error. Default 64 MiB.
   */
  maxItemBytes?: number;
  /**
   * What to do with bytes that are not UTF-8. `"replace"` (default): U+FFFD and go on, as browsers do.
   * `"error"`: fail with `invalid_utf8`.
   */
  invalidUtf8?: "replace" | "error";
  /**
   * How many choices the request asked for. `1` folds every choice index into one, for servers that count
   * the index up with each chunk (Foundry Local). By default indices are taken as they come.
   */
  n?: number;
  /**
   * Whether thoughts between tags in the text (`<think>..</think>`, as some servers leave them there) become reasoning:
   * `reasoning.delta` events and a reasoning item ahead of the message, the tags themselves are left out.
   *
   * - `"off"` (default): the text stays as the API sent it.
   * - `"auto"`: tags count before any visible text, so an answer may speak of them. Several blocks may follow each other.
   *   Thoughts that a field of their own brings as well (`reasoning_content`, a block of thinking) are told once.
   * - `"inside"`: the first text begins with thoughts, whether or not an opening tag says so, for servers whose prompt
   *   has it: all is reasoning up to the closing tag, or to the end.
   *
   * Only what may be the beginning of a tag is held back. White space around the blocks stays where it is. Indices in
   * annotations and citations are as the API counts them, with the tags.
   */
  thinkTags?: "off" | "auto" | "inside";
  /** The tags' names, 1 to 16. Default `["think"]`. */
  thinkTagNames?: readonly string[];
  /** From how many milliseconds without a delta on a gap counts as a stall in {@link Timings}. Default 1 000. */
  stallMs?: number;
  /** Extra events. Default none. */
  include?: readonly IncludeName[];
  /**
   * Whether `partialOutput(event)` is to know the JSON value of the text so far, for structured output. Default `false`.
   * (`partialArguments(event)` for tool calls needs only `include: ["tool_call.delta"]`.)
   */
  partialJson?: boolean;
  /** Records the stream: one `codex.sse_event` per SSE event, and its end; or what the telemetry's `conventions` say. */
  telemetry?: Telemetry;
  /** What the stream answers, for a telemetry whose `conventions` include `gen_ai`. */
  request?: TelemetryRequest;
}

/** How a source is read and aggregated. */
export interface AggregateOptions extends AggregatorOptions {
  /** Ends the stream with `aborted` and cancels the body. */
  signal?: AbortSignal;
  /**
   * How long nothing at all may arrive while you wait for an event, in milliseconds; keep-alive comments
   * count as life, the time that you take per event does not count. 0: no limit. Default 300 000.
   */
  idleTimeoutMs?: number;
}

/** What {@link aggregate} reads. Objects are told by what they can do, so polyfills work too. */
export type Source =
  | Response
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | Uint8Array
  | ArrayBuffer;

/** One event of a stream. Events of a choice other than 0 (`n` > 1) carry its index as `choice`. */
export type StreamEvent =
  | CreatedEvent
  | OutputItemAddedEvent
  | OutputTextDeltaEvent
  | ReasoningDeltaEvent
  | ReasoningSummaryDeltaEvent
  | RefusalDeltaEvent
  | ToolCallDeltaEvent
  | OutputItemDoneEvent
  | RawEvent
  | CompletedEvent;

/** The response began. On the chat wire only with `include: ["created"]`. */
export interface CreatedEvent {
  type: "created";
  /** As far as known; empty when the first chunk has none. */
  response_id: string;
  /** As far as known; empty when the first chunk has none. */
  model: string;
}

/** An item began. Only with `include: ["output_item.added"]`. */
export interface OutputItemAddedEvent {
  type: "output_item.added";
  /** The item's place in the order of appearance, from 0. */
  index: number;
  /**
   * The item, still empty, with `status: "in_progress"`. As the API announced it: every item of the Responses API, and
   * what of Anthropic's is passed on as it came.
   */
  item: Item;
  /** The choice's index, when it is not 0. */
  choice?: number;
}

/** Visible text; never empty. */
export interface OutputTextDeltaEvent {
  type: "output_text.delta";
  /** The new piece of text. Never half a surrogate pair. */
  delta: string;
  /** The choice's index, when it is not 0. */
  choice?: number;
}

/** Raw reasoning; never empty. */
export interface ReasoningDeltaEvent {
  type: "reasoning.delta";
  /** The new piece of reasoning. */
  delta: string;
  /** The choice's index, when it is not 0. */
  choice?: number;
}

/** A piece of a summary of the reasoning; never empty. Responses API only. */
export interface ReasoningSummaryDeltaEvent {
  type: "reasoning_summary.delta";
  /** The new piece of that part. */
  delta: string;
  /** The part of the summary that grows. */
  summary_index: number;
}

/** The text of a refusal; never empty. */
export interface RefusalDeltaEvent {
  type: "refusal.delta";
  /** The new piece of the refusal. */
  delta: string;
  /** The choice's index, when it is not 0. */
  choice?: number;
}

/** A piece of a tool call's arguments. Only with `include: ["tool_call.delta"]`. */
export interface ToolCallDeltaEvent {
  type: "tool_call.delta";
  /** As far as known; empty when the provider sent none (yet). */
  call_id: string;
  /** As far as known. */
  name: string;
  /** The new piece of the arguments' JSON text; empty when only id or name came. */
  delta: string;
  /** The call's place among the choice's calls, from 0, in order of appearance. */
  index: number;
  /** The choice's index, when it is not 0. */
  choice?: number;
}

/** An item is finished; in a stream that then fails, all that arrived of it (`status: "incomplete"`). */
export interface OutputItemDoneEvent {
  type: "output_item.done";
  /** The item, whole, or marked `incomplete`. */
  item: Item;
  /** The choice's index, when it is not 0. */
  choice?: number;
}

/** An SSE frame as it came. Only with `include: ["raw"]`. */
export interface RawEvent {
  type: "raw";
  /** The event's name; `message` without an `event:` line. */
  event: string;
  /** The last event id, when there is one. */
  id?: string;
  /** The event's data: its `data:` lines, joined by line feeds. */
  data: string;
  /** Why the frame could not be used: the UTF-8 error, or the JSON parser's words. The stream goes on. */
  error?: string;
}

/** The response is complete; always the last event, once. */
export interface CompletedEvent extends Completion {
  type: "completed";
}

/** The end of a response. */
export interface Completion {
  /** The response's id; empty when the provider sent none. */
  response_id: string;
  /** The model that answered; empty when the provider sent none. */
  model: string;
  /**
   * The last reason that choice 0 gave, as sent; `null` when it gave none. Responses API: why the response is
   * incomplete, else `completed`. Anthropic: the `stop_reason`; the `stop_sequence` is in `provider`.
   */
  finish_reason: string | null;
  /** The same in OpenAI's words (`stop`, `length`, `tool_calls`, `content_filter`, ..); others as sent. */
  finish_reason_normalized: string | null;
  /** Token counts; `null` when the provider sent none. */
  token_usage: TokenUsage | null;
  /** Why the stream counts as complete. */
  ended_by: EndedBy;
  /** When things happened. */
  timings: Timings;
  /**
   * Fields of the provider's chunks that have no place elsewhere (citations, fingerprints, ..), last value. Anthropic:
   * all of the merged `usage` when it is more than the counts, `stop_sequence`, `stop_details`, `container`, ..
   */
  provider?: Record<string, unknown>;
}

/**
 * Why a stream counts as complete: `done` is `[DONE]`; `terminal_event` is `response.completed`,
 * `response.incomplete` or `message_stop`; the next three came after a `finish_reason` or `stop_reason`; `json_body` is a
 * server that ignored `stream: true`.
 */
export type EndedBy = "done" | "terminal_event" | "end_of_stream" | "idle_timeout" | "transport_error" | "json_body";

/** Token counts as the provider reported them; `null` for what it did not report. Nothing is recomputed. */
export interface TokenUsage {
  /**
   * Prompt tokens, cached ones included. As Anthropic counts, they are not: what was read from a cache is in
   * `cached_input_tokens` alone, what was written to one in `provider.usage.cache_creation_input_tokens`.
   */
  input_tokens: number | null;
  /** Prompt tokens that came from a cache. */
  cached_input_tokens: number | null;
  /** Completion tokens. */
  output_tokens: number | null;
  /** Reasoning tokens. */
  reasoning_output_tokens: number | null;
  /** The total, as sent. */
  total_tokens: number | null;
}

/**
 * When things happened, in milliseconds since `aggregate()` was called; `null` for what did not happen.
 *
 * Tokens are timed as they arrive: all deltas of one network chunk (one `feed()`) are one arrival, at the moment at which it
 * is read, and so are chunks between which the clock did not move: in a browser it moves once in a millisecond (its exact
 * clock costs more than an event). While you do not ask for events nothing is read, so the time that you take per event is in
 * the gaps.
 */
export interface Timings {
  /** The first bytes of the body, whatever they were. */
  time_to_first_byte_ms: number | null;
  /** The first delta of any kind. */
  time_to_first_token_ms: number | null;
  /** The first delta of visible text. */
  time_to_first_text_ms: number | null;
  /** The end of the stream. */
  duration_ms: number | null;
  /** The times between one arrival of deltas and the next. Keep-alives, and events without a delta, are no arrivals. */
  gaps: {
    /** How many: arrivals but the first. */
    count: number;
    /** The median, to 3.2 % (below 0.0625 ms: to 0.07 ms); `null` without a gap. */
    p50_ms: number | null;
    /** The 95th percentile, to the same. */
    p95_ms: number | null;
    /** The longest, exactly. */
    max_ms: number | null;
  };
  /** The gaps of at least `stallMs`; of a stream that failed also the silence at its end. */
  stalls: { count: number; total_ms: number };
  /**
   * Output tokens, as the provider counts them, per second from the first arrival to the last; `null` when it counted
   * none or all came at once. Reasoning that is counted but not streamed makes it too high.
   */
  tokens_per_second: number | null;
}

/**
 * A finished piece of the response, in the shape of the Responses API's output items. Of that API every item is
 * passed on as it came, field by field: its own fields (`id`, `encrypted_content`, ..) are there too, and so are
 * types that are not listed here.
 *
 * Of the Anthropic API every content block is an item, in the order of the blocks: `text` a message, `thinking` and
 * `redacted_thinking` a reasoning item, `tool_use` a function call; with what these cannot say (`signature`, `data`,
 * `citations`, `caller`, ..) in `provider`. Any other block (`server_tool_use`, tool results, `compaction`, ..) is
 * passed on as it came, with the `input` that its deltas made.
 */
export type Item = MessageItem | ReasoningItem | FunctionCallItem | CustomToolCallItem | OtherItem;

/** What every item may carry. */
export interface ItemCommon {
  /** The Responses API's id of the item. */
  id?: string;
  /** `incomplete`: all that arrived of it. Absent on a finished item of the chat wire. */
  status?: "in_progress" | "completed" | "incomplete";
  /** The choice's index, when it is not 0. */
  choice?: number;
  /** What the item's shape cannot say, as it came: `reasoning_details`, `signature`, `citations`, `audio`, .. */
  provider?: Record<string, unknown>;
}

/** Visible text, or a refusal. */
export interface MessageItem extends ItemCommon {
  type: "message";
  /** The first role that came; `assistant` when none did. */
  role: string;
  /** Its parts, in order. */
  content: (OutputTextPart | RefusalPart)[];
  /** Responses API: whether the model still works (`commentary`) or answers (`final_answer`). */
  phase?: string | null;
}

/** Visible text. */
export interface OutputTextPart {
  type: "output_text";
  /** The text. */
  text: string;
  /** Responses API: citations. */
  annotations?: unknown[];
  /** Responses API: log probabilities. */
  logprobs?: unknown[];
}

/** A refusal. */
export interface RefusalPart {
  type: "refusal";
  /** Its text. */
  refusal: string;
}

/** What the model thought. */
export interface ReasoningItem extends ItemCommon {
  type: "reasoning";
  /** Summaries of the reasoning (Responses API); else empty. */
  summary: { type: "summary_text"; text: string }[];
  /** Raw reasoning; the Responses API may leave it out. */
  content?: { type: "reasoning_text"; text: string }[] | null;
  /** Responses API: the reasoning, for the next request only. */
  encrypted_content?: string | null;
}

/** A call of a function tool. */
export interface FunctionCallItem extends ItemCommon {
  type: "function_call";
  /** Empty when the provider lost it. */
  name: string;
  /**
   * The arguments as JSON text, exactly as sent; empty when none were (treat it as `{}`). When the text is
   * not valid JSON, `provider.arguments_error` says why; `provider.repaired` tells of a server that resent.
   */
  arguments: string;
  /** Empty when the provider sent none. */
  call_id: string;
}

/** A call of a tool with free-form input. */
export interface CustomToolCallItem extends ItemCommon {
  type: "custom_tool_call";
  /** The tool's name. */
  name: string;
  /** The input as sent. */
  input: string;
  /** What the tool's output is to name. */
  call_id: string;
}

/**
 * An item of the Responses API, or a content block of the Anthropic API, that another part of the program knows: a tool
 * that the server ran, and the like.
 */
export interface OtherItem extends ItemCommon {
  type:
    | "advisor_tool_result"
    | "apply_patch_call"
    | "apply_patch_call_output"
    | "bash_code_execution_tool_result"
    | "code_execution_tool_result"
    | "code_interpreter_call"
    | "compaction"
    | "computer_call"
    | "container_upload"
    | "fallback"
    | "file_search_call"
    | "function_call_output"
    | "image_generation_call"
    | "local_shell_call"
    | "mcp_approval_request"
    | "mcp_call"
    | "mcp_list_tools"
    | "mcp_tool_result"
    | "mcp_tool_use"
    | "program"
    | "program_output"
    | "server_tool_use"
    | "shell_call"
    | "shell_call_output"
    | "text_editor_code_execution_tool_result"
    | "tool_search_call"
    | "tool_search_output"
    | "tool_search_tool_result"
    | "web_fetch_tool_result"
    | "web_search_call"
    | "web_search_tool_result";
  [field: string]: unknown;
}

/** Everything a finished stream has given. */
export interface FinalResponse extends Completion {
  /** Which API's stream it was; `null` when nothing told. */
  wire: Exclude<Wire, "auto"> | null;
  /** All items, in order. */
  items: Item[];
  /** The items by choice; one element unless `n` > 1. */
  choices: FinalChoice[];
  /** What went through. */
  counts: Counts;
}

/** One choice of a finished stream. */
export interface FinalChoice {
  /** The choice's index, from 0. */
  index: number;
  /** The last reason that the choice gave, as sent; `null` when it gave none. */
  finish_reason: string | null;
  /** The same in OpenAI's words; others as sent. */
  finish_reason_normalized: string | null;
  /** The choice's items, in order. */
  items: Item[];
  /** Fields of the provider's choice that belong to no item, last value. */
  provider?: Record<string, unknown>;
}

/** What went through. */
export interface Counts {
  /** Bytes of the body. */
  bytes: number;
  /** SSE frames. */
  frames: number;
  /** Frames whose data could not be used; `include: ["raw"]` shows them. */
  bad_frames: number;
  /** Comment lines (keep-alives). */
  comments: number;
  /**
   * Events of the Responses and Anthropic APIs of types that are passed over: the progress of server-side tools, and
   * those that this version has never heard of. `include: ["raw"]` shows them.
   */
  unknown_events: number;
}
