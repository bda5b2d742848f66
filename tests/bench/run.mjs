// The benchmark. `npm --prefix pkg run bench -- --help` says how it is used; README.md what it does.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";

import { checkAll } from "./check-all.mjs";
import { endChildren } from "./children.mjs";
import { CONTESTANTS } from "./contestants/index.mjs";
import { measureMemory } from "./memory.mjs";
import { measurePartial, PARTIAL_PACKAGES } from "./partial.mjs";
import { report } from "./report.mjs";
import { mainTokens, measureSpeed } from "./speed.mjs";
import { measureTelemetry } from "./telemetry.mjs";

// What needs the peers' own modules is loaded when it is measured: --help must do without.
const SECTIONS = {
  chat: { title: "the chat wire, in Node", measure: (options) => measureSpeed("chat", options) },
  responses: { title: "the Responses wire, in Node", measure: (options) => measureSpeed("responses", options) },
  anthropic: { title: "the Anthropic wire, in Node", measure: (options) => measureSpeed("anthropic", options) },
  partial: { title: "a partial value per delta", measure: measurePartial },
  telemetry: { title: "log records", measure: measureTelemetry },
  memory: { title: "memory", measure: measureMemory },
  sizes: { title: "bundle sizes", measure: async (options) => (await import("./sizes.mjs")).measureSizes(options) },
  chromium: { title: "Chromium", measure: async (options) => (await import("./chromium.mjs")).measureChromium(options) },
};
const NAMES = [...new Set(CONTESTANTS.map(({ name }) => name))];

const USAGE = `usage: npm --prefix pkg run bench [-- OPTIONS]

  --only NAME     this section or contestant only; repeat it or separate names by commas
  --rounds N      how often each contestant has its turn (default 5); medians are of these
  --quick         two rounds of short streams: minutes, for a first look
  --check         no clock: everybody once on short streams, the results compared
  --seed N        the order of turns (default 1); the streams are always the same
  --help

sections:    ${Object.entries(SECTIONS).map(([name, { title }]) => `${name.padEnd(11)}${title}`).join("\n             ")}
contestants: ${NAMES.join(", ")}

A whole run takes about half an hour and writes tests/bench/results/latest.md and .json; any other only prints.
`;

/** The sections in which contestants compete. */
const RACES = ["chat", "responses", "anthropic", "chromium"];

/** Ends the process with a message and without a stack. */
function refuse(message) {
  console.error(`error: ${message}`);
  process.exit(2);
}

function number(name, text) {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : refuse(`${name} takes a number from 1, not "${text}"`);
}

function readOptions() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        only: { type: "string", multiple: true }, rounds: { type: "string" }, seed: { type: "string", default: "1" },
        quick: { type: "boolean", default: false }, check: { type: "boolean", default: false }, help: { type: "boolean" },
      },
    }));
  } catch (error) {
    refuse(`${error.message}\n\n${USAGE}`);
  }
  const { quick, check, help, seed } = values;
  const wanted = values.only?.flatMap((text) => text.split(","));
  const unknown = wanted?.find((name) => !(name in SECTIONS) && !NAMES.includes(name));
  if (unknown !== undefined) refuse(`there is no section and no contestant "${unknown}"\n\n${USAGE}`);
  const contestants = wanted?.filter((name) => NAMES.includes(name)) ?? [];
  const chosen = wanted?.filter((name) => name in SECTIONS) ?? [];
  const implied = contestants.length > 0 ? RACES : Object.keys(SECTIONS);
  const sections = chosen.length > 0 ? chosen : implied;
  return {
    help, check, quick, sections,
    only: contestants.length > 0 ? contestants : undefined,
    rounds: number("--rounds", values.rounds ?? (quick ? "2" : "5")),
    seed: number("--seed", seed),
    // A table of a part must not replace the whole one.
    whole: wanted === undefined && !quick,
  };
}

/** Where this was measured: enough to judge the figures, nothing that names the machine. */
function circumstances() {
  const otel = ["@opentelemetry/sdk-logs", "@opentelemetry/otlp-transformer"];
  const packages = [...CONTESTANTS.flatMap((contestant) => contestant.packages), ...PARTIAL_PACKAGES, ...otel];
  const [{ model }] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10), cpu: model.trim(), cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30), node: process.versions.node,
    versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
  };
}

function versionOf(name) {
  const manifest = new URL(`./node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(manifest, "utf8")).version;
}

async function run(options) {
  const started = performance.now();
  const results = { ...circumstances(), rounds: options.rounds, quick: options.quick, main_tokens: mainTokens(options) };
  for (const [index, name] of options.sections.entries()) {
    const { title, measure } = SECTIONS[name];
    console.log(`\n== ${index + 1}/${options.sections.length} ${name}: ${title}`);
    const tell = (text) => console.log(text);
    const write = (text) => process.stdout.write(text);
    results[name] = await measure({ ...options, tell, write });
  }
  results.minutes = Math.round((performance.now() - started) / 6000) / 10;
  const { text, failures } = report(results);
  console.log(`\n${text}`);
  if (options.whole) {
    const folder = new URL("./results/", import.meta.url);
    mkdirSync(folder, { recursive: true });
    writeFileSync(new URL("latest.md", folder), text);
    writeFileSync(new URL("latest.json", folder), `${JSON.stringify(results, rounded, 1)}\n`);
    console.log("written: tests/bench/results/latest.md, latest.json");
  } else console.log("not written: this was not a whole run");
  for (const failure of failures) console.error(`FAILED ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}

/** Four digits say all there is to know. */
const rounded = (_, value) => (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value);

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) {
  process.on(signal, () => {
    endChildren();
    process.exit(code);
  });
}

const options = readOptions();
if (options.help) console.log(USAGE);
else if (options.check) {
  const problems = await checkAll({ ...options, tell: (text) => console.log(text) });
  console.log(problems.length === 0 ? "all results are right" : `${problems.length} wrong`);
  if (problems.length > 0) process.exitCode = 1;
} else await run(options);
