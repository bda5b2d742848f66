import type { CoreExports } from "./core.js";
import { StreamError } from "./errors.js";

let loaded: CoreExports | undefined;

/** Makes the loaded core known to the API. The entries (`index.ts`, `slim.ts`) call it. */
export function setCore(exports: CoreExports): void {
  loaded = exports;
}

/** The core's memory. */
export function coreMemory(): WebAssembly.Memory {
  if (loaded === undefined) {
    throw new StreamError(
      "internal",
      'the core is not loaded: await init(...) of "streamgauge/slim" first, or import "streamgauge"',
    );
  }
  return loaded.memory;
}

/**
 * Runs a call into the core. A trap is a defect of ours: it becomes a `StreamError` with the code
 * `internal` instead of a bare `RuntimeError`. Errors that the core throws on purpose are JSON text.
 */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asStreamError(error);
  }
}

/** What the core threw, as a `StreamError`. */
export function asStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  if (typeof error === "string" && error.startsWith("{")) return StreamError.fromCore(error, []);
  const message = error instanceof Error ? error.message : String(error);
  return new StreamError("internal", `defect in streamgauge: ${message}`, { cause: error });
}
