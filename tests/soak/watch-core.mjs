// Loads the package in a way that shows what its core holds: its memory, and how many readers, aggregators and telemetries
// are there. They are the core's own, and from outside one can only be there when it is made. No Node API.

const CLASSES = { readers: "streamreader", aggregators: "pushaggregator", telemetries: "telemetrycore" };

/** @param load imports the package. Resolves to it, and to what tells what is held. */
export async function watched(load) {
  const { Instance } = WebAssembly;
  const live = { readers: 0, aggregators: 0, telemetries: 0 };
  let cores = 0;
  let seen;
  WebAssembly.Instance = function (...args) {
    cores++;
    const exports = { ...new Instance(...args).exports };
    seen = { memory: exports.memory, table: exports.__wbindgen_externrefs };
    for (const [what, name] of Object.entries(CLASSES)) {
      const { [`${name}_new`]: make, [`__wbg_${name}_free`]: free } = exports;
      exports[`${name}_new`] = (...given) => {
        const result = make(...given);
        // The pointer; an error; whether there is one.
        if (!result[2]) live[what]++;
        return result;
      };
      exports[`__wbg_${name}_free`] = (...given) => {
        live[what]--;
        return free(...given);
      };
    }
    return { exports };
  };
  try {
    const streamgauge = await load();
    // `wasm`: bytes of memory; `table`: places for JavaScript's objects; `cores`: more than one only after a trap.
    const held = () => ({ wasm: seen.memory.buffer.byteLength, table: seen.table.length, cores, ...live });
    held();
    return { streamgauge, held };
  } finally {
    WebAssembly.Instance = Instance;
  }
}
