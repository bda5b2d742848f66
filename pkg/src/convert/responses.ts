// Items into the input of a Responses request.

import { argumentsText } from "./calls.js";
import type { Entry } from "./history.js";
import { History, isModels } from "./history.js";
import { object, text } from "./json.js";
import type { Json } from "./json.js";
import type { Part } from "./parts.js";
import { outputOf, partsOf, say, textOf } from "./parts.js";
import { thoughtsOf } from "./reasoning.js";
import type { HistoryItem, ResponsesContentPart, ResponsesConversion, ResponsesInputItem, ResponsesOptions } from "./types.js";

const OPTIONS = ["store", "reasoning", "invalidArguments"];
/** The longest id that the API takes; Copilot's are longer. */
const LONGEST_ID = 64;
/** Content blocks of the Anthropic API, which are items as they came. */
const BLOCKS = /^(server_tool_use|mcp_tool_use|container_upload|fallback|.*_tool_result)$/;

/**
 * The conversation as the `input` of a Responses request. What that API sent is said as it came, without what the request
 * may not have: ids that the server does not know (`store`), raw reasoning, reasoning that nothing follows.
 *
 * ```ts
 * const { input, losses } = toResponsesInput([...history, ...final.items, ...outputs]);
 * ```
 *
 * @throws {@link StreamError} `bad_option` for a list or option that is none.
 */
export function toResponsesInput(items: readonly HistoryItem[], options: ResponsesOptions = {}): ResponsesConversion {
  const history = new History(items, options, OPTIONS, { longest: LONGEST_ID, plain: true });
  const input: Json[] = [];
  // Reasoning waits for what it led to.
  let thoughts: { entry: Entry; items: Json[] }[] = [];
  const forget = (): void => {
    for (const { entry } of thoughts) history.note(entry, "dropped", "nothing follows it, and the API refuses reasoning that led to nothing");
    thoughts = [];
  };
  for (const entry of history.entries) {
    if (entry.kind === "reasoning") {
      const items = reasoningItems(entry, history, options);
      if (items.length > 0) thoughts.push({ entry, items });
      continue;
    }
    const said = sayEntry(entry, history, options);
    if (said === undefined) continue;
    if (isModels(entry)) input.push(...thoughts.flatMap(({ items }) => items));
    else forget();
    thoughts = [];
    input.push(said);
  }
  forget();
  return { input: input as ResponsesInputItem[], losses: history.losses };
}

function sayEntry(entry: Entry, history: History, options: ResponsesOptions): Json | undefined {
  const { item, kind, callId } = entry;
  switch (kind) {
    case "message":
      return modelMessage(entry, history, options);
    case "call": {
      const isCustom = item["type"] === "custom_tool_call";
      const what = isCustom
        ? { input: text(item["input"]) }
        : { arguments: argumentsText(entry, history, options.invalidArguments ?? "keep") };
      return { ...own(entry, history, options), ...what, call_id: callId };
    }
    case "output":
      return output(entry, history);
    case "user":
    case "system":
      return callerMessage(entry, history);
    default:
      return other(entry, history, options);
  }
}

/** The item's own fields, without those of ours and, where the server keeps nothing, without its ids. */
function own(entry: Entry, history: History, { store = false }: ResponsesOptions): Json {
  const { provider: _, choice: __, id, status, ...fields } = entry.item;
  const knownId = store && typeof id === "string" && id !== "" ? { id } : {};
  return { ...fields, ...knownId, ...(typeof status === "string" ? { status } : {}), ...history.kept(entry, []) };
}

function modelMessage(entry: Entry, history: History, options: ResponsesOptions): Json | undefined {
  const { content, role: _, ...fields } = own(entry, history, options);
  const isOwn = Array.isArray(content) && content.every((part) => ["output_text", "refusal"].includes(text(object(part)["type"])));
  const parts = isOwn ? (content as Json[]) : partsOf(content, entry, history, "content").map(outputPart);
  const said = parts.filter((part) => text(part["text"]) + text(part["refusal"]) !== "");
  const { transcript } = object(object(entry.item["provider"])["audio"]);
  if (text(transcript) !== "") {
    history.note(entry, "changed", "the API knows no audio of the model's: its transcript is said", "provider.audio");
    said.push({ type: "output_text", text: transcript });
  }
  if (said.length === 0) return undefined;
  const whole = said.map((part) => (part["type"] === "output_text" ? { annotations: [], ...part } : part));
  return { type: "message", role: "assistant", status: "completed", ...fields, content: whole };
}

