// The line at the foot of a terminal.

import { stat } from "node:fs/promises";
import type { WriteStream } from "node:tty";

import { size } from "./totals.js";

/** What the bar shows. */
export interface Progress {
  files: number;
  done: number;
  failed: number;
  /** Read so far. */
  bytes: number;
}

const REDRAW_MS = 100;
const BAR_WIDTH = 24;
/** A rate before this is a guess. */
const SETTLED_MS = 1000;

/** Whether a bar can be drawn: a terminal that can go back to the beginning of a line. */
export function canDraw(stream: WriteStream): boolean {
  return stream.isTTY === true && process.env["TERM"] !== "dumb";
}

/** A progress bar on a terminal: one line, redrawn ten times a second, gone at the end. */
export class ProgressBar {
  readonly #stream: WriteStream;
  readonly #progress: Progress;
  readonly #beforeDraw: () => void;
  readonly #startedAt = performance.now();
  readonly #color: boolean;
  readonly #timer: NodeJS.Timeout;
  #totalBytes: number | undefined;
  #drawn = "";
  #ended = false;

  /** @param beforeDraw is called when the line is empty: the moment to print something above it. */
  constructor(stream: WriteStream, progress: Progress, beforeDraw: () => void) {
    this.#stream = stream;
    this.#progress = progress;
    this.#beforeDraw = beforeDraw;
    this.#color = stream.hasColors();
    this.#timer = setInterval(() => this.#redraw(), REDRAW_MS);
    this.#redraw();
  }

  /** With the sizes of all files, what is left can be told by bytes. */
  async measure(files: readonly string[]): Promise<void> {
    let total = 0;
    for (const file of files) {
      if (this.#ended) return;
      total += await stat(file).then(({ size: bytes }) => bytes, () => 0);
    }
    this.#totalBytes = total;
  }

  /** Prints a line above the bar. */
  print(line: string): void {
    this.#clear();
    this.#stream.write(`${line}\n`);
  }

  /** Removes the bar. */
  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#clear();
  }

  #clear(): void {
    if (this.#drawn !== "") this.#stream.write("\r\x1b[K");
    this.#drawn = "";
  }

  #redraw(): void {
    const line = this.#line();
    this.#clear();
    this.#beforeDraw();
    this.#stream.write(line);
    this.#drawn = line;
  }

  #line(): string {
    const { files, done, failed, bytes } = this.#progress;
    const elapsed = performance.now() - this.#startedAt;
    const byFiles = done / files;
    // Files are of any size, and not all are read to their end: neither alone tells how much is left.
    const byBytes = this.#totalBytes === undefined || this.#totalBytes === 0 ? byFiles : bytes / this.#totalBytes;
    const share = Math.min(1, (byFiles + byBytes) / 2);
    const filled = Math.floor(byFiles * BAR_WIDTH);
    const parts = [
      `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}]`,
      `${done}/${files} files`,
      `${size((bytes * 1000) / Math.max(elapsed, 1))}/s`,
      `${failed} failed`,
      share > 0 && elapsed > SETTLED_MS ? `ETA ${duration((elapsed / share) * (1 - share))}` : "ETA -",
    ];
    // A line that wraps can not be taken back. The bar is what can be spared.
    const fits = (): boolean => parts.join("  ").length < this.#stream.columns;
    while (parts.length > 1 && !fits()) parts.shift();
    const text = parts.join("  ").slice(0, Math.max(0, this.#stream.columns - 1));
    return this.#color && failed > 0 ? text.replace(/\d+ failed/, "\x1b[31m$&\x1b[39m") : text;
  }
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
