import type { Writable } from "node:stream";

/** Writes texts one after the other; what comes while one is being written goes with the next. */
export class Output {
  readonly #stream: Writable;
  readonly #written: () => void;
  #texts: string[] = [];
  #resolves: (() => void)[] = [];
  #ends: (() => void)[] = [];
  #busy = false;
  /** Whether texts wait for {@link flush}: on a terminal that has a progress bar too. */
  held = false;
  /** How many characters wait to be written. */
  unwritten = 0;

  /** @param written is called when there is room again. A stream that fails takes everything and says nothing. */
  constructor(stream: Writable, written: () => void) {
    this.#stream = stream;
    this.#written = written;
  }

  /** Resolves when it is written. */
  write(text: string): Promise<void> {
    if (text === "") return Promise.resolve();
    this.unwritten += text.length;
    this.#texts.push(text);
    return new Promise((resolve) => {
      this.#resolves.push(resolve);
      if (!this.held) this.flush();
    });
  }

  /** Writes what is there. */
  flush(): void {
    if (this.#busy || this.#texts.length === 0) return;
    const [text, resolves] = [this.#texts.join(""), this.#resolves];
    this.#texts = [];
    this.#resolves = [];
    this.#busy = true;
    const after = (): void => {
      this.#busy = false;
      this.unwritten -= text.length;
      for (const resolve of resolves) resolve();
      if (!this.held) this.flush();
      if (this.unwritten === 0) for (const resolve of this.#ends.splice(0)) resolve();
      this.#written();
    };
    if (this.#stream.destroyed) queueMicrotask(after);
    else this.#stream.write(text, after);
  }

  /** Resolves when everything is written. */
  end(): Promise<void> {
    this.held = false;
    this.flush();
    return this.unwritten === 0 ? Promise.resolve() : new Promise((resolve) => this.#ends.push(resolve));
  }
}
