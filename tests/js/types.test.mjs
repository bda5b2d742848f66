// The types with a bundler's module resolution. (`npm test -- --only types` checks them with Node's.)

import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

test("tests/types compiles as bundlers resolve it", async () => {
  const args = [path("../../pkg/node_modules/typescript/bin/tsc"), "--noEmit", "-p", path("../types/tsconfig.bundler.json")];
  await promisify(execFile)(process.execPath, args).catch((error) => {
    throw new Error(error.stdout || error.message);
  });
});
