#!/usr/bin/env node
// The `streamgauge` command. Its contract is in `--help`; exit codes: 0 the stream completed, 1 it failed,
// 2 usage (also a file that cannot be read).

import { readFileSync } from "node:fs";

import { HELP, parseArguments } from "./cli/arguments.js";
import { runMany } from "./cli/many/run.js";
import { runStream } from "./cli/run.js";
import { EXIT_INTERRUPTED, UsageError } from "./cli/usage.js";

process.exitCode = await main(process.argv.slice(2));

async function main(argv: string[]): Promise<number> {
  try {
    const parsed = parseArguments(argv);
    if (parsed.kind === "help") return print(HELP);
    if (parsed.kind === "version") return print(`${packageVersion()}\n`);
    const readsInput = parsed.kind === "stream" ? parsed.file === undefined : parsed.names[0] === "-";
    if (readsInput && process.stdin.isTTY) {
      throw new UsageError("no FILE, and standard input is a terminal");
    }
    const stop = new AbortController();
    let ending: number | undefined;
    const end = (code: number): void => {
      ending ??= code;
      stop.abort(code);
    };
    // The reader of a pipe may leave early (`| head`): nothing is wrong with that.
    process.stdout.on("error", (error: NodeJS.ErrnoException) => end(error.code === "EPIPE" ? 0 : 1));
    // Once: a second Ctrl-C ends the process as if there were no handler.
    process.once("SIGINT", () => end(EXIT_INTERRUPTED));
    const code = await (parsed.kind === "stream" ? runStream(parsed, stop.signal) : runMany(parsed, stop.signal));
    return ending ?? code;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`streamgauge: ${error.message}\nTry: streamgauge --help\n`);
    return 2;
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function packageVersion(): string {
  const path = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