function outputPart(part: Part): Json {
  return part.kind === "refusal" ? { type: "refusal", refusal: part.text } : { type: "output_text", text: textOf([part]) };
}

function reasoningItems(entry: Entry, history: History, options: ResponsesOptions): Json[] {
  const { store = false, reasoning = "keep" } = options;
  const { item } = entry;
  if (reasoning === "drop") {
    history.note(entry, "dropped", "reasoning is not wanted (reasoning)");
    return [];
  }
  const { id: _, status: __, content: ___, encrypted_content: ____, provider, choice: _____, ...more } = item;
  const isOwn = provider === undefined;
  const said = thoughtsOf(item).flatMap((thought): Json[] => {
    const { text: raw, summary, encrypted, id } = thought;
    const isKnown = encrypted !== "" || (store && id !== "");
    const isRead = reasoning === "all" && raw + summary.join("") !== "";
    if (!isKnown && !isRead) return [];
    return [
      {
        type: "reasoning",
        ...(isOwn ? more : {}),
        // Beside the encrypted content the API does not look for it.
        ...(id !== "" && id.length <= LONGEST_ID && isKnown ? { id } : {}),
        summary: summary.map((text) => ({ type: "summary_text", text })),
        ...(isRead && raw !== "" ? { content: [{ type: "reasoning_text", text: raw }] } : {}),
        ...(encrypted === "" ? {} : { encrypted_content: encrypted }),
      },
    ];
  });
  if (said.length === 0) {
    const why = store ? "the API knows only reasoning of its own" : "without encrypted_content the API can not read it";
    history.note(entry, "dropped", why);
  } else {
    history.kept(entry, ["reasoning_details"]);
  }
  return said;
}

function output(entry: Entry, history: History): Json {
  const { item, callId, partner } = entry;
  const { provider: _, choice: __, id: ___, is_error: isError, call_id: ____, ...fields } = item;
  if (isError === true) history.note(entry, "dropped", "the API has no word for it", "is_error");
  const parts = outputOf(entry, history);
  const isText = parts.every(({ kind }) => kind === "text");
  const type = partner?.item["type"] === "custom_tool_call" ? "custom_tool_call_output" : "function_call_output";
  const said = isText ? textOf(parts) : say(parts, sayPart, entry, history, "output");
  return { ...fields, type: partner === undefined ? item["type"] : type, call_id: callId, output: said };
}

function callerMessage(entry: Entry, history: History): Json | undefined {
  const { item } = entry;
  const { provider: _, choice: __, id: ___, status: ____, ...fields } = item;
  if (typeof item["content"] === "string") return fields;
  const content = say(partsOf(item["content"], entry, history, "content"), sayPart, entry, history, "content");
  return content.length === 0 ? undefined : { ...fields, content };
}

function other(entry: Entry, history: History, options: ResponsesOptions): Json | undefined {
  const { item } = entry;
  const type = text(item["type"]);
  if (BLOCKS.test(type) || (type === "compaction" && "content" in item)) {
    history.note(entry, "dropped", `the Responses API has nothing like ${JSON.stringify(type)}`);
    return undefined;
  }
  const said = own(entry, history, options);
  if (item["status"] === "incomplete" && type !== "local_shell_call") {
    history.note(entry, "dropped", "it was cut off");
    return undefined;
  }
  return said;
}

function sayPart(part: Part): ResponsesContentPart | { why: string } {
  switch (part.kind) {
    case "text":
    case "refusal":
      return { type: "input_text", text: part.text };
    case "image": {
      const { url, fileId, detail } = part;
      if (url === "" && fileId === "") return { why: "an image needs a URL or the id of a file" };
      const known = detail === "low" || detail === "high" ? detail : "auto";
      return { type: "input_image", detail: known, ...(url === "" ? { file_id: fileId } : { image_url: url }) };
    }
    case "file": {
      const { data, url, fileId, name } = part;
      const named = name === "" ? {} : { filename: name };
      if (data !== "") return { type: "input_file", file_data: data, ...named };
      if (url !== "") return { type: "input_file", file_url: url, ...named };
      return fileId === "" ? { why: "a file needs its data, a URL or its id" } : { type: "input_file", file_id: fileId };
    }
    case "audio":
      return { why: "the Responses API takes no audio" };
  }
}
