// Programs: those that npm delivered, and how one is run.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { release } from "./stream.mjs";

const modules = fileURLToPath(new URL("../node_modules/", import.meta.url));

/** Optional dependencies, because they are programs of one platform. */
const RUNTIMES = {
  "Node, the oldest": "node-oldest/bin/node",
  "Node, the newest": "node-newest/bin/node",
  Bun: "@oven/bun-linux-x64/bin/bun",
  Deno: "@deno/linux-x64-glibc/deno",
  workerd: "@cloudflare/workerd-linux-64/bin/workerd",
};

/** The path of a runtime, and why its tests can not run; `false` if they can. With CI=true there is no such excuse. */
export function runtime(name) {
  const path = join(modules, RUNTIMES[name]);
  const here = existsSync(path) || process.env.CI === "true";
  return { path, skip: here ? false : `${name} is not installed: its npm package is for linux x64, this is ${process.platform} ${process.arch}` };
}

/** The script of a command that a package in tests/pack/node_modules has, to be run by Node. */
export function script(name, command = name) {
  const require = createRequire(modules);
  const manifest = join(modules, name, "package.json");
  const { bin } = require(manifest);
  return join(dirname(manifest), typeof bin === "string" ? bin : bin[command]);
}

/**
 * Runs a program to its end; resolves to what it printed. A failure has both outputs in its message. Of one that reads a
 * stream of ./stream.mjs the `stream` is given, so that this goes on when something was printed.
 */
export async function run(command, args, { cwd, env, input, stream } = {}) {
  const running = promisify(execFile)(command, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 1 << 26, timeout: 60_000 });
  if (stream) running.child.stdout.once("data", () => release(stream));
  if (input) input.pipe(running.child.stdin);
  else running.child.stdin.end();
  try {
    return await running;
  } catch (error) {
    error.message += `\n${error.stdout}${error.stderr}`;
    throw error;
  }
}

/** The same, of a program that prints a JSON object per line and complains of nothing; resolves to the objects. */
export async function events(command, args, options) {
  const { stdout, stderr } = await run(command, args, options);
  assert.equal(stderr, "");
  return stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
