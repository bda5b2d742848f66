// The default entry: the WebAssembly module is inlined and ready when the import is.

import { startCore } from "./bindings.js";
import inlined from "./core-inline.js";
import { readInlined } from "./inline.js";

startCore(() => readInlined(inlined));

export * from "./api.js";
