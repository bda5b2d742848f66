// The default entry where the export condition `workerd` holds: Cloudflare Workers import a module that was compiled when the
// Worker was deployed. With a compatibility date before June 2025 they may compile none themselves, so the inlined one is no use.

import { setCore } from "./bindings.js";
import { initSync } from "./core.js";
import module from "./core_bg.wasm";

setCore(initSync({ module }));

export * from "./api.js";
