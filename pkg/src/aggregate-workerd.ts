// `streamgauge/aggregate` where the export condition `workerd` holds: see workerd.ts.

import { setCore } from "./bindings.js";
import { initSync } from "./core.js";
import module from "./core_bg.wasm";

setCore(initSync({ module }));

export * from "./aggregate-api.js";
