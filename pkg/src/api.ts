// The public API, whichever entry loads the core.

export { aggregate, AggregateStream } from "./aggregate.js";
export { Aggregator } from "./aggregator.js";
export { ERROR_CODES, StreamError } from "./errors.js";
export type { ErrorCode, PartialResponse, ProviderError } from "./errors.js";
export { AggregatorStream } from "./transform.js";
export type * from "./types.js";
