// node partial/child.mjs JSON: one contestant in a process of its own, `{name, kind, fragments, warmUpMs, budgetMs}`.
// Prints the milliseconds per text as JSON; with `check: true` the value after each delta is compared instead.

import { checkValues, timedValues } from "./values.mjs";

const { name, kind, fragments, check = false, ...limits } = JSON.parse(process.argv[2]);
const { prepare } = await import(`../contestants/partial/${name}.mjs`);
if (check) await checkValues(prepare, { name, kind, fragments });
else console.log(JSON.stringify(await timedValues(prepare, { name, kind, fragments, ...limits })));
