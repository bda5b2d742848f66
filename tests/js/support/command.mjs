// The `streamgauge` command as a process, with pipes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { within } from "./chat.mjs";

export const CLI = fileURLToPath(new URL("../../../pkg/dist/cli.js", import.meta.url));

/** Starts the command. `exit` resolves to `{ code, signal, stdout, stderr }`. */
export function start(t, args, env = {}, cwd = undefined) {
  const child = spawn(process.execPath, [CLI, ...args], { cwd, env: { PATH: process.env.PATH, ...env } });
  t.after(() => child.kill("SIGKILL"));
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => {
      out[name] += text;
    });
  }
  // It may end before it has read everything.
  child.stdin.on("error", () => {});
  const exit = once(child, "close").then(([code, signal]) => ({ code, signal, ...out }));
  return { child, out, exit: within(120_000, exit) };
}

export async function run(t, args, { input, env, cwd } = {}) {
  const { child, exit } = start(t, args, env, cwd);
  child.stdin.end(input ?? "");
  return exit;
}

/** Resolves when there is so much output. */
export async function printed(command, pattern) {
  while (!pattern.test(command.out.stdout)) {
    await within(10_000, Promise.race([once(command.child.stdout, "data"), command.exit.then(() => {
      throw new Error(`it ended: ${JSON.stringify(command.out)}`);
    })]));
  }
}

/** JSON lines, parsed. */
export const lines = (text) => text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
