// The licences of what is inside the WebAssembly modules, for the tarball: theirs ask to go with every copy.
// Usage: node licenses.mjs

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { root } from "./project.mjs";
import { Failure, isMain, main, query } from "./run.mjs";
import { crates, licenseOf } from "./sbom.mjs";

/** The file in the tarball. */
export const LICENSES = "THIRD-PARTY-LICENSES.txt";

/** Of several licences the first of these is taken: MIT's is the shortest. */
const FILES = [/^LICENSE-MIT/i, /^LICEN[CS]E/i, /^COPYING/i];
/** What comes beside another one, as in `MIT AND Unicode-3.0`. */
const BESIDE = { "Unicode-3.0": /^LICENSE-UNICODE/i };
const RULE = "-".repeat(80);

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** All of it, each text once, with the names of those whose it is. */
export function thirdPartyLicenses() {
  const folders = crateFolders();
  const byText = new Map();
  for (const component of crates().components) {
    const { name, version } = component;
    // The compiler's distribution has the standard library's licence in parts that not every installation has.
    const text = name === "rust-std" ? `Copyright (c) The Rust Project Contributors\n\n${MIT}` : textsIn(folders.get(`${name}@${version}`), component);
    const names = byText.get(text) ?? [];
    names.push(`${name} ${version} (${licenseOf(component)})`);
    byText.set(text, names);
  }
  const head = "What the WebAssembly modules of this package are made of beside its own code, and its licences. sbom.cdx.json has the checksums.";
  const parts = [...byText].map(([text, names]) => `${RULE}\n${names.join("\n")}\n\n${text}\n`);
  return [`${head}\n`, ...parts].join("\n");
}

/** Where the sources of each crate lie. */
function crateFolders() {
  const text = query("cargo", ["metadata", "--format-version", "1", "--locked", "--filter-platform", "wasm32-unknown-unknown"], { cwd: root });
  if (!text) throw new Failure("`cargo metadata` failed");
  return new Map(JSON.parse(text).packages.map(({ name, version, manifest_path }) => [`${name}@${version}`, dirname(manifest_path)]));
}

function textsIn(folder, component) {
  const files = folder !== undefined && existsSync(folder) ? readdirSync(folder).sort() : [];
  const beside = licenseOf(component).split(" AND ").slice(1).map((name) => [BESIDE[name]]);
  return [FILES, ...beside].map((patterns) => {
    const file = patterns.map((pattern) => files.find((each) => pattern?.test(each))).find((each) => each !== undefined);
    if (file === undefined) throw new Failure(`the crate ${component.name} comes without the text of its licence`);
    return readFileSync(join(folder, file), "utf8").replaceAll("\r", "").trim();
  }).join("\n\n");
}

if (isMain(import.meta.url)) {
  await main(() => {
    console.log(thirdPartyLicenses());
  });
}
