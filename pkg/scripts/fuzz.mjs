// Fuzzes the native core: `tests/fuzz` says what must hold. With coverage's guidance where the machine can link
// libFuzzer (stable Rust and a C++ compiler), else the same properties over the kept corpus and plain mutations of it.
// Usage: node fuzz.mjs [TARGET]... [--seconds N] [--seed N] [--streams FOLDER] [--unguided]

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { root, tests } from "./project.mjs";
import { Failure, isMain, main, query, run } from "./run.mjs";

const fuzz = join(tests, "fuzz");
const work = join(fuzz, "target", "work");
const dictionary = {
  frames: "sse", chat: "chat", responses: "responses", anthropic: "anthropic", auto: "chat", json: "json", decoders: "otlp", telemetry: "chat",
};
export const TARGETS = ["frames", "chat", "responses", "anthropic", "auto", "sequences", "json", "otlp", "decoders", "telemetry", "gen_ai", "metrics",
  "policies"];

/** Of one input, in seconds: what takes longer is no longer linear. */
const INPUT_SECONDS = 20;
/** Inputs are at most this long, in bytes. */
const LONGEST = 4096;
/** Where each byte of an input makes much of what is checked, at most this long. */
const LONGEST_MADE = { sequences: 300, metrics: 1000, gen_ai: 1000 };

// On stable Rust: the pass is LLVM's, and libFuzzer, which libfuzzer-sys compiles, reads what it counts.
const COVERAGE = [
  "-Cpasses=sancov-module",
  ...["level=4", "inline-8bit-counters", "pc-table", "trace-compares"].map((flag) => `-Cllvm-args=-sanitizer-coverage-${flag}`),
];

/**
 * Checks what follows from this repository alone, so that it is red or green alike everywhere: the kept corpus, the fixtures, and mutations of
 * both by a generator of ours. What libFuzzer makes of a seed depends on the machine, so here its programs only run the kept corpus.
 */
export async function checkFuzz() {
  await replay([]);
  const programs = await guidedPrograms();
  if (programs === undefined) return;
  for (const target of TARGETS) await guided(programs, target, ["-runs=0"]);
}

/** Builds the targets with coverage; resolves to their folder, or to undefined where that cannot be done. */
async function guidedPrograms() {
  const host = /^host: (.*)$/m.exec(query("rustc", ["-vV"], { cwd: root }) ?? "")?.[1];
  if (!["c++", "g++", "clang++"].some((name) => query(name, ["--version"]) !== undefined)) {
    return unguided("there is no C++ compiler, which libFuzzer needs");
  }
  // With a target named, the flags are not for what runs while it is built.
  const args = ["build", "--locked", "--release", "--features", "guided", "--target", host];
  const programs = TARGETS.flatMap((target) => ["--bin", target]);
  const env = { CARGO_ENCODED_RUSTFLAGS: COVERAGE.join("\x1f"), RUSTFLAGS: undefined, CARGO_TARGET_DIR: join(fuzz, "target") };
  try {
    await run("cargo", [...args, ...programs], { cwd: fuzz, env });
  } catch {
    return unguided("the targets do not build with coverage on this machine (its words are above)");
  }
  return join(fuzz, "target", host, "release");
}

function unguided(reason) {
  console.log(`fuzz: WITHOUT GUIDANCE: ${reason}; the same properties are checked over the kept corpus and plain mutations of it`);
  return undefined;
}

const replayProgram = ["run", "--locked", "--release", "--quiet", "--bin", "replay", "--"];

async function replay(targets) {
  for (const target of TARGETS) rmSync(join(work, `${target}.input`), { force: true });
  const args = [...replayProgram, join(fuzz, "corpus"), work, ...targets];
  try {
    await run("cargo", args, { cwd: fuzz, env: { CARGO_TARGET_DIR: join(fuzz, "target") } });
  } catch (error) {
    // It writes the first input that fails, if there is one.
    const target = TARGETS.find((name) => existsSync(join(work, `${name}.input`)));
    if (target === undefined) throw error;
    throw wrong(target, join(work, `${target}.input`));
  }
}

