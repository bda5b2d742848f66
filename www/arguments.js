// How the arguments of a call are shown while they grow: the text as it comes, and the value so far, by field.

import { make, setText } from "./dom.js";
import { count } from "./format.js";
import { PartialJson } from "./package.js";
import { Tape } from "./views/tape.js";

/** So much of a value is shown; of a text that grows, its end. */
const LONGEST = 160;
const MOST_FIELDS = 20;

/** Shows a call's arguments in two elements, which it fills. */
export class GrowingArguments {
  #tape;
  #fields;
  #text = "";
  #json = new PartialJson();
  #rows = new Map();

  /** @param text a `pre`; `fields` a `dl`. */
  constructor(text, fields) {
    this.#tape = new Tape(text);
    this.#fields = fields;
    fields.hidden = true;
  }

  /** @param delta the next piece of the JSON text. */
  append(delta) {
    this.#text += delta;
    this.#tape.append(delta);
    this.#json.push(delta);
    this.#draw();
  }

  /** The call is done: `text` is what its item has, which is another one where a server had to be put right. */
  finish(text) {
    if (text === this.#text) return;
    this.#text = text;
    this.#tape.replace(text);
    this.#json = new PartialJson();
    this.#json.push(text);
    this.#fields.replaceChildren();
    this.#rows.clear();
    this.#draw();
  }

  #draw() {
    const { value } = this.#json;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    for (const [key, field] of Object.entries(value).slice(0, MOST_FIELDS)) {
      const row = this.#rows.get(key) ?? this.#add(key);
      setText(row, shown(field));
    }
  }

  #add(key) {
    const row = make("dd");
    this.#fields.append(make("dt", "", key), row);
    this.#fields.hidden = false;
    this.#rows.set(key, row);
    return row;
  }
}

function shown(value) {
  if (typeof value !== "string") {
    const text = JSON.stringify(value);
    return text.length > LONGEST ? `${text.slice(0, LONGEST)} ..` : text;
  }
  return value.length > LONGEST ? `.. ${value.slice(-LONGEST).replace(/^[\udc00-\udfff]/, "")} (${count(value.length)} characters)` : value;
}
