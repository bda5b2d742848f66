// node speed-child.mjs CELL: one contestant, one stream, one split, in a process of its own.
// CELL is JSON; prints the times as JSON.

import { contestantOf, moduleOf } from "./contestants/index.mjs";
import { deliver } from "./deliver.mjs";
import { timePasses, warmUp } from "./pass.mjs";
import { makeStream } from "./streams.mjs";

const WARM_UP_TOKENS = 2000;

const { wire, name, kind, tokens, split, warmUpMs, budgetMs } = JSON.parse(process.argv[2]);
const { loses } = contestantOf(wire, name);
const { run } = await import(moduleOf({ wire, name }));
const { ends, events, bytes, expected } = makeStream({ wire, kind, tokens });

await warmUp(run, { source: deliver(makeStream({ wire, kind, tokens: WARM_UP_TOKENS, seed: 9 }), split), forMs: warmUpMs });
const clock = () => {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1000 };
};
const source = deliver({ bytes, ends }, split);
console.log(JSON.stringify(await timePasses(run, { source, events, expected, loses, budgetMs, clock })));
