// Processes that measure: one thing each, so that nobody runs in what another has left of the heap and the compilers.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const running = new Set();

/** Runs a script of this folder in Node and resolves to the JSON it prints; rejects with what it said on stderr. */
export function runChild(script, args, { timeoutMs = 300_000 } = {}) {
  return new Promise((resolve, reject) => {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const options = { stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" };
    // Peers warn about the Node version or about missing keys; nobody reads it here.
    const child = spawn(process.execPath, ["--expose-gc", "--no-warnings", path, ...args.map(String)], options);
    running.add(child);
    let [output, problems] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (problems += text));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(child);
      if (code === 0) {
        const line = output.trimEnd().split("\n").at(-1);
        return resolve(line === "" ? undefined : JSON.parse(line));
      }
      const lines = problems.split("\n").filter((line) => /\S/.test(line));
      const said = lines.find((line) => /Error\b/.test(line)) ?? lines.at(0) ?? "";
      reject(new Error(`${script} ${signal ? `was ended by ${signal}` : `ended with ${code}`}: ${said.trim()}`));
    });
  });
}

/** Ends what runs. */
export function endChildren() {
  for (const child of running) child.kill("SIGKILL");
}