/** What to say of an input for which something does not hold. */
function wrong(target, input) {
  const again = `cargo run --release --bin replay -- --input ${input} ${target}`;
  return new Failure(`${target} does not hold for ${input}; once more, in tests/fuzz: ${again}; its README.md says what to do`);
}

/** Runs one target from the kept corpus, the fixtures, and `grown`, where new inputs of interest go. */
async function guided(programs, target, options, { grown, streams } = {}) {
  mkdirSync(work, { recursive: true });
  const own = mkdtempSync(join(work, `${target}-`));
  const kept = join(fuzz, "corpus", target);
  const [fresh, seeds, crashes] = ["fresh", "seeds", "crashes"].map((name) => join(own, name));
  for (const folder of [fresh, crashes]) mkdirSync(folder);
  if (grown !== undefined) mkdirSync(grown, { recursive: true });
  const words = dictionary[target] ? [`-dict=${join(fuzz, "dictionaries", `${dictionary[target]}.dict`)}`] : [];
  const limits = [`-max_len=${LONGEST_MADE[target] ?? LONGEST}`, `-timeout=${INPUT_SECONDS}`, "-rss_limit_mb=2048", "-print_final_stats=1"];
  const log = join(own, "log");
  const folders = [grown ?? fresh, seeds, ...(existsSync(kept) ? [kept] : [])];
  const env = { FUZZ_SEEDS: seeds, ...(streams ? { FUZZ_STREAMS: streams } : {}) };
  const args = [...options, ...limits, ...words, `-artifact_prefix=${crashes}/`, ...folders];
  const { code, output } = await quietly(join(programs, target), args, env);
  writeFileSync(log, output);
  const inputs = /^stat::number_of_executed_units: (\d+)/m.exec(output)?.[1];
  const begun = /INITED\s+cov: (\d+)/.exec(output)?.[1];
  const done = /DONE\s+cov: (\d+)/.exec(output)?.[1];
  if (code === 0 && done !== undefined) {
    const after = begun === done ? "" : ` before and ${done} after`;
    console.log(`${target}: ${inputs} inputs, ${begun} edges${after}`);
    rmSync(own, { recursive: true });
    return;
  }
  console.log(output.split("\n").slice(-60).join("\n"));
  const crash = readdirSync(crashes)[0];
  if (crash !== undefined) copyFileSync(join(crashes, crash), join(work, `${target}.crash`));
  if (crash === undefined) throw new Failure(`${target} ended with ${code}: its words are in ${log}`);
  throw wrong(target, join(work, `${target}.crash`));
}

/** Runs a program to its end, whatever that is, with its output kept. */
function quietly(command, args, env) {
  const shell = 'exec "$@" 2>&1';
  return run("sh", ["-c", shell, "sh", command, ...args], { cwd: work, env, capture: true }).then(
    (output) => ({ code: 0, output }),
    (error) => ({ code: error.message.split("\n").at(-1).trim(), output: error.output ?? "" }),
  );
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { seconds: { type: "string" }, seed: { type: "string" }, streams: { type: "string" }, unguided: { type: "boolean" } },
    });
    const unknown = positionals.find((name) => !TARGETS.includes(name));
    if (unknown !== undefined) throw new Failure(`there is no target "${unknown}"; there are ${TARGETS.join(", ")}`);
    const programs = values.unguided ? unguided("as asked") : await guidedPrograms();
    if (programs === undefined) return replay(positionals);
    for (const target of positionals.length > 0 ? positionals : TARGETS) {
      // Inputs made from others' recordings stay apart from those that may be kept.
      const grown = join(fuzz, "target", values.streams ? "grown-from-streams" : "grown", target);
      const options = [`-max_total_time=${values.seconds ?? 60}`, ...(values.seed ? [`-seed=${values.seed}`] : [])];
      await guided(programs, target, options, { grown, streams: values.streams });
    }
  });
}
