// The entry `streamgauge/aggregate`: without the telemetry, and a core without it (Cargo feature `otel` off). The build
// puts it, and what it imports, into dist/aggregate beside that core; see pkg/scripts/build.mjs.

import { startCore } from "./bindings.js";
import inlined from "./core-inline.js";
import { readInlined } from "./inline.js";

startCore(() => readInlined(inlined));

export * from "./aggregate-api.js";
