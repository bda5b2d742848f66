// A fetch for those who read the responses themselves: SDKs.

import { aggregate } from "../aggregate.js";
import type { AggregateStream } from "../aggregate.js";
import { asStreamError } from "../bindings.js";
import { StreamError } from "../errors.js";
import { splitOptions } from "../options.js";
import type { AggregatorOptions, FinalResponse } from "../types.js";
import { recordAttempt } from "./events.js";
import { attempted, isAbort, unanswered, withTraceparent } from "./fetch.js";
import type { Attempt } from "./fetch.js";
import { noteRequest, observerOf } from "./observe.js";
import type { BodyWatcher } from "./passed.js";
import { passThrough } from "./passed.js";
import { requestOf } from "./request.js";

/** What {@link observedFetch} does beside fetching. */
export interface ObservedFetchOptions extends Omit<AggregatorOptions, "include"> {
  /** The fetch that is called. Default: the global one, as it is now. */
  fetch?: typeof globalThis.fetch;
  /** Is given everything that a stream, or a JSON body, has brought, when it is complete. */
  onFinal?: (final: FinalResponse) => void;
  /** Is told why a stream was not complete; what came of it is in `partial`. */
  onError?: (error: StreamError) => void;
}

/** Where models answer. Other JSON is no response of a model; OpenAI's threads have messages, too. */
const ENDPOINTS = /(?<!\/threads\/[^/]+)\/(completions|responses|messages)\/?$/;

/**
 * A `fetch` that measures what goes through it, for libraries that take one: `new OpenAI({ fetch })`, `createOpenAI({ fetch })`
 * of the AI SDK, `new Anthropic({ fetch })`.
 *
 * Each call is one `codex.api_request` (and, to a model, one request of the conventions for generative AI); it never tries again by itself, as these libraries do. Event streams, and JSON answers
 * of a model, are measured as {@link aggregate} would: chunks go to their reader first, the same bytes are looked at after
 * that, and nothing is read that the reader does not ask for. The response is what it was, but its body can not be read with a
 * reader of the kind `byob`. Nothing that goes wrong in here reaches the caller.
 *
 * ```ts
 * const client = new OpenAI({ fetch: observedFetch({ telemetry }) });
 * ```
 *
 * @throws {@link StreamError} `bad_option`
 */
export function observedFetch(options: ObservedFetchOptions = {}): typeof globalThis.fetch {
  if (typeof options !== "object" || options === null) throw new StreamError("bad_option", "observedFetch() takes an object");
  const { fetch = globalThis.fetch, onFinal, onError, ...reading } = options;
  const { telemetry, ...core } = reading;
  for (const [name, value] of Object.entries({ fetch, onFinal, onError })) {
    if (value !== undefined && typeof value !== "function") throw new StreamError("bad_option", `${name} must be a function`);
  }
  splitOptions(reading, false);
  // Their values are checked by the core, which an empty stream is enough for.
  aggregate(new Uint8Array(), core).cancel();
  const observer = telemetry === undefined ? undefined : observerOf(telemetry);
  const record = (attempt: Attempt): void => {
    try {
      if (observer !== undefined) recordAttempt(observer.core, attempt);
    } catch {
      // A defect: the driver tells of it.
    }
    observer?.drain();
  };
  const finished = (stream: AggregateStream): void => {
    stream.final().then(onFinal, (error: unknown) => onError?.(asStreamError(error))).catch((error: unknown) => {
      // Only its name: its words may be the answer's, as those of `JSON.parse` are.
      console.warn(`streamgauge: onFinal or onError of observedFetch threw ${error instanceof Error ? error.name : typeof error}`);
    });
  };
  return async (input, init) => {
    const attempt = attemptOf(input, init);
    const startedAt = performance.now();
    const request = observer?.follows === true ? requestOf(input, init) : undefined;
    const failed = (status: number | undefined, message: string, isAborted: boolean): void => {
      if (request === undefined || !asksModel(input, init)) return;
      observer?.core.requestFailed(request, status, message, isAborted);
      observer?.drain();
    };
    let response: Response;
    try {
      response = await fetch(input, withTraceparent(input, init, observer?.traceparent));
    } catch (error) {
      try {
        const told = unanswered(attempt, startedAt, error, input, init);
        record(told);
        failed(undefined, told.error_message ?? "", isAbort(error));
      } catch {
        // The failure is the caller's, ours is not.
      }
      throw error;
    }
    try {
      record(attempted(attempt, startedAt, response));
      if (!response.ok) failed(response.status, "", false);
      if (!response.ok || !isAnswer(response, input, init)) return response;
      const watcher = new Watcher((bytes) => finished(aggregate(bytes, { ...reading, idleTimeoutMs: 0 })));
      if (request !== undefined) noteRequest(watcher, request);
      return passThrough(response, watcher);
    } catch {
      // A response of another making than the web's.
      return response;
    }
  };
}

/** Hands bytes on to an aggregation that reads them when it comes to it. */
class Watcher implements BodyWatcher, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #start: (bytes: AsyncIterable<Uint8Array>) => void;
  #chunks: { bytes: Uint8Array; length: number }[] = [];
  #end: (() => Promise<IteratorResult<Uint8Array, undefined>>) | undefined;
  #wake: (() => void) | undefined;
  #isDone = false;

  constructor(start: (bytes: AsyncIterable<Uint8Array>) => void) {
    this.#start = start;
  }

  opened(): void {
    this.#start(this);
  }

  chunk(bytes: Uint8Array): void {
    if (this.#isDone) return;
    this.#chunks.push({ bytes, length: bytes.byteLength });
    this.#wake?.();
  }

  ended(): void {
    this.#end = async () => ({ value: undefined, done: true });
    this.#wake?.();
  }

  failed(error: unknown, isCancelled: boolean): void {
    this.#end = async () => {
      throw isCancelled ? new DOMException("the reader cancelled the body", "AbortError") : error;
    };
    this.#wake?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        if (chunk.bytes.byteLength !== chunk.length) throw new TypeError("the reader gave the bytes away before they were looked at");
        return { value: chunk.bytes, done: false };
      }
      if (this.#end !== undefined) return this.#end();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The response is complete: what the reader still reads is of no interest. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#isDone = true;
    this.#chunks = [];
    return { value: undefined, done: true };
  }
}

function isAnswer(response: Response, input: string | URL | Request, init: RequestInit | undefined): boolean {
  const type = response.headers.get("content-type") ?? "";
  return /^text\/event-stream\b/i.test(type) || asksModel(input, init, response.url);
}

function asksModel(input: RequestInfo | URL, init: RequestInit | undefined, answeredBy = ""): boolean {
  const request = input instanceof Request ? input : undefined;
  if (!/^post$/i.test(init?.method ?? request?.method ?? "GET")) return false;
  const url = answeredBy || (request?.url ?? String(input));
  return ENDPOINTS.test(url.replace(/[?#].*$/s, ""));
}

/** SDKs that try again by themselves say so (`openai`, `@anthropic-ai/sdk`). */
function attemptOf(input: string | URL | Request, init: RequestInit | undefined): number {
  try {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    return Number.parseInt(headers.get("x-stainless-retry-count") ?? "0", 10) + 1 || 1;
  } catch {
    return 1;
  }
}
