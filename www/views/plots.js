// The plots, on canvases: tokens per second as the sum of its kinds, the gaps between chunks on a logarithmic scale, and
// the axis below. What they say is said in words as well, by the labels of the canvases.

import { byId } from "../dom.js";
import { duration, rate, several } from "../format.js";
import { KINDS } from "../samples.js";
import { axisEnd, tickStep } from "./scale.js";

/** No more bins than this, however long the stream is. */
const MOST_BINS = 160;
const LABEL_PX = 11;
/** The gaps' scale begins here, in milliseconds. */
const LEAST_GAP = 1;

export class Plots {
  #flow = byId("flow");
  #gaps = byId("gaps");
  #axis = byId("axis");
  #colours = {};

  constructor(onResize) {
    this.recolour();
    new ResizeObserver(onResize).observe(this.#flow);
  }

  /** Reads the colours of the theme again. */
  recolour() {
    // Of an element that has the colour: the property itself may be a function of the theme.
    const probe = document.body.appendChild(document.createElement("span"));
    for (const name of ["ink-soft", "line", "grid", "reasoning", "text", "arguments", "alarm", "panel"]) {
      probe.style.color = `var(--${name})`;
      this.#colours[name] = getComputedStyle(probe).color;
    }
    probe.remove();
  }

  draw(run) {
    const end = axisEnd(run);
    this.#drawFlow(run, end);
    this.#drawGaps(run, end);
    this.#drawAxis(end);
  }

  /** Says what the plots show; once, at the end of a run. */
  describe(run) {
    const { samples } = run;
    const span = samples.last - samples.first;
    const mean = span > 0 ? `${rate((samples.total * 1000) / span)} per second on average` : "all at once";
    this.#flow.setAttribute("aria-label", `Tokens per second over time: ${several(samples.total, "delta")}, ${mean}`);
    const gaps = samples.gapStatistics();
    const words = gaps === undefined
      ? "fewer than two chunks"
      : `median ${duration(gaps.median)}, 95th percentile ${duration(gaps.p95)}, longest ${duration(gaps.longest)}`;
    this.#gaps.setAttribute("aria-label", `Gaps between chunks over time: ${words}`);
  }

  #drawFlow(run, end) {
    const { context, width, height } = prepared(this.#flow);
    const { bins, width: binWidth } = run === undefined ? { bins: [], width: 1 } : run.samples.rates(end, MOST_BINS);
    const most = Math.max(10, ...bins.map((bin) => bin.reasoning + bin.text + bin.arguments)) * 1.12;
    const x = (time) => (time / end) * width;
    const y = (value) => height - (value / most) * height;
    this.#grid(context, width, tickStep(most, 4), most, y, (value) => rate(value));
    // From the bottom up; each kind begins where the one below ends.
    const below = new Float64Array(bins.length);
    for (const kind of KINDS) {
      context.beginPath();
      bins.forEach((bin, at) => {
        const top = below[at] + bin[kind];
        context.lineTo(x(at * binWidth), y(top));
        context.lineTo(x((at + 1) * binWidth), y(top));
      });
      for (let at = bins.length - 1; at >= 0; at--) {
        context.lineTo(x((at + 1) * binWidth), y(below[at]));
        context.lineTo(x(at * binWidth), y(below[at]));
        below[at] += bins[at][kind];
      }
      context.closePath();
      context.fillStyle = this.#colours[kind];
      context.fill();
    }
    if (run?.samples.length > 0) this.#mark(context, x(run.samples.first), height, "first token");
  }

  #drawGaps(run, end) {
    const { context, width, height } = prepared(this.#gaps);
    const gaps = run?.samples.gaps(end, Math.max(1, Math.floor(width / 2))) ?? [];
    const statistics = run?.samples.gapStatistics();
    const most = Math.max(100, statistics?.longest ?? 0) * 1.3;
    const y = (gap) => height - (Math.log(Math.max(gap, LEAST_GAP)) / Math.log(most)) * height;
    context.font = font;
    for (let value = 10; value < most; value *= 10) this.#gridLine(context, width, y(value), duration(value));
    context.fillStyle = this.#colours["ink-soft"];
    gaps.forEach((gap, column) => {
      if (gap > 0) context.fillRect((column * width) / gaps.length, y(gap), 1.2, height - y(gap));
    });
    if (statistics === undefined) return;
    context.strokeStyle = this.#colours.alarm;
    context.setLineDash([4, 4]);
    const level = Math.round(y(statistics.p95)) + 0.5;
    line(context, 0, level, width, level);
    context.setLineDash([]);
    this.#label(context, `p95 ${duration(statistics.p95)}`, width - 4, level < LABEL_PX + 6 ? level + LABEL_PX + 2 : level - 4, "right");
  }

  #drawAxis(end) {
    const { context, width, height } = prepared(this.#axis);
    const step = tickStep(end, Math.max(2, Math.floor(width / 90)));
    context.font = font;
    context.strokeStyle = this.#colours.line;
    line(context, 0, 0.5, width, 0.5);
    for (let time = 0; time <= end; time += step) {
      const x = Math.round((time / end) * width) + 0.5;
      line(context, x, 0, x, 5);
      context.fillStyle = this.#colours["ink-soft"];
      context.textAlign = time === 0 ? "left" : x > width - 30 ? "right" : "center";
      context.fillText(time === 0 ? "0" : duration(time), x, height - 3);
    }
  }

  #grid(context, width, step, most, y, text) {
    context.font = font;
    for (let value = step; value < most; value += step) this.#gridLine(context, width, y(value), text(value));
  }

  #gridLine(context, width, at, text) {
    const level = Math.round(at) + 0.5;
    if (level < LABEL_PX) return;
    context.strokeStyle = this.#colours.grid;
    line(context, 0, level, width, level);
    this.#label(context, text, 4, level - 3, "left");
  }

  /** A text that can be read on whatever is behind it. */
  #label(context, text, x, y, align) {
    context.textAlign = align;
    context.strokeStyle = this.#colours.panel;
    context.lineWidth = 3;
    context.strokeText(text, x, y);
    context.lineWidth = 1;
    context.fillStyle = this.#colours["ink-soft"];
    context.fillText(text, x, y);
  }

  #mark(context, x, height, text) {
    const at = Math.round(x) + 0.5;
    context.strokeStyle = this.#colours["ink-soft"];
    context.setLineDash([2, 3]);
    line(context, at, 0, at, height);
    context.setLineDash([]);
    // Not over the numbers of the axis, and not over the edge.
    const isLate = at > context.canvas.clientWidth - 100;
    this.#label(context, text, isLate ? at - 5 : Math.max(at + 5, 60), LABEL_PX, isLate ? "right" : "left");
  }
}

const font = `${LABEL_PX}px ui-monospace, "DejaVu Sans Mono", monospace`;

/** A canvas of as many pixels as the screen has for it, cleared. */
function prepared(canvas) {
  const ratio = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.lineWidth = 1;
  return { context, width, height };
}

function line(context, fromX, fromY, toX, toY) {
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}
