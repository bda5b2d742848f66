// `streamgauge FILES...`: reads many files on several threads, prints what became of each in the order given.

import { mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";

import { aggregate, StreamError } from "../../index.js";
import { newTelemetry, openOutput, readSettings } from "../telemetry.js";
import { EXIT_INTERRUPTED, UsageError } from "../usage.js";
import type { ManyCommand } from "./command.js";
import { findFiles, outputPaths } from "./files.js";
import { InOrder } from "./order.js";
import { Output } from "./output.js";
import { Pool } from "./pool.js";
import { canDraw, ProgressBar } from "./progress.js";
import { closeRecordings } from "./recording.js";
import { failedRow, rowWriter } from "./rows.js";
import type { Row } from "./rows.js";
import { errorLine, partOf, runTask } from "./task.js";
import type { Task, TaskSettings } from "./task.js";
import { Totals } from "./totals.js";

/** How many characters may wait for their turn, or to be written, before no further file is begun. */
const ROOM = 16_777_216;

/**
 * Reads the files and returns the exit status.
 * @param stop ends it early: what is finished is printed. Its reason is the exit status.
 * @throws {@link UsageError}
 */
export async function runMany(command: ManyCommand, stop: AbortSignal): Promise<number> {
  checkOptions(command);
  const { names, filesFrom, lines, out, otelFile, telemetryFile, chunkBytes, options } = command;
  const readsInput = filesFrom === undefined && names.length === 1 && names[0] === "-";
  const files = readsInput ? names : await findFiles(names, filesFrom);
  const tasks = tasksOf(files, out);
  const settings: TaskSettings = { options, chunkBytes, lines, telemetry: undefined };
  if (otelFile !== undefined) settings.telemetry = { toml: await checkedSettings(otelFile) };
  else if (telemetryFile !== undefined) settings.telemetry = "lines";
  const file = telemetryFile === undefined || telemetryFile === "-" ? undefined : await openOutput(telemetryFile);
  if (stop.aborted) return stop.reason as number;
  const run = new Run(command, tasks, settings, file === undefined ? undefined : new Output(file, () => run.wake()));
  file?.on("error", (error) => run.fail(`cannot write ${telemetryFile}: ${error.message}`));
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== "EPIPE") run.fail(`cannot write standard output: ${message}`);
  });
  const status = await (readsInput ? run.input(stop) : run.files(stop));
  await new Promise<void>((resolve) => (file === undefined ? resolve() : file.end(resolve)));
  return status;
}

/** One run of the command. */
class Run {
  readonly #command: ManyCommand;
  readonly #tasks: Task[];
  readonly #settings: TaskSettings;
  readonly #startedAt = performance.now();
  readonly #totals: Totals;
  readonly #order: InOrder<Row>;
  readonly #output: Output;
  readonly #telemetry: Output;
  readonly #writer: { head: string; row: (row: Row) => string } | undefined;
  readonly #progress;
  readonly #told = new Set<string>();
  #bar: ProgressBar | undefined;
  #pool: Pool<Task, TaskSettings, Row> | undefined;
  #failure: string | undefined;

  constructor(command: ManyCommand, tasks: Task[], settings: TaskSettings, telemetry: Output | undefined) {
    this.#command = command;
    this.#tasks = tasks;
    this.#settings = settings;
    this.#totals = new Totals(tasks.length);
    this.#progress = { files: tasks.length, done: 0, failed: 0, bytes: 0 };
    this.#output = new Output(process.stdout, () => this.wake());
    this.#telemetry = telemetry ?? this.#output;
    this.#order = new InOrder(
      (channel, text) => (channel === "lines" ? this.#output : this.#telemetry).write(text),
      (_, row) => this.#finished(row),
    );
    if (this.#printsRows()) {
      const format = command.format ?? (process.stdout.isTTY ? "table" : "tsv");
      const color = process.stdout.isTTY && process.stdout.hasColors();
      this.#writer = rowWriter(format, tasks.map(({ file }) => file), color);
    }
  }

  /** There may be room for more. */
  wake(): void {
    this.#pool?.wake();
  }

  /** Something is wrong that is no file's fault: the run ends. */
  fail(message: string): void {
    this.#failure ??= message;
    this.#pool?.stop();
  }

