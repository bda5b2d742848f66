// A source of chunks that counts what is done to it. After the chunks it ends as `end` says:
// "close", "hang" (the next chunk never comes) or "break" (reading fails, as fetch fails).
export class Feed {
  constructor(chunks, end) {
    this.chunks = chunks;
    this.end = end;
    this.reads = 0;
    this.cancels = 0;
  }

  async next() {
    this.reads++;
    if (this.chunks.length > 0) return { done: false, value: this.chunks.shift() };
    if (this.end === "hang") return new Promise(() => {});
    if (this.end === "break") throw new TypeError("terminated", { cause: new Error("other side closed") });
    return { done: true, value: undefined };
  }

  async return() {
    this.cancels++;
    return { done: true, value: undefined };
  }

  iterable() {
    return { [Symbol.asyncIterator]: () => this };
  }

  stream() {
    const pull = async (controller) => {
      const { done, value } = await this.next();
      if (done) controller.close();
      else controller.enqueue(value);
    };
    return new ReadableStream({ pull, cancel: () => this.return() }, { highWaterMark: 0 });
  }

  response(status, headers) {
    return new Response(this.stream(), { status, headers });
  }
}

// An AbortSignal's controller that counts the signal's listeners.
export class Abort {
  constructor() {
    this.controller = new AbortController();
    this.signal = this.controller.signal;
    this.listeners = 0;
    const { addEventListener, removeEventListener } = this.signal;
    this.signal.addEventListener = (...args) => {
      this.listeners++;
      addEventListener.apply(this.signal, args);
    };
    this.signal.removeEventListener = (...args) => {
      this.listeners--;
      removeEventListener.apply(this.signal, args);
    };
  }

  abort(reason) {
    this.controller.abort(reason);
  }
}

export function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// The promise, which fails when it takes too long. Without a timer, Node.js would see that nothing is left to
// wait for and end in the middle of the tests, with exit code 0.
export async function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing happened for 10 seconds")), 10_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Whether a promise is settled once everything that is ready has run.
export async function isSettled(promise) {
  return Promise.race([promise.then(() => true, () => true), delay(5).then(() => false)]);
}

export function emptyResponse(status) {
  return new Response(null, { status });
}

// What the console is given; it is still printed.
export class ConsoleSpy {
  #lines = [];
  #originals = {};

  constructor() {
    for (const level of ["debug", "error", "info", "log", "trace", "warn"]) {
      const original = (this.#originals[level] = console[level]);
      console[level] = (...args) => {
        this.#lines.push(args.join(" "));
        original.apply(console, args);
      };
    }
  }

  end() {
    Object.assign(console, this.#originals);
    return this.#lines.join("\n");
  }
}
