// Everybody once, on short streams of every kind and split, and the results compared: no clock, no verdict on speed.

import { runChild } from "./children.mjs";
import { CONTESTANTS } from "./contestants/index.mjs";
import { checkPartial } from "./partial.mjs";
import { checkTelemetry } from "./telemetry.mjs";

/** Resolves to what is wrong, in words. */
export async function checkAll({ only, tell }) {
  const problems = [];
  const attempt = async (what, check) => {
    try {
      await check();
      tell(`right  ${what}`);
    } catch (error) {
      tell(`WRONG  ${what}: ${error.message}`);
      problems.push(what);
    }
  };
  for (const { wire, name, loses } of CONTESTANTS) {
    if (only !== undefined && !only.includes(name)) continue;
    const but = loses.length > 0 ? `, but for ${loses.join(" and ")}` : "";
    await attempt(`${wire} ${name}${but}`, () => runChild("check.mjs", [wire, name]));
  }
  if (only !== undefined) return problems;
  await attempt("partial values", checkPartial);
  await attempt("telemetry, both formats", checkTelemetry);
  return problems;
}
