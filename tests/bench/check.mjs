// Runs a contestant once and compares: no clock. node check.mjs WIRE NAME

import { contestantOf, moduleOf } from "./contestants/index.mjs";
import { deliver, SPLITS } from "./deliver.mjs";
import { differs } from "./result.mjs";
import { KINDS, makeStream } from "./streams.mjs";

const [wire, name] = process.argv.slice(2);
const { loses } = contestantOf(wire, name);
const { run } = await import(moduleOf({ wire, name }));
for (const kind of Object.keys(KINDS)) {
  const stream = makeStream({ wire, kind, tokens: 300 });
  for (const split of Object.keys(SPLITS)) {
    const problem = differs(await run(deliver(stream, split)), stream.expected, loses);
    if (problem === undefined) continue;
    console.error(`${wire}/${name}, ${kind}, ${split}: ${problem}`);
    process.exitCode = 1;
  }
}
