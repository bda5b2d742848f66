// What many workers say at the same time, in the order of the files, in bounded memory.

/** Where a text belongs. */
export type Channel = "lines" | "telemetry";

/** Takes the texts in their order; resolves when they are written. */
export type Take = (channel: Channel, text: string) => Promise<void>;

interface Entry<Result> {
  pieces: { channel: Channel; text: string; taken: () => void }[];
  /** Whether some of its text is written already. */
  begun: boolean;
  result?: Result;
}

/** About what a result costs that waits for its turn. */
const RESULT_SIZE = 1024;

/**
 * Hands on what belongs to the first unfinished file at once, and keeps everything else until its turn. Who keeps
 * giving without waiting fills memory: {@link waiting} says how much there is.
 */
export class InOrder<Result> {
  readonly #take: Take;
  readonly #finished: (index: number, result: Result) => void;
  readonly #entries = new Map<number, Entry<Result>>();
  #head = 0;
  /** How many characters wait for their turn. */
  waiting = 0;

  /** @param finished is called for each file in order, after its texts were handed to `take`. */
  constructor(take: Take, finished: (index: number, result: Result) => void) {
    this.#take = take;
    this.#finished = finished;
  }

  /** The first file that is not finished. */
  get head(): number {
    return this.#head;
  }

  /** A piece of a file's output; resolves when it is written. */
  text(index: number, channel: Channel, text: string): Promise<void> {
    const entry = this.#entry(index);
    if (index === this.#head) {
      entry.begun = true;
      return this.#take(channel, text);
    }
    this.waiting += text.length;
    return new Promise((taken) => entry.pieces.push({ channel, text, taken }));
  }

  /** A file is finished. */
  done(index: number, result: Result): void {
    this.#entry(index).result = result;
    this.waiting += RESULT_SIZE;
    for (let entry = this.#entry(this.#head); ; entry = this.#entry(++this.#head)) {
      this.#release(entry);
      if (entry.result === undefined) return;
      this.#finish(this.#head, entry.result);
    }
  }

  /**
   * The rest will not come: hands on what is finished, and nothing more of the others.
   * @param halfWritten is called for the file of which something was handed on, in its turn.
   */
  close(halfWritten: (index: number) => void): void {
    for (const [index, entry] of [...this.#entries].sort(([a], [b]) => a - b)) {
      if (entry.result !== undefined) {
        this.#release(entry);
        this.#finish(index, entry.result);
      } else if (entry.begun) {
        halfWritten(index);
      }
      for (const { taken } of entry.pieces) taken();
    }
    this.#entries.clear();
  }

  #entry(index: number): Entry<Result> {
    let entry = this.#entries.get(index);
    if (entry === undefined) this.#entries.set(index, (entry = { pieces: [], begun: false }));
    return entry;
  }

  #release(entry: Entry<Result>): void {
    for (const { channel, text, taken } of entry.pieces.splice(0)) {
      entry.begun = true;
      this.waiting -= text.length;
      void this.#take(channel, text).then(taken);
    }
  }

  #finish(index: number, result: Result): void {
    this.waiting -= RESULT_SIZE;
    this.#entries.delete(index);
    this.#finished(index, result);
  }
}
