// The recorded corpus beside the checkout. It belongs to others and may be absent.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export const fixturesFile = join(root, "tests", "fixtures", "chat.jsonl");
export const responsesFixturesFile = join(root, "tests", "fixtures", "responses.jsonl");
export const anthropicFixturesFile = join(root, "tests", "fixtures", "anthropic.jsonl");

/** A path inside the corpus; `undefined`, and a word about it, when it is not there. */
export function corpusPath(t, ...path) {
  const found = join(root, "..", "shared", "corpus", ...path);
  if (existsSync(found)) return found;
  t.diagnostic(`no corpus beside the checkout (${path.join("/")}): nothing to compare`);
  return undefined;
}

export const readJsonLines = (path) =>
  readFileSync(path, "utf8").split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line));
