// The words of the AI SDK's UI message streams, as `ai` 5 to 7 reads them: packages/ai/src/ui-message-stream/ui-message-chunks.ts
// of vercel/ai. Written by hand, so that nobody has to install it.

import type { CompletedEvent } from "../types.js";

/** How a stream is told. Names and defaults are those of the AI SDK's own `toUIMessageStream`. */
export interface UIMessageStreamOptions {
  /** The message's id. Default: the client's choice. */
  messageId?: string;
  /** Whether to tell the reasoning. Default true. */
  sendReasoning?: boolean;
  /** Whether to tell the citations that have a URL, as sources. Default false. */
  sendSources?: boolean;
  /** Whether to begin with `start`; `false` when the message goes on. Default true. */
  sendStart?: boolean;
  /** Whether to end with `finish`. Default true. */
  sendFinish?: boolean;
  /** What goes into the message's `metadata` at its start, and at its end, with usage and timings at hand. */
  messageMetadata?: (event: { type: "start" } | CompletedEvent) => unknown;
  /** The words that the client sees of a failure. Default `An error occurred.`: a provider's message may have secrets. */
  onError?: (error: unknown) => string;
  /** Whether the client knows the tools by no name of its own (`dynamic-tool` parts). Default false. */
  dynamic?: boolean;
  /** Which choice is told, of several. Default 0. */
  choice?: number;
}

/** What the providers' packages need again for the next turn, by provider. */
export type ProviderMetadata = { [provider: string]: { [name: string]: string | null } };

/** One piece of a UI message; assignable to the `ai` package's `UIMessageChunk`. */
export type UIMessageChunk =
  | { type: "start"; messageId?: string; messageMetadata?: unknown }
  | { type: "start-step" }
  | { type: "text-start"; id: string }
  | { type: "text-delta"; id: string; delta: string }
  | { type: "text-end"; id: string; providerMetadata?: ProviderMetadata }
  | { type: "reasoning-start"; id: string; providerMetadata?: ProviderMetadata }
  | { type: "reasoning-delta"; id: string; delta: string }
  | { type: "reasoning-end"; id: string; providerMetadata?: ProviderMetadata }
  | { type: "tool-input-start"; toolCallId: string; toolName: string; dynamic?: boolean; providerExecuted?: boolean }
  | { type: "tool-input-delta"; toolCallId: string; inputTextDelta: string }
  | {
      type: "tool-input-available";
      toolCallId: string;
      toolName: string;
      input: unknown;
      dynamic?: boolean;
      providerExecuted?: boolean;
      providerMetadata?: ProviderMetadata;
    }
  | {
      type: "tool-input-error";
      toolCallId: string;
      toolName: string;
      input: unknown;
      errorText: string;
      dynamic?: boolean;
      providerMetadata?: ProviderMetadata;
    }
  | { type: "tool-output-available"; toolCallId: string; output: unknown; dynamic?: boolean; providerExecuted?: boolean }
  | { type: "source-url"; sourceId: string; url: string; title?: string }
  | { type: "data-item"; data: unknown }
  | { type: "finish-step" }
  | { type: "finish"; finishReason: UIFinishReason; messageMetadata?: unknown }
  | { type: "abort" }
  | { type: "error"; errorText: string };

/** Why the message ended, in the AI SDK's words. */
export type UIFinishReason = "stop" | "length" | "content-filter" | "tool-calls" | "error" | "other";
