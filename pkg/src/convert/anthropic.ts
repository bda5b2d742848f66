// Items into the messages of an Anthropic request.

import { argumentsObject, inputAsArguments } from "./calls.js";
import type { Entry, Turn } from "./history.js";
import { History } from "./history.js";
import { object, text } from "./json.js";
import type { Json } from "./json.js";
import type { Part } from "./parts.js";
import { dataUrl, outputOf, partsOf, say, textOf } from "./parts.js";
import { thoughtsOf } from "./reasoning.js";
import type {
  AnthropicBlock, AnthropicContentPart, AnthropicConversion, AnthropicMessage, AnthropicOptions, HistoryItem,
} from "./types.js";

const OPTIONS = ["reasoning"];
const IMAGES = ["image/jpeg", "image/png", "image/gif", "image/webp"];
/** Items of the Responses API that are no content blocks. What neither API's list has is passed on. */
const RESPONSES_ITEMS =
  /^(apply_patch_call|code_interpreter_call|computer_call|file_search_call|image_generation_call|item_reference|local_shell_call|mcp_approval_re.*|mcp_call|mcp_list_tools|program|shell_call|tool_search_call|tool_search_output|web_search_call|.*_output)$/;

/**
 * The conversation as the `messages` of an Anthropic request, and its `system`. Blocks keep their order, thinking its
 * signature; the messages of the two sides alternate, and outputs stand where the API wants them: first, behind their calls.
 *
 * ```ts
 * const { losses, ...request } = toAnthropicMessages([...history, ...final.items, ...outputs]);
 * await client.messages.create({ model, max_tokens, ...request });
 * ```
 *
 * @throws {@link StreamError} `bad_option` for a list or option that is none.
 */
export function toAnthropicMessages(items: readonly HistoryItem[], options: AnthropicOptions = {}): AnthropicConversion {
  const history = new History(items, options, OPTIONS, { longest: 64, plain: true });
  const system: string[] = [];
  const messages: AnthropicMessage[] = [];
  const add = (role: AnthropicMessage["role"], content: AnthropicBlock[]): void => {
    if (content.length === 0) return;
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(...content);
    else messages.push({ role, content });
  };
  for (const turn of history.turns()) {
    const outputs = turn.outputs.map((entry) => toolResult(entry, history));
    if (turn.speaker === "model") {
      add("assistant", ofModel(turn, history, options));
      add("user", outputs);
      continue;
    }
    add("user", outputs);
    for (const entry of turn.entries) {
      const parts = partsOf(entry.item["content"], entry, history, "content");
      if (entry.kind === "user") {
        add("user", say(parts, sayPart, entry, history, "content"));
        continue;
      }
      if (messages.length > 0) history.note(entry, "changed", "it is in `system`, before everything else");
      const said = say(parts, (part) => ("text" in part ? part : { why: "`system` is a text" }), entry, history, "content");
      system.push(textOf(said));
    }
  }
  trimEnd(messages.at(-1));
  return { ...(system.length === 0 ? {} : { system: system.join("\n\n") }), messages, losses: history.losses };
}

function ofModel({ entries }: Turn, history: History, options: AnthropicOptions): AnthropicBlock[] {
  const said = entries.map((entry) => ({ entry, blocks: blocksOf(entry, history, options) })).filter(({ blocks }) => blocks.length > 0);
  // A message may not end with thinking.
  while (said.at(-1)?.entry.kind === "reasoning") {
    history.note(said.pop()!.entry, "dropped", "nothing follows it, and the API refuses a message that ends with thinking");
  }
  return said.flatMap(({ blocks }) => blocks);
}

function blocksOf(entry: Entry, history: History, options: AnthropicOptions): AnthropicBlock[] {
  switch (entry.kind) {
    case "message":
      return texts(entry, history);
    case "reasoning":
      return thinking(entry, history, options);
    case "call":
      return [toolUse(entry, history)];
    default:
      return other(entry, history);
  }
}

/** The API refuses texts that are blank. */
function texts(entry: Entry, history: History): AnthropicBlock[] {
  const { item } = entry;
  const { citations, audio } = object(item["provider"]);
  const more = history.kept(entry, ["citations", "audio"]);
  const parts = partsOf(item["content"], entry, history, "content");
  const { transcript } = object(audio);
  if (text(transcript) !== "") {
    history.note(entry, "changed", "the API knows no audio: its transcript is said", "provider.audio");
    parts.push({ kind: "text", text: text(transcript) });
  }
  const blocks = say(parts, (part): AnthropicBlock | { why: string } => {
    if (!("text" in part)) return { why: "only a user's message can have it" };
    if (part.text.trim() === "") return { why: "a blank text, which the API refuses" };
    if (part.kind === "refusal") history.note(entry, "changed", "the API has no refusals: it is a text", "content");
    return { type: "text", text: part.text };
  }, entry, history, "content");
  const first = blocks[0] as (AnthropicBlock & Json) | undefined;
  if (first !== undefined) Object.assign(first, Array.isArray(citations) ? { citations } : {}, more);
  return blocks;
}

