// Events into the pieces of a UI message.

import { object, objectOf, objects, text } from "../convert/json.js";
import type { Json } from "../convert/json.js";
import type { CompletedEvent, Item, StreamEvent, ToolCallDeltaEvent } from "../types.js";
import type { ProviderMetadata, UIFinishReason, UIMessageChunk, UIMessageStreamOptions } from "./types.js";

const FINISH_REASONS: { [reason: string]: UIFinishReason } = {
  stop: "stop", length: "length", content_filter: "content-filter", tool_calls: "tool-calls", function_call: "tool-calls", error: "error",
};

/** A call whose arguments stream. */
interface Call {
  index: number;
  id: string;
  isStarted: boolean;
  /** Arguments that came before the id and the name. */
  waiting: string;
}

/** Tells one stream. A part is open from its first delta to its item, or to what cannot be of it. */
export class UIMessageTeller {
  readonly #options: UIMessageStreamOptions;
  readonly #tell: (chunk: UIMessageChunk) => void;
  /** The parts that are open. */
  #text: string | undefined;
  #reasoning: string[] = [];
  /** The summary that the last of them is; `undefined` for raw reasoning. */
  #summary: number | undefined;
  /** Reasoning that was told but whose item did not come yet. */
  #isReasoningTold = false;
  #calls: Call[] = [];
  #parts = 0;

  constructor(options: UIMessageStreamOptions, tell: (chunk: UIMessageChunk) => void) {
    this.#options = options;
    this.#tell = tell;
  }

  start(): void {
    const { sendStart = true, messageId } = this.#options;
    if (sendStart) this.#tell({ type: "start", ...(messageId === undefined ? {} : { messageId }), ...this.#metadata({ type: "start" }) });
    this.#tell({ type: "start-step" });
  }

  event(event: StreamEvent): void {
    if ("choice" in event || this.#options.choice !== undefined) {
      const { choice = 0 } = event as { choice?: number };
      if (event.type !== "completed" && choice !== (this.#options.choice ?? 0)) return;
    }
    switch (event.type) {
      case "output_text.delta":
      case "refusal.delta":
        this.#endReasoning();
        this.#textDelta(event.delta);
        break;
      case "reasoning.delta":
        this.#reasoningDelta(event.delta, undefined);
        break;
      case "reasoning_summary.delta":
        this.#reasoningDelta(event.delta, event.summary_index);
        break;
      case "tool_call.delta":
        this.#callDelta(event);
        break;
      case "output_item.done":
        this.#item(event.item);
        break;
      case "completed":
        this.#finish(event);
        break;
    }
  }

  /** The stream failed, or was given up. */
  fail(error: unknown, isAborted: boolean): void {
    if (isAborted) return this.#tell({ type: "abort" });
    const { onError = () => "An error occurred.", sendFinish = true } = this.#options;
    this.#tell({ type: "error", errorText: onError(error) });
    this.#tell({ type: "finish-step" });
    if (sendFinish) this.#tell({ type: "finish", finishReason: "error" });
  }

  #finish(event: CompletedEvent): void {
    this.#endReasoning();
    this.#endText();
    this.#tell({ type: "finish-step" });
    if (this.#options.sendFinish === false) return;
    const finishReason = FINISH_REASONS[event.finish_reason_normalized ?? ""] ?? "other";
    this.#tell({ type: "finish", finishReason, ...this.#metadata(event) });
  }

  #metadata(event: { type: "start" } | CompletedEvent): { messageMetadata?: unknown } {
    const messageMetadata = this.#options.messageMetadata?.(event);
    return messageMetadata === undefined ? {} : { messageMetadata };
  }

  #textDelta(delta: string): void {
    if (this.#text === undefined) {
      this.#text = `text-${this.#parts++}`;
      this.#tell({ type: "text-start", id: this.#text });
    }
    this.#tell({ type: "text-delta", id: this.#text, delta });
  }

  #endText(metadata?: ProviderMetadata): void {
    if (this.#text === undefined) return;
    this.#tell({ type: "text-end", id: this.#text, ...(metadata === undefined ? {} : { providerMetadata: metadata }) });
    this.#text = undefined;
  }

  #reasoningDelta(delta: string, summary: number | undefined): void {
    if (this.#options.sendReasoning === false) return;
    this.#endText();
    // Each summary is a part of its own; all of them end with the item, which tells what the next turn needs of them.
    if (this.#reasoning.length === 0 || summary !== this.#summary) {
      const id = `reasoning-${this.#parts++}`;
      this.#reasoning.push(id);
      this.#tell({ type: "reasoning-start", id });
    }
    this.#summary = summary;
    this.#isReasoningTold = true;
    this.#tell({ type: "reasoning-delta", id: this.#reasoning.at(-1)!, delta });
  }

