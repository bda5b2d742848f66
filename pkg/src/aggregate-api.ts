// What `streamgauge/aggregate` exports, however its core is loaded.

export { aggregate, AggregateStream } from "./aggregate.js";
export { Aggregator } from "./aggregator.js";
export { ERROR_CODES, StreamError } from "./errors.js";
export type { ErrorCode, PartialResponse, ProviderError } from "./errors.js";
export { partialArguments, partialJsonOf, partialOutput } from "./partial.js";
export { PartialJson } from "./partial-json.js";
export type { DeepPartial, PartialJsonPatch, PartialJsonState } from "./partial-json.js";
export { AggregatorStream } from "./transform.js";
export type * from "./types.js";
