import { finalResponse } from "./final.js";
import type { FinalResponse, Item } from "./types.js";

/**
 * Every code a {@link StreamError} can have, in alphabetical order. The list is stable: codes are added,
 * never renamed. (src/error.rs has the same list; a test compares them.)
 */
export const ERROR_CODES = [
  "aborted",
  "bad_option",
  "event_too_large",
  "http_status",
  "idle_timeout",
  "internal",
  "invalid_utf8",
  "provider_error",
  "stream_incomplete",
  "transport",
] as const;

/**
 * What went wrong.
 *
 * - `aborted`: your `AbortSignal` fired, or fetch's own did.
 * - `bad_option`: an option or the source is not usable; thrown at once where that can be seen at once.
 * - `event_too_large`: one SSE event is larger than `maxEventBytes`, or one item than `maxItemBytes`.
 * - `http_status`: the response is not ok; `provider` has the provider's own message, type and code.
 * - `idle_timeout`: nothing arrived for `idleTimeoutMs` before the response was complete.
 * - `internal`: a defect of this library.
 * - `invalid_utf8`: bytes that are not UTF-8, with `invalidUtf8: "error"`.
 * - `provider_error`: an error inside a 200, or a body that is no event stream (`provider.type` is `"body"`).
 * - `stream_incomplete`: the stream ended before the response was complete.
 * - `transport`: reading failed; `cause` is the exception.
 */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The provider's own words about an error, from whichever shape it sent them in. */
export interface ProviderError {
  /** The HTTP status, when the error answered the request. */
  status: number | null;
  /** The provider's message, possibly empty. */
  message: string;
  /** `type` (Google: `status`). */
  type: string | null;
  /** `code`: a string for most providers, a number for some. */
  code: string | number | null;
  /** `param`, the request field that was wrong. */
  param: string | null;
  /** How long to wait before the next attempt, in milliseconds, from the headers or the error itself. */
  retry_after_ms: number | null;
  /** The whole error as it came, at most 64 KiB. */
  raw: string;
}

/** What is known of a response that did not complete. */
export type PartialResponse = Omit<FinalResponse, "ended_by">;

/**
 * A stream's failure. What was received before it is in `partial`, and was already handed out as events.
 *
 * `partial`, `response` and `provider.raw` are there, but not enumerable: an error that is logged, printed or made JSON of
 * has its words, and nothing of the conversation.
 */
export class StreamError extends Error {
  /** Always `StreamError`. */
  override readonly name = "StreamError";
  /** The stable code. */
  readonly code: ErrorCode;
  /** The items received before the failure; unfinished ones have `status: "incomplete"`. */
  declare readonly partial: Item[];
  /** What the provider said, for `http_status` and `provider_error`. */
  readonly provider: ProviderError | undefined;
  /** What is known of the response all the same: id, model, usage, timings, counts. */
  declare readonly response: PartialResponse | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: {
      partial?: Item[];
      provider?: ProviderError | undefined;
      response?: PartialResponse | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.provider = details.provider;
    hide(this, "partial", details.partial ?? []);
    hide(this, "response", details.response);
    if (this.provider !== undefined) hide(this.provider, "raw", this.provider.raw);
  }

  /** The HTTP status, for `http_status`. */
  get status(): number | undefined {
    return this.provider?.status ?? undefined;
  }

  /** How long to wait before the next attempt, in milliseconds, when the provider said so. */
  get retryAfterMs(): number | undefined {
    return this.provider?.retry_after_ms ?? undefined;
  }

  /** @internal Reads the core's JSON texts. */
  static fromCore(json: string, partial: Item[], snapshot?: string, cause?: unknown): StreamError {
    const { code, message, provider } = JSON.parse(json) as {
      code: ErrorCode;
      message: string;
      provider: ProviderError | null;
    };
    const response = snapshot === undefined ? undefined : partialResponse(snapshot, partial);
    return new StreamError(code, message, { partial, provider: provider ?? undefined, response, cause });
  }
}

function hide(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: false, configurable: true, writable: true });
}

function partialResponse(snapshot: string, partial: Item[]): PartialResponse {
  const { ended_by: _, ...response } = finalResponse(snapshot, partial);
  return response;
}
