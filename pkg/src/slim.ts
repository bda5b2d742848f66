// The entry for those who load the WebAssembly module themselves (`streamgauge/core.wasm`). Libraries
// should import this one and leave the loading to the application.

import { loadCore, startCore } from "./bindings.js";

export * from "./api.js";

/** A `WebAssembly.Module`. Only the types of the DOM know that name, and there it would take any value. */
export type CompiledModule = object;

/** Where the module comes from: its URL, a response, its bytes, or the compiled module. */
export type CoreSource =
  | string
  | URL
  | Request
  | Response
  | ArrayBuffer
  | ArrayBufferView<ArrayBuffer>
  | CompiledModule
  | Promise<Response | ArrayBuffer | ArrayBufferView<ArrayBuffer> | CompiledModule>;

/**
 * Loads the core. Call it once, before anything else; further calls do nothing.
 *
 * ```ts
 * import wasmUrl from "streamgauge/core.wasm?url"; // Vite
 * await init(wasmUrl);
 * ```
 */
export async function init(source: CoreSource): Promise<void> {
  await loadCore(source);
}

/** Loads the core from its bytes or a compiled module, at once. */
export function initSync(module: ArrayBuffer | ArrayBufferView<ArrayBuffer> | CompiledModule): void {
  startCore(() => module);
}
