// Text that only grows, however long it gets: it is cut into blocks at line ends, so that a new piece lays out one block
// and not the whole text again.

const BLOCK = 2000;
/** A text without line ends is cut all the same. */
const LONGEST_BLOCK = 16_000;

export class Tape {
  #element;
  #node;
  #length = 0;

  constructor(element) {
    this.#element = element;
    element.classList.add("tape");
  }

  append(text) {
    let rest = text;
    while (rest !== "") {
      this.#node ??= this.#open();
      const end = this.#endOf(rest);
      this.#node.appendData(rest.slice(0, end));
      this.#length += end;
      if (end < rest.length || this.#length > LONGEST_BLOCK) {
        this.#node = undefined;
        this.#length = 0;
      }
      rest = rest.slice(end);
    }
  }

  replace(text) {
    this.#element.replaceChildren();
    this.#node = undefined;
    this.#length = 0;
    this.append(text);
  }

  /** How much of the text still belongs to the open block. */
  #endOf(text) {
    const from = Math.max(0, BLOCK - this.#length);
    const line = text.indexOf("\n", from);
    return line === -1 ? text.length : line + 1;
  }

  #open() {
    const block = document.createElement("div");
    const node = document.createTextNode("");
    block.append(node);
    this.#element.append(block);
    return node;
  }
}
