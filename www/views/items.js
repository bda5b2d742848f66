// The list of items: what each is, when it came, a call's arguments as they grow, and the finished item as JSON.

import { GrowingArguments } from "../arguments.js";
import { byId, make, setText } from "../dom.js";
import { count, duration, several } from "../format.js";

/** So many cards at first, and more on demand. */
const STEP = 100;

const STATUS = { in_progress: "growing", done: "done", incomplete: "incomplete" };

export class ItemList {
  #list = byId("items");
  #size = byId("items-size");
  #cards = [];
  #shown = STEP;
  #more = make("li", "more");
  #run;

  constructor() {
    const button = make("button", "", "");
    button.type = "button";
    button.addEventListener("click", () => {
      this.#shown += STEP;
      this.draw(this.#run);
    });
    this.#more.append(button);
  }

  clear() {
    this.#list.replaceChildren(make("li", "empty", "Items appear here: messages, reasoning, tool calls."));
    this.#cards = [];
    this.#shown = STEP;
    setText(this.#size, "");
  }

  draw(run) {
    this.#run = run;
    const { entries } = run.items;
    if (entries.length === 0 && !run.running) this.#list.replaceChildren(make("li", "empty", "No item came."));
    if (entries.length > 0 && this.#cards.length === 0) this.#list.replaceChildren();
    for (const entry of entries.slice(this.#cards.length, this.#shown)) {
      const card = new Card(entry);
      this.#cards.push(card);
      this.#list.append(card.element);
    }
    for (const card of this.#cards) card.draw();
    this.#drawMore(entries.length - this.#shown);
    if (entries.length > 0) setText(this.#size, summary(entries));
  }

  /** Brings an item's card into view and gives it the focus. */
  reveal(number) {
    while (this.#shown <= number) this.#shown += STEP;
    this.draw(this.#run);
    const { element } = this.#cards[number];
    element.scrollIntoView({ block: "nearest" });
    element.focus();
  }

  #drawMore(hidden) {
    if (hidden <= 0) return this.#more.remove();
    setText(this.#more.firstChild, `Show ${several(Math.min(hidden, STEP), "more item")} of ${hidden}`);
    return this.#list.append(this.#more);
  }
}

/** `3 items: 1 growing, 2 done`. */
function summary(entries) {
  const counts = Object.entries(STATUS).map(([status, word]) => [entries.filter((entry) => entry.status === status).length, word]);
  return `${several(entries.length, "item")}: ${counts.filter(([some]) => some > 0).map(([some, word]) => `${count(some)} ${word}`).join(", ")}`;
}

class Card {
  #entry;
  #label = make("strong");
  #call = make("code");
  #status = make("span", "badge");
  #times = make("span", "times");
  #notes = make("p", "notes");
  #arguments;
  #isFinished = false;

  constructor(entry) {
    this.#entry = entry;
    this.#notes.hidden = true;
    const head = make("div", "card-head", this.#label, this.#call, this.#status, this.#times);
    this.element = make("li", `card k-${entry.kind}`, head, this.#notes);
    this.element.tabIndex = -1;
    if (entry.kind === "arguments") this.#addArguments();
  }

  draw() {
    const entry = this.#entry;
    if (this.#isFinished) return;
    setText(this.#label, entry.choice === 0 ? entry.label : `${entry.label}, choice ${entry.choice}`);
    setText(this.#call, entry.callId);
    setText(this.#status, STATUS[entry.status]);
    this.element.dataset.status = entry.status;
    const amount = entry.units > 0 ? `${several(entry.deltas, "delta")}, ${several(entry.units, "character")}, ` : "";
    setText(this.#times, `${amount}${duration(entry.from)} – ${duration(entry.to)}`);
    if (entry.fresh !== "") this.#arguments?.append(entry.fresh);
    entry.fresh = "";
    if (entry.status !== "in_progress") this.#finish();
  }

  #addArguments() {
    const text = make("pre", "code arguments");
    text.tabIndex = 0;
    text.setAttribute("role", "group");
    text.setAttribute("aria-label", `Arguments of ${this.#entry.label}`);
    const fields = make("dl", "fields");
    this.#arguments = new GrowingArguments(text, fields);
    this.element.append(text, fields);
  }

  #finish() {
    this.#isFinished = true;
    const { item } = this.#entry;
    if (item === undefined) return;
    this.#arguments?.finish(item.arguments ?? item.input ?? "");
    const { arguments_error: wrong, repaired } = item.provider ?? {};
    const notes = [
      ...(wrong ? [`The arguments are not JSON: ${wrong}`] : []),
      ...(repaired ? [`Put right: ${typeof repaired === "string" ? repaired : JSON.stringify(repaired)}`] : []),
    ];
    this.#notes.hidden = notes.length === 0;
    setText(this.#notes, notes.join(" "));
    this.element.append(asJson(item));
  }
}

/** The item, written out when it is looked at. */
function asJson(item) {
  const text = make("pre", "code");
  const details = make("details", "", make("summary", "", "as JSON"), text);
  details.addEventListener("toggle", () => {
    if (details.open) setText(text, JSON.stringify(item, null, 2));
  });
  return details;
}
