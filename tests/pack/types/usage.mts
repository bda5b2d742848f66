// What a TypeScript project imports; each entry has its types.

import { aggregate, AggregatorStream, type FinalResponse, type StreamEvent, StreamError, Telemetry } from "streamgauge";
import * as small from "streamgauge/aggregate";
import { toUIMessageStream, type UIMessageChunk } from "streamgauge/ai";
import { toResponsesInput } from "streamgauge/convert";
import * as slim from "streamgauge/slim";

export async function read(response: Response): Promise<string> {
  let text = "";
  for await (const event of aggregate(response)) if (event.type === "output_text.delta") text += event.delta;
  return text;
}

export async function readAtOnce(body: ReadableStream<Uint8Array>): Promise<FinalResponse | string> {
  try {
    return await small.aggregate(body).final();
  } catch (error) {
    return error instanceof small.StreamError ? error.code : "";
  }
}

export async function load(module: slim.CompiledModule): Promise<StreamEvent[]> {
  await slim.init(module);
  return new slim.Aggregator().feed(new Uint8Array());
}

export const piped = (body: ReadableStream<Uint8Array>): ReadableStream<StreamEvent> => body.pipeThrough(new AggregatorStream());

export const start = (): Telemetry | StreamError =>
  new Telemetry({ conversationId: "c", model: "m", appVersion: "1", terminalType: "t", otel: { environment: "test" } });

export const chunks = (response: Response): ReadableStream<UIMessageChunk> => toUIMessageStream(aggregate(response));

export const next = async (response: Response) => toResponsesInput((await aggregate(response).final()).items);

// @ts-expect-error an option that does not exist
aggregate(new Response(), { idleTimeout: 1 });

// @ts-expect-error the small entry has no telemetry
small.Telemetry;

// @ts-expect-error no module
slim.init(1);
