// What all files come to.

import type { Row } from "./rows.js";

/** Adds rows up. */
export class Totals {
  readonly #files: number;
  readonly #codes = new Map<string, number>();
  #completed = 0;
  #items = 0;
  #inputTokens = 0;
  #outputTokens = 0;
  #bytes = 0;
  #lost = { records: 0, files: 0, reason: "" };

  constructor(files: number) {
    this.#files = files;
  }

  add({ result, items, token_usage, bytes }: Row): void {
    if (result === "ok") this.#completed++;
    else this.#codes.set(result, (this.#codes.get(result) ?? 0) + 1);
    for (const count of Object.values(items)) this.#items += count;
    this.#inputTokens += token_usage?.input_tokens ?? 0;
    this.#outputTokens += token_usage?.output_tokens ?? 0;
    this.#bytes += bytes;
  }

  /** Records of one file that did not arrive. */
  addLost(records: number, reason: string): void {
    this.#lost.records += records;
    this.#lost.files++;
    this.#lost.reason = reason;
  }

  get failed(): number {
    let failed = 0;
    for (const count of this.#codes.values()) failed += count;
    return failed;
  }

  /** How many files there is a row of. */
  get finished(): number {
    return this.#completed + this.failed;
  }

  /** The line of totals. */
  line(elapsedMs: number): string {
    const codes = [...this.#codes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, count]) => `${code} ${count}`);
    const seconds = Math.max(elapsedMs, 1) / 1000;
    const perSecond = `${Math.round(this.finished / seconds)} files/s, ${size(this.#bytes / seconds)}/s`;
    return [
      `${this.#completed} of ${this.#files} files completed${codes.length === 0 ? "" : `, ${this.failed} failed (${codes.join(", ")})`}`,
      `${this.#items} items`,
      `${this.#inputTokens} input and ${this.#outputTokens} output tokens`,
      `${size(this.#bytes)} in ${seconds.toFixed(1)} s (${perSecond})`,
    ].join("; ");
  }

  /** What is to be told of lost records; `undefined` when there are none. */
  lostLine(): string | undefined {
    const { records, files, reason } = this.#lost;
    return files === 0 ? undefined : `telemetry: ${records} records of ${files} files were lost: ${reason}`;
  }
}

/** `12.3 MB` */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}
