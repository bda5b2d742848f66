// Makes sure that a piece the other scripts need is there, and installs it when it is not.
// Nothing is printed about what is there already.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { pkg, readJson, root, targetFolder, tests, wasmBindgenVersion } from "./project.mjs";
import { Failure, isExecutable, isMain, main, onPath, query, run } from "./run.mjs";

/** Fails unless this is Linux or macOS with a Node.js that the package supports. */
export function ensureNode() {
  if (process.platform === "win32") {
    throw new Failure("the build scripts work on Linux and macOS; on Windows run them inside WSL");
  }
  const wanted = /\d+\.\d+/.exec(readJson(pkg, "package.json").engines.node)[0];
  if (!isAtLeast(process.versions.node, wanted)) {
    throw new Failure(`Node.js ${wanted} or newer is needed, this is ${process.versions.node}: see https://nodejs.org`);
  }
}

/** Installs the npm dependencies of these folders exactly as their lock files say. */
export async function ensureNodeModules(folders = [pkg, tests]) {
  for (const folder of folders) {
    const stamp = join(folder, "node_modules", ".installed");
    const wanted = dependencyHash(folder);
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) continue;
    tell(`installing the npm dependencies of ${relative(root, folder)}/`);
    const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
    await run("npm", ["ci", "--prefix", folder, ...quiet], { cwd: folder });
    writeFileSync(stamp, wanted);
  }
}

/** The bundlers and runtimes of tests/pack; some 250 MB, so only for who runs these tests. */
export const ensurePackTools = () => ensureNodeModules([join(tests, "pack")]);

/** Fails unless there is a Rust toolchain; its targets and components can be added, it cannot. */
export function ensureRust() {
  if (query("rustc", ["--version"], { cwd: root }) && query("cargo", ["--version"], { cwd: root })) return;
  throw new Failure("Rust was not found: install it with rustup as https://rustup.rs says, then run this again");
}

/** Adds the wasm32-unknown-unknown standard library to the toolchain. */
export async function ensureWasmTarget() {
  ensureRust();
  const target = "wasm32-unknown-unknown";
  const library = query("rustc", ["--print", "target-libdir", "--target", target], { cwd: root });
  if (library && existsSync(library)) return;
  tell(`adding Rust's ${target} target`);
  await rustup(["target", "add", target]);
}

/** Adds rustfmt and clippy to the toolchain. */
export async function ensureRustComponents() {
  ensureRust();
  const commands = { rustfmt: "fmt", clippy: "clippy" };
  for (const [component, command] of Object.entries(commands)) {
    if (query("cargo", [command, "--version"], { cwd: root })) continue;
    tell(`adding Rust's ${component} component`);
    await rustup(["component", "add", component]);
  }
}

/**
 * Finds or installs the wasm-bindgen command of exactly the version in Cargo.toml.
 * Resolves to the paths of `bindgen` and of the test `runner`, and the `folder` that holds both.
 */
export async function ensureWasmBindgen() {
  ensureRust();
  const version = wasmBindgenVersion();
  const home = join(targetFolder(), "tools");
  const installed = join(home, "bin", "wasm-bindgen");
  const tools = (bindgen) => {
    const folder = dirname(bindgen);
    return { folder, bindgen, runner: join(folder, "wasm-bindgen-test-runner") };
  };
  for (const bindgen of [...onPath("wasm-bindgen"), installed]) {
    const fits = query(bindgen, ["--version"]) === `wasm-bindgen ${version}`;
    if (fits && isExecutable(tools(bindgen).runner)) return tools(bindgen);
  }
  tell(`compiling wasm-bindgen-cli ${version} into ${home}: once, some minutes`);
  const what = ["wasm-bindgen-cli", "--version", version, "--locked"];
  await run("cargo", ["install", "--quiet", "--force", "--root", home, ...what], { cwd: root });
  return tools(installed);
}

/** Finds Chromium (or Chrome) and its driver; on Debian root gets them installed. Resolves to their paths. */
export async function ensureBrowser() {
  if (process.env.CHROMEDRIVER && !isExecutable(process.env.CHROMEDRIVER)) {
    throw new Failure(`CHROMEDRIVER is set, but ${process.env.CHROMEDRIVER} is not a program`);
  }
  const found = findBrowser();
  if (found) return found;
  if (await installByApt(["chromium", "chromium-driver"])) {
    const installed = findBrowser();
    if (installed) return installed;
  }
  const instruction = [
    "the browser tests need Chromium (or Chrome) and the chromedriver of the same version:",
    "  Debian: apt-get install chromium chromium-driver",
    "  macOS:  brew install --cask google-chrome chromedriver",
    "  else:   set CHROMEDRIVER to the driver's path, and CHROME_BIN to the browser's",
  ];
  throw new Failure(instruction.join("\n"));
}

/** Firefox, for the telemetry's page tests; where it cannot be installed those tests say so. Resolves to its path. */
export async function ensureFirefox() {
  if (!findFirefox()) await installByApt(["firefox-esr"]);
  return findFirefox();
}

/** All of the above, but for the tools of tests/pack. */
export async function ensureEverything() {
  ensureNode();
  await ensureNodeModules();
  await ensureWasmTarget();
  await ensureRustComponents();
  await ensureWasmBindgen();
  await ensureBrowser();
  await ensureFirefox();
}

function tell(text) {
  console.log(`setup: ${text}`);
}

function isAtLeast(version, wanted) {
  const [major, minor] = version.split(".").map(Number);
  const [wantedMajor, wantedMinor] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function dependencyHash(folder) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`);
  for (const name of ["package.json", "package-lock.json"]) hash.update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}

async function rustup(args) {
  if (onPath("rustup").length === 0) {
    throw new Failure(
      `this Rust is not rustup's, so \`rustup ${args.join(" ")}\` cannot be run: ` +
        "install the same with your package manager, or Rust as https://rustup.rs says",
    );
  }
  await run("rustup", args, { cwd: root });
}

function findBrowser() {
  const chromedriver = process.env.CHROMEDRIVER ?? onPath("chromedriver")[0];
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
  const apps = ["Google Chrome", "Chromium"].map((app) => `/Applications/${app}.app/Contents/MacOS/${app}`);
  const chromium = process.env.CHROME_BIN ?? [...names.flatMap(onPath), ...apps.filter(isExecutable)][0];
  return chromedriver && chromium ? { chromedriver, chromium } : undefined;
}

function findFirefox() {
  const app = "/Applications/Firefox.app/Contents/MacOS/firefox";
  return process.env.FIREFOX_BIN ?? [...["firefox-esr", "firefox"].flatMap(onPath), ...[app].filter(isExecutable)][0];
}

/** Installs Debian packages where that can be done without asking: as root on Debian. */
async function installByApt(packages) {
  if (!isDebian() || process.getuid() !== 0) return false;
  tell(`installing ${packages.join(" and ")} by apt-get`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], { env });
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
  return true;
}

function isDebian() {
  const file = "/etc/os-release";
  return existsSync(file) && /^ID="?debian"?$/m.test(readFileSync(file, "utf8"));
}

if (isMain(import.meta.url)) await main(ensureEverything);
