import { asStreamError, guarded, liveCore } from "./bindings.js";
import type { Core } from "./bindings.js";
import type { StreamReader } from "./core.js";
import { BatchDecoder, State } from "./decode.js";
import { StreamError } from "./errors.js";
import { finalResponse } from "./final.js";
import { splitOptions } from "./options.js";
import { sharedSignal } from "./signal.js";
import { cancelSource } from "./source.js";
import { observerOf, observeWith } from "./telemetry/observe.js";
import type { AggregateOptions, FinalResponse, Item, Source, StreamEvent } from "./types.js";

/**
 * Reads a streamed response.
 *
 * ```ts
 * for await (const event of aggregate(await fetch(url, init))) {
 *   if (event.type === "output_text.delta") editor.append(event.delta);
 * }
 * ```
 *
 * Nothing is read before you ask, and never more than one network chunk ahead of you. `break` cancels the
 * body. A failure is thrown as a {@link StreamError} after the events of everything received.
 *
 * @param source a `Response` (one that is not ok fails with `http_status`), a `ReadableStream` or async
 *   iterable of bytes, or bytes.
 * @throws {@link StreamError} `bad_option`, at once, for a source or an option that is not usable.
 */
export function aggregate(source: Source, options?: AggregateOptions): AggregateStream {
  return new AggregateStream(source, options);
}

/**
 * A stream being read; made by {@link aggregate}. It is iterated once: by `for await` over events, or over
 * {@link batches}.
 */
export class AggregateStream implements AsyncIterable<StreamEvent> {
  readonly #core: Core;
  /** The Rust side; freed and gone at the end. */
  #reader: StreamReader | undefined;
  /** What the Rust side reads, to be cancelled where that can not do it any more. */
  #source: unknown;
  readonly #decoder: BatchDecoder;
  #error: StreamError | undefined;
  #thrown = false;
  #cancelled = false;
  #snapshot = "";
  #final: Promise<FinalResponse> | undefined;
  /** Batches that were read and not yet handed out. */
  #batches: StreamEvent[][] = [];
  /** Who waits for the read in flight, and who else; `undefined` when there is none. */
  #waiting: (() => void) | undefined;
  #alsoWaiting: (() => void)[] = [];
  #iterated = false;
  readonly #signal: AbortSignal | undefined;
  /** Lets the telemetry look at what was recorded; it never throws. */
  readonly #exportRecords: (() => void) | undefined;

  /** @internal Use {@link aggregate}. */
  constructor(source: Source, options: AggregateOptions | undefined) {
    const live = liveCore();
    const { core, signal, telemetry, partialJson, request } = splitOptions(options, true);
    const observer = telemetry === undefined ? undefined : observerOf(telemetry);
    const reader = guarded(() => new live.StreamReader(source, core, signal && sharedSignal(signal)));
    if (observer !== undefined) this.#exportRecords = observeWith(observer, reader, live, request, source);
    this.#core = live;
    this.#reader = reader;
    this.#source = guarded(() => reader.source());
    this.#signal = signal;
    this.#decoder = new BatchDecoder(live.memory, guarded(() => reader.control()), partialJson);
  }

