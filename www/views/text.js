// Text and reasoning as they arrive, in the order in which they do, by choice.

import { byId, make, setText } from "../dom.js";
import { several } from "../format.js";
import { Tape } from "./tape.js";

/** A stream that changes between the two with every token does not get a block for each. */
const MOST_BLOCKS = 300;
/** How near to the end counts as the end, in pixels. */
const NEAR = 24;

export class TextView {
  #box = byId("text");
  #size = byId("text-size");
  #choices = new Map();
  #units = 0;
  #blocks = 0;
  /** Whether the end is in view; asked when something scrolls, so that a new text is laid out once. */
  #follows = true;

  constructor() {
    const box = this.#box;
    box.addEventListener("scroll", () => {
      this.#follows = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    });
  }

  clear() {
    this.#follows = true;
    this.#box.replaceChildren(make("p", "empty", "The answer appears here."));
    this.#choices.clear();
    this.#units = 0;
    this.#blocks = 0;
    setText(this.#size, "");
  }

  /** Shows what is new, and stays at the end if it was there. */
  draw(run) {
    const fresh = run.fresh.splice(0);
    if (this.#units === 0 && fresh.length === 0 && !run.running) this.#box.replaceChildren(make("p", "empty", "No text came."));
    if (fresh.length === 0) return;
    for (const { kind, choice, text } of fresh) {
      this.#tape(kind, choice).append(text);
      this.#units += text.length;
    }
    setText(this.#size, several(this.#units, "character"));
    if (this.#follows) this.#box.scrollTop = this.#box.scrollHeight;
  }

  #tape(kind, choice) {
    const column = this.#choices.get(choice) ?? this.#addChoice(choice);
    const last = column.blocks.at(-1);
    if (last?.kind === kind) return last.tape;
    const same = this.#blocks >= MOST_BLOCKS && column.blocks.findLast((block) => block.kind === kind);
    if (same) return same.tape;
    this.#blocks++;
    const body = make("div", "body");
    column.element.append(make("div", `block k-${kind}`, make("h3", "", kind), body));
    const block = { kind, tape: new Tape(body) };
    column.blocks.push(block);
    return block.tape;
  }

  #addChoice(choice) {
    if (this.#choices.size === 0) this.#box.replaceChildren();
    const element = make("div", "choice");
    element.dataset.choice = `choice ${choice}`;
    const column = { element, blocks: [] };
    this.#choices.set(choice, column);
    this.#box.append(element);
    this.#box.classList.toggle("several", this.#choices.size > 1);
    return column;
  }
}
