// fetch, measured: one `codex.api_request` per attempt, retried as the reference does.

import { requestMessage } from "./secrets.js";

/** What one attempt came to. */
export interface Attempt {
  attempt: number;
  duration_ms: number;
  status?: number;
  error_message?: string;
  cf_ray?: string | undefined;
}

/** What {@link fetchWithRetries} needs beside fetch's own arguments. */
export interface FetchOptions {
  fetch: typeof globalThis.fetch;
  maxRetries: number;
  traceparent: string | undefined;
  onAttempt: (attempt: Attempt) => void;
  random?: () => number;
}

/** The first wait, in milliseconds; it doubles, give or take a tenth. The reference's numbers. */
const FIRST_WAIT_MS = 200;
/** A server that asks for more is not waited for: its answer is the caller's. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Sends a request, again after 429, 5xx and failed connections, `maxRetries` times at most. Returns the last
 * response, whatever its status; throws what the last attempt threw. An abort ends it at once.
 */
export async function fetchWithRetries(
  input: string | URL | Request,
  init: RequestInit | undefined,
  options: FetchOptions,
): Promise<Response> {
  const { fetch, onAttempt, random = Math.random } = options;
  const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
  const retries = canRepeat(input, init) ? options.maxRetries : 0;
  const prepared = withTraceparent(input, init, options.traceparent);
  for (let attempt = 1; ; attempt++) {
    const last = attempt > retries;
    const startedAt = performance.now();
    let wait: number | undefined;
    try {
      // A Request is consumed by sending it; the last attempt may have the caller's own.
      const response = await fetch(input instanceof Request && !last ? input.clone() : input, prepared);
      onAttempt(attempted(attempt, startedAt, response));
      wait = last ? undefined : waitAfter(response, attempt, random);
      if (wait === undefined) return response;
      // The connection goes back to the pool; what the body says is of no interest.
      response.body?.cancel().catch(() => undefined);
    } catch (error) {
      onAttempt(unanswered(attempt, startedAt, error, input, prepared));
      if (last || signal?.aborted === true || isAbort(error)) throw error;
      wait = backOff(attempt, random);
    }
    await sleep(wait, signal ?? undefined);
  }
}

/** What an attempt that was answered came to. */
export function attempted(attempt: number, startedAt: number, response: Response): Attempt {
  const duration_ms = performance.now() - startedAt;
  const { headers, status } = response;
  return { attempt, duration_ms, status, cf_ray: headers.get("cf-ray") ?? undefined };
}

/** What an attempt without an answer came to. Fetch's messages may have the URL in them, or a header. */
export function unanswered(
  attempt: number,
  startedAt: number,
  error: unknown,
  input: string | URL | Request,
  init: RequestInit | undefined,
): Attempt {
  const error_message = requestMessage(describe(error), input, init);
  return { attempt, duration_ms: performance.now() - startedAt, error_message };
}

/** How long to wait before the next attempt; `undefined` when the response is the answer. */
function waitAfter(response: Response, attempt: number, random: () => number): number | undefined {
  if (response.status !== 429 && response.status < 500) return undefined;
  const header = response.headers.get("retry-after");
  const asked = header !== null && /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : undefined;
  if (asked !== undefined && asked > LONGEST_WAIT_MS) return undefined;
  return asked ?? backOff(attempt, random);
}

function backOff(attempt: number, random: () => number): number {
  return FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.9 + 0.2 * random());
}

/** A body that is a stream is gone with the first attempt. */
function canRepeat(input: string | URL | Request, init: RequestInit | undefined): boolean {
  const body: unknown = init?.body;
  if (body !== undefined && body !== null) return typeof body !== "object" || !(Symbol.asyncIterator in body || isStream(body));
  return !(input instanceof Request) || !input.bodyUsed;
}

/** Not every browser's streams are async iterables. */
function isStream(body: object): boolean {
  return body instanceof ReadableStream;
}

/** The request with the header, unless it has one. */
export function withTraceparent(
  input: string | URL | Request,
  init: RequestInit | undefined,
  traceparent: string | undefined,
): RequestInit | undefined {
  if (traceparent === undefined) return init;
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  if (!headers.has("traceparent")) headers.set("traceparent", traceparent);
  return { ...init, headers };
}

/** Whether it was the caller who ended it. */
export function isAbort(error: unknown): boolean {
  const name = error instanceof Error ? error.name : undefined;
  return name === "AbortError" || name === "TimeoutError";
}

/** An exception in words, whatever was thrown. Node's fetch says `fetch failed`; why is in its cause. */
export function describe(error: unknown): string {
  const text = (value: unknown): string => {
    const message = (value as { message?: unknown } | null | undefined)?.message;
    return typeof message === "string" ? message : value instanceof Error ? "" : String(value);
  };
  try {
    const cause = error instanceof Error && error.cause instanceof Error ? text(error.cause) : "";
    return cause === "" ? text(error) : `${text(error)}: ${cause}`;
  } catch {
    return "an exception without words";
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}
