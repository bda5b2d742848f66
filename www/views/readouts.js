// The readings: numbers of the run, as an instrument shows them; and the staff gauge, whose level is the rate of the moment.

import { byId, make, setText } from "../dom.js";
import { bytes, count, duration, rate } from "../format.js";

/** What the rate of the moment is taken over, in milliseconds. */
const WINDOW_MS = 1000;
/** The gauge is full at this rate, and half full at its square root: it is logarithmic. */
const FULL = 10_000;

/** Name, value, and a further word. */
const READINGS = [
  ["First byte", (run) => [duration(firstByte(run))]],
  ["First token", (run) => [duration(run.samples.length > 0 ? run.samples.first : undefined)]],
  ["Duration", (run) => [duration(run.elapsed), run.paused ? "paused" : ""]],
  ["Rate", (run) => [rate(rateOf(run)), run.running ? "tokens/s now" : "tokens/s mean"]],
  ["Deltas", (run) => [count(run.samples.total), kindsOf(run)]],
  ["Tokens out", (run) => [count(usage(run).output_tokens), part(usage(run).reasoning_output_tokens, "reasoning")]],
  ["Tokens in", (run) => [count(usage(run).input_tokens), part(usage(run).cached_input_tokens, "cached")]],
  ["Body", (run) => [bytes(counts(run).bytes), framesOf(counts(run))]],
  ["Finish", (run) => [run.final?.finish_reason ?? "–", endOf(run)]],
  ["Model", (run) => [run.final?.model || run.model || "–", run.final?.response_id || run.responseId]],
];

export class Readouts {
  #cells;
  #water = byId("water");

  constructor() {
    this.#cells = READINGS.map(([name]) => {
      const [value, note] = [make("span", "value"), make("span", "note")];
      byId("readouts").append(make("div", `reading-${name.toLowerCase().replace(" ", "-")}`, make("dt", "", name), make("dd", "", value, note)));
      return { value, note };
    });
    this.clear();
  }

  clear() {
    for (const { value, note } of this.#cells) {
      setText(value, "–");
      setText(note, "");
    }
    this.#level(0);
  }

  draw(run) {
    READINGS.forEach(([, read], at) => {
      const [text, note = ""] = read(run);
      const cell = this.#cells[at];
      setText(cell.value, text);
      setText(cell.note, note);
      cell.value.title = text.length > 12 ? text : "";
    });
    this.#level(rateOf(run));
  }

  #level(perSecond) {
    const level = perSecond > 1 ? Math.min(1, Math.log(perSecond) / Math.log(FULL)) : 0;
    this.#water.style.setProperty("--level", level.toFixed(3));
  }
}

/** Known at the end only: events tell nothing of bytes. */
function firstByte(run) {
  const timings = run.final?.timings ?? run.error?.response?.timings;
  const since = timings?.time_to_first_byte_ms;
  return since === undefined || since === null ? undefined : run.openedAfter + since;
}

const usage = (run) => run.final?.token_usage ?? run.error?.response?.token_usage ?? {};
const counts = (run) => run.final?.counts ?? run.error?.response?.counts ?? {};

function rateOf(run) {
  const { samples } = run;
  if (run.running) return run.paused ? 0 : samples.rateAt(run.elapsed, WINDOW_MS);
  const span = samples.last - samples.first;
  return span > 0 ? (samples.total * 1000) / span : NaN;
}

function kindsOf({ samples: { totals } }) {
  const kinds = Object.entries(totals).filter(([, value]) => value > 0);
  return kinds.map(([kind, value]) => `${count(value)} ${kind}`).join(", ");
}

const part = (value, what) => (value ? `${count(value)} ${what}` : "");

function framesOf({ frames, bad_frames: bad, comments }) {
  if (frames === undefined) return "";
  return [`${count(frames)} frames`, ...(bad ? [`${bad} bad`] : []), ...(comments ? [`${count(comments)} comments`] : [])].join(", ");
}

function endOf(run) {
  if (run.final) return `by ${run.final.ended_by.replaceAll("_", " ")}`;
  return run.error?.code ?? "";
}
