// What a value after every delta of a JSON text costs.

import { runChild } from "./children.mjs";
import { SHAPES } from "./partial/texts.mjs";
import { random, shuffled } from "./random.mjs";

/** `slow`: has one turn only at the longest texts, which take it a minute or two. */
export const PARTIAL_CONTESTANTS = [
  { name: "floor", title: "no partial value: gather, one `JSON.parse`" },
  { name: "push", title: "**streamgauge** `PartialJson`, live value" },
  { name: "patches", title: "**streamgauge** `PartialJson`, live value and `patches()`" },
  { name: "snapshot", title: "**streamgauge** `PartialJson`, `snapshot()`" },
  { name: "for-await", title: "**streamgauge** `for await` + `partialArguments`, from the response's bytes" },
  { name: "ai", title: "`ai` `parsePartialJson`", slow: true },
  { name: "openai", title: "`openai`'s partial parser", slow: true },
  { name: "partial-json", title: "`partial-json`", slow: true },
];
export const PARTIAL_PACKAGES = ["ai", "openai", "partial-json"];

export const partialFragments = ({ quick }) => (quick ? [1_300, 5_200] : [1_300, 5_200, 20_800]);

const child = (settings) => runChild("partial/child.mjs", [JSON.stringify(settings)], { timeoutMs: 900_000 });

/** Compares everybody's values after every delta of short texts; throws when one is wrong. */
export async function checkPartial() {
  for (const { name } of PARTIAL_CONTESTANTS) {
    for (const kind of Object.keys(SHAPES)) await child({ name, kind, fragments: 500, check: true });
  }
}

/** Resolves to `[{kind, fragments, name, times: [{cpu, wall}], error?}]`, milliseconds per text. */
export async function measurePartial({ quick, rounds, seed, tell, write }) {
  const next = random(seed);
  const limits = quick ? { warmUpMs: 100, budgetMs: 100 } : { warmUpMs: 400, budgetMs: 400 };
  const results = new Map();
  const turns = Math.min(rounds, 3);
  for (let round = 0; round < turns; round++) {
    for (const kind of Object.keys(SHAPES)) {
      for (const fragments of partialFragments({ quick })) {
        write(`[${round + 1}/${turns}] ${kind}, ${fragments} fragments, ms:`);
        const isLong = fragments === Math.max(...partialFragments({ quick }));
        const here = PARTIAL_CONTESTANTS.filter(({ slow }) => !slow || !isLong || round === 0);
        for (const { name } of shuffled(here, next)) {
          const key = `${kind} ${fragments} ${name}`;
          if (!results.has(key)) results.set(key, { kind, fragments, name, times: [] });
          const result = results.get(key);
          try {
            const time = await child({ name, kind, fragments, ...limits });
            result.times[round] = time;
            write(` ${name} ${time.cpu.toPrecision(3)}`);
          } catch (error) {
            result.error = error.message;
            write(` ${name} FAILED`);
          }
        }
        tell("");
      }
    }
  }
  return [...results.values()];
}
