// Builds pkg/dist: the Rust core as WebAssembly with its glue, and the TypeScript around it.
// Each half is skipped when nothing it is made of has changed. Usage: node build.mjs [--force]

import { createHash } from "node:crypto";
import {
  chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { ensureNode, ensureNodeModules, ensureWasmBindgen, ensureWasmTarget } from "./ensure.mjs";
import { wrapGlue } from "./glue.mjs";
import { inlineModule } from "./inline.mjs";
import { cargoPackage, dist, pkg, readJson, root, scratch, targetFolder } from "./project.mjs";
import { isMain, main, query, run } from "./run.mjs";

const TARGET = "wasm32-unknown-unknown";
/** The two cores: the folder in dist, and how Cargo builds each; a target folder each, so that neither makes the other anew. */
const CORES = [
  { folder: "", cargo: () => [], target: targetFolder },
  { folder: "aggregate", cargo: () => ["--no-default-features"], target: () => join(targetFolder(), "without-otel") },
];
const CORE_FILES = CORES.flatMap(({ folder }) => ["core.js", "core_bg.wasm", "core-inline.js"].map((name) => join(folder, name)));
/** What `streamgauge/aggregate` has beside its core: its entries under their names there, and copies of what they import. */
const AGGREGATE_ENTRIES = { "aggregate-only.js": "index.js", "aggregate-workerd.js": "workerd.js" };

// What Node 20 and every current browser have. More than this (--all-features) and Node 20 rejects the module.
const WASM_FEATURES = [
  "bulk-memory", "bulk-memory-opt", "sign-ext", "nontrapping-float-to-int", "mutable-globals", "reference-types",
  "multivalue", "simd",
];

/** Brings pkg/dist up to date, and resolves to the names of the halves that had to be built. */
export async function build({ force = false } = {}) {
  ensureNode();
  await ensureNodeModules();
  await ensureWasmTarget();
  const { bindgen } = await ensureWasmBindgen();
  mkdirSync(dist, { recursive: true });
  mkdirSync(scratch, { recursive: true });

  const built = [];
  const halves = {
    wasm: { stamp: coreStamp(bindgen), make: () => buildCore(bindgen) },
    ts: { stamp: facadeStamp(), make: buildFacade },
  };
  for (const [name, { stamp, make }] of Object.entries(halves)) {
    const file = join(scratch, `${name}.stamp.json`);
    if (!force && isCurrent(file, stamp)) continue;
    rmSync(file, { force: true });
    const outputs = await make();
    writeFileSync(file, JSON.stringify({ stamp, outputs }));
    built.push(name);
  }
  return built;
}

async function buildCore(bindgen) {
  for (const core of CORES) await buildOneCore(bindgen, core);
  return CORE_FILES;
}

async function buildOneCore(bindgen, { folder, cargo, target }) {
  step(`compiling the Rust core to WebAssembly${folder && ", without the telemetry"}`);
  const [built, out] = [join(scratch, folder), join(dist, folder)];
  for (const path of [built, out]) mkdirSync(path, { recursive: true });
  const config = `target.${TARGET}.rustflags=${JSON.stringify(remapFlags())}`;
  const crate = ["--release", "--target", TARGET, "--lib", "--locked", "--target-dir", target(), ...cargo()];
  await run("cargo", ["build", "--config", config, ...crate], { cwd: root });

  const library = cargoPackage().targets.find((target) => target.crate_types.includes("cdylib"));
  const input = join(target(), TARGET, "release", `${library.name.replaceAll("-", "_")}.wasm`);
  const web = ["--target", "web", "--omit-default-module-path", "--no-typescript"];
  await run(bindgen, [input, ...web, "--out-dir", built, "--out-name", "core"]);

  const features = WASM_FEATURES.map((feature) => `--enable-${feature}`);
  const strip = ["--strip-debug", "--strip-producers", "--strip-target-features"];
  const optimized = join(out, "core_bg.wasm");
  const files = [join(built, "core_bg.wasm"), "-o", optimized];
  await runPackage("binaryen", "wasm-opt", ["-O3", "--mvp-features", ...features, ...strip, ...files]);

  const wasm = readFileSync(optimized);
  const readBuilt = (path) => readFileSync(join(built, path), "utf8");
  writeFileSync(join(out, "core.js"), wrapGlue(readBuilt("core.js"), readBuilt));
  writeFileSync(join(out, "core-inline.js"), inlineModule(wasm));
  step(`${join(folder, "core_bg.wasm")}: ${sizes(wasm)}`);
}

async function buildFacade() {
  step("compiling the TypeScript");
  const mark = "TSFILE: ";
  let listed;
  const pretty = String(process.stdout.isTTY ?? false);
  const args = ["-p", join(pkg, "tsconfig.json"), "--listEmittedFiles", "--pretty", pretty];
  try {
    listed = (await runPackage("typescript", "tsc", args, { capture: true })).split("\n");
  } catch (error) {
    if (error.output) console.error(error.output.trimEnd());
    throw error;
  }
  const emitted = listed.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length).trim());
  const outputs = emitted.map((path) => relative(dist, path)).filter((name) => !(name in AGGREGATE_ENTRIES));
  outputs.push(...copyAggregate());
  for (const name of filesUnder(dist)) {
    const isOurs = CORE_FILES.includes(name) || outputs.includes(name);
    if (!isOurs) rmSync(join(dist, name));
  }
  if (existsSync(join(dist, "cli.js"))) chmodSync(join(dist, "cli.js"), 0o755);
  return outputs;
}

