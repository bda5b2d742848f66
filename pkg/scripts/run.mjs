// Runs other programs: with their output shown, or captured; Ctrl-C ends them with everything they started.

import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { homedir, constants as os } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** An error whose message says all there is to say: it is printed without a stack. */
export class Failure extends Error {}

const running = new Set();
let interrupted;

/**
 * Runs a program with its output passed through, and rejects with a `Failure` when it does not end well.
 * `capture: true` resolves to its standard output instead of showing that.
 */
export function run(command, args, { cwd, env, capture = false } = {}) {
  return new Promise((resolve, reject) => {
    // A process group of its own: what the program started can then be ended with it.
    const stdio = ["ignore", capture ? "pipe" : "inherit", "inherit"];
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio, detached: true });
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => (output += text));
    running.add(child);
    child.on("error", (error) => {
      running.delete(child);
      reject(new Failure(`could not start ${command}: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      running.delete(child);
      if (interrupted) return;
      if (code === 0) return resolve(output);
      const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      reject(Object.assign(new Failure(`${[command, ...args].join(" ")}\n  ${how}`), { output }));
    });
  });
}

/** The trimmed standard output of a quick command, or undefined when it fails or is not there. */
export function query(command, args, { cwd } = {}) {
  const { status, stdout } = spawnSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return status === 0 ? stdout.trim() : undefined;
}

/** Every executable of this name on the PATH, in the PATH's order. */
export function onPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).filter(isExecutable);
}

/** Whether the path is a file that may be executed. */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Whether the module of this URL is the script that was started. */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);
}

/** Runs a script's main function; a failure is told in one line, and the exit code is 1. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    console.error(error instanceof Failure ? `error: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Ends everything that was started, and then this process: politely at first, after three seconds by force. */
function interrupt(signal) {
  if (interrupted) return;
  interrupted = signal;
  const groups = [...running].map((child) => child.pid);
  const patience = Date.now() + 3000;
  groups.forEach((group) => signalGroup(group, signal));
  setInterval(() => {
    const left = groups.filter((group) => signalGroup(group, 0));
    if (left.length > 0 && Date.now() < patience) return;
    left.forEach((group) => signalGroup(group, "SIGKILL"));
    process.exit(128 + os.signals[signal]);
  }, 20);
}

/** Whether there was a process in the group to get the signal. */
function signalGroup(group, signal) {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => interrupt(signal));

// When npm is killed, its shell dies of it but hands nothing on: then nobody waits for this script any more.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || interrupt("SIGTERM"), 500).unref();
}

// A rustup that was installed a minute ago is not on this shell's PATH yet.
if (onPath("cargo").length === 0) {
  process.env.PATH += delimiter + join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");
}
