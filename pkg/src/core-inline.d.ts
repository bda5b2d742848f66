import type { InlinedModule } from "./inline.js";

/** The WebAssembly module as text, generated into dist/core-inline.js. Not public. */
declare const inlined: InlinedModule;
export default inlined;
