/** The core, as who may import it gets it: compiled. Not public. */
declare const module: WebAssembly.Module;
export default module;
