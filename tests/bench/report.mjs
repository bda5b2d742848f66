// The results as a page of Markdown: first the numbers that must hold, then everything else.

import { contestantOf, CONTESTANTS } from "./contestants/index.mjs";
import { SPLITS } from "./deliver.mjs";
import { PARTIAL_CONTESTANTS } from "./partial.mjs";
import { SHAPES } from "./partial/texts.mjs";
import { median } from "./pass.mjs";
import { find, ratio, typical } from "./ratios.mjs";
import { summary } from "./summary.mjs";

/** The page, and the failures of contestants in it. */
export function report(results) {
  const speeds = [results.chat, results.responses, results.anthropic, results.chromium?.speed].flatMap((list) => list ?? []);
  const failures = speeds.filter(({ error }) => error).map(({ wire, name, kind, tokens, split, error }) =>
    `${wire} ${name}, ${kind} ${tokens / 1000}k, ${split}: ${error}`);
  for (const { name, kind, fragments, error } of results.partial ?? []) {
    if (error) failures.push(`partial ${name}, ${kind}, ${fragments} fragments: ${error}`);
  }
  const sections = [
    head(results),
    summary(results),
    results.chat && speedSection("Chat wire", results.chat, "cpu"),
    results.responses && speedSection("Responses wire", results.responses, "cpu"),
    results.anthropic && speedSection("Anthropic wire", results.anthropic, "cpu"),
    results.partial && partialSection(results.partial),
    results.telemetry && telemetrySection(results.telemetry),
    results.memory && memorySection(results.memory),
    results.sizes && sizesSection(results.sizes),
    results.chromium && chromiumSection(results.chromium),
  ];
  return { text: `${sections.filter(Boolean).join("\n\n")}\n`, failures };
}

function head({ date, cpu, cores, memory_gb, node, versions, rounds, minutes, chromium }) {
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const browser = chromium?.version ? `, ${chromium.version.replace("/", " ")}` : "";
  return `# Benchmark

${date}, ${cpu}, ${cores} cores, ${memory_gb} GB, Node ${node}${browser}; ${rounds} rounds, ${minutes} minutes.
${peers}.

Made by \`npm --prefix pkg run bench\`; how it measures: [../README.md](../README.md). Times are CPU time of the whole process
(Chromium: wall time); ratios are of one round each, then the median. Absolute times depend on the machine and what else it does.`;
}

