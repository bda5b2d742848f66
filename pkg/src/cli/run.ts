import { once } from "node:events";
import { open } from "node:fs/promises";

import { aggregate, StreamError } from "../index.js";
import type { AggregateStream, Telemetry } from "../index.js";
import type { StreamEvent } from "../types.js";
import type { StreamCommand } from "./arguments.js";
import { openTelemetry, paced, RECORDED_READ_BYTES } from "./telemetry.js";
import { UsageError } from "./usage.js";

/**
 * Aggregates one stream and prints its events as JSON lines. Returns the exit status.
 * @throws {@link UsageError}
 */
export async function runStream(command: StreamCommand, signal: AbortSignal): Promise<number> {
  const recording = await openTelemetry(command);
  const input = command.file === undefined ? process.stdin : await openFile(command.file);
  const size = Math.min(command.chunkBytes ?? Infinity, recording === undefined ? Infinity : RECORDED_READ_BYTES);
  const bytes = size === Infinity ? input : rechunk(input, size);
  const source = recording === undefined ? bytes : paced(bytes, recording.telemetry);
  const stream = start(source, command, signal, recording?.telemetry);
  try {
    for await (const batch of stream.batches()) {
      const shown = command.itemsOnly ? batch.filter(isItemOrEnd) : batch;
      await write(shown.map((event) => `${JSON.stringify(event)}\n`).join(""));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    if (error.code !== "aborted") {
      process.stderr.write(`error: ${error.code}: ${oneLine(error.message)}\n`);
    }
    return 1;
  } finally {
    input.destroy();
    const complaint = await recording?.close();
    if (complaint !== undefined) process.stderr.write(`${complaint}\n`);
  }
}

function start(
  bytes: AsyncIterable<Uint8Array>,
  command: StreamCommand,
  signal: AbortSignal,
  telemetry: Telemetry | undefined,
): AggregateStream {
  try {
    return aggregate(bytes, { ...command.options, signal, ...(telemetry === undefined ? {} : { telemetry }) });
  } catch (error) {
    if (error instanceof StreamError && error.code === "bad_option") throw new UsageError(error.message);
    throw error;
  }
}

/** One line, and nothing that a terminal would obey: the words may be the provider's. */
function oneLine(message: string): string {
  return message.replaceAll(/\s*[\r\n]+\s*/g, " ").replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "\ufffd");
}

/** Whether `--items` shows it. */
export function isItemOrEnd(event: StreamEvent): boolean {
  return event.type === "output_item.done" || event.type === "completed";
}

async function openFile(path: string): Promise<NodeJS.ReadStream> {
  try {
    const file = await open(path);
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw new Error("it is a directory; --summary reads the files in it");
    }
    return file.createReadStream() as unknown as NodeJS.ReadStream;
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** The same bytes in pieces of at most `size`. Nothing is held back: what a read gives is passed on at once. */
export async function* rechunk(input: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size);
  }
}

/** Waits until the reader of a pipe has room again. A reader that has left wants nothing more. */
async function write(text: string): Promise<void> {
  if (text === "" || process.stdout.destroyed || process.stdout.write(text)) return;
  await once(process.stdout, "drain").catch(() => undefined);
}
