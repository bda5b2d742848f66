// The timeline: a lane per item, on the plots' axis.

import { byId, make, setText } from "../dom.js";
import { several } from "../format.js";
import { axisEnd } from "./scale.js";

/** Lanes beyond these are counted. */
const MOST = 24;

export class Lanes {
  #list = byId("lanes");
  #more = byId("lanes-more");
  #lanes = [];
  #onChoose;

  /** @param onChoose is told the number of an item whose lane was chosen. */
  constructor(onChoose) {
    this.#onChoose = onChoose;
  }

  clear() {
    this.#list.replaceChildren();
    this.#lanes = [];
    this.#more.hidden = true;
  }

  draw(run) {
    const { entries } = run.items;
    const end = axisEnd(run);
    for (const entry of entries.slice(this.#lanes.length, MOST)) this.#add(entry);
    for (const [at, { bar, lane, label }] of this.#lanes.entries()) {
      const entry = entries[at];
      setText(label, entry.label);
      lane.dataset.status = entry.status;
      // What still grows reaches up to now, only while the run goes on.
      const to = entry.status === "in_progress" && run.running ? Math.max(entry.to, entry.from) : entry.to;
      bar.style.setProperty("--from", String(entry.from / end));
      bar.style.setProperty("--size", String((to - entry.from) / end));
    }
    const hidden = entries.length - MOST;
    this.#more.hidden = hidden <= 0;
    if (hidden > 0) setText(this.#more, `and ${several(hidden, "more item")}: see the list of items`);
  }

  #add(entry) {
    const label = make("button", "lane-label");
    label.type = "button";
    label.addEventListener("click", () => this.#onChoose(entry.number));
    const bar = make("span", `lane-bar k-${entry.kind}`);
    const lane = make("li", "lane", label, make("span", "lane-track", bar));
    this.#lanes.push({ lane, label, bar });
    this.#list.append(lane);
  }
}
