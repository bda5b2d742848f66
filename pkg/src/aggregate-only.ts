// The entry `streamgauge/aggregate`: without the telemetry, and a core without it (Cargo feature `otel` off). The build
// puts it, and what it imports, into dist/aggregate beside that core; see pkg/scripts/build.mjs.

import { setCore } from "./bindings.js";
import { initSync } from "./core.js";
import inlined from "./core-inline.js";
import { readInlined } from "./inline.js";

setCore(initSync({ module: readInlined(inlined) }));

export { aggregate, AggregateStream } from "./aggregate.js";
export { Aggregator } from "./aggregator.js";
export { ERROR_CODES, StreamError } from "./errors.js";
export type { ErrorCode, PartialResponse, ProviderError } from "./errors.js";
export { partialArguments, partialJsonOf, partialOutput } from "./partial.js";
export { PartialJson } from "./partial-json.js";
export type { DeepPartial, PartialJsonPatch, PartialJsonState } from "./partial-json.js";
export { AggregatorStream } from "./transform.js";
export type * from "./types.js";
