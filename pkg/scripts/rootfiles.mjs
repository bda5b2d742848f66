// The files of the repository's root that belong in the package too, and its bill of materials: `copy` before npm packs it,
// `remove` after.
// What pkg/ has itself is left alone.

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { pkg, readJson, root, scratch } from "./project.mjs";
import { Failure, main } from "./run.mjs";
import { SBOM, sbom } from "./sbom.mjs";

const list = join(scratch, "rootfiles.json");

function copy() {
  remove();
  const names = readdirSync(root).filter((name) => /^(README\.md|CHANGELOG\.md|LICENSE.*)$/.test(name));
  const missing = names.filter((name) => !existsSync(join(pkg, name)));
  mkdirSync(scratch, { recursive: true });
  writeFileSync(list, JSON.stringify([...missing, SBOM]));
  for (const name of missing) copyFileSync(join(root, name), join(pkg, name));
  writeFileSync(join(pkg, SBOM), `${JSON.stringify(sbom(), null, 2)}\n`);
}

function remove() {
  if (!existsSync(list)) return;
  for (const name of readJson(list)) rmSync(join(pkg, name), { force: true });
  rmSync(list);
}

await main(() => {
  const action = { copy, remove }[process.argv[2]];
  if (!action) throw new Failure("usage: node rootfiles.mjs copy|remove");
  action();
});
