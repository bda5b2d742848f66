import { chatAccumulator } from "../accumulate.mjs";
import { pull } from "../floor.mjs";

export const run = (source) => pull(source, chatAccumulator());
