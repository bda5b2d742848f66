// One listener on a signal, however many streams share it: Node warns of the eleventh as of a leak.

const shared = new WeakMap<AbortSignal, SharedSignal>();

/** What the core uses of an `AbortSignal`. */
export class SharedSignal {
  readonly #signal: AbortSignal;
  readonly #listeners = new Set<() => void>();
  // The core's callbacks do not throw.
  readonly #onAbort = (): void => {
    for (const listener of [...this.#listeners]) listener();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  get reason(): unknown {
    return this.#signal.reason;
  }

  addEventListener(type: "abort", listener: () => void): void {
    if (this.#listeners.size === 0) this.#signal.addEventListener(type, this.#onAbort);
    this.#listeners.add(listener);
  }

  removeEventListener(type: "abort", listener: () => void): void {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#signal.removeEventListener(type, this.#onAbort);
  }
}

/** The signal for the core. With the last stream that listens to it the listener goes. */
export function sharedSignal(signal: AbortSignal): SharedSignal {
  let one = shared.get(signal);
  if (one === undefined) shared.set(signal, (one = new SharedSignal(signal)));
  return one;
}
