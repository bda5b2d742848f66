// Items into the messages of a Chat Completions request.

import { argumentsText } from "./calls.js";
import type { Entry, Turn } from "./history.js";
import { History } from "./history.js";
import { object, text } from "./json.js";
import type { Json } from "./json.js";
import type { Part } from "./parts.js";
import { outputOf, partsOf, say, textOf } from "./parts.js";
import { detailsOf, readable, thoughtsOf } from "./reasoning.js";
import type {
  ChatAssistantMessage, ChatContentPart, ChatConversion, ChatMessage, ChatOptions, ChatToolCall, HistoryItem,
} from "./types.js";

const OPTIONS = ["reasoning", "emptyReasoning", "invalidArguments"];

/**
 * The conversation as the `messages` of a Chat Completions request.
 *
 * What the model said without being answered is one message: its text, its reasoning in the field that the server wants,
 * and all of its calls, each followed by its output, as the API demands it.
 *
 * ```ts
 * const { messages, losses } = toChatMessages([...history, ...final.items, ...outputs]);
 * ```
 *
 * @throws {@link StreamError} `bad_option` for a list or option that is none.
 */
export function toChatMessages(items: readonly HistoryItem[], options: ChatOptions = {}): ChatConversion {
  // OpenAI takes 64 characters; 40 is what it took before and what its clones check. Kimi's ids have dots and colons.
  const history = new History(items, options, OPTIONS, { longest: 40, plain: false });
  const messages = history.turns().flatMap((turn) => (turn.speaker === "model" ? ofModel(turn, history, options) : ofCaller(turn, history)));
  return { messages, losses: history.losses };
}

function ofCaller({ entries, outputs }: Turn, history: History): ChatMessage[] {
  const said = entries.flatMap((entry): ChatMessage[] => {
    const parts = partsOf(entry.item["content"], entry, history, "content");
    const role = entry.item["role"];
    if (role === "system" || role === "developer") return [{ role, content: textOf(onlyTexts(parts, entry, history)) }];
    const content = say(parts, sayPart, entry, history, "content");
    const [only, ...more] = content;
    if (only === undefined && entry.item["content"] !== "") return [];
    if (only === undefined) return [{ role: "user", content: "" }];
    return [{ role: "user", content: only.type === "text" && more.length === 0 ? only.text : content }];
  });
  return [...ofOutputs(outputs, history), ...said];
}

function ofModel({ entries, outputs }: Turn, history: History, options: ChatOptions): ChatMessage[] {
  const message: ChatAssistantMessage & Json = { role: "assistant", content: null };
  const texts = new Texts();
  const calls = entries.filter(({ kind }) => kind === "call");
  const legacy = calls.length === 1 && isLegacy(calls[0]!);
  for (const entry of entries) {
    if (entry.kind === "message") {
      addMessage(message, texts, entry, history);
      continue;
    }
    texts.apart();
    if (entry.kind === "other") history.note(entry, "dropped", `Chat Completions has nothing like ${JSON.stringify(entry.item["type"])}`);
  }
  if (texts.joined !== "") message.content = texts.joined;
  const said = calls.map((entry) => call(entry, history, options));
  if (legacy && said[0]?.type === "function") message.function_call = said[0].function;
  else if (said.length > 0) message.tool_calls = said;
  const reasoning = entries.filter(({ kind }) => kind === "reasoning");
  if (message.content === null && Object.keys(message).length === 2) {
    for (const entry of reasoning) history.note(entry, "dropped", "a message needs a text or a call beside its reasoning");
    return [];
  }
  addReasoning(message, reasoning, history, options);
  return [message, ...ofOutputs(outputs, history, legacy)];
}

/** Texts of one message: blocks that touch each other are one text, others are paragraphs. */
class Texts {
  joined = "";
  #touches = false;

