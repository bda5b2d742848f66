// How long the contestants take: cells of (wire, kind, length, split), each by all in random order, in rounds.

import { runChild } from "./children.mjs";
import { CONTESTANTS } from "./contestants/index.mjs";
import { random, shuffled } from "./random.mjs";

const LONG = 100_000;

/** The cells of a wire. Those beyond the ratios of the summary get fewer rounds. */
export function cellsOf(wire, { quick, rounds }) {
  const few = Math.min(rounds, 2);
  const cell = (tokens, split, more) => ({ wire, kind: "mixed", tokens, split, rounds, ...more });
  if (quick) return [2_000, 20_000].flatMap((tokens) => ["event", "16k"].map((split) => cell(tokens, split)));
  if (wire !== "chat") {
    return [cell(2_000, "16k"), cell(50_000, "event"), cell(50_000, "16k"), cell(200_000, "16k", { rounds: few })];
  }
  return [
    ...["event", "16k", "rand"].map((split) => cell(2_000, split)),
    ...["event", "16k"].map((split) => cell(50_000, split)),
    cell(50_000, "rand", { rounds: few }),
    ...["event", "16k"].map((split) => cell(200_000, split, { rounds: few })),
    cell(200_000, "rand", { rounds: 1 }),
    ...["text", "reasoning", "tools"].map((kind) => cell(50_000, "16k", { kind, rounds: 1 })),
  ];
}

/** The length that the summary's ratios are of. */
export const mainTokens = ({ quick }) => (quick ? 20_000 : 50_000);

/** Measures a wire; resolves to `[{wire, kind, tokens, split, name, times: [{cpu, wall}], error?}]`. */
export async function measureSpeed(wire, { only, quick, rounds, seed, tell, write }) {
  const isIn = ({ name }) => only === undefined || name === "floor" || only.includes(name);
  const contestants = CONTESTANTS.filter((one) => one.wire === wire && isIn(one));
  const cells = cellsOf(wire, { quick, rounds });
  const next = random(seed);
  const results = new Map();
  const steps = cells.reduce((sum, cell) => sum + cell.rounds, 0);
  const limits = quick ? { warmUpMs: 200, budgetMs: 250 } : { warmUpMs: 800, budgetMs: 500 };
  let step = 0;
  for (let round = 0; round < rounds; round++) {
    // A cell's contestants run close together in time: whatever else the machine does hits them alike.
    for (const { rounds: cellRounds, ...cell } of cells.filter((cell) => round < cell.rounds)) {
      write(`[${++step}/${steps}] round ${round + 1}, ${wire}, ${cell.kind} ${cell.tokens / 1000}k, ${cell.split}:`);
      const here = contestants.filter(({ slow }) => !slow || (cell.tokens < LONG && cell.kind === "mixed"));
      for (const { name } of shuffled(here, next)) {
        const key = JSON.stringify([cell, name]);
        if (!results.has(key)) results.set(key, { ...cell, name, times: [] });
        const result = results.get(key);
        try {
          const { cpu, wall } = await runChild("speed-child.mjs", [JSON.stringify({ ...cell, name, ...limits })]);
          result.times[round] = { cpu, wall };
          write(` ${name} ${cpu.toFixed(1)}`);
        } catch (error) {
          result.error = error.message;
          write(` ${name} FAILED`);
        }
      }
      tell("");
    }
  }
  return [...results.values()];
}
