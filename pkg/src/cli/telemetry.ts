import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Writable } from "node:stream";

import { StreamError, Telemetry } from "../index.js";
import { VERSION } from "../telemetry/environment.js";
import type { OtelSettings } from "../telemetry/settings.js";
import { UsageError } from "./arguments.js";
import type { StreamCommand } from "./arguments.js";

/** The telemetry that the command line asks for, and how to end it. */
export interface CommandTelemetry {
  telemetry: Telemetry;
  /** Exports what there is; resolves to what is to be told of records that were lost. */
  close: () => Promise<string | undefined>;
}

/** @throws {@link UsageError} */
export async function openTelemetry(command: StreamCommand): Promise<CommandTelemetry | undefined> {
  if (command.otelFile !== undefined) {
    return start(await readText(command.otelFile), async () => undefined);
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
  let telemetry: Telemetry;
  try {
    telemetry = new Telemetry({
      conversationId: crypto.randomUUID(),
      model: "unknown",
      appVersion: VERSION,
      terminalType: process.env["TERM_PROGRAM"] ?? process.env["TERM"] ?? "unknown",
      otel,
      onWarning: ({ message }) => process.stderr.write(`telemetry: ${message}\n`),
    });
  } catch (error) {
    if (error instanceof StreamError && error.code === "bad_option") throw new UsageError(error.message);
    throw error;
  }
  return {
    telemetry,
    close: async () => {
      const result = await telemetry.shutdown();
      await close();
      const { dropped, last_error } = telemetry.stats;
      const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
      return result === "ok" ? undefined : `telemetry: ${lost} records were lost: ${last_error ?? result}`;
    },
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

async function openOutput(path: string): Promise<Writable> {
  const output = createWriteStream(path);
  try {
    await once(output, "open");
    return output;
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${(error as Error).message}`);
  }
}
