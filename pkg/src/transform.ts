import { aggregate } from "./aggregate.js";
import type { AggregateOptions, StreamEvent } from "./types.js";

/**
 * The `TransformStream` form of {@link aggregate}:
 *
 * ```ts
 * response.body.pipeThrough(new AggregatorStream()).pipeTo(sink);
 * ```
 *
 * The readable side errors with the {@link StreamError} after the events of everything received. It asks
 * for bytes only when it is asked for events; when the response is complete, or the readable side is
 * cancelled, the source is cancelled.
 */
export class AggregatorStream {
  /** The events. */
  readonly readable: ReadableStream<StreamEvent>;
  /** Where the bytes go. */
  readonly writable: WritableStream<Uint8Array>;

  constructor(options?: AggregateOptions) {
    const bytes = new TransformStream<Uint8Array, Uint8Array>();
    const stream = aggregate(bytes.readable, options);
    const events = stream[Symbol.asyncIterator]();
    this.writable = bytes.writable;
    // A readable stream of its own, not a transformer: erroring a transform's readable side would drop
    // the events that wait in it.
    this.readable = new ReadableStream<StreamEvent>(
      {
        async pull(controller) {
          const next = await events.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        },
        cancel() {
          stream.cancel();
        },
      },
      { highWaterMark: 0 },
    );
  }
}
