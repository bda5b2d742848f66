// The numbers that must hold: measured, first bar, goal.

import { find, ratio, typical } from "./ratios.mjs";

/** A stream's cost per event may differ by this much between short and long. */
const FLAT = 1.2;

/** Each row: what, the value as text, the bar and the goal as text, and whether it reaches them. */
function rowsOf({ chat, telemetry, memory, sizes, chromium, main_tokens: tokens }) {
  const rows = [];
  const add = (what, value, text, bar, goal, reaches) => {
    if (value === undefined) return;
    rows.push([what, text(value), bar.text, goal.text, reaches(value, goal.value) ? "goal" : reaches(value, bar.value) ? "first bar" : "**no**"]);
  };
  const times = (value) => ({ value, text: `${value}x` });
  const most = (value, unit) => ({ value, text: `${value} ${unit}` });
  const faster = (what, value, bar, goal) =>
    add(what, value, (found) => `${found.toPrecision(found < 10 ? 2 : 3)}x`, times(bar), times(goal), (found, wanted) => found >= wanted);
  const smaller = (what, value, text, bar, goal) => add(what, value, text, bar, goal, (found, wanted) => found <= wanted);

  if (chat) {
    const at = (name, split) => find(chat, { name, split, tokens });
    faster("push, 16 KiB feeds, vs `eventsource-parser` + `JSON.parse` + accumulate", ratio(at("floor", "16k"), at("push", "16k")), 3, 6);
    faster("push, one event per feed, vs the same", ratio(at("floor", "event"), at("push", "event")), 1.8, 3);
    faster("`for await`, 16 KiB chunks, vs the `openai` stream helper", ratio(at("openai-helper", "16k"), at("for-await", "16k")), 8, 15);
    faster("... vs `ai` `streamText` full stream", ratio(at("ai-streamtext", "16k"), at("for-await", "16k")), 100, 200);
    faster("`for await`, one event per chunk, vs the `openai` stream helper", ratio(at("openai-helper", "event"), at("for-await", "event")), 3, 6);
  }
  if (telemetry) {
    const of = (name, format) => telemetry.find((result) => result.name === name && result.format === format);
    for (const [format, what] of [["json", "JSON serializer"], ["protobuf", "protobuf serializer"]]) {
      faster(`record built and encoded vs \`@opentelemetry/sdk-logs\` + ${what}`, ratio(of("otel", format), of("streamgauge", format)), 5, 20);
    }
  }
  if (chat) {
    const growth = ["push", "for-await"].flatMap((name) => ["16k", "event"].map((split) => {
      const [short, long] = [2_000, 200_000].map((length) => typical(find(chat, { name, split, tokens: length })));
      return short && long ? long / short : undefined;
    })).filter(Boolean);
    const percent = (found) => `${found >= 1 ? "+" : ""}${Math.round((found - 1) * 100)} %`;
    const worst = growth.length > 0 ? Math.max(...growth) : undefined;
    smaller("cost per event, 200 k tokens over 2 k, the worst of push and `for await`", worst, percent, { value: FLAT, text: "within 20 %" }, { value: FLAT, text: "flat" });
  }
  if (memory) {
    const { streams, grown } = memory.many;
    // A page may come late: where free blocks lie differs.
    const page = { value: 65536, text: "no growth" };
    smaller(`WebAssembly memory over ${streams} streams`, grown, (found) => `${found > 0 ? "+" : ""}${found / 1024} KiB`, page, page);
  }
  if (sizes) {
    const { brotli } = sizes.find(({ name }) => name === "inlined");
    smaller("download, brotli (wasm + glue + facade, inlined)", brotli / 1000, (found) => `${found.toFixed(1)} KB`, most(65, "KB"), most(40, "KB"));
  }
  if (chromium?.speed) {
    const at = (name, split) => find(chromium.speed, { name, split });
    const inPage = (what, slow, fast, split, bar, goal) => faster(`Chromium: ${what}`, ratio(at(slow, split), at(fast, split), "wall"), bar, goal);
    inPage("push, 16 KiB feeds, vs `eventsource-parser` + ..", "floor", "push", "16k", 3, 6);
    inPage("push, one event per feed, vs the same", "floor", "push", "event", 1.8, 3);
    inPage("`for await`, 16 KiB chunks, vs the `openai` stream helper", "openai-helper", "for-await", "16k", 8, 15);
    inPage("`for await`, one event per chunk, vs the same", "openai-helper", "for-await", "event", 3, 6);
  }
  if (chromium?.stalls) {
    const script = Math.max(...chromium.stalls.filter(({ name }) => name === "streamgauge").map((stall) => stall.script));
    smaller("Chromium: longest script with 20 streams at 200 tokens/s", script, (found) => `${found.toFixed(1)} ms`, most(10, "ms"), most(10, "ms"));
  }
  return rows;
}

/** The section; `undefined` when nothing of it was measured. */
export function summary(results) {
  const rows = rowsOf(results);
  if (rows.length === 0) return undefined;
  const lines = [["what", "measured", "first bar", "goal", "reached"], ["---", "--:", "--:", "--:", "---"], ...rows];
  return `## The numbers that must hold\n\n${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}`;
}
