// What the user pasted, or a file: an event stream, a JSON body, or what `curl -i` printed.

import { readCurl } from "./curl.js";
import { paced } from "./pace.js";

/** Statuses whose answers have no body. */
const EMPTY = [204, 205, 304];

/** A capture as a source. */
export function pastedSource(bytes, name, speed) {
  const { status, headers, body } = readCurl(bytes);
  // A `Response` can not be an interim answer.
  const isAnswer = status !== undefined && status >= 200;
  return {
    kind: "pasted", title: name, model: "pasted", provider: "capture", body, options: {}, idleTimeoutMs: 0,
    ...(isAnswer ? { answer: { status, headers } } : {}),
    async open() {
      const stream = paced(body, speed);
      if (!isAnswer) return stream;
      return new Response(EMPTY.includes(status) ? null : stream, { status, headers });
    },
  };
}