/** The first column is of words, the others of numbers. */
function table(columns, rows) {
  const rule = columns.map((_, index) => (index === 0 ? "---" : "--:"));
  return [columns, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const thousands = (tokens) => `${tokens / 1000}k`;
const digits = (value) => (value < 9.95 ? value.toPrecision(2) : String(Math.round(value)));
const integer = (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, " ");

/** A table per split; a footnote for whoever loses something. */
function speedSection(title, results, clock) {
  const mixed = results.filter(({ kind }) => kind === "mixed");
  const parts = Object.keys(SPLITS).filter((split) => mixed.some((result) => result.split === split)).map((split) => {
    const here = mixed.filter((result) => result.split === split);
    return `**${SPLITS[split]}**, microseconds per event (× floor):\n\n${speedTable(here, "tokens", thousands, clock)}`;
  });
  const kinds = results.filter(({ kind }) => kind !== "mixed");
  if (kinds.length > 0) {
    const [{ split, tokens }] = kinds;
    parts.push(`**Other streams**, ${thousands(tokens)} tokens, ${SPLITS[split]}:\n\n${speedTable(kinds, "kind", String, clock)}`);
  }
  const notes = [...new Set(results.map(({ wire, name }) => contestantOf(wire, name)))].filter(({ note }) => note);
  const footnotes = notes.map((one) => `† ${one.title}: ${one.note}.`);
  return [`## ${title}${clock === "wall" ? ", wall time" : ""}`, ...parts, ...footnotes].join("\n\n");
}

function speedTable(results, dimension, label, clock) {
  const values = [...new Set(results.map((result) => result[dimension]))];
  // In the order of the list, not of their turns.
  const here = CONTESTANTS.filter((one) => results.some(({ wire, name }) => one.wire === wire && one.name === name));
  const rows = here.map(({ name, title, note }) => {
    const cells = values.map((value) => {
      const of = (who) => results.find((result) => result.name === who && result[dimension] === value);
      const result = of(name);
      if (result?.error) return "failed";
      if (result === undefined) return "";
      const floors = ratio(result, of("floor"), clock);
      return `${digits(typical(result, clock))} (${floors?.toFixed(floors < 9.95 ? 2 : 0) ?? "-"})`;
    });
    return [`${title}${note ? " †" : ""}`, ...cells];
  });
  return table(["", ...values.map(label)], rows);
}

function partialSection(results) {
  const sizes = [...new Set(results.map(({ fragments }) => fragments))];
  const parts = Object.entries(SHAPES).map(([kind, { title }]) => {
    const rows = PARTIAL_CONTESTANTS.map(({ name, title }) => {
      const here = sizes.map((fragments) => find(results, { kind, fragments, name }));
      const cells = here.map((result) => {
        if (result === undefined) return "failed";
        const push = find(results, { kind, fragments: result.fragments, name: "push" });
        return `${digits(typical(result))} (${digits(ratio(result, push) ?? NaN)})`;
      });
      const growth = here.length > 1 && here.every(Boolean) ? typical(here.at(-1)) / typical(here[0]) : NaN;
      return [title, ...cells, digits(growth)];
    });
    const growth = `x for ${sizes.at(-1) / sizes[0]}x`;
    return `**${title}**, ms per text (× the live value):\n\n${table(["fragments", ...sizes.map(integer), growth], rows)}`;
  });
  return `## A partial value per delta

A JSON text arrives in so many fragments, and after each there is the value so far. All values were compared.

${parts.join("\n\n")}`;
}

function telemetrySection(results) {
  const rows = results.map(({ name, format, times, bytes }) => {
    const [cpu, gross] = ["cpu", "gross"].map((clock) => median(times.map((time) => time[clock])));
    const title = name === "otel" ? "`@opentelemetry/sdk-logs` + its serializer" : "**streamgauge**";
    return [`${title}, ${format}`, digits(cpu), name === "otel" ? "" : digits(gross), integer(bytes)];
  });
  return `## Log records

Ten thousand records of five kinds in batches of about 512. Ours come from a real stream; the first column is without what
reading the same stream costs without telemetry, because OpenTelemetry's side reads none. The decoded records are equal.

${table(["microseconds per record", "record", "with reading", "bytes"], rows)}`;
}

function memorySection({ many, long }) {
  return `## Memory

- ${integer(many.streams)} streams, finished and dropped mixed, after a warm-up: the WebAssembly memory grew by
  ${integer(many.grown / 1024)} KiB, from ${integer(many.before / 1024)} KiB. It grows by pages of 64 KiB.
- One stream of ${integer(long.megabytes)} MB by \`for await\` (${integer(long.events)} events, ${megabytes(long.text)} of text):
  at most ${megabytes(long.peak)} of WebAssembly memory, ${megabytes(long.before)} before it.`;
}

function sizesSection(sizes) {
  const rows = sizes.map(({ title, raw, gzip, brotli }) => [title, integer(raw), integer(gzip), integer(brotli)]);
  return `## Download

The same small program with each, bundled by esbuild: minified ESM for browsers, bytes.

${table(["", "raw", "gzip -9", "brotli 11"], rows)}`;
}

const READERS = {
  idle: "nobody: an idle page", streamgauge: "**streamgauge**", floor: "`eventsource-parser` + ..", openai: "`openai` helper",
};

function chromiumSection({ excuse, speed, stalls }) {
  if (excuse) return `## Chromium\n\nNot measured: ${excuse}.`;
  const names = [...new Set(stalls.map(({ name }) => name))];
  const worst = (name, field) => Math.max(...stalls.filter((stall) => stall.name === name).map((stall) => stall[field]));
  const fields = ["script", "taskCpu", "task", "lateness"];
  const rows = names.map((name) => {
    const times = fields.map((field) => worst(name, field).toFixed(1));
    return [READERS[name], ...times, worst(name, "longTasks")];
  });
  return `${speedSection("Chromium", speed, "wall")}

**Twenty streams in one page**, 200 tokens a second each, over HTTP; the worst of all runs, ms:

${table(["read by", "script", "task, thread time", "task, wall time", "timer lateness", "tasks over 50 ms"], rows)}

Script: the longest stretch in which scripts ran, without the time that other processes took. What goes beyond it is the
browser's, and what the machine took away; an idle page shows how much that is.`;
}
