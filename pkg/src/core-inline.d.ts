/** The WebAssembly module as base64, generated into dist/core-inline.js. Not public. */
declare const base64: string;
export default base64;
