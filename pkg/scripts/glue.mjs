// What the build makes of wasm-bindgen's glue. The glue is an ES module with one WebAssembly instance in a variable of
// its own, so an instance that trapped could not be left behind. As a function, each instance has its own glue: classes,
// finalizers and callbacks of an old instance never reach into a new one.

import { Failure } from "./run.mjs";

/** What stays visible of the glue; `host` of pkg/src/core.d.ts is what the glue finds instead of the globals. */
const HEAD = "export function makeCore({ guard, performance, setTimeout, clearTimeout }) {\n";
const CLASSES = ["PushAggregator", "StreamReader", "TelemetryCore"];
const TAIL = `return { ${CLASSES.join(", ")}, initSync, init: __wbg_init, module: () => wasmModule };\n}\n`;

/** The functions of src/wasm/*.js, which wasm-bindgen puts beside the glue. */
const SNIPPET = /^import \{ ([\w, ]+) \} from '(\.\/snippets\/[^']+)';\n/gm;

/**
 * Wraps the glue that `wasm-bindgen --target web` wrote into the function `makeCore`. `readSnippet(path)` gives the text of a
 * module that it imports.
 */
export function wrapGlue(code, readSnippet) {
  let wrapped = code;
  const replace = (what, by, times) => {
    const found = wrapped.split(what).length - 1;
    if (found !== times) throw new Failure(`wasm-bindgen's glue has changed: ${JSON.stringify(what)} occurs ${found} times, not ${times}`);
    wrapped = wrapped.replaceAll(what, by);
  };
  for (const name of CLASSES) replace(`export class ${name} {`, `class ${name} {`, 1);
  replace("export { initSync, __wbg_init as default };\n", "", 1);
  replace("wasm = instance.exports;", "wasm = guard(instance.exports);", 1);
  wrapped = wrapped.replaceAll(SNIPPET, (_, names, path) => functionsOf(readSnippet(path), names));
  const left = /^(?:export|import)\b.*$/m.exec(wrapped);
  if (left !== null) throw new Failure(`wasm-bindgen's glue has changed: it has "${left[0]}"`);
  return HEAD + wrapped + TAIL;
}

/** The module's code, if `names` are functions that it exports, and it has nothing else to say to modules. */
function functionsOf(code, names) {
  let found = code;
  for (const name of names.split(", ")) {
    const begin = `export function ${name}(`;
    if (!found.includes(begin)) throw new Failure(`no function ${name} in the module that wasm-bindgen's glue imports`);
    found = found.replace(begin, `function ${name}(`);
  }
  return found;
}
