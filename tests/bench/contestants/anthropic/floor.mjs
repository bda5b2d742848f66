import { anthropicAccumulator } from "../accumulate.mjs";
import { push } from "../floor.mjs";

export const run = (source) => push(source, anthropicAccumulator());
