// [SOAK_MINUTES=60] node tests/soak/run.mjs [node|page]...: the long run; by default both, one after the other, ten minutes each.
// With SOAK_OUT=FOLDER all samples are kept there, as JSON lines.

import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { complaints, series } from "./judge.mjs";
import { HOSTS, soak } from "./soak.mjs";

const minutes = Number(process.env.SOAK_MINUTES ?? 10);
const hosts = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(HOSTS);
const folder = process.env.SOAK_OUT;
if (folder !== undefined) mkdirSync(folder, { recursive: true });

for (const host of hosts) {
  console.log(`${HOSTS[host].streams} streams at once, ${minutes} minutes, in ${host === "node" ? "a Node process" : "a page"}`);
  let last = -Infinity;
  const tell = (sample) => {
    if (folder !== undefined) appendFileSync(join(folder, `${host}.jsonl`), `${JSON.stringify(sample)}\n`);
    if (sample.at - last < 60) return;
    last = sample.at;
    const { at, open, opened, wrongs, wasm, heap, readers } = sample;
    console.log(`  ${(at / 60).toFixed(0).padStart(3)} min: ${open} open of ${opened}, ${wrongs} wrong, ${readers} readers, wasm ${mb(wasm)}, heap ${mb(heap)}`);
  };
  const result = await soak({ host, warmUpSeconds: Math.min(120, minutes * 12), seconds: minutes * 60, everySeconds: 5, tell });
  if (folder !== undefined) appendFileSync(join(folder, `${host}.jsonl`), `${JSON.stringify({ ...result, samples: undefined })}\n`);
  for (const { name, first, last, most, unit } of series(result)) {
    const shown = unit === "bytes" ? mb : (count) => `${count}`;
    console.log(`  ${name.padEnd(14)} first third ${shown(first)}, last third ${shown(last)}, at most ${shown(most)}`);
  }
  const { came, served } = result;
  console.log(`  ${came.opened} streams: ${JSON.stringify(came.ended)}`);
  console.log(`  ${came.events} events, ${came.characters} characters; telemetry ${JSON.stringify(came.said)}`);
  console.log(`  the collector: ${JSON.stringify(served.telemetry)}`);
  const wrong = complaints(result);
  for (const text of wrong) console.log(`  WRONG: ${text}`);
  if (wrong.length > 0) process.exitCode = 1;
}

function mb(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
