// The contestants in Chromium, by the wall clock.

import { contestantOf } from "../contestants/index.mjs";
import { random, shuffled } from "../random.mjs";
import { runInPage } from "./browser.mjs";

const NAMES = ["floor", "push", "for-await", "batches", "openai-helper", "ai-streamtext"];

/** Resolves to results as those of `speed.mjs`, with `wall` only. */
export async function measureChromiumSpeed(browser, { only, quick, rounds, seed, tell, write }) {
  const names = NAMES.filter((name) => only === undefined || name === "floor" || only.includes(name));
  const tokens = quick ? 5_000 : 20_000;
  const results = ["event", "16k"].flatMap((split) =>
    names.map((name) => ({ wire: "chat", kind: "mixed", tokens, split, name, times: [] })));
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    for (const split of ["event", "16k"]) {
      write(`[${round + 1}/${rounds}] chat, mixed ${tokens / 1000}k, ${split}:`);
      for (const result of shuffled(results.filter((result) => result.split === split), next)) {
        const { wire, kind, name } = result;
        const { loses } = contestantOf(wire, name);
        const code = `import { run } from "./contestants/${wire}/${name}.mjs";
          import { bench } from "./chromium/speed-page.mjs";
          window.bench = (options) => bench(run, options);`;
        const limits = quick ? { warmUpMs: 200, budgetMs: 250 } : { warmUpMs: 400, budgetMs: 600 };
        try {
          const { wall } = await runInPage(browser, code, { wire, kind, tokens, split, loses, ...limits });
          result.times[round] = { wall };
          write(` ${name} ${wall.toFixed(1)}`);
        } catch (error) {
          result.error = error.message.split("\n")[0];
          write(` ${name} FAILED`);
        }
      }
      tell("");
    }
  }
  return results;
}
