// How large the package's parts are, beside their budget (tests/size.json). Usage: node size.mjs [--bless] [--help]
// A part above its budget fails; --bless writes what is measured, a little above it, as the new budget.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { build } from "./build.mjs";
import { dist, readJson, tests } from "./project.mjs";
import { Failure, isMain, main } from "./run.mjs";

const BUDGET = join(tests, "size.json");
/** How much of a part's size its budget leaves free: other versions of the compiler are a little better or worse. */
const SLACK = 1.01;

/** What a page may have to download, as files of dist. */
const PARTS = ["core_bg.wasm", "core-inline.js", "aggregate/core_bg.wasm", "aggregate/core-inline.js"];

/** Measures every part, prints it, and fails when one is above its budget. */
export async function checkSize({ bless = false } = {}) {
  await build();
  const budget = readJson(BUDGET);
  const over = [];
  const measured = {};
  for (const name of PARTS) {
    const bytes = readFileSync(join(dist, name));
    const brotli = brotliCompressSync(bytes).length;
    measured[name] = Math.ceil(brotli * SLACK);
    const allowed = budget[name] ?? 0;
    const delta = brotli - allowed;
    const words = delta > 0 ? `${delta} OVER the budget` : `${-delta} below the budget`;
    console.log(`${name}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzip, ${brotli} brotli, ${words} of ${allowed}`);
    if (delta > 0) over.push(name);
  }
  if (bless) writeFileSync(BUDGET, `${JSON.stringify(measured, null, 2)}\n`);
  else if (over.length > 0) throw new Failure(`${over.join(", ")} above the budget of tests/size.json`);
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { values } = parseArgs({ options: { bless: { type: "boolean" }, help: { type: "boolean" } } });
    if (values.help) console.log("usage: npm --prefix pkg run size [-- --bless]\n\n  --bless  makes what is measured the budget");
    else await checkSize(values);
  });
}
