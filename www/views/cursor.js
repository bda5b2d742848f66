// A moment of the run: a line over all plots, and what was there, in words. Moved by pointer or by the slider's keys.

import { byId, setText } from "../dom.js";
import { duration, rate } from "../format.js";
import { axisEnd } from "./scale.js";

const STEPS = 1000;

export class Cursor {
  #slider = byId("cursor");
  #hairline = byId("hairline");
  #reading = byId("cursor-reading");
  #chart = byId("chart");
  #plot = byId("flow");
  #run;
  #used = false;

  constructor() {
    this.#slider.addEventListener("input", () => this.#show());
    this.#chart.addEventListener("pointermove", (event) => this.#point(event));
    this.clear(undefined);
  }

  /** For another run. */
  clear(run) {
    this.#run = run;
    this.#used = false;
    this.#hairline.hidden = true;
    this.#slider.value = String(STEPS);
    this.#slider.setAttribute("aria-valuetext", "nothing yet");
    setText(this.#reading, "");
  }

  /** The axis may be another one now. */
  draw() {
    if (this.#used) this.#show();
  }

  #point({ clientX }) {
    const { left, width } = this.#plot.getBoundingClientRect();
    const part = (clientX - left) / width;
    if (part < 0 || part > 1 || this.#run === undefined) return;
    this.#slider.value = String(Math.round(part * STEPS));
    this.#show();
  }

  #show() {
    const run = this.#run;
    if (run === undefined) return;
    this.#used = true;
    const part = Number(this.#slider.value) / STEPS;
    const time = part * axisEnd(run);
    this.#hairline.hidden = false;
    this.#hairline.style.setProperty("--at", String(part));
    const words = describe(run, time);
    setText(this.#reading, words);
    this.#slider.setAttribute("aria-valuetext", words);
  }
}

function describe(run, time) {
  const { samples, items } = run;
  const span = Math.max(20, axisEnd(run) / 60);
  const gap = samples.gapAt(time);
  const now = items.entries.filter(({ from, to }) => from <= time && time <= to).map(({ label }) => label);
  const parts = [
    `at ${duration(time)}`, `${rate(samples.rateAt(time + span / 2, span))} tokens/s`,
    ...(gap === undefined ? [] : [`gap ${duration(gap)}`]), ...now.slice(0, 3),
  ];
  return parts.join(" · ");
}
