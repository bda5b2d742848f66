// How the arguments of a call are shown while they grow. The one place for it: what can read a value out of unfinished
// JSON belongs here.

import { Tape } from "./views/tape.js";

/** Shows a call's arguments in `element`, which it fills. */
export class GrowingArguments {
  #tape;
  #text = "";

  constructor(element) {
    this.#tape = new Tape(element);
  }

  /** @param delta the next piece of the JSON text. */
  append(delta) {
    this.#text += delta;
    this.#tape.append(delta);
  }

  /** The call is done: `text` is what its item has, which is another one where a server had to be put right. */
  finish(text) {
    if (text === this.#text) return;
    this.#text = text;
    this.#tape.replace(text);
  }
}
