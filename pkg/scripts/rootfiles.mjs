// The files of the repository's root that belong in the package too, its bill of materials, and the licences of what is in
// it: `copy` before npm packs it, `remove` after.
// What pkg/ has itself is left alone.

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { LICENSES, thirdPartyLicenses } from "./licenses.mjs";
import { pkg, readJson, root, scratch } from "./project.mjs";
import { Failure, main } from "./run.mjs";
import { SBOM, sbom } from "./sbom.mjs";

const list = join(scratch, "rootfiles.json");

function copy() {
  remove();
  const names = readdirSync(root).filter((name) => /^(README\.md|CHANGELOG\.md|LICENSE.*)$/.test(name));
  const missing = names.filter((name) => !existsSync(join(pkg, name)));
  mkdirSync(scratch, { recursive: true });
  writeFileSync(list, JSON.stringify([...missing, SBOM, LICENSES]));
  for (const name of missing) copyFileSync(join(root, name), join(pkg, name));
  writeFileSync(join(pkg, SBOM), `${JSON.stringify(sbom(), null, 2)}\n`);
  writeFileSync(join(pkg, LICENSES), thirdPartyLicenses());
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