/** Moves the entries without telemetry beside their core, with copies of what they import. Returns the names of the files. */
function copyAggregate() {
  const names = [];
  const copy = (from, to) => {
    mkdirSync(dirname(join(dist, "aggregate", to)), { recursive: true });
    const code = readFileSync(join(dist, from), "utf8");
    writeFileSync(join(dist, "aggregate", to), code);
    names.push(join("aggregate", to));
    for (const [, path] of code.matchAll(/\bfrom "(\.[^"]+)"/g)) {
      const next = join(dirname(from), path);
      const isDone = names.includes(join("aggregate", next)) || CORE_FILES.includes(next);
      if (!isDone) copy(next, next);
    }
  };
  for (const [entry, name] of Object.entries(AGGREGATE_ENTRIES)) {
    copy(entry, name);
    rmSync(join(dist, entry));
  }
  return names;
}

// The home folder of whoever builds is nobody's business, and would make every machine's module another one.
function remapFlags() {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  return [`--remap-path-prefix=${cargoHome}=/cargo`, `--remap-path-prefix=${root.replace(/\/$/, "")}=/streamgauge`];
}

function coreStamp(bindgen) {
  const sources = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "rust-toolchain.toml", "src"];
  const tools = [query("rustc", ["-vV"], { cwd: root }), query(bindgen, ["--version"]), packageVersion("binaryen")];
  return hashOf(sources, [...tools, process.env.RUSTFLAGS]);
}

function facadeStamp() {
  return hashOf(["pkg/src", "pkg/tsconfig.json"], [packageVersion("typescript"), packageVersion("@types/node")]);
}

function hashOf(paths, words) {
  const hash = createHash("sha256").update(JSON.stringify(words));
  for (const path of [...paths, "pkg/scripts/build.mjs", "pkg/scripts/glue.mjs", "pkg/scripts/inline.mjs"]) {
    const full = join(root, path);
    if (!existsSync(full)) continue;
    const names = statSync(full).isDirectory() ? filesUnder(full) : [""];
    for (const name of names) hash.update(`\0${path}/${name}\0`).update(readFileSync(join(full, name)));
  }
  return hash.digest("hex");
}

function isCurrent(file, stamp) {
  if (!existsSync(file)) return false;
  const saved = readJson(file);
  return saved.stamp === stamp && saved.outputs.every((name) => existsSync(join(dist, name)));
}

function filesUnder(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}

function packageVersion(name) {
  return readJson(pkg, "node_modules", name, "package.json").version;
}

function runPackage(name, command, args, options) {
  const folder = join(pkg, "node_modules", name);
  return run(process.execPath, [join(folder, readJson(folder, "package.json").bin[command]), ...args], options);
}

function sizes(bytes) {
  const sized = { raw: bytes, gzip: gzipSync(bytes, { level: 9 }), brotli: brotliCompressSync(bytes) };
  return Object.entries(sized).map(([name, { length }]) => `${(length / 1000).toFixed(1)} KB ${name}`).join(", ");
}

function step(text) {
  console.log(`build: ${text}`);
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { values } = parseArgs({ options: { force: { type: "boolean" } } });
    const built = await build(values);
    if (built.length === 0) step("dist/ is up to date");
  });
}
