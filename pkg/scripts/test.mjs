// Every check there is, in the order in which a mistake shows soonest; the first that fails ends the run.
// Usage: node test.mjs [--only NAME[,NAME]]... [--help]

import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";

import { stage } from "../../tests/pack/support/stage.mjs";
import { build } from "./build.mjs";
import { document } from "./docs.mjs";
import {
  ensureBrowser, ensureFirefox, ensureNode, ensureNodeModules, ensurePackTools, ensureRust, ensureRustComponents, ensureWasmBindgen,
  ensureWasmTarget,
} from "./ensure.mjs";
import { checkFuzz } from "./fuzz.mjs";
import { pkg, root, tests } from "./project.mjs";
import { Failure, isMain, main, run } from "./run.mjs";
import { checkSize } from "./size.mjs";

const WASM = ["--target", "wasm32-unknown-unknown"];
const DENY = ["--", "-D", "warnings"];

const STEPS = [
  {
    name: "fmt",
    title: "Rust is formatted",
    needs: [ensureRustComponents],
    check: () => cargo(["fmt", "--all", "--check"]),
  },
  {
    name: "clippy",
    title: "clippy, native",
    needs: [ensureRustComponents],
    check: () => cargo(["clippy", "--locked", "--workspace", "--all-targets", ...DENY]),
  },
  {
    name: "clippy-wasm",
    title: "clippy, WebAssembly",
    needs: [ensureRustComponents, ensureWasmTarget],
    check: () => cargo(["clippy", "--locked", "--workspace", "--all-targets", ...WASM, ...DENY]),
  },
  {
    name: "rust",
    title: "Rust tests, native",
    needs: [ensureRust],
    check: () => cargo(["test", "--locked", "--workspace"]),
  },
  {
    name: "fuzz",
    title: "what must hold for any bytes: the kept corpus, and new inputs",
    needs: [ensureRust],
    check: checkFuzz,
  },
  {
    name: "features",
    title: "without the feature otel, and with console",
    needs: [ensureRustComponents, ensureWasmTarget, ensureWasmBindgen, ensureBrowser],
    check: async () => {
      for (const features of [["--no-default-features"], ["--features", "console"]]) {
        await cargo(["clippy", "--locked", "--lib", ...features, ...DENY]);
        await cargo(["clippy", "--locked", "--lib", ...WASM, ...features, ...DENY]);
      }
      await cargo(["test", "--locked", "--no-default-features", "--test", "chat", "--test", "flat"]);
      await wasmTests("wasm_node", await runnerEnv(), { features: ["--no-default-features"] });
      await wasmTests("wasm_browser", { ...(await runnerEnv()), ...(await driverEnv()) }, {
        features: ["--features", "console"], filter: "console",
      });
    },
  },
  {
    name: "doc",
    title: "Rust documentation",
    needs: [ensureRust],
    check: () => cargo(["doc", "--locked", "--workspace", "--no-deps"], { RUSTDOCFLAGS: "-D warnings" }),
  },
  {
    name: "build",
    title: "the npm package builds, within its size",
    needs: [ensureNodeModules, ensureWasmTarget, ensureWasmBindgen],
    check: () => checkSize(),
  },
  {
    name: "wasm-node",
    title: "Rust tests as WebAssembly in Node.js",
    needs: [ensureWasmTarget, ensureWasmBindgen],
    check: async () => wasmTests("wasm_node", await runnerEnv()),
  },
  {
    name: "wasm-browser",
    title: "Rust tests as WebAssembly in Chromium",
    needs: [ensureWasmTarget, ensureWasmBindgen, ensureBrowser],
    check: async () => {
      const env = { ...(await runnerEnv()), ...(await driverEnv()) };
      await wasmTests("wasm_browser", env);
    },
  },
  {
    name: "types",
    title: "the types, as a user's tsc sees them, and their API reference",
    needs: [ensureNodeModules, ensureWasmTarget, ensureWasmBindgen],
    check: checkTypes,
  },
  {
    name: "js",
    title: "JavaScript tests",
    needs: [ensureNodeModules, ensureWasmTarget, ensureWasmBindgen, ensureBrowser],
    check: runJsTests,
  },
  {
    name: "pack",
    title: "the packed package in every loader, and in a web IDE",
    needs: [ensureNodeModules, ensurePackTools, ensureWasmTarget, ensureWasmBindgen, ensureBrowser],
    check: runPackTests,
  },
];

function cargo(args, env) {
  return run("cargo", args, { cwd: root, env });
}

/** Runs one binary of WebAssembly tests. A test that waits for what never comes lets Node end without a word
 * and with exit code 0, so the closing line is asked for. */
