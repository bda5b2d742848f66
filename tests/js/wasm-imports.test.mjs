// What the WebAssembly modules can reach of JavaScript is what they import, and nothing else. The list is committed
// (tests/wasm-imports.json), so that a new capability is a decision: BLESS=1 writes it anew.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

const LIST = new URL("../wasm-imports.json", import.meta.url);
const MODULES = { "core_bg.wasm": "../../pkg/dist/core_bg.wasm", "aggregate/core_bg.wasm": "../../pkg/dist/aggregate/core_bg.wasm" };

/** wasm-bindgen's name without its hash: `__wbg_read_2a943774344c9728` is `read`; `__wbindgen_generic_..` are its casts. */
const plain = (name) => name.replace(/^__wbg_+/, "").replace(/_[0-9a-f]{16}$/, "");

const found = Object.fromEntries(Object.entries(MODULES).map(([name, path]) => {
  const module = new WebAssembly.Module(readFileSync(new URL(path, import.meta.url)));
  const imports = WebAssembly.Module.imports(module).map(({ module, name, kind }) => {
    assert.deepEqual([module, kind], ["./core_bg.js", "function"], `${name}: the modules import functions of their glue only`);
    return plain(name);
  });
  // Two of a name are two: a method of another type, or with another number of arguments.
  return [name, imports.sort()];
}));

test("the modules import exactly what the list says", () => {
  if (process.env.BLESS === "1") writeFileSync(LIST, `${JSON.stringify(found, null, 2)}\n`);
  assert.deepEqual(found, JSON.parse(readFileSync(LIST, "utf8")));
});

test("no network, no storage, no code from text", () => {
  for (const [name, imports] of Object.entries(found)) {
    const reach = imports.filter((each) => /fetch|xmlhttp|websocket|eventsource|beacon|storage|cookie|indexeddb|eval|document|navigator|location|process|require|import|crypto|random/i.test(each));
    assert.deepEqual(reach, [], name);
  }
});
