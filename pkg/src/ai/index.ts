// The entry `streamgauge/ai`: events for the AI SDK's user interfaces (`useChat`). Needs neither WebAssembly nor `ai`.

import { StreamError } from "../errors.js";
import type { StreamEvent } from "../types.js";
import type { UIMessageChunk, UIMessageStreamOptions } from "./types.js";
import { UIMessageTeller } from "./ui-message.js";

export type * from "./types.js";

const OPTIONS = [
  "messageId", "sendReasoning", "sendSources", "sendStart", "sendFinish", "messageMetadata", "onError", "dynamic", "choice",
];

/**
 * The events as a UI message stream of the AI SDK: what `streamText(..).toUIMessageStream()` gives of the same response.
 *
 * ```ts
 * const events = aggregate(response, { include: ["tool_call.delta"] }); // without it, calls come when they are whole
 * return createUIMessageStreamResponse({ stream: toUIMessageStream(events) });
 * ```
 *
 * Reads an event when it is asked for a chunk; cancelling it cancels the events. A failure is an `error` chunk, an abort an
 * `abort`, and the stream ends after it. Items without a form there are `data-item` chunks.
 *
 * @throws `StreamError` `bad_option`
 */
export function toUIMessageStream(
  events: AsyncIterable<StreamEvent> | ReadableStream<StreamEvent>,
  options: UIMessageStreamOptions = {},
): ReadableStream<UIMessageChunk> {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw new StreamError("bad_option", `unknown option "${unknown}"; there are ${OPTIONS.join(", ")}`);
  const iterator = iterate(events);
  let told: UIMessageChunk[] = [];
  const teller = new UIMessageTeller(options, (chunk) => told.push(chunk));
  let isStarted = false;
  return new ReadableStream<UIMessageChunk>(
    {
      async pull(controller) {
        if (!isStarted) teller.start();
        isStarted = true;
        let isDone = false;
        while (told.length === 0 && !isDone) {
          try {
            const next = await iterator.next();
            if (next.done === true) isDone = true;
            else teller.event(next.value);
          } catch (error) {
            isDone = true;
            teller.fail(error, error instanceof StreamError && error.code === "aborted");
          }
        }
        for (const chunk of told) controller.enqueue(chunk);
        told = [];
        if (isDone) controller.close();
      },
      async cancel(reason) {
        await iterator.return?.(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Not every browser's streams are async iterables. */
function iterate(events: AsyncIterable<StreamEvent> | ReadableStream<StreamEvent>): AsyncIterator<StreamEvent> {
  if (Symbol.asyncIterator in events) return events[Symbol.asyncIterator]();
  const reader = (events as ReadableStream<StreamEvent>).getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<StreamEvent>>,
    return: async (reason) => {
      await reader.cancel(reason);
      return { value: undefined, done: true };
    },
  };
}