  /** The events, one by one. */
  [Symbol.asyncIterator](): AsyncIterableIterator<StreamEvent> {
    this.#open();
    let events: StreamEvent[] = [];
    let at = 0;
    let waiting = 0;
    let tail: Promise<unknown> | undefined;
    const nextOfBatch = (): IteratorResult<StreamEvent> => ({ value: events[at++]!, done: false });
    const pull = async (): Promise<IteratorResult<StreamEvent>> => {
      try {
        while (at >= events.length || this.#givenUp()) {
          const batch = await this.#take();
          if (batch === undefined) return { value: undefined, done: true };
          events = batch;
          at = 0;
        }
        return nextOfBatch();
      } finally {
        waiting--;
      }
    };
    // One caller, nothing in stock: the read that it asks for answers it, without a promise in between. With one
    // event per network chunk this is every event's way, so it makes no closures either: there is one such read at a time.
    let answer!: (next: IteratorResult<StreamEvent> | Promise<IteratorResult<StreamEvent>>) => void;
    const keepAnswer = (resolve: typeof answer): void => {
      answer = resolve;
    };
    const onRead = (): void => {
      const batch = this.#givenUp() ? undefined : this.#batches.shift();
      if (batch === undefined) return answer(pull());
      waiting--;
      events = batch;
      at = 0;
      return answer(nextOfBatch());
    };
    const read = (reader: StreamReader): Promise<IteratorResult<StreamEvent>> => {
      waiting++;
      const next = new Promise(keepAnswer);
      // Before the read, from within which the source may call `next()`.
      tail = next;
      this.#read(reader, onRead);
      return next;
    };
    return this.#iterator(() => {
      if (waiting === 0 && !this.#givenUp()) {
        if (at < events.length) return Promise.resolve(nextOfBatch());
        if (this.#reader !== undefined && this.#batches.length === 0) return read(this.#reader);
      }
      // Calls that do not wait for each other are served one after the other.
      const next = waiting++ === 0 ? pull() : tail!.then(pull, pull);
      tail = next;
      return next;
    });
  }

  /** The events as arrays, one per network chunk that has any: one repaint per array is enough. */
  batches(): AsyncIterableIterator<StreamEvent[]> {
    this.#open();
    const next = async (): Promise<IteratorResult<StreamEvent[]>> => {
      const batch = await this.#take();
      return batch === undefined ? { value: undefined, done: true } : { value: batch, done: false };
    };
    return this.#iterator(next);
  }

  /**
   * Waits for the end and returns everything. Reads the rest of the stream itself; events that an open
   * iterator has not taken yet are kept for it.
   * @throws the {@link StreamError} that the iterator throws.
   */
  final(): Promise<FinalResponse> {
    this.#final ??= this.#drain();
    return this.#final;
  }

  /** The items so far; while the stream runs, what there is of them, marked `status: "in_progress"`. */
  get items(): Item[] {
    const reader = this.#reader;
    if (reader === undefined) return this.#error?.partial ?? this.#decoder.items;
    try {
      return JSON.parse(reader.items()) as Item[];
    } catch (error) {
      this.#fail(error);
      return this.#decoder.items;
    }
  }

  /**
   * Gives the stream up: the body is cancelled, iterators end, `final()` rejects with `aborted` (but gives
   * the response of a stream that was finished by then).
   */
  cancel(): void {
    const reader = this.#reader;
    const again = this.#cancelled;
    this.#cancelled = true;
    this.#batches = [];
    if (reader === undefined || again) return;
    try {
      reader.cancel();
      this.#exportRecords?.();
      // A read in flight settles the end itself.
      if (this.#waiting === undefined) this.#settle(reader);
    } catch (error) {
      this.#fail(error);
    }
  }

  #open(): void {
    if (this.#iterated) {
      throw new StreamError("bad_option", "the stream is iterated already: it can be read once");
    }
    this.#iterated = true;
  }

  /** Whether the caller wants nothing more, not even what was read already. */
  #givenUp(): boolean {
    if (this.#cancelled) return true;
    if (this.#signal?.aborted !== true) return false;
    // An abort after the end changes nothing.
    return this.#reader !== undefined || this.#error?.code === "aborted";
  }

  #iterator<T>(next: () => Promise<IteratorResult<T>>): AsyncIterableIterator<T> {
    const iterator: AsyncIterableIterator<T> = {
      next,
      return: async () => {
        this.cancel();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** The next batch; `undefined` at the end. A failure is thrown after the last batch. */
  async #take(): Promise<StreamEvent[] | undefined> {
    for (;;) {
      if (this.#givenUp()) this.#batches = [];
      const batch = this.#batches.shift();
      if (batch !== undefined) return batch;
      if (this.#reader === undefined) {
        // The failure is thrown once; after it an iterator is done, as a generator would be.
        if (this.#error === undefined || this.#cancelled || this.#thrown) return undefined;
        this.#thrown = true;
        throw this.#error;
      }
      await this.#readOnce(this.#reader);
    }
  }

  async #drain(): Promise<FinalResponse> {
    while (this.#reader !== undefined) {
      await this.#readOnce(this.#reader);
      // Without an iterator nobody will ask for the events.
      if (!this.#iterated) this.#batches = [];
    }
    if (this.#error !== undefined) throw this.#error;
    return finalResponse(this.#snapshot, this.#decoder.items);
  }

  #readOnce(reader: StreamReader): Promise<void> {
    return new Promise((resolve) => this.#read(reader, resolve));
  }

  /** Reads until there are events or the stream ended, then calls `ready`. Never throws: failures are in `#error`. */
  #read(reader: StreamReader, ready: () => void): void {
    if (this.#waiting !== undefined) {
      this.#alsoWaiting.push(ready);
      return;
    }
    this.#waiting = ready;
    try {
      if (reader.pull(this.#arrived)) this.#arrived();
      else this.#core.pending.add(this.#ended);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The read in flight has come to something. */
  readonly #arrived = (): void => {
    const reader = this.#reader;
    if (reader === undefined) return;
    try {
      const events = this.#decoder.read();
      if (events.length > 0) this.#batches.push(events);
      if (this.#decoder.state !== State.Open) this.#settle(reader);
    } catch (error) {
      this.#fail(error);
    }
    this.#wake();
  };

  /** The core came to its end during the read in flight. */
  readonly #ended = (): void => this.#fail(this.#core.defect);

  #wake(): void {
    this.#core.pending.delete(this.#ended);
    this.#exportRecords?.();
    const waiting = this.#waiting;
    const others = this.#alsoWaiting;
    this.#waiting = undefined;
    if (others.length > 0) this.#alsoWaiting = [];
    waiting?.();
    for (const ready of others) ready();
  }

  /** The end by a defect: of the core, or in what came from it. */
  #fail(error: unknown): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    this.#error = asStreamError(error, this.#decoder.items);
    // Frees nothing, and so cancels nothing, in a core that is at its end.
    reader.free();
    if (this.#core.defect !== undefined) cancelSource(this.#source);
    this.#source = undefined;
    this.#wake();
  }

  /** The end: what is needed later is read, the Rust side freed. */
  #settle(reader: StreamReader): void {
    const error = reader.error();
    if (error === undefined) {
      this.#snapshot = reader.snapshot();
    } else {
      const partial = JSON.parse(reader.items()) as Item[];
      this.#error = StreamError.fromCore(error, partial, reader.snapshot(), reader.cause());
    }
    reader.free();
    this.#reader = undefined;
    this.#source = undefined;
  }
}
