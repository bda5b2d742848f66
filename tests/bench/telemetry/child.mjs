// node telemetry/child.mjs JSON: one recorder in a process of its own.
// `{name, format, records, passes}`; prints the CPU microseconds per record and the bytes. `check: true` prints the
// records instead.

import { median, warmUp } from "../pass.mjs";
import { recordsOf } from "./decode.mjs";
import { plan } from "./plan.mjs";

const { name, format, records, passes, check = false } = JSON.parse(process.argv[2]);
const module = await import(`./${name === "otel" ? "otel" : "streamgauge"}.mjs`);
const work = plan(records);

/** For how long all warm up, in milliseconds; with less, optimizing went on while the clock ran, ours more than theirs. */
const WARM_UP_MS = 2500;

let bytes = 0;
const taken = [];
const take = (batch) => {
  bytes += batch.length;
  if (check) taken.push(batch);
};
const record = name === "read-only" ? module.readOnly : module.recorder(format, take);

if (check) {
  await record({ ...work, turns: 3 });
  console.log(JSON.stringify(taken.flatMap((batch) => recordsOf(batch, format))));
} else {
  await warmUp(record, { source: work, forMs: WARM_UP_MS });
  const samples = [];
  for (let pass = 0; pass < passes; pass++) {
    bytes = 0;
    const before = process.cpuUsage();
    await record(work);
    const { user, system } = process.cpuUsage(before);
    samples.push((user + system) / (work.turns * work.records));
  }
  console.log(JSON.stringify({ cpu: median(samples), bytes: bytes / (work.turns * work.records) }));
}
