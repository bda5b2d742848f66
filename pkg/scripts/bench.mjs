// The benchmark: builds the package, installs the peers, and hands over to tests/bench/run.mjs with all arguments.

import { join } from "node:path";

import { build } from "./build.mjs";
import { ensureBrowser, ensureNodeModules } from "./ensure.mjs";
import { tests } from "./project.mjs";
import { Failure, main, run } from "./run.mjs";

const bench = join(tests, "bench");
const args = process.argv.slice(2);

await main(async () => {
  let env = {};
  if (!args.includes("--help")) {
    await build();
    await ensureNodeModules([bench]);
    env = await browser();
  }
  await run(process.execPath, [join(bench, "run.mjs"), ...args], { env });
});

/** Without a browser the rest is still worth measuring. */
async function browser() {
  if (args.includes("--check")) return {};
  try {
    return { CHROME_BIN: (await ensureBrowser()).chromium };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.log(`bench: Chromium is left out: ${error.message}`);
    return {};
  }
}
