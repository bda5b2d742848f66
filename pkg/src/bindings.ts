import { clock } from "./clock.js";
import { makeCore } from "./core.js";
import type { CoreExports, Glue } from "./core.js";
import { StreamError } from "./errors.js";
import type { CoreSource } from "./slim.js";
import type { Item } from "./types.js";

/**
 * One instance of the module, with glue of its own. A trap leaves its memory in no state to go on with, so the first
 * one is its end: every later call fails with the same error, and whoever comes next gets a new instance.
 */
export interface Core extends Glue {
  memory: WebAssembly.Memory;
  /** Why it is at its end. */
  defect: StreamError | undefined;
  /** Called, from a microtask, when it comes to its end: those who wait for a callback that would never come. */
  readonly pending: Set<() => void>;
}

/** Exports by which the host calls back or frees. Nobody is there to catch what they throw, so they never do. */
const UNATTENDED = /^wasm_bindgen__|free$|destroy_closure$/;

let current: Core | undefined;

/** The core to begin something new with. */
export function liveCore(): Core {
  if (current === undefined) {
    throw new StreamError(
      "internal",
      'the core is not loaded: await init(...) of "streamgauge/slim" first, or import "streamgauge"',
    );
  }
  if (current.defect !== undefined) {
    const next = newCore();
    current = started(next, next.initSync({ module: current.module() }));
  }
  return current;
}

/** Loads the core at once, unless it is there. The entries (`index.ts`, `slim.ts`) call it. */
export function startCore(module: () => BufferSource | WebAssembly.Module): void {
  if (current !== undefined) return;
  const core = newCore();
  try {
    current = started(core, core.initSync({ module: module() }));
  } catch (error) {
    throw explained(error);
  }
}

/** Loads the core, unless it is there. */
export async function loadCore(source: CoreSource): Promise<void> {
  if (current !== undefined) return;
  const core = newCore();
  const exports = await core.init({ module_or_path: source }).catch((error: unknown) => {
    throw explained(error);
  });
  // Another call may have been faster, and its core be in use.
  current ??= started(core, exports);
}

/** Engines say in very different words that a page's policy is in the way. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error && /content.security|\bcsp\b|disallowed/i.test(error.message))) return error;
  const message = "WebAssembly may not be compiled here: the page's Content-Security-Policy needs script-src 'wasm-unsafe-eval'";
  return new StreamError("internal", message, { cause: error });
}

function started(core: Core, { memory }: CoreExports): Core {
  core.memory = memory;
  return core;
}

function newCore(): Core {
  const timers = new Set<unknown>();
  const end = (error: unknown): void => {
    core.defect ??= defect(error);
    // They would keep a Node process alive for nothing.
    for (const timer of timers) clearTimeout(timer as number);
    // Not at once: the trap may have come below calls that are still under way.
    queueMicrotask(() => {
      for (const tell of core.pending) tell();
    });
  };
  const guarded = (name: string, call: (...args: unknown[]) => unknown) => {
    const unattended = UNATTENDED.test(name);
    return (...args: unknown[]): unknown => {
      if (core.defect === undefined) {
        try {
          return call(...args);
        } catch (error) {
          end(error);
        }
      }
      if (unattended) return [];
      throw core.defect;
    };
  };
  const glue = makeCore({
    guard: (exports) =>
      Object.fromEntries(
        Object.entries(exports).map(([name, value]) => [
          name,
          typeof value === "function" ? guarded(name, value as () => unknown) : value,
        ]),
      ),
    performance: clock,
    setTimeout(call, delayMs) {
      // Frames that were under way when the end came.
      if (core.defect !== undefined) return undefined;
      const fire = (): void => {
        timers.delete(timer);
        call();
      };
      const timer: unknown = setTimeout(fire, delayMs);
      timers.add(timer);
      return timer;
    },
    clearTimeout(timer) {
      timers.delete(timer);
      clearTimeout(timer as number);
    },
  });
  const core = { ...glue, defect: undefined, pending: new Set<() => void>() } as Omit<Core, "memory"> as Core;
  return core;
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

/** What the core threw, as a `StreamError`; with `partial`, the error of one stream. */
export function asStreamError(error: unknown, partial?: Item[]): StreamError {
  if (error instanceof StreamError) {
    if (partial === undefined) return error;
    return new StreamError(error.code, error.message, { partial, cause: error.cause });
  }
  if (typeof error === "string" && error.startsWith("{")) return StreamError.fromCore(error, []);
  return defect(error, partial);
}

function defect(cause: unknown, partial: Item[] = []): StreamError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StreamError("internal", `defect in streamgauge: ${message}`, { partial, cause });
}