function thinking(entry: Entry, history: History, { reasoning = "keep" }: AnthropicOptions): AnthropicBlock[] {
  const said = thoughtsOf(entry.item).flatMap((thought): AnthropicBlock[] => {
    const { text, summary, signature, redacted } = thought;
    if (reasoning === "drop") return [];
    if (redacted !== "") return [{ type: "redacted_thinking", data: redacted }];
    const words = text === "" ? summary.join("\n\n") : text;
    const isTaken = signature !== "" || (reasoning === "all" && words !== "");
    return isTaken ? [{ type: "thinking", thinking: words, signature }] : [];
  });
  if (said.length > 0) {
    history.kept(entry, ["signature", "data", "type", "reasoning_details"]);
  } else {
    history.note(entry, "dropped", reasoning === "drop" ? "reasoning is not wanted (reasoning)" : "the API refuses thinking without its signature");
  }
  return said;
}

function toolUse(entry: Entry, history: History): AnthropicBlock {
  const { item, callId: id } = entry;
  const { caller, toolset_name: toolset } = object(item["provider"]);
  const more = { ...(caller === undefined ? {} : { caller }), ...(toolset === undefined ? {} : { toolset_name: toolset }) };
  const input = item["type"] === "custom_tool_call" ? inputAsArguments(entry, history) : argumentsObject(item["arguments"], entry, history, "arguments");
  return { type: "tool_use", id, name: text(item["name"]), input, ...more, ...history.kept(entry, ["caller", "toolset_name"]) };
}

function toolResult(entry: Entry, history: History): AnthropicBlock {
  const parts = outputOf(entry, history).filter((part) => part.kind !== "text" || part.text.trim() !== "");
  const content = say(parts, sayPart, entry, history, "output");
  const only = content.length === 1 && content[0]!.type === "text" ? content[0]!.text : content;
  return {
    type: "tool_result",
    tool_use_id: entry.callId,
    ...(content.length === 0 ? {} : { content: only }),
    ...(entry.item["is_error"] === true ? { is_error: true } : {}),
  };
}

/** A block as it came, or an item of the Responses API. */
function other(entry: Entry, history: History): AnthropicBlock[] {
  const { status, deltas, choice: _, provider: __, ...block } = entry.item;
  const type = text(block["type"]);
  if (RESPONSES_ITEMS.test(type) || (type === "compaction" && !("content" in block))) {
    history.note(entry, "dropped", `the Anthropic API has nothing like ${JSON.stringify(type)}`);
    return [];
  }
  if (status === "incomplete" || status === "in_progress") {
    history.note(entry, "dropped", "it was cut off");
    return [];
  }
  if (deltas !== undefined) history.note(entry, "dropped", "what these deltas mean for the block is not known", "deltas");
  history.kept(entry, []);
  if ("input" in block) block["input"] = argumentsObject(block["input"], entry, history, "input");
  return [block as AnthropicBlock];
}

/** A text of the model's that ends the request is what it goes on from, and may not end in blanks. */
function trimEnd(last: AnthropicMessage | undefined): void {
  const block = last?.role === "assistant" ? last.content.at(-1) : undefined;
  if (block?.type === "text") block.text = block.text.trimEnd();
}

function sayPart(part: Part): AnthropicContentPart | { why: string } {
  switch (part.kind) {
    case "text":
    case "refusal":
      return part.text.trim() === "" ? { why: "a blank text, which the API refuses" } : { type: "text", text: part.text };
    case "image": {
      const { url } = part;
      const inline = dataUrl(url);
      if (inline === undefined) return url === "" ? { why: "an image needs a URL: files are of one API only" } : { type: "image", source: { type: "url", url } };
      if (!IMAGES.includes(inline.type)) return { why: `the API takes no images of the type ${inline.type}` };
      return { type: "image", source: { type: "base64", media_type: inline.type as "image/png", data: inline.data } };
    }
    case "file": {
      const { data, url, name } = part;
      const titled = name === "" ? {} : { title: name };
      if (url !== "") return { type: "document", source: { type: "url", url }, ...titled };
      const inline = dataUrl(data);
      if (inline?.type !== "application/pdf") return { why: "a file needs a URL, or the data of a PDF" };
      return { type: "document", source: { type: "base64", media_type: "application/pdf", data: inline.data }, ...titled };
    }
    case "audio":
      return { why: "the API knows no audio" };
  }
}
