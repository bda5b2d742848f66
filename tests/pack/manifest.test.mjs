// The packed package as tools read it that know what makes one: publint, "are the types wrong?", and the compilers of its users.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { run, script } from "./support/programs.mjs";
import { staged } from "./support/stage.mjs";

const folder = await staged();
const apps = join(folder, "apps");
const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
const pkg = fileURLToPath(new URL("../../pkg/", import.meta.url));

test("publint --strict", async () => {
  const { stdout } = await run(process.execPath, [script("publint"), "--strict", tarball], { cwd: folder });
  assert.match(stdout, /All good/);
});

// pkg/.attw.json: no types fit the WebAssembly file, which is another thing in each loader; and that require() gives an ES
// module is so on purpose.
test("attw", async () => {
  const args = [script("@arethetypeswrong/cli", "attw"), tarball, "--config-path", join(pkg, ".attw.json"), "--format=ascii"];
  const { stdout } = await run(process.execPath, args, { cwd: folder });
  assert.match(stdout, /No problems found/);
  for (const entry of ["streamgauge", "streamgauge/aggregate", "streamgauge/slim"]) assert.ok(stdout.includes(`"${entry}"`), `${entry} was looked at`);
});

/** What the package must not hold. */
test("the tarball has what is needed, and no more", () => {
  const names = readdirSync(join(apps, "node_modules", "streamgauge"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => entry.name);
  for (const name of ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "core_bg.wasm", "workerd.js", "index.d.ts", "sbom.cdx.json", "THIRD-PARTY-LICENSES.txt"]) assert.ok(names.includes(name), name);
  const odd = names.filter((name) => !/\.(js|d\.ts|wasm|md)$|^LICENSE|^package\.json$|^sbom\.cdx\.json$|^THIRD-PARTY-LICENSES\.txt$/.test(name));
  assert.deepEqual(odd, []);
});

const ESM = "types/usage.mts";
const CJS = "types/usage.cts";
const NODE10 = ["--module", "esnext", "--moduleResolution", "node10"];
/** Compiler options, and what is compiled with them. TypeScript lets CommonJS `require` an ES module since `node20`. */
const SETTINGS = {
  "node16": { files: [ESM], options: ["--module", "node16"], only: "7" },
  "node20, resolving as node16": { files: [ESM, CJS], options: ["--module", "node20", "--moduleResolution", "node16"] },
  "nodenext": { files: [ESM, CJS], options: ["--module", "nodenext"], only: "7" },
  "nodenext without DOM": { files: [ESM, CJS], options: ["--module", "nodenext", "--lib", "es2022", "--types", "node"] },
  "bundler": { files: [ESM], options: ["--module", "esnext", "--moduleResolution", "bundler"] },
  "preserve": { files: [ESM, CJS], options: ["--module", "preserve"], only: "7" },
  "node10": { files: [ESM], options: NODE10, only: "5" },
};
const COMPILERS = { 5: script("typescript-5", "tsc"), 7: join(pkg, "node_modules", "typescript", "bin", "tsc") };
/** The types of Node must not be there by accident; there is no way to say "none" on the command line. */
const DOM = ["--lib", "es2022,dom,dom.iterable", "--typeRoots", "types"];
const STRICT = ["--noEmit", "--strict", "--skipLibCheck", "false", "--skipDefaultLibCheck", "--target", "es2022"];

for (const [version, tsc] of Object.entries(COMPILERS)) {
  describe(`TypeScript ${version}`, () => {
    for (const [name, { files, options, only = version }] of Object.entries(SETTINGS)) {
      if (only !== version) continue;
      test(name, async () => {
        const types = options.includes("--lib") ? [] : DOM;
        await run(process.execPath, [tsc, ...STRICT, ...types, ...options, ...files], { cwd: apps });
      });
    }
  });
}
