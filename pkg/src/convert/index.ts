// The entry `streamgauge/convert`: what came out of one turn goes into the next request. Needs no WebAssembly.

export { toAnthropicMessages } from "./anthropic.js";
export { toChatMessages } from "./chat.js";
export { toResponsesInput } from "./responses.js";
export type * from "./types.js";