  add(piece: string, isWhole: boolean): void {
    if (piece === "") return;
    this.joined += (this.joined !== "" && (isWhole || !this.#touches) ? "\n\n" : "") + piece;
    this.#touches = !isWhole;
  }

  /** Something else came between. */
  apart(): void {
    this.#touches = false;
  }
}

function addMessage(message: ChatAssistantMessage & Json, texts: Texts, entry: Entry, history: History): void {
  const parts = partsOf(entry.item["content"], entry, history, "content");
  const said = onlyTexts(parts, entry, history);
  const refusal = textOf(said.filter(({ kind }) => kind === "refusal"));
  const { audio } = object(entry.item["provider"]);
  // An item of the Responses API is a message of its own; of the other APIs, consecutive ones are pieces of one.
  texts.add(textOf(said.filter(({ kind }) => kind === "text")), text(entry.item["id"]) !== "");
  if (refusal !== "") message.refusal = (message.refusal ?? "") + refusal;
  if (text(object(audio)["id"]) !== "") message.audio = { id: text(object(audio)["id"]) };
  Object.assign(message, history.kept(entry, ["audio"]));
}

function addReasoning(message: ChatAssistantMessage & Json, entries: Entry[], history: History, options: ChatOptions): void {
  const { reasoning = "keep", emptyReasoning } = options;
  if (reasoning === "drop") {
    for (const entry of entries) history.note(entry, "dropped", "reasoning is not wanted (reasoning)");
    return;
  }
  const hasDetails = entries.some(({ item }) => Array.isArray(object(item["provider"])["reasoning_details"]));
  if (reasoning === "reasoning_details" || (reasoning === "keep" && hasDetails)) {
    const details = entries.flatMap(({ item }, at) => detailsOf(item, at));
    if (details.length > 0) message.reasoning_details = details;
    for (const entry of entries) history.kept(entry, ["reasoning_details", "signature", "data", "type"]);
    return;
  }
  const field = reasoning === "keep" ? "reasoning_content" : reasoning;
  const said: string[] = [];
  for (const entry of entries) {
    const thoughts = thoughtsOf(entry.item);
    const words = readable(thoughts);
    if (words !== "") said.push(words);
    const isSecret = thoughts.some(({ redacted, encrypted, signature }) => redacted + encrypted + signature !== "");
    if (words === "") history.note(entry, "dropped", "there is nothing in it to read");
    else if (isSecret) history.note(entry, "changed", `${field} has a text only: signatures and encrypted reasoning are not said`);
    history.kept(entry, ["reasoning_details", "signature", "data", "type"]);
  }
  if (said.length > 0) message[field] = said.join("\n\n");
  else if (emptyReasoning !== undefined) message[field] = emptyReasoning;
}

function call(entry: Entry, history: History, options: ChatOptions): ChatToolCall {
  const { item, callId: id } = entry;
  const name = text(item["name"]);
  const { extra_content: extra } = object(item["provider"]);
  // Gemini refuses its calls without the signatures of their thoughts.
  const more = { ...(extra === undefined ? {} : { extra_content: extra }), ...history.kept(entry, ["extra_content"]) };
  if (item["type"] === "custom_tool_call") return { id, type: "custom", custom: { name, input: text(item["input"]) }, ...more };
  const args = argumentsText(entry, history, options.invalidArguments ?? "keep");
  return { id, type: "function", function: { name, arguments: args }, ...more };
}

/** Whether the call came as `function_call`: then the request has `functions`, not `tools`. */
function isLegacy({ item }: Entry): boolean {
  return object(item["provider"])["legacy_function_call"] === true;
}

/** Tool messages have texts only; what else a tool gave is the user's to show. */
function ofOutputs(outputs: Entry[], history: History, legacy = false): ChatMessage[] {
  const messages: ChatMessage[] = [];
  const shown: ChatContentPart[] = [];
  for (const entry of outputs) {
    const parts = outputOf(entry, history);
    if (entry.item["is_error"] === true) history.note(entry, "dropped", "the API has no word for it", "is_error");
    const texts = parts.flatMap((part) => (part.kind === "text" ? [part] : []));
    const others = say(parts.filter((part) => part.kind !== "text"), sayPart, entry, history, "output");
    const content = texts.length > 1 ? texts.map(({ text }) => ({ type: "text" as const, text })) : textOf(texts);
    if (legacy) messages.push({ role: "function", name: text(entry.partner?.item["name"]), content: textOf(texts) });
    else messages.push({ role: "tool", tool_call_id: entry.callId, content });
    if (others.length === 0) continue;
    history.note(entry, "changed", "a tool message has texts only: what else there is, is in a user message behind it", "output");
    shown.push({ type: "text", text: `Output of the call ${entry.callId}:` }, ...others);
  }
  return shown.length === 0 ? messages : [...messages, { role: "user", content: shown }];
}

function onlyTexts(parts: Part[], entry: Entry, history: History): Extract<Part, { text: string }>[] {
  return say(parts, (part) => ("text" in part ? part : { why: "only a user's message can have it" }), entry, history, "content");
}

function sayPart(part: Part): ChatContentPart | { why: string } {
  switch (part.kind) {
    case "text":
    case "refusal":
      return { type: "text", text: part.text };
    case "image": {
      const { url, detail } = part;
      if (url === "") return { why: "an image needs a URL: the ids of files are for the Responses API" };
      const known = detail === "auto" || detail === "low" || detail === "high" ? { detail } : {};
      return { type: "image_url", image_url: { url, ...known } as { url: string; detail?: "auto" } };
    }
    case "file": {
      const { data, fileId, name } = part;
      if (data === "" && fileId === "") return { why: "a file needs its data or its id, not a URL" };
      const named = name === "" ? {} : { filename: name };
      return { type: "file", file: { ...(data === "" ? { file_id: fileId } : { file_data: data }), ...named } };
    }
    case "audio":
      return { type: "input_audio", input_audio: { data: part.data, format: part.format as "wav" | "mp3" } };
  }
}
