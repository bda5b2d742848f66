import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Writable } from "node:stream";

import { StreamError, Telemetry } from "../index.js";
import type { FlushOptions, FlushResult } from "../telemetry/driver.js";
import { VERSION } from "../telemetry/environment.js";
import type { OtelSettings } from "../telemetry/settings/types.js";
import type { StreamCommand } from "./arguments.js";
import { UsageError } from "./usage.js";

/** Bytes are read faster than a collector takes records. With this many waiting, reading waits too: none is dropped. */
const PACE = 1000;
/** Small enough that one read makes no more records than the queue has room for beside {@link PACE}. */
export const RECORDED_READ_BYTES = 8192;

/** The telemetry that the command line asks for, and how to end it. */
export interface CommandTelemetry {
  telemetry: Telemetry;
  /** Exports what there is; resolves to what is to be told of records that were lost. */
  close: () => Promise<string | undefined>;
}

/** @throws {@link UsageError} */
export async function openTelemetry(command: StreamCommand): Promise<CommandTelemetry | undefined> {
  if (command.otelFile !== undefined) {
    return start(await readSettings(command.otelFile), async () => undefined);
  }
  if (command.telemetryFile === undefined) return undefined;
  const output = command.telemetryFile === "-" ? process.stdout : await openOutput(command.telemetryFile);
  const sink = async (batch: string): Promise<void> => {
    if (output.destroyed || output.write(`${batch}\n`)) return;
    await once(output, "drain").catch(() => undefined);
  };
  const close = async (): Promise<undefined> => {
    if (output !== process.stdout) await new Promise<void>((resolve) => output.end(resolve));
  };
  return start({ exporter: { sink, format: "json" } } as OtelSettings, close);
}

function start(otel: OtelSettings | string, close: () => Promise<undefined>): CommandTelemetry {
  const onWarning = (message: string): boolean => process.stderr.write(`telemetry: ${message}\n`);
  const telemetry = newTelemetry(otel, crypto.randomUUID(), onWarning);
  return {
    telemetry,
    close: async () => {
      const result = await telemetry.shutdown();
      await close();
      const lost = lostRecords(telemetry, result);
      return lost === undefined ? undefined : `telemetry: ${lost.records} records were lost: ${lost.reason}`;
    },
  };
}

/** @throws {@link UsageError} for settings that are not usable. */
export function newTelemetry(
  otel: OtelSettings | string,
  conversationId: string,
  onWarning: (message: string) => void,
): Telemetry {
  try {
    return new Telemetry({
      conversationId,
      model: "unknown",
      appVersion: VERSION,
      terminalType: process.env["TERM_PROGRAM"] ?? process.env["TERM"] ?? "unknown",
      otel,
      onWarning: ({ message }) => onWarning(message),
    });
  } catch (error) {
    if (error instanceof StreamError && error.code === "bad_option") throw new UsageError(error.message);
    throw error;
  }
}

/**
 * The same bytes, not faster than their records are taken.
 *
 * @param source in pieces of at most {@link RECORDED_READ_BYTES}
 * @param patience what each flush is given; asked anew each time
 */
export async function* paced(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  telemetry: Telemetry,
  patience: () => FlushOptions = () => ({}),
): AsyncGenerator<Uint8Array> {
  let isPaced = true;
  for await (const bytes of source) {
    yield bytes;
    if (!isPaced || telemetry.stats.queued < PACE) continue;
    // A collector that does not answer holds up nothing.
    isPaced = (await telemetry.forceFlush(patience())) !== "timed_out";
  }
}

/** What did not arrive, once a telemetry was shut down. */
export function lostRecords(telemetry: Telemetry, result: FlushResult): { records: number; reason: string } | undefined {
  if (result === "ok") return undefined;
  const { dropped, last_error } = telemetry.stats;
  const records = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  return { records, reason: last_error ?? result };
}

/** Reads a file with an `[otel]` table. @throws {@link UsageError} */
export async function readSettings(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** @throws {@link UsageError} */
export async function openOutput(path: string): Promise<Writable> {
  const output = createWriteStream(path);
  try {
    await once(output, "open");
    return output;
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${(error as Error).message}`);
  }
}
