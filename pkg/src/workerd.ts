// The default entry where the export condition `workerd` holds: Cloudflare Workers import a module that was compiled when the
// Worker was deployed. With a compatibility date before June 2025 they may compile none themselves, so the inlined one is no use.

import { startCore } from "./bindings.js";
import module from "./core_bg.wasm";

startCore(() => module);

export * from "./api.js";
