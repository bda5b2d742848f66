// The default entry: the WebAssembly module is inlined and ready when the import is.

import { setCore } from "./bindings.js";
import { initSync } from "./core.js";
import base64 from "./core-inline.js";

setCore(initSync({ module: decodeBase64(base64) }));

export * from "./api.js";

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (native !== undefined) return native.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
