import { asStreamError, guarded, liveCore } from "./bindings.js";
import type { PushAggregator } from "./core.js";
import { BatchDecoder, State } from "./decode.js";
import { StreamError } from "./errors.js";
import { finalResponse } from "./final.js";
import { splitOptions } from "./options.js";
import { observerOf, observeWith } from "./telemetry/observe.js";
import type { AggregatorOptions, FinalResponse, Item, StreamEvent } from "./types.js";

/**
 * The push form, for bytes that you have already: feed them as they come, end with {@link finish}.
 *
 * ```ts
 * const aggregator = new Aggregator();
 * for (const chunk of chunks) for (const event of aggregator.feed(chunk)) show(event);
 * for (const event of aggregator.finish()) show(event);
 * const { items, token_usage } = aggregator.final(); // throws the StreamError of a failed stream
 * ```
 *
 * `feed` and `finish` do not throw for what the stream says: a failure is in {@link error} once the events
 * of everything received were returned. Bytes after the end are ignored.
 */
export class Aggregator {
  #core: PushAggregator | undefined;
  readonly #decoder: BatchDecoder;
  #state = State.Open;
  #error: StreamError | null = null;
  #snapshot = "";
  readonly #exportRecords: (() => void) | undefined;

  /** @throws {@link StreamError} `bad_option` */
  constructor(options?: AggregatorOptions) {
    const live = liveCore();
    const { core, telemetry, partialJson, request } = splitOptions(options, false);
    const observer = telemetry === undefined ? undefined : observerOf(telemetry);
    const aggregator = guarded(() => new live.PushAggregator(core));
    if (observer !== undefined) this.#exportRecords = observeWith(observer, aggregator, live, request);
    this.#core = aggregator;
    this.#decoder = new BatchDecoder(live.memory, guarded(() => aggregator.control()), partialJson);
  }

  /** Takes the next bytes, split anywhere, and returns the events that they complete. */
  feed(bytes: ArrayBufferView | ArrayBuffer): StreamEvent[] {
    const view = asBytes(bytes);
    // Also a view whose buffer was given away: there is nothing to read.
    return view.byteLength === 0 ? [] : this.#call((core) => core.feed(view));
  }

  /** Ends the stream and returns the last events. */
  finish(): StreamEvent[] {
    return this.#call((core) => core.finish());
  }

  /** Why the stream failed; `null` while it did not. */
  get error(): StreamError | null {
    return this.#error;
  }

  /** Whether the stream is completed or failed. */
  get finished(): boolean {
    return this.#state !== State.Open;
  }

  /** The items so far; while the stream runs, what there is of them, marked `status: "in_progress"`. */
  get items(): Item[] {
    const core = this.#core;
    if (core === undefined) return this.#error?.partial ?? this.#decoder.items;
    try {
      return JSON.parse(core.items()) as Item[];
    } catch (error) {
      return this.#fail(error).partial;
    }
  }

  /**
   * Everything the finished stream has given.
   * @throws the {@link StreamError} of a failed stream; `bad_option` for one that is not finished.
   */
  final(): FinalResponse {
    if (this.#error !== null) throw this.#error;
    if (this.#state === State.Open) {
      throw new StreamError("bad_option", "the stream is not finished: call finish() first");
    }
    return finalResponse(this.#snapshot, this.#decoder.items);
  }

  /** Gives the memory back before the end; afterwards only `items`, `error` and `final()` make sense. */
  free(): void {
    const core = this.#core;
    if (core === undefined) return;
    const partial = this.items;
    this.#state = State.Failed;
    this.#error ??= new StreamError("aborted", "the aggregator was freed", { partial });
    this.#core = undefined;
    core.free();
  }

  #call(call: (core: PushAggregator) => void): StreamEvent[] {
    const core = this.#core;
    if (core === undefined) return [];
    try {
      call(core);
      const events = this.#decoder.read();
      this.#state = this.#decoder.state;
      if (this.#state !== State.Open) this.#settle(core);
      return events;
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#exportRecords?.();
    }
  }

  /** The end by a defect: of the core, or in what came from it. */
  #fail(error: unknown): StreamError {
    this.#core?.free();
    this.#core = undefined;
    this.#state = State.Failed;
    return (this.#error = asStreamError(error, this.#decoder.items));
  }

  /** The end: what is needed later is read, the Rust side freed. */
  #settle(core: PushAggregator): void {
    try {
      const error = core.error();
      if (error === undefined) this.#snapshot = core.snapshot();
      else this.#error = StreamError.fromCore(error, this.#decoder.items, core.snapshot());
      core.free();
      this.#core = undefined;
    } catch (error) {
      // Not thrown: the last events are to be returned.
      this.#fail(error);
    }
  }
}

/** Views and buffers of any realm: told by what they are, not by their class. What was given away is empty. */
function asBytes(bytes: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  const isView = ArrayBuffer.isView(bytes);
  if (isView || Object.prototype.toString.call(bytes) === "[object ArrayBuffer]") {
    try {
      return isView ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
    } catch {
      return new Uint8Array();
    }
  }
  throw new StreamError("bad_option", "feed() takes a Uint8Array or an ArrayBuffer");
}