  /** Reads the files. Returns the exit status. */
  async files(stop: AbortSignal): Promise<number> {
    const { jobs = availableParallelism(), progress } = this.#command;
    void this.#output.write(this.#writer?.head ?? "");
    const pool = new Pool<Task, TaskSettings, Row>({
      script: new URL("./worker.js", import.meta.url),
      settings: this.#settings,
      tasks: this.#tasks,
      jobs: Math.min(jobs, this.#tasks.length),
      hasRoom: () => this.#order.waiting + this.#output.unwritten + this.#telemetry.unwritten < ROOM,
      text: (index, channel, text) => this.#order.text(index, channel, text),
      read: (bytes) => (this.#progress.bytes += bytes),
      warning: (message) => this.#warn(message),
      lost: (records, reason) => this.#totals.addLost(records, reason),
      done: (index, row) => this.#done(index, row),
      died: (index, why) => this.#died(index, why),
      // A trap may have left the core in any state.
      spoils: ({ result }) => result === "internal",
    });
    this.#pool = pool;
    stop.addEventListener("abort", () => pool.stop(), { once: true });
    if (progress && canDraw(process.stderr)) {
      this.#output.held = process.stdout.isTTY;
      this.#bar = new ProgressBar(process.stderr, this.#progress, () => this.#output.flush());
      void this.#bar.measure(this.#tasks.map(({ file }) => file));
    }
    try {
      await pool.run();
    } finally {
      this.#bar?.end();
      this.#bar = undefined;
    }
    const status = await this.#end(stop);
    if (pool.isStuck) endByForce();
    return status;
  }

  /** Reads standard input, on this thread. Returns the exit status. */
  async input(stop: AbortSignal): Promise<number> {
    void this.#output.write(this.#writer?.head ?? "");
    const settings = { ...this.#settings, options: { ...this.#settings.options, signal: stop } };
    const row = await runTask(this.#tasks[0]!, settings, {
      text: (channel, text) => this.#order.text(0, channel, text),
      read: () => undefined,
      warn: (message) => this.#warn(message),
      lost: (records, reason) => this.#totals.addLost(records, reason),
      waits: () => undefined,
      stopped: () => stop.aborted,
      input: process.stdin,
    });
    process.stdin.destroy();
    await closeRecordings();
    if (!stop.aborted) this.#order.done(0, row);
    return this.#end(stop);
  }

  #printsRows(): boolean {
    return this.#command.lines === undefined || this.#command.out !== undefined;
  }

  #done(index: number, row: Row): void {
    this.#progress.done++;
    if (row.result !== "ok") this.#progress.failed++;
    this.#order.done(index, row);
  }

  /** What a worker says at the end of a file, for one that can not. */
  #died(index: number, why: string): Row {
    const { file, out } = this.#tasks[index]!;
    const row = failedRow(file, "internal", why);
    if (out !== undefined) rmSync(partOf(out), { force: true });
    else if (this.#settings.lines !== undefined) void this.#order.text(index, "lines", lastLine(row));
    return row;
  }

  #finished(row: Row): void {
    this.#totals.add(row);
    if (this.#writer !== undefined) void this.#output.write(this.#writer.row(row));
  }

  #warn(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#say(`telemetry: ${message}`);
  }

  #say(line: string): void {
    if (this.#bar === undefined) process.stderr.write(`${line}\n`);
    else this.#bar.print(line);
  }

  async #end(stop: AbortSignal): Promise<number> {
    const isInterrupted = stop.reason === EXIT_INTERRUPTED;
    this.#order.close((index) => {
      if (this.#settings.lines === undefined || this.#command.out !== undefined) return;
      const row = failedRow(this.#tasks[index]!.file, "aborted", "interrupted");
      void this.#output.write(lastLine(row));
    });
    await Promise.all([this.#output.end(), this.#telemetry.end()]);
    if (stop.aborted && !isInterrupted) return stop.reason as number;

    const lost = this.#totals.lostLine();
    if (lost !== undefined) this.#say(lost);
    if (!this.#command.quiet) this.#say(this.#totals.line(performance.now() - this.#startedAt));
    const missing = this.#tasks.length - this.#totals.finished;
    if (this.#failure !== undefined) this.#say(`streamgauge: ${this.#failure}`);
    if (missing > 0) this.#say(`interrupted: ${missing} of ${this.#tasks.length} files were not finished`);
    if (isInterrupted) return EXIT_INTERRUPTED;
    return this.#totals.failed > 0 || this.#failure !== undefined ? 1 : 0;
  }
}

/** How the lines of a file that failed end, among those of others. */
function lastLine(row: Row): string {
  return `${JSON.stringify({ file: row.file, ...errorLine(row) })}\n`;
}

/** Node waits for its threads, whatever they wait for; the default action of a signal does not. */
function endByForce(): void {
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
}

function tasksOf(files: readonly string[], out: string | undefined): Task[] {
  if (out === undefined) return files.map((file) => ({ file, out: undefined }));
  const paths = outputPaths(files, out);
  try {
    mkdirSync(out, { recursive: true });
  } catch (error) {
    throw new UsageError(`cannot write ${out}: ${(error as Error).message}`);
  }
  return files.map((file, at) => ({ file, out: paths[at]! }));
}

/** @throws {@link UsageError} here rather than once per file. */
function checkOptions({ options }: ManyCommand): void {
  try {
    aggregate([], options).cancel();
  } catch (error) {
    if (error instanceof StreamError && error.code === "bad_option") throw new UsageError(error.message);
    throw error;
  }
}

async function checkedSettings(path: string): Promise<string> {
  const toml = await readSettings(path);
  await newTelemetry(toml, "check", () => undefined).shutdown();
  return toml;
}
