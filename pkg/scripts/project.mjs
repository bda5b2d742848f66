// Where the project's folders are, and what its manifests say.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Failure, query } from "./run.mjs";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const pkg = join(root, "pkg");
export const tests = join(root, "tests");
export const dist = join(pkg, "dist");
/** Intermediate files of the build; nothing in here is published. */
export const scratch = join(pkg, "build");

let metadata;

/** Cargo's own words about the workspace: its crates, and where its target folder is. */
export function cargoMetadata() {
  if (metadata) return metadata;
  const text = query("cargo", ["metadata", "--no-deps", "--format-version", "1"], { cwd: root });
  if (!text) throw new Failure("cargo cannot read Cargo.toml; `cargo metadata --no-deps` says why");
  return (metadata = JSON.parse(text));
}

/** What is built: the crate whose folder is the project's. */
export function cargoPackage() {
  const manifest = join(root, "Cargo.toml");
  return cargoMetadata().packages.find(({ manifest_path }) => manifest_path === manifest);
}

/** Cargo's target folder, wherever CARGO_TARGET_DIR or a config file put it. */
export function targetFolder() {
  return cargoMetadata().target_directory;
}

/** The exact version of wasm-bindgen that Cargo.toml asks for. */
export function wasmBindgenVersion() {
  const manifest = readFileSync(join(root, "Cargo.toml"), "utf8");
  const version = /^wasm-bindgen\s*=\s*(?:\{.*?version\s*=\s*)?"=([\d.]+)"/m.exec(manifest)?.[1];
  if (!version) throw new Failure('Cargo.toml must pin wasm-bindgen exactly, as in wasm-bindgen = "=0.2.0"');
  return version;
}

export function readJson(...path) {
  return JSON.parse(readFileSync(join(...path), "utf8"));
}
