// What is there of a JSON text that still streams.

import { DeltaText } from "./delta-text.js";
import { StreamError } from "./errors.js";
import { type DeepPartial, PartialJson } from "./partial-json.js";
import type { FunctionCallItem, MessageItem, OutputTextDeltaEvent, ToolCallDeltaEvent } from "./types.js";

/**
 * The arguments of a tool call as far as they have come. Needs `include: ["tool_call.delta"]`.
 *
 * ```ts
 * if (event.type === "tool_call.delta") editor.show(partialArguments<{ content: string }>(event)?.content);
 * ```
 *
 * Of an event: the value after its delta; only what is new is parsed, so that asking after every delta costs no more than
 * the text is long. The value is live, one object per call that later events change in place, and it never goes back: of an
 * older event it is as new as the newest that was asked for. See {@link partialJsonOf} for a value that never changes, for what
 * has changed, and for whether the text is complete or can not be JSON.
 *
 * Of a finished call: its arguments, parsed anew each time; `{}` when it has none. Of arguments that are cut off or broken, what
 * comes before.
 *
 * @returns `undefined` before the value begins, and for a text that is no JSON from its first character on.
 * @throws {@link StreamError} `bad_option` for a copy of an event, or a proxy: ask with the event that the stream gave.
 */
export function partialArguments<T = unknown>(call: ToolCallDeltaEvent | FunctionCallItem): DeepPartial<T> | undefined {
  return partialJsonOf<T>(call).value;
}

/**
 * Structured output as far as it has come: the text of a message, read as JSON. Needs `partialJson: true`; for the rest, as
 * {@link partialArguments}. Each choice, and each message of a choice, is a text of its own.
 *
 * The text has to be JSON from its first character: with prose or a Markdown fence before it there is no value.
 */
export function partialOutput<T = unknown>(output: OutputTextDeltaEvent | MessageItem): DeepPartial<T> | undefined {
  return partialJsonOf<T>(output).value;
}

/** The parser behind {@link partialArguments} and {@link partialOutput}, as far as this event: for its state, its snapshots, its patches. */
export function partialJsonOf<T = unknown>(
  of: ToolCallDeltaEvent | FunctionCallItem | OutputTextDeltaEvent | MessageItem,
): PartialJson<T> {
  if (typeof of === "object" && of !== null) {
    const json = DeltaText.upTo(of, () => new PartialJson());
    if (json !== undefined) return json as PartialJson<T>;
    if (of.type === "function_call") return parse(of.arguments || "{}");
    if (of.type === "message") return parse(of.content.map((part) => (part.type === "output_text" ? part.text : "")).join(""));
  }
  throw new StreamError(
    "bad_option",
    'no JSON text belongs to this: it takes a "tool_call.delta" event, with partialJson: true an "output_text.delta" ' +
      "event (each as the stream gave it, not a copy), or a finished call or message",
  );
}

function parse<T>(text: string): PartialJson<T> {
  const json = new PartialJson<T>();
  json.push(text);
  return json;
}
