// Failures in words: what happened, and what can be done about it.

import { duration } from "./format.js";

/** What the page itself can say about a request that was not sent or not answered. */
export class Unreachable extends Error {
  name = "Unreachable";
  code = "unreachable";

  /** @param advice what to do about it. */
  constructor(message, advice, cause) {
    super(message, { cause });
    this.advice = advice;
  }
}

/** By code: a title, and what can be done. */
const WORDS = {
  aborted: ["The stream was stopped", "What had come by then is below; items that were not finished are marked incomplete."],
  bad_option: ["An option does not fit the stream", "Choose the API that the stream is of, or leave it open."],
  event_too_large: ["Something is larger than its limit", "What fits is kept. The limits are the options maxEventBytes and maxItemBytes."],
  http_status: ["The server refused the request", "Its own words are above. Nothing was streamed."],
  idle_timeout: ["Nothing came for too long", "The connection was given up. The limit is the option idleTimeoutMs."],
  internal: ["A defect of streamgauge", "Please report it, with the capture that shows it."],
  invalid_utf8: ["Bytes that are not UTF-8", 'By default they become U+FFFD and the stream goes on; this run asked for invalidUtf8: "error".'],
  provider_error: ["The provider reported an error", "It came inside the stream, after a status of 200. What was received before it is kept."],
  stream_incomplete: ["The stream ended before the response was complete", "What was received is kept; items that were not finished are marked incomplete."],
  transport: ["The connection broke off", "What was received before it is kept. The network, a proxy, or the server itself may have cut it."],
  unreachable: ["The request got no answer", ""],
};

const NO_STREAM = "What came is no event stream: a gateway, a login page or a wrong address answers like this.";

/**
 * A failure as `{ code, title, message, advice, facts }`; facts are `[name, text]`.
 *
 * @param error a `StreamError`, an {@link Unreachable}, or what else was thrown.
 */
export function explain(error) {
  const { message = String(error) } = error ?? {};
  // A `DOMException` has a number.
  const code = typeof error?.code === "string" ? error.code : (error?.name ?? "error");
  const [title, advice] = WORDS[code] ?? ["Something went wrong", "This is a defect of the page, or of streamgauge."];
  const isBody = error?.provider?.type === "body";
  return {
    code, message, title: isBody ? "The answer is no event stream" : title,
    advice: error?.advice ?? (isBody ? NO_STREAM : advice),
    facts: factsOf(error),
  };
}

function factsOf(error) {
  const { status, type, code, param, retry_after_ms: retryAfter, raw } = error?.provider ?? {};
  const facts = [
    ["status", status], ["type", type === "body" ? undefined : type], ["code", code], ["param", param],
    ["try again in", retryAfter === null || retryAfter === undefined ? undefined : duration(retryAfter)],
    ["as it came", raw], ["cause", causeOf(error)],
  ];
  return facts.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => [name, String(value)]);
}

function causeOf(error) {
  const { cause } = error ?? {};
  return cause === undefined || cause === null ? undefined : (cause.message ?? String(cause));
}
