// A response that is read by somebody else, and looked at.

/** Is told of a body's bytes after its reader has them. */
export interface BodyWatcher {
  /** The first bytes are on their way to the reader. Called once, before anything else. */
  opened(): void;
  /** The same bytes that the reader has: they may be read, not changed. */
  chunk(bytes: Uint8Array): void;
  ended(): void;
  /** Reading failed, or the reader gave it up: `error` is what the reader was given, or gave. */
  failed(error: unknown, isCancelled: boolean): void;
}

/**
 * The response, with a body that is passed through. Each chunk goes to the reader when it asks for one, and to `watcher` after
 * that; nothing is read ahead, nothing is copied, errors and cancels are the same ones. What `watcher` throws is lost.
 */
export function passThrough(response: Response, watcher: BodyWatcher): Response {
  const { body } = response;
  // Not every fetch has bodies that are web streams, and one that is read already is the reader's own business.
  if (body === null || typeof body?.getReader !== "function" || body.locked) return response;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const tell = (how: () => void): void => {
    try {
      how();
    } catch {
      // The reader's stream is not to fail for who looks at it.
    }
  };
  const source = (): ReadableStreamDefaultReader<Uint8Array> => {
    if (reader === undefined) {
      reader = body.getReader();
      tell(() => watcher.opened());
    }
    return reader;
  };
  const passed = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let next: ReadableStreamReadResult<Uint8Array>;
        try {
          next = await source().read();
        } catch (error) {
          controller.error(error);
          return tell(() => watcher.failed(error, false));
        }
        if (next.done) {
          controller.close();
          return tell(() => watcher.ended());
        }
        controller.enqueue(next.value);
        tell(() => watcher.chunk(next.value!));
      },
      async cancel(reason) {
        const cancelled = source().cancel(reason);
        tell(() => watcher.failed(reason, true));
        await cancelled;
      },
    },
    { highWaterMark: 0 },
  );
  return like(response, new Response(passed, { status: response.status, statusText: response.statusText, headers: response.headers }));
}

/** A response is made without the place it came from; so is its clone. */
function like(original: Response, made: Response): Response {
  const { url, redirected, type } = original;
  const clone = made.clone.bind(made);
  for (const [name, value] of Object.entries({ url, redirected, type, clone: () => like(original, clone()) })) {
    Object.defineProperty(made, name, { value, configurable: true });
  }
  return made;
}