async function wasmTests(name, env, { features = [], filter } = {}) {
  const args = ["test", "--locked", ...WASM, ...features, "--test", name, ...(filter ? ["--", filter] : [])];
  let output;
  try {
    output = await run("cargo", args, { cwd: root, env, capture: true });
  } catch (error) {
    if (error.output) process.stdout.write(error.output);
    throw error;
  }
  process.stdout.write(output);
  if (!/^test result: ok\. [1-9]\d* passed/m.test(output)) throw new Failure(`${name} ended without a result`);
}

async function checkTypes() {
  await build();
  const tsc = join(pkg, "node_modules", "typescript", "bin", "tsc");
  for (const folder of ["types", "types/sdk"]) await run(process.execPath, [tsc, "--noEmit", "-p", join(tests, folder, "tsconfig.json")]);
  await document();
}

async function runJsTests() {
  await build();
  const names = readdirSync(join(tests, "js"), { recursive: true }).filter((name) => name.endsWith(".test.mjs"));
  if (names.length === 0) throw new Failure("tests/js has no *.test.mjs");
  const files = names.sort().map((name) => join("tests", "js", name));
  await nodeTests(files, await browserEnv());
}

async function runPackTests() {
  await build();
  const folder = join(tests, "pack");
  const files = readdirSync(folder).filter((name) => name.endsWith(".test.mjs")).map((name) => join("tests", "pack", name));
  await nodeTests(files, { ...(await browserEnv()), STREAMGAUGE_STAGE: await stage() });
}

function nodeTests(files, env) {
  return run(process.execPath, ["--test", "--test-concurrency=2", "--test-reporter=spec", ...files], { cwd: root, env });
}

async function browserEnv() {
  const { chromedriver, chromium } = await ensureBrowser();
  const firefox = await ensureFirefox();
  return { CHROME_BIN: chromium, CHROMEDRIVER: chromedriver, ...(firefox ? { FIREFOX_BIN: firefox } : {}) };
}

// The runner is named, not given by its path: cargo would split a path at its spaces.
async function runnerEnv() {
  const { folder } = await ensureWasmBindgen();
  return {
    PATH: folder + delimiter + process.env.PATH,
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: "wasm-bindgen-test-runner",
  };
}

// The time limits are for a loaded machine: the runner's own are 5 seconds for the driver, 20 for the tests.
async function driverEnv() {
  const { chromedriver } = await ensureBrowser();
  return {
    CHROMEDRIVER: chromedriver,
    GECKODRIVER: undefined,
    SAFARIDRIVER: undefined,
    WASM_BINDGEN_TEST_WEBDRIVER_JSON: join(root, "webdriver.json"),
    WASM_BINDGEN_TEST_DRIVER_TIMEOUT: process.env.WASM_BINDGEN_TEST_DRIVER_TIMEOUT ?? "60",
    WASM_BINDGEN_TEST_TIMEOUT: process.env.WASM_BINDGEN_TEST_TIMEOUT ?? "120",
  };
}

async function test(steps) {
  ensureNode();
  for (const ensure of new Set(steps.flatMap((step) => step.needs))) await ensure();

  const results = [];
  for (const [index, { name, title, check }] of steps.entries()) {
    console.log(`\n== ${index + 1}/${steps.length} ${name}: ${title}`);
    const started = performance.now();
    const error = await check().then(() => undefined, (reason) => reason);
    const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s`;
    results.push({ name, seconds, error });
    console.log(`-- ${name}: ${error ? "FAILED" : "passed"} in ${seconds}`);
    if (error) break;
  }
  summarize(steps, results);
}

function summarize(steps, results) {
  const failed = results.find(({ error }) => error);
  if (failed) {
    const { error, name } = failed;
    console.log(`\n${name} failed: ${error instanceof Failure ? error.message : error.stack}`);
    console.log(`that step alone again: npm --prefix pkg test -- --only ${name}`);
    process.exitCode = 1;
  }
  const passed = results.filter(({ error }) => !error).length;
  const skipped = steps.length - results.length;
  console.log();
  for (const { name, seconds, error } of results) console.log(`${error ? "FAILED" : "passed"} ${name} ${seconds}`);
  console.log(`\n${passed} passed, ${results.length - passed} failed${skipped ? `, ${skipped} skipped` : ""}`);
}

function usage() {
  const names = STEPS.map(({ name, title }) => `  ${name.padEnd(14)}${title}`);
  return ["usage: npm --prefix pkg test [-- --only NAME[,NAME]]", "", "steps, in order:", ...names].join("\n");
}

function selected(only) {
  const names = only.flatMap((text) => text.split(","));
  const unknown = names.find((name) => !STEPS.some((step) => step.name === name));
  if (unknown !== undefined) throw new Failure(`there is no step "${unknown}"\n${usage()}`);
  return names.length === 0 ? STEPS : STEPS.filter(({ name }) => names.includes(name));
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const options = { only: { type: "string", multiple: true, default: [] }, help: { type: "boolean" } };
    const { values } = parseArgs({ options });
    if (values.help) console.log(usage());
    else await test(selected(values.only));
  });
}
