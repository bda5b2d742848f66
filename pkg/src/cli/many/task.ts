// One file among many: read, aggregated, and summed up in a row.

import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { aggregate, StreamError } from "../../index.js";
import type { AggregateOptions, Item } from "../../index.js";
import { isItemOrEnd, rechunk } from "../run.js";
import { RECORDED_READ_BYTES } from "../telemetry.js";
import type { Lines } from "./command.js";
import type { Channel } from "./order.js";
import { Recording } from "./recording.js";
import { failedRow } from "./rows.js";
import type { Row } from "./rows.js";

/** One file to read. */
export interface Task {
  /** `-`: {@link TaskPort.input}. */
  file: string;
  /** Where its lines go; `undefined`: to the port. */
  out: string | undefined;
}

/** What all files have in common. It crosses to worker threads. */
export interface TaskSettings {
  options: AggregateOptions;
  chunkBytes: number | undefined;
  lines: Lines | undefined;
  /** `lines`: OTLP JSON lines for the port. */
  telemetry: "lines" | { toml: string } | undefined;
}

/** Where a task's output goes. */
export interface TaskPort {
  /** Resolves when more may come. */
  text(channel: Channel, text: string): Promise<void>;
  /** So many bytes were read. */
  read(bytes: number): void;
  warn(message: string): void;
  lost(records: number, reason: string): void;
  /** What comes next may take its time: what was said is to be seen. */
  waits(): void;
  /** Whether nobody wants the rest. */
  stopped(): boolean;
  input?: AsyncIterable<Uint8Array>;
}

const READ_BYTES = 65_536;

/** Reads one file. What is wrong with it is in the row. */
export async function runTask(task: Task, settings: TaskSettings, port: TaskPort): Promise<Row> {
  const { file } = task;
  let lines: LineWriter | undefined;
  let fd: number | undefined;
  let row: Row;
  try {
    if (settings.lines !== undefined) {
      lines = task.out === undefined ? new PortLines(file, port) : new FileLines(task.out);
    }
    fd = port.input === undefined ? openFile(file) : undefined;
    row = await aggregateFile(file, fd, settings, port, lines);
  } catch (error) {
    // With a file that was read in part, this is about what is written of it.
    row = failedRow(file, "transport", (error as Error).message);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  if (port.stopped()) {
    lines?.abandon();
    return row;
  }
  try {
    if (row.error !== null) await lines?.write([errorLine(row)]);
    lines?.finish();
  } catch (error) {
    lines?.abandon();
    row = failedRow(file, "transport", (error as Error).message);
  }
  return row;
}

async function aggregateFile(
  file: string,
  fd: number | undefined,
  { options, chunkBytes, lines: which, telemetry }: TaskSettings,
  port: TaskPort,
  lines: LineWriter | undefined,
): Promise<Row> {
  const recording = telemetry === undefined ? undefined : new Recording(file, telemetry, port);
  const size = recording === undefined ? READ_BYTES : RECORDED_READ_BYTES;
  const input: Iterable<Uint8Array> | AsyncIterable<Uint8Array> =
    fd === undefined ? counted(port) : readFile(fd, Math.min(size, chunkBytes ?? size), port);
  const chunks = fd === undefined && chunkBytes !== undefined ? rechunk(counted(port), chunkBytes) : input;
  const stream = aggregate(recording === undefined ? chunks : recording.paced(chunks), {
    ...options,
    ...(recording === undefined ? {} : { telemetry: recording.telemetry }),
  });
  const ids = recording === undefined ? {} : { conversation_id: recording.conversationId };
  try {
    if (lines !== undefined) {
      for await (const batch of stream.batches()) {
        await lines.write(which === "items" ? batch.filter(isItemOrEnd) : batch);
      }
    }
    const { wire, response_id, model, finish_reason, finish_reason_normalized, ended_by, items, token_usage, counts } =
      await stream.final();
    const { bytes, frames, bad_frames } = counts;
    return {
      file, wire, result: "ok", error: null, response_id, model, finish_reason, finish_reason_normalized, ended_by,
      items: kinds(items), token_usage, bytes, frames, bad_frames, ...ids,
    };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    const { response, provider } = error;
    const row = { ...failedRow(file, error.code, error.message), items: kinds(error.partial), ...ids };
    if (provider !== undefined) row.error = { message: error.message, provider };
    if (response === undefined) return row;
    const { wire, response_id, model, finish_reason, finish_reason_normalized, token_usage, counts } = response;
    const { bytes, frames, bad_frames } = counts;
    return {
      ...row, wire, response_id, model, finish_reason, finish_reason_normalized, token_usage, bytes, frames, bad_frames,
    };
  } finally {
    stream.cancel();
    await recording?.close();
  }
}

function kinds(items: readonly Item[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of items) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

function openFile(path: string): number {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    if (fstatSync(fd).isDirectory()) throw new Error("it is a directory");
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw new Error(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/**
 * A file's bytes, always in the same buffer: a chunk is taken in before the next is asked for. A worker has nothing
 * else to do meanwhile, and reading synchronously is several times faster for small files.
 */
function* readFile(fd: number, size: number, port: TaskPort): Generator<Uint8Array> {
  const buffer = new Uint8Array(size);
  // A pipe may be live.
  const mayWait = !fstatSync(fd).isFile();
  while (!port.stopped()) {
    if (mayWait) port.waits();
    const length = readSync(fd, buffer, 0, size, null);
    if (length === 0) return;
    port.read(length);
    yield buffer.subarray(0, length);
  }
}

async function* counted(port: TaskPort): AsyncGenerator<Uint8Array> {
  for await (const bytes of port.input!) {
    port.read(bytes.length);
    yield bytes;
  }
}

/** Takes a file's events as JSON lines. */
interface LineWriter {
  write(events: readonly object[]): Promise<void>;
  finish(): void;
  abandon(): void;
}

/** Each line tells its file. */
class PortLines implements LineWriter {
  readonly #beginning: string;
  readonly #port: TaskPort;

  constructor(file: string, port: TaskPort) {
    this.#beginning = `{"file":${JSON.stringify(file)},`;
    this.#port = port;
  }

  async write(events: readonly object[]): Promise<void> {
    let text = "";
    for (const event of events) text += `${this.#beginning}${JSON.stringify(event).slice(1)}\n`;
    if (text !== "") await this.#port.text("lines", text);
  }

  finish(): void {}
  abandon(): void {}
}

/** A file of its own, which gets its name when it is whole. */
class FileLines implements LineWriter {
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string) {
    this.#path = path;
    this.#fd = this.#do(() => {
      mkdirSync(dirname(path), { recursive: true });
      return openSync(partOf(path), "w");
    });
  }

  async write(events: readonly object[]): Promise<void> {
    let text = "";
    for (const event of events) text += `${JSON.stringify(event)}\n`;
    if (text !== "") this.#do(() => writeFileSync(this.#fd, text));
  }

  finish(): void {
    this.#do(() => {
      closeSync(this.#fd);
      renameSync(partOf(this.#path), this.#path);
    });
  }

  abandon(): void {
    try {
      closeSync(this.#fd);
    } catch {
      // It was closed before what failed.
    }
    rmSync(partOf(this.#path), { force: true });
  }

  #do<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw new Error(`cannot write ${this.#path}: ${(error as Error).message}`);
    }
  }
}

/** What a file is called until it is whole. */
export function partOf(path: string): string {
  return `${path}.part`;
}

/** How a failure ends a file's lines. */
export function errorLine({ result, error }: Row): { type: "error"; code: string } & NonNullable<Row["error"]> {
  return { type: "error", code: result, ...error! };
}
