// For `NODE_OPTIONS=--import`: in a worker thread, files with certain names are the end of it.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

if (!isMainThread) {
  const { openSync, readSync } = fs;
  const names = new Map();
  let latest = "";
  let reads = 0;
  fs.openSync = (path, ...rest) => {
    const name = String(path);
    if (name.includes("exits")) process.exit(7);
    if (name.includes("throws")) queueMicrotask(() => { throw new RangeError("out of something"); });
    const fd = openSync(path, ...rest);
    names.set(fd, name);
    latest = name;
    reads = 0;
    return fd;
  };
  fs.readSync = (fd, ...rest) => {
    if (names.get(fd)?.includes("halfway") && ++reads > 20) process.exit(8);
    return readSync(fd, ...rest);
  };
  syncBuiltinESMExports();

  const { Instance } = WebAssembly;
  WebAssembly.Instance = function (module, imports) {
    const { exports } = new Instance(module, imports);
    const pull = (...args) => {
      if (latest.includes("traps")) throw new WebAssembly.RuntimeError("unreachable");
      return exports.streamreader_pull(...args);
    };
    return { exports: { ...exports, streamreader_pull: pull } };
  };
}
