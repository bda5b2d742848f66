// `streamgauge/aggregate` where the export condition `workerd` holds: see workerd.ts.

import { startCore } from "./bindings.js";
import module from "./core_bg.wasm";

startCore(() => module);

export * from "./aggregate-api.js";
