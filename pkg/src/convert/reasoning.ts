// Reasoning, as each API keeps it for the next turn.

import { object, objects, text } from "./json.js";
import type { Json } from "./json.js";

/** A piece of reasoning. What an API did not give is empty. */
export interface Thought {
  /** Raw reasoning, or what the API shows of it. */
  text: string;
  /** Summaries (Responses API). */
  summary: string[];
  /** The signature of an Anthropic thinking block. */
  signature: string;
  /** The `data` of an Anthropic `redacted_thinking` block. */
  redacted: string;
  /** The `encrypted_content` of the Responses API. */
  encrypted: string;
  /** Of the Responses API. */
  id: string;
}

/** Who can read OpenRouter's details: https://openrouter.ai/docs/use-cases/reasoning-tokens */
const ANTHROPIC = "anthropic-claude-v1";
const RESPONSES = "openai-responses-v1";

/** The pieces of a reasoning item. */
export function thoughtsOf(item: Json): Thought[] {
  const { reasoning_details: details, signature, data, type } = object(item["provider"]);
  const texts = (field: string): string[] => objects(item[field]).map((part) => text(part["text"])).filter((part) => part !== "");
  if (Array.isArray(details) && details.length > 0) return ofDetails(objects(details));
  return [
    {
      text: texts("content").join(""),
      summary: texts("summary"),
      signature: text(signature),
      redacted: type === "redacted_thinking" ? text(data) : "",
      encrypted: text(item["encrypted_content"]),
      id: text(item["id"]),
    },
  ];
}

/** OpenRouter's `reasoning_details`: those that came, or the same in their form. */
export function detailsOf(item: Json, index: number): Json[] {
  const { reasoning_details: details } = object(item["provider"]);
  if (Array.isArray(details) && details.length > 0) return objects(details);
  return thoughtsOf(item).flatMap((thought) => {
    const { text, summary, signature, redacted, encrypted, id } = thought;
    const format = signature !== "" || redacted !== "" ? ANTHROPIC : encrypted !== "" ? RESPONSES : "unknown";
    const common = { ...(id === "" ? {} : { id }), format, index };
    const said: Json[] = [];
    if (text !== "" || signature !== "") {
      said.push({ type: "reasoning.text", text, ...(signature === "" ? {} : { signature }), ...common });
    }
    for (const part of summary) said.push({ type: "reasoning.summary", summary: part, ...common });
    const secret = redacted === "" ? encrypted : redacted;
    if (secret !== "") said.push({ type: "reasoning.encrypted", data: secret, ...common });
    return said;
  });
}

/** All that can be read of reasoning: its text, else its summaries. */
export function readable(thoughts: readonly Thought[]): string {
  return thoughts.map(({ text, summary }) => (text === "" ? summary.join("\n\n") : text)).filter((part) => part !== "").join("\n\n");
}

function ofDetails(details: Json[]): Thought[] {
  const thoughts: Thought[] = [];
  const byId = new Map<string, Thought>();
  for (const detail of details) {
    const field = (name: string): string => text(detail[name]);
    const format = field("format");
    const isAnthropic = format === "" || format.startsWith("anthropic");
    const isResponses = format.endsWith("responses-v1");
    const id = isResponses ? field("id") : "";
    let thought = id === "" ? undefined : byId.get(id);
    if (thought === undefined) {
      thought = { text: "", summary: [], signature: "", redacted: "", encrypted: "", id };
      thoughts.push(thought);
      if (id !== "") byId.set(id, thought);
    }
    thought.text += field("text");
    if (field("summary") !== "") thought.summary.push(field("summary"));
    if (isAnthropic) thought.signature += field("signature");
    if (field("type") === "reasoning.encrypted") {
      if (isResponses) thought.encrypted += field("data");
      else if (format !== "" && isAnthropic) thought.redacted += field("data");
    }
  }
  return thoughts;
}
