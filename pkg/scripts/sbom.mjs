// The package's software bill of materials: what is inside the WebAssembly modules, and what npm installs beside them.
// CycloneDX 1.5; npm's own for npm's half, Cargo's tree for the other. Made again from the same lock files it is the same.
// Usage: node sbom.mjs [--licenses]

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { pkg, readJson, root } from "./project.mjs";
import { Failure, isMain, main, query } from "./run.mjs";

/** The file in the tarball. */
export const SBOM = "sbom.cdx.json";
/** Of an `OR` one is enough. deny.toml has the same list for the crates. */
const ALLOWED = ["Apache-2.0", "BSD-3-Clause", "MIT", "Unicode-3.0", "Unlicense", "Zlib"];

/** The whole bill. */
export function sbom() {
  const npm = npmBill();
  const { component } = npm.metadata;
  // npm names it after its folder.
  component.name = readJson(pkg, "package.json").name;
  const { components, dependencies } = crates();
  const own = npm.dependencies.find(({ ref }) => ref === component["bom-ref"]);
  own.dependsOn.push(...dependencies[0].dependsOn);
  return {
    $schema: npm.$schema,
    bomFormat: npm.bomFormat,
    specVersion: npm.specVersion,
    version: 1,
    metadata: { lifecycles: npm.metadata.lifecycles, component },
    components: [...npm.components, ...components],
    dependencies: [...npm.dependencies, ...dependencies.slice(1)],
  };
}

/** The components whose licence is none of the allowed ones. */
export function unlicensed({ components }) {
  const isAllowed = (expression) => {
    const parts = expression.replace(/[()]/g, "").split(" AND ");
    return parts.every((part) => part.split(" OR ").some((name) => ALLOWED.includes(name)));
  };
  return components.filter((component) => !isAllowed(licenseOf(component)));
}

export function licenseOf({ licenses = [] }) {
  return licenses.map(({ expression, license }) => expression ?? license?.id ?? license?.name ?? "").join(" AND ");
}

function npmBill() {
  const text = query("npm", ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "library", "--omit", "dev", "--package-lock-only"], { cwd: pkg });
  if (!text) throw new Failure("`npm sbom` failed: npm 9.6 or newer makes the bill of materials");
  return JSON.parse(text);
}

/** What Cargo compiles into the module; macros and build scripts are not in it, the standard library is. */
export function crates() {
  const checksums = new Map();
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  for (const [, name, version, checksum] of lock.matchAll(/name = "(.+)"\nversion = "(.+)"\n(?:source = ".+"\nchecksum = "(.+)")?/g)) {
    checksums.set(`${name}@${version}`, checksum);
  }
  const tree = ["--target", "wasm32-unknown-unknown", "--edges", "normal,no-proc-macro", "--prefix", "depth", "--no-dedupe", "--locked"];
  const lines = query("cargo", ["tree", ...tree, "--format", "|{p}|{l}"], { cwd: root })?.split("\n");
  if (!lines) throw new Failure("`cargo tree` failed");

  const found = new Map();
  const path = [];
  for (const line of lines) {
    const [depth, spec, license] = line.split("|");
    const [name, version, folder] = spec.split(" ");
    // A crate that lies in a folder is this project's: part of the first, as it is part of the module.
    const key = folder === undefined || path.length === 0 ? `${name}@${version.slice(1)}` : path[0];
    path.length = Number(depth);
    path.push(key);
    if (path.length > 1 && key === path[0]) continue;
    if (!found.has(key)) found.set(key, { name, version: version.slice(1), license: license.replaceAll("/", " OR "), needs: new Set() });
    if (path.length > 1) found.get(path.at(-2)).needs.add(key);
  }
  const [[own], ...others] = found;
  const std = /^release: (.+)$/m.exec(query("rustc", ["-vV"], { cwd: root }) ?? "")?.[1];
  if (!std) throw new Failure("`rustc -vV` failed");
  const ref = (key) => `pkg:cargo/${key}`;
  const stdRef = `pkg:generic/rust-std@${std}`;
  const components = others.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { name, version, license }]) => ({
    "bom-ref": ref(key), type: "library", name, version, scope: "required", purl: ref(key),
    licenses: [{ expression: license }], hashes: [{ alg: "SHA-256", content: checksums.get(key) }],
  }));
  components.push({
    "bom-ref": stdRef, type: "library", name: "rust-std", version: std, scope: "required", purl: stdRef,
    description: "Rust's standard library, of the compiler that the modules were built with", licenses: [{ expression: "MIT OR Apache-2.0" }],
  });
  const dependencies = [found.get(own), ...others.map(([key]) => found.get(key))].map(({ name, version, needs }, at) => ({
    ref: ref(`${name}@${version}`), dependsOn: [...[...needs].sort().map(ref), ...(at === 0 ? [stdRef] : [])],
  }));
  return { components, dependencies };
}

if (isMain(import.meta.url)) {
  await main(() => {
    const { values } = parseArgs({ options: { licenses: { type: "boolean" } } });
    const bill = sbom();
    if (!values.licenses) return console.log(JSON.stringify(bill, null, 2));
    for (const component of bill.components) console.log(`${component.name} ${component.version}: ${licenseOf(component)}`);
    return undefined;
  });
}
