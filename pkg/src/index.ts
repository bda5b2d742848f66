// The default entry: the WebAssembly module is inlined and ready when the import is.

import { setCore } from "./bindings.js";
import { initSync } from "./core.js";
import inlined from "./core-inline.js";
import { readInlined } from "./inline.js";

setCore(initSync({ module: readInlined(inlined) }));

export * from "./api.js";