  /** Encrypted content is of the last part, as in `@ai-sdk/openai`. */
  #endReasoning(metadata?: ProviderMetadata): void {
    const itemId = metadata?.["openai"]?.["itemId"];
    for (const [at, id] of this.#reasoning.entries()) {
      const isLast = at === this.#reasoning.length - 1;
      const own = isLast || itemId === undefined ? metadata : { openai: { itemId } };
      this.#tell({ type: "reasoning-end", id, ...(own === undefined ? {} : { providerMetadata: own }) });
    }
    this.#reasoning = [];
  }

  #callDelta({ index, call_id: id, name, delta }: ToolCallDeltaEvent): void {
    this.#endReasoning();
    let call = this.#calls.find((call) => call.index === index);
    if (call === undefined) {
      call = { index, id, isStarted: false, waiting: "" };
      this.#calls.push(call);
    }
    call.waiting += delta;
    if (!call.isStarted && (id === "" || name === "")) return;
    if (!call.isStarted) {
      Object.assign(call, { id, isStarted: true });
      this.#tell({ type: "tool-input-start", toolCallId: id, toolName: name, ...this.#dynamic() });
    }
    if (call.waiting !== "") this.#tell({ type: "tool-input-delta", toolCallId: call.id, inputTextDelta: call.waiting });
    call.waiting = "";
  }

  #dynamic(): { dynamic?: true } {
    return this.#options.dynamic === true ? { dynamic: true } : {};
  }

  #item(item: Item): void {
    const fields: Json = { ...item };
    switch (item.type) {
      case "message":
        this.#sources(fields);
        this.#endText(itemMetadata(fields));
        break;
      case "reasoning":
        this.#reasoningItem(fields);
        break;
      case "function_call":
      case "custom_tool_call":
        this.#call(fields);
        break;
      default:
        this.#other(fields);
    }
  }

  #reasoningItem(item: Json): void {
    const metadata = itemMetadata(item);
    const isTold = this.#isReasoningTold;
    this.#isReasoningTold = false;
    if (this.#options.sendReasoning === false) return;
    if (isTold || metadata === undefined) return this.#endReasoning(metadata);
    // Nothing to read, and yet the next turn needs it: redacted, or encrypted only.
    const id = `reasoning-${this.#parts++}`;
    this.#tell({ type: "reasoning-start", id, providerMetadata: metadata });
    this.#tell({ type: "reasoning-end", id, providerMetadata: metadata });
  }

  #call(item: Json): void {
    this.#endReasoning();
    const [rawId, toolName] = [text(item["call_id"]), text(item["name"])];
    const at = this.#calls.findIndex((call) => (rawId === "" ? !call.isStarted : call.id === rawId));
    const [call] = at < 0 ? [] : this.#calls.splice(at, 1);
    const toolCallId = call?.isStarted === true ? call.id : rawId === "" ? `call-${this.#parts++}` : rawId;
    const metadata = itemMetadata(item);
    const more = { ...this.#dynamic(), ...(metadata === undefined ? {} : { providerMetadata: metadata }) };
    const failed = (input: unknown, errorText: string): void => this.#tell({ type: "tool-input-error", toolCallId, toolName, input, errorText, ...more });
    // A client runs what is available.
    if (item["status"] === "incomplete") return failed(item["arguments"] ?? item["input"], "The call was cut off.");
    if (item["type"] === "custom_tool_call") {
      return this.#tell({ type: "tool-input-available", toolCallId, toolName, input: text(item["input"]), ...more });
    }
    const args = text(item["arguments"]);
    const input = args.trim() === "" ? {} : objectOf(args);
    if (input !== undefined) return this.#tell({ type: "tool-input-available", toolCallId, toolName, input, ...more });
    const { arguments_error: why = "no JSON object" } = object(item["provider"]);
    failed(args, `The arguments are no JSON: ${text(why)}`);
  }

  /** Tools that the server ran, and what has no form of its own. */
  #other(item: Json): void {
    const [type, id] = [text(item["type"]), text(item["id"])];
    const ran = { dynamic: true, providerExecuted: true } as const;
    if (/^(server|mcp)_tool_use$/.test(type)) {
      this.#endText();
      this.#tell({ type: "tool-input-available", toolCallId: id, toolName: text(item["name"]), input: item["input"], ...ran });
    } else if (type.endsWith("_tool_result")) {
      this.#tell({ type: "tool-output-available", toolCallId: text(item["tool_use_id"]), output: item["content"], ...ran });
    } else if (/^(web_search|file_search|code_interpreter|image_generation|mcp)_call$/.test(type) && id !== "") {
      const toolName = text(item["name"]) || type.slice(0, -"_call".length);
      this.#tell({ type: "tool-input-available", toolCallId: id, toolName, input: item["action"] ?? objectOf(text(item["arguments"])) ?? {}, ...ran });
      this.#tell({ type: "tool-output-available", toolCallId: id, output: item, ...ran });
    } else {
      this.#tell({ type: "data-item", data: item });
    }
  }

  #sources(item: Json): void {
    if (this.#options.sendSources !== true) return;
    const { annotations, citations } = object(item["provider"]);
    const all = [...objects(item["content"]).flatMap((part) => objects(part["annotations"])), ...objects(annotations), ...objects(citations)];
    for (const source of all) {
      const { url, title } = { ...source, ...object(source["url_citation"]) } as Json;
      if (text(url) === "") continue;
      this.#tell({ type: "source-url", sourceId: `source-${this.#parts++}`, url: text(url), ...(text(title) === "" ? {} : { title: text(title) }) });
    }
  }
}

/** What `@ai-sdk/anthropic` and `@ai-sdk/openai` look for when the part comes back. */
function itemMetadata(item: Json): ProviderMetadata | undefined {
  const { signature, type, data, extra_content: extra } = object(item["provider"]);
  if (text(signature) !== "") return { anthropic: { signature: text(signature) } };
  if (type === "redacted_thinking") return { anthropic: { redactedData: text(data) } };
  const thought = text(object(object(extra)["google"])["thought_signature"]);
  if (thought !== "") return { google: { thoughtSignature: thought } };
  const itemId = text(item["id"]);
  if (itemId === "") return undefined;
  if (item["type"] !== "reasoning") return { openai: { itemId } };
  return { openai: { itemId, reasoningEncryptedContent: text(item["encrypted_content"]) || null } };
}
