// What the converters take and give.

import type { Item } from "../types.js";

/**
 * What a conversation is made of: finished items as they came, whichever API sent them, and what is put between them, in
 * the words of the Responses API.
 */
export type HistoryItem = Item | InputMessage | ToolOutput | { type: string; [field: string]: unknown };

/** A message of the caller's; of the model's, when only its text is left. */
export interface InputMessage {
  type?: "message";
  /** Whose message it is. */
  role: "user" | "system" | "developer" | "assistant";
  /** Its text, or its parts. */
  content: string | readonly InputPart[];
}

/** A part of a message, or of a tool's output: also Chat Completions' `text` and `image_url`. */
export interface InputPart {
  type: string;
  [field: string]: unknown;
}

/** What a tool gave. */
export interface ToolOutput {
  type: "function_call_output" | "custom_tool_call_output";
  /** Empty for a call without an id; such outputs answer such calls in their order. */
  call_id: string;
  /** Text, parts, or any value, which is written as JSON. */
  output: unknown;
  /** The tool failed. Only Anthropic's API has a word for it. */
  is_error?: boolean;
}

/** What of an item is not in the request, or not as it was. */
export interface Loss {
  /** The item's place in the list. */
  index: number;
  /** The item itself. */
  item: HistoryItem;
  /**
   * `dropped`: the item, or its `field`, is not in the request. `changed`: it is, in other words. `added`: something had
   * to be said that no item says.
   */
  kind: "dropped" | "changed" | "added";
  /** The field, when it is not all of the item. */
  field?: string;
  /** In words, with the rule of the API behind it. */
  why: string;
}

/** Options of every converter. */
export interface ConvertOptions {
  /**
   * Reasoning of which turns: `"all"` (default), or `"last"`: what came after the last message that is not the model's. The
   * reference does the latter, and servers that refuse old reasoning (DeepSeek before V4) want it.
   */
  reasoningOf?: "all" | "last";
  /**
   * Calls that have no output although the conversation goes on, which every API refuses: `"answer"` (default) adds the
   * output `aborted`, `"drop"` leaves them out. Calls of a last turn that nothing follows are
   * left as they are: their outputs are still to come.
   */
  unanswered?: "answer" | "drop";
  /**
   * Calls that are cut off (`status: "incomplete"`) and have no output: `"drop"` (default), or `"keep"`, which treats them as
   * any other.
   */
  incompleteCalls?: "drop" | "keep";
  /**
   * Makes the id that the API sees of a call's id; must give one for each. Default: the id itself where the API takes it,
   * else a short form with a checksum, the same every time. Mistral wants nine letters and digits.
   */
  callId?: (id: string) => string;
  /** Names of `provider` fields to pass on as they are: OpenRouter's `annotations` or `images`, say. */
  keep?: readonly string[];
}

/** Options of {@link toChatMessages}. */
export interface ChatOptions extends ConvertOptions {
  /**
   * The field that reasoning goes back in, because servers disagree. `"keep"` (default): `reasoning_details` where such
   * came (OpenRouter, MiniMax), else `reasoning_content` (DeepSeek, Kimi, GLM, vLLM). Others take `"reasoning"` (Ollama, Groq,
   * Cerebras), OpenAI and strict servers want `"drop"`. With `"reasoning_details"` signatures and encrypted reasoning of
   * other APIs are kept in OpenRouter's form.
   */
  reasoning?: "keep" | "drop" | "reasoning_content" | "reasoning" | "reasoning_details" | (string & {});
  /** The text in that field for messages without reasoning: DeepSeek V4 asks for the field (`""`), Kimi for a text (`" "`). */
  emptyReasoning?: string;
  /** Arguments that are no JSON object: `"keep"` (default), or `"wrap"`, for servers that read them: `{"INVALID_JSON": ".."}`. */
  invalidArguments?: "keep" | "wrap";
}

/** Options of {@link toResponsesInput}. */
export interface ResponsesOptions extends ConvertOptions {
  /**
   * What the request says of `store`. `false` (default): items go without ids, as the server knows none of them, and reasoning
   * needs its `encrypted_content`. `true`: items of this API go with their ids, and reasoning is known by its own.
   */
  store?: boolean;
  /**
   * `"keep"` (default): reasoning that the API can read, without its raw text, which OpenAI refuses. `"all"`: raw text too,
   * of any API (LM Studio, vLLM, Ollama, OpenRouter). `"drop"`: none.
   */
  reasoning?: "keep" | "all" | "drop";
  /** As in {@link ChatOptions}. */
  invalidArguments?: "keep" | "wrap";
}

/** Options of {@link toAnthropicMessages}. */
export interface AnthropicOptions extends ConvertOptions {
  /**
   * `"keep"` (default): thinking with a signature, as the API refuses any other. `"all"`: other reasoning too, with an empty
   * signature (DeepSeek's, Kimi's and MiniMax's endpoints). `"drop"`: none.
   */
  reasoning?: "keep" | "all" | "drop";
}

/** What {@link toChatMessages} gives. */
export interface ChatConversion {
  /** The request's `messages`. */
  messages: ChatMessage[];
  /** What could not be said, or not so; empty when nothing was lost. */
  losses: Loss[];
}

