// The records of one file among many: a conversation of its own.

import type { Telemetry } from "../../index.js";
import type { OtelSettings } from "../../telemetry/settings/types.js";
import { lostRecords, newTelemetry, paced } from "../telemetry.js";
import type { TaskPort, TaskSettings } from "./task.js";

/** How long a collector is waited for that did not take the records of an earlier file. */
const IMPATIENT_MS = 1000;
/** How many files' records may be on their way at a time. */
const MAX_CLOSING = 16;

let collectorIsDown = false;
const closing = new Set<Promise<void>>();

/** The telemetry of one file. */
export class Recording {
  readonly telemetry: Telemetry;
  readonly conversationId = crypto.randomUUID();
  readonly #port: TaskPort;
  readonly #goesToPort: boolean;

  constructor(file: string, settings: NonNullable<TaskSettings["telemetry"]>, port: TaskPort) {
    this.#port = port;
    this.#goesToPort = settings === "lines";
    const sink = (batch: string): Promise<void> => port.text("telemetry", `${batch}\n`);
    const otel = settings === "lines" ? ({ exporter: { sink, format: "json" } } as OtelSettings) : settings.toml;
    this.telemetry = newTelemetry(otel, this.conversationId, (message) => port.warn(message));
    this.telemetry.log("streamgauge.capture", { "log.file.path": file });
  }

  /** The same bytes, not faster than their records are taken. */
  paced(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    return paced(source, this.telemetry, () => (collectorIsDown ? { timeoutMs: IMPATIENT_MS } : {}));
  }

  /** Exports what is left. Lines are there when it resolves; a collector may take its time, while other files are read. */
  async close(): Promise<void> {
    const done = this.#close();
    if (this.#goesToPort) return done;
    closing.add(done);
    void done.then(() => closing.delete(done));
    if (closing.size >= MAX_CLOSING) await Promise.race(closing);
  }

  async #close(): Promise<void> {
    const result = await this.telemetry.shutdown(collectorIsDown ? { timeoutMs: IMPATIENT_MS } : {});
    collectorIsDown = result !== "ok";
    const lost = lostRecords(this.telemetry, result);
    if (lost !== undefined) this.#port.lost(lost.records, lost.reason);
  }
}

/** Resolves when all records of all files are exported, or lost. */
export async function closeRecordings(): Promise<void> {
  await Promise.all(closing);
}
