// Which files there are: names, folders, patterns, lists of names.

import { readdirSync, readFileSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { join, matchesGlob, resolve, sep } from "node:path";

import { UsageError } from "../usage.js";

const HAS_WILDCARD = /[*?[]/;

/**
 * All files, in the order given; those of a folder in the order of their names. What is neither there nor a pattern
 * is kept: reading it will say so.
 * @param filesFrom a list of further names; `-` is standard input.
 * @throws {@link UsageError}
 */
export async function findFiles(names: readonly string[], filesFrom: string | undefined): Promise<string[]> {
  const listed = filesFrom === undefined ? [] : parseList(await readList(filesFrom));
  const files: string[] = [];
  for (const name of names) {
    if (name === "-") {
      throw new UsageError("- is standard input, one stream: give it alone, with --summary; --files-from - reads names");
    }
    for (const file of expand(name)) files.push(file);
  }
  for (const name of listed) {
    for (const file of stat(name)?.isDirectory() === true ? walk(name, Infinity) : [name]) files.push(file);
  }
  if (files.length === 0) {
    const where = filesFrom === undefined ? names.join(", ") : `the list ${filesFrom}`;
    throw new UsageError(`no files in ${where}`);
  }
  return files;
}

function expand(name: string): Iterable<string> {
  const found = stat(name);
  if (found?.isDirectory() === true) return walk(name, Infinity);
  return found === undefined && HAS_WILDCARD.test(name) ? fitting(name) : [name];
}

/** The files that a pattern fits, for shells that leave it to the program; itself when there are none, as in a shell. */
function fitting(pattern: string): string[] {
  const parts = pattern.split("/");
  const fixed = parts.findIndex((part) => HAS_WILDCARD.test(part));
  const depth = parts.some((part) => part.includes("**")) ? Infinity : parts.length - fixed;
  const root = fixed === 0 ? "." : parts.slice(0, fixed).join("/") || "/";
  if (stat(root)?.isDirectory() !== true) return [pattern];
  const files = withoutWarnings(() => [...walk(root, depth)].filter((file) => matchesGlob(file, pattern)));
  return files.length === 0 ? [pattern] : files;
}

/** Node 20 and 22 call `matchesGlob` experimental, which is of no use to those who run this. */
function withoutWarnings<T>(call: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return call();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The files in a folder, sorted. Links to files are followed, links to folders are not: they may go in circles. */
function* walk(folder: string, depth: number): Generator<string> {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    // Reading it as a file will say what is wrong.
    return yield folder;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (depth > 1) yield* walk(path, depth - 1);
    } else if (entry.isFile() || (entry.isSymbolicLink() && stat(path)?.isFile() === true)) {
      yield path;
    }
  }
}

function stat(name: string): Stats | undefined {
  try {
    return statSync(name);
  } catch {
    return undefined;
  }
}

async function readList(list: string): Promise<string> {
  if (list === "-") {
    if (process.stdin.isTTY) throw new UsageError("--files-from - reads names, and standard input is a terminal");
    const pieces: Buffer[] = [];
    for await (const piece of process.stdin) pieces.push(piece as Buffer);
    return Buffer.concat(pieces).toString("utf8");
  }
  try {
    return readFileSync(list, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${list}: ${(error as Error).message}`);
  }
}

/** `find -print0` ends names by NUL, `ls` by a line end; a name may have the other in it. */
function parseList(text: string): string[] {
  const names = text.includes("\0") ? text.split("\0") : text.split(/\r?\n/);
  return names.filter((name) => name !== "");
}

/**
 * Where each file's lines go: under `out` as under the folder that all files are in.
 * @throws {@link UsageError}
 */
export function outputPaths(files: readonly string[], out: string): string[] {
  const full = files.map((file) => resolve(file));
  const seen = new Set<string>();
  for (const path of full) {
    if (seen.has(path)) throw new UsageError(`--out: ${path} is given twice, and would be written twice`);
    seen.add(path);
  }
  const split = full.map((path) => path.split(sep));
  let common = split[0]!.slice(0, -1);
  for (const parts of split) {
    const differs = common.findIndex((part, at) => at >= parts.length - 1 || part !== parts[at]);
    if (differs >= 0) common = common.slice(0, differs);
  }
  return split.map((parts) => `${join(out, ...parts.slice(common.length))}.jsonl`);
}
