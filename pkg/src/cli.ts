#!/usr/bin/env node
// The `streamgauge` command. Its contract is in `--help`; exit codes: 0 the stream completed, 1 it failed,
// 2 usage (also a file that cannot be read).

import { readFileSync } from "node:fs";

import { HELP, parseArguments, UsageError } from "./cli/arguments.js";
import { runStream } from "./cli/run.js";

/** What a shell reports for a process that SIGINT ended. */
const EXIT_INTERRUPTED = 130;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: string[]): Promise<number> {
  try {
    const parsed = parseArguments(argv);
    if (parsed.kind === "help") return print(HELP);
    if (parsed.kind === "version") return print(`${packageVersion()}\n`);
    if (parsed.file === undefined && process.stdin.isTTY) {
      throw new UsageError("no FILE, and standard input is a terminal");
    }
    const stop = new AbortController();
    let ending: number | undefined;
    const end = (code: number): void => {
      ending ??= code;
      stop.abort();
    };
    // The reader of a pipe may leave early (`| head`): nothing is wrong with that.
    process.stdout.on("error", (error: NodeJS.ErrnoException) => end(error.code === "EPIPE" ? 0 : 1));
    process.once("SIGINT", () => end(EXIT_INTERRUPTED));
    const code = await runStream(parsed, stop.signal);
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
