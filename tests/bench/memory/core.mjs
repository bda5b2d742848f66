// Loads the package in a way that shows its memory, which is the core's own: one has to be there when it is made.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { initSync } from "streamgauge/slim";

const { Instance } = WebAssembly;
let memory;
WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  memory = instance.exports.memory;
  return instance;
};
initSync(readFileSync(createRequire(import.meta.url).resolve("streamgauge/core.wasm")));
WebAssembly.Instance = Instance;

export * from "streamgauge/slim";

/** How many bytes the core holds. */
export const wasmBytes = () => memory.buffer.byteLength;
