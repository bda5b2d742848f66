// The core, with a trap in it: every function first counts down, and the one that comes to zero is `unreachable`.
// So a trap can be had at every place where a function begins, in the middle of whatever is under way.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Resolves to the bytes of the instrumented core. Its export `countdown` is a mutable global: -1 never traps. */
export async function trapModule() {
  const { default: binaryen } = await import(require.resolve("../../../pkg/node_modules/binaryen/index.js"));
  const module = binaryen.readBinary(readFileSync(require.resolve("streamgauge/core.wasm")));
  // Those of the build; with all of them the module would be written in ways that Node 20 does not know.
  const { BulkMemory, BulkMemoryOpt, SignExt, NontrappingFPToInt, MutableGlobals, ReferenceTypes, Multivalue, SIMD128 } = binaryen.Features;
  module.setFeatures(BulkMemory | BulkMemoryOpt | SignExt | NontrappingFPToInt | MutableGlobals | ReferenceTypes | Multivalue | SIMD128);
  const { i32 } = binaryen;
  module.addGlobal("countdown", i32, true, module.i32.const(-1));
  module.addGlobalExport("countdown", "countdown");
  const count = () => module.global.get("countdown", i32);
  for (let at = 0; at < module.getNumFunctions(); at++) {
    const reference = module.getFunctionByIndex(at);
    const { module: importedFrom, body, results } = binaryen.getFunctionInfo(reference);
    if (importedFrom !== "") continue;
    const trap = module.if(module.i32.eqz(count()), module.block(null, [
      module.global.set("countdown", module.i32.const(-1)),
      module.unreachable(),
    ]));
    const step = module.if(module.i32.gt_s(count(), module.i32.const(0)), module.global.set("countdown", module.i32.sub(count(), module.i32.const(1))));
    binaryen.Function(reference).body = module.block(null, [trap, step, body], results);
  }
  const bytes = module.emitBinary();
  module.dispose();
  return bytes;
}