/** What {@link toResponsesInput} gives. */
export interface ResponsesConversion {
  /** The request's `input`. */
  input: ResponsesInputItem[];
  /** What could not be said, or not so; empty when nothing was lost. */
  losses: Loss[];
}

/** What {@link toAnthropicMessages} gives. */
export interface AnthropicConversion {
  /** The request's `system`; absent when no item is of that role. */
  system?: string;
  /** The request's `messages`. */
  messages: AnthropicMessage[];
  /** What could not be said, or not so; empty when nothing was lost. */
  losses: Loss[];
}

/** A message of a Chat Completions request; assignable to the `openai` package's type. */
export type ChatMessage =
  | { role: "system" | "developer"; content: string }
  | { role: "user"; content: string | ChatContentPart[] }
  | ChatAssistantMessage
  | { role: "tool"; tool_call_id: string; content: string | ChatTextPart[] }
  | { role: "function"; name: string; content: string };

/** The model's message. Reasoning is in the field that was asked for. */
export interface ChatAssistantMessage {
  role: "assistant";
  content: string | null;
  refusal?: string;
  audio?: { id: string };
  tool_calls?: ChatToolCall[];
  function_call?: { name: string; arguments: string };
  reasoning_content?: string;
  reasoning?: string;
  reasoning_details?: unknown[];
}

/** A call of a {@link ChatAssistantMessage}; `extra_content` is Gemini's, with the signature of its thought. */
export type ChatToolCall =
  | { id: string; type: "function"; function: { name: string; arguments: string }; extra_content?: unknown }
  | { id: string; type: "custom"; custom: { name: string; input: string }; extra_content?: unknown };

/** A text. */
export interface ChatTextPart {
  type: "text";
  text: string;
}

/** A part of the caller's {@link ChatMessage}. */
export type ChatContentPart =
  | ChatTextPart
  | { type: "image_url"; image_url: { url: string; detail?: "auto" | "low" | "high" } }
  | { type: "input_audio"; input_audio: { data: string; format: "wav" | "mp3" } }
  | { type: "file"; file: { file_data?: string; file_id?: string; filename?: string } };

/**
 * An item of a Responses request. Its types are those of the `openai` package, which asks for ids where the API does not: with
 * `store: false` there are none.
 */
export type ResponsesInputItem = ResponsesInputMessage | ResponsesItem;

/** The caller's message, or the model's when only its text is left. */
export interface ResponsesInputMessage {
  type?: "message";
  role: "user" | "system" | "developer" | "assistant";
  content: string | ResponsesContentPart[];
}

/** A part of the caller's message, or of a tool's output. */
export type ResponsesContentPart =
  | { type: "input_text"; text: string }
  | { type: "input_image"; detail: "auto" | "low" | "high"; image_url?: string; file_id?: string }
  | { type: "input_file"; file_data?: string; file_id?: string; file_url?: string; filename?: string };

/** What the model sent, and what answers it. */
export type ResponsesItem =
  | {
      type: "message";
      id: string;
      role: "assistant";
      status: "in_progress" | "completed" | "incomplete";
      content: (
        | { type: "output_text"; text: string; annotations: never[] }
        | { type: "refusal"; refusal: string }
      )[];
      phase?: "commentary" | "final_answer" | null;
    }
  | {
      type: "reasoning";
      id: string;
      summary: { type: "summary_text"; text: string }[];
      content?: { type: "reasoning_text"; text: string }[];
      encrypted_content?: string | null;
    }
  | { type: "function_call"; call_id: string; name: string; arguments: string }
  | { type: "custom_tool_call"; call_id: string; name: string; input: string }
  | { type: "function_call_output" | "custom_tool_call_output"; call_id: string; output: string | ResponsesContentPart[] };

/** A message of an Anthropic request; assignable to the `@anthropic-ai/sdk` package's type. */
export type AnthropicMessage = { role: "user"; content: AnthropicBlock[] } | { role: "assistant"; content: AnthropicBlock[] };

/** A content block. Blocks of types that are not listed here are passed on as they came. */
export type AnthropicBlock =
  | { type: "text"; text: string; citations?: never[] }
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "redacted_thinking"; data: string }
  | { type: "tool_use"; id: string; name: string; input: { [name: string]: unknown } }
  | { type: "tool_result"; tool_use_id: string; content?: string | AnthropicContentPart[]; is_error?: boolean }
  | AnthropicContentPart;

/** A part of the caller's message, or of a tool's result. */
export type AnthropicContentPart =
  | { type: "text"; text: string }
  | { type: "image"; source: AnthropicImageSource }
  | { type: "document"; source: AnthropicDocumentSource; title?: string };

/** Where an image is. */
export type AnthropicImageSource =
  | { type: "base64"; media_type: "image/jpeg" | "image/png" | "image/gif" | "image/webp"; data: string }
  | { type: "url"; url: string };

/** Where a document is. */
export type AnthropicDocumentSource =
  | { type: "base64"; media_type: "application/pdf"; data: string }
  | { type: "text"; media_type: "text/plain"; data: string }
  | { type: "url"; url: string };
