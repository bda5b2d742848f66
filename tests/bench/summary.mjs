// The numbers that must hold: measured, first bar, goal.

import { find, ratio, typical } from "./ratios.mjs";

const times = (value) => ({ value, text: `${value}x` });
const most = (value, unit) => ({ value, text: `${value} ${unit}` });

/** A row of what should be large: how many times faster. Rows without a value are left out. */
function faster(what, value, bar, goal) {
  return row(what, value && `${value < 100 ? value.toPrecision(value < 10 ? 2 : 3) : Math.round(value)}x`, times(bar), times(goal), (wanted) => value >= wanted);
}

/** A row of what should be small. */
function smaller(what, value, text, bar, goal = bar) {
  return row(what, value === undefined ? undefined : text(value), bar, goal, (wanted) => value <= wanted);
}

function row(what, measured, bar, goal, reaches) {
  if (measured === undefined) return [];
  const reached = reaches(goal.value) ? "goal" : reaches(bar.value) ? "first bar" : "**no**";
  return [[what, measured, bar.text, goal.text, reached]];
}

function chatRows({ chat, main_tokens: tokens }) {
  const compare = (slow, fast, split) => ratio(...[slow, fast].map((name) => find(chat, { name, split, tokens })));
  const parsers = "`eventsource-parser` + `JSON.parse` + accumulate";
  return [
    ...faster(`push, 16 KiB feeds, vs ${parsers}`, compare("floor", "push", "16k"), 3, 6),
    ...faster("push, one event per feed, vs the same", compare("floor", "push", "event"), 1.8, 3),
    ...faster("`for await`, 16 KiB chunks, vs the `openai` stream helper", compare("openai-helper", "for-await", "16k"), 8, 15),
    ...faster("... vs `ai` `streamText` full stream", compare("ai-streamtext", "for-await", "16k"), 100, 200),
    ...faster("`for await`, one event per chunk, vs the `openai` stream helper", compare("openai-helper", "for-await", "event"), 3, 6),
    ...flatRow(chat),
  ];
}

/** The worst of our forms. */
function flatRow(chat) {
  const forms = ["push", "for-await"].flatMap((name) => ["16k", "event"].map((split) => ({ name, split })));
  const growth = forms.flatMap((form) => {
    const [short, long] = [2_000, 200_000].map((tokens) => typical(find(chat, { ...form, tokens })));
    return short && long ? [long / short] : [];
  });
  const percent = (found) => `${found >= 1 ? "+" : ""}${Math.round((found - 1) * 100)} %`;
  const worst = growth.length > 0 ? Math.max(...growth) : undefined;
  const flat = { value: 1.2, text: "within 20 %" };
  return smaller("cost per event, 200 k tokens over 2 k, the worst of push and `for await`", worst, percent, flat);
}

/** The worse of both shapes, at the longest text. */
function partialRows({ partial }) {
  const kinds = [...new Set(partial.map(({ kind }) => kind))];
  const sizes = partial.map(({ fragments }) => fragments);
  const [short, long] = [Math.min(...sizes), Math.max(...sizes)];
  const of = (kind, fragments, name) => find(partial, { kind, fragments, name });
  const worst = (name) => {
    const found = kinds.map((kind) => ratio(of(kind, long, "ai"), of(kind, long, name))).filter(Boolean);
    return found.length > 0 ? Math.min(...found) : undefined;
  };
  const growth = kinds.flatMap((kind) => {
    const [before, after] = [short, long].map((fragments) => typical(of(kind, fragments, "push")));
    return before && after ? [after / before / (long / short)] : [];
  });
  const percent = (found) => `${found >= 1 ? "+" : ""}${Math.round((found - 1) * 100)} %`;
  return [
    ...faster(`a partial value per delta, ${long} fragments, vs \`ai\` \`parsePartialJson\``, worst("push"), 50, 100),
    ...faster("... from the response's bytes, aggregating included, vs the same", worst("for-await"), 50, 100),
    ...smaller(`... cost per fragment, ${long} over ${short}`, growth.length > 0 ? Math.max(...growth) : undefined, percent,
      { value: 1.2, text: "within 20 %" }),
  ];
}

function telemetryRows({ telemetry }) {
  const of = (name, format) => telemetry.find((result) => result.name === name && result.format === format);
  return [["json", "JSON"], ["protobuf", "protobuf"]].flatMap(([format, what]) => {
    const title = `record built and encoded vs \`@opentelemetry/sdk-logs\` + ${what} serializer`;
    return faster(title, ratio(of("otel", format), of("streamgauge", format)), 5, 20);
  });
}

function memoryRows({ memory: { many } }) {
  const text = (found) => `${found > 0 ? "+" : ""}${found / 1024} KiB`;
  // One page may come late: where free blocks lie differs.
  return smaller(`WebAssembly memory over ${many.streams} streams`, many.grown, text, { value: 65536, text: "at most a page" });
}

function sizeRows({ sizes }) {
  const { brotli } = sizes.find(({ name }) => name === "inlined");
  const text = (found) => `${found.toFixed(1)} KB`;
  return smaller("download, brotli (wasm + glue + facade, inlined)", brotli / 1000, text, most(65, "KB"), most(40, "KB"));
}

function chromiumRows({ chromium: { speed, stalls } }) {
  if (speed === undefined) return [];
  const compare = (slow, fast, split) => ratio(...[slow, fast].map((name) => find(speed, { name, split })), "wall");
  const script = Math.max(...stalls.filter(({ name }) => name === "streamgauge").map((stall) => stall.script));
  const text = (found) => `${found.toFixed(1)} ms`;
  return [
    ...faster("Chromium: push, 16 KiB feeds, vs `eventsource-parser` + ..", compare("floor", "push", "16k"), 3, 6),
    ...faster("Chromium: push, one event per feed, vs the same", compare("floor", "push", "event"), 1.8, 3),
    ...faster("Chromium: `for await`, 16 KiB, vs the `openai` stream helper", compare("openai-helper", "for-await", "16k"), 8, 15),
    ...faster("Chromium: `for await`, one event per chunk, vs the same", compare("openai-helper", "for-await", "event"), 3, 6),
    ...smaller("Chromium: longest script, 20 streams at 200 tokens/s", script, text, most(10, "ms")),
  ];
}

const ROWS = {
  chat: chatRows, partial: partialRows, telemetry: telemetryRows, memory: memoryRows, sizes: sizeRows, chromium: chromiumRows,
};

/** The section; `undefined` when nothing of it was measured. */
export function summary(results) {
  const rows = Object.entries(ROWS).flatMap(([section, rowsOf]) => (results[section] ? rowsOf(results) : []));
  if (rows.length === 0) return undefined;
  const lines = [["what", "measured", "first bar", "goal", "reached"], ["---", "--:", "--:", "--:", "---"], ...rows];
  return `## The numbers that must hold\n\n${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}`;
}
