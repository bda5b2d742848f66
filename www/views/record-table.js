// A table of any number of rows, of which those in view are in the document. It has one place in the order of focus, and
// the arrow keys move the chosen row.

import { make } from "../dom.js";

/** As high as the style sheet makes a row, in pixels. */
const ROW = 26;
/** Rows beyond the view, on either side. */
const BEYOND = 8;

export class RecordTable {
  #table;
  #rows;
  #scroll;
  #onChoose;
  #cellsOf;
  #records = [];
  #chosen;
  #drawn = "";

  /**
   * @param cellsOf the texts of a record's row.
   * @param onChoose is told a record that was chosen.
   */
  constructor({ table, rows, scroll }, { cellsOf, onChoose }) {
    this.#table = table;
    this.#rows = rows;
    this.#scroll = scroll;
    this.#cellsOf = cellsOf;
    this.#onChoose = onChoose;
    scroll.addEventListener("scroll", () => this.#draw());
    new ResizeObserver(() => this.#draw()).observe(scroll);
    table.addEventListener("keydown", (event) => this.#key(event));
    rows.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-at]");
      if (row !== null) this.#choose(Number(row.dataset.at));
    });
  }

  /** Shows these records; the chosen one stays so if it is among them. */
  set records(records) {
    this.#records = records;
    this.#table.setAttribute("aria-rowcount", String(records.length + 1));
    this.#drawn = "";
    this.#draw();
  }

  /** For another run. */
  clear() {
    this.#chosen = undefined;
    this.#scroll.scrollTop = 0;
    this.records = [];
  }

  #draw() {
    const { scrollTop, clientHeight } = this.#scroll;
    const total = this.#records.length;
    const from = Math.max(0, Math.min(Math.floor(scrollTop / ROW) - BEYOND, total));
    const to = Math.min(total, Math.ceil((scrollTop + clientHeight) / ROW) + BEYOND);
    const chosen = this.#chosen === undefined ? -1 : this.#records.indexOf(this.#chosen);
    const drawn = `${from} ${to} ${total} ${chosen}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const rows = [];
    for (let at = from; at < to; at++) rows.push(this.#row(at, at === chosen));
    this.#rows.replaceChildren(spacer(from), ...rows, spacer(total - to));
    const isInView = chosen >= from && chosen < to;
    if (isInView) this.#table.setAttribute("aria-activedescendant", rowId(chosen));
    else this.#table.removeAttribute("aria-activedescendant");
  }

  #row(at, isChosen) {
    const cells = this.#cellsOf(this.#records[at]).map((text, column) => make("td", column === 0 ? "num" : "", text));
    const row = make("tr", "", ...cells);
    row.id = rowId(at);
    row.dataset.at = String(at);
    row.setAttribute("aria-rowindex", String(at + 2));
    row.setAttribute("aria-selected", String(isChosen));
    return row;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.#scroll.clientHeight / ROW) - 2);
    const last = this.#records.length - 1;
    const now = this.#chosen === undefined ? -1 : this.#records.indexOf(this.#chosen);
    const to = {
      ArrowDown: now + 1, ArrowUp: Math.max(0, now - 1), PageDown: now + page, PageUp: now - page, Home: 0, End: last,
    }[event.key];
    if (to === undefined || last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#choose(Math.max(0, Math.min(last, to)));
  }

  #choose(at) {
    this.#chosen = this.#records[at];
    const head = this.#table.tHead.offsetHeight;
    const top = at * ROW;
    const scroll = this.#scroll;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + ROW + head > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW + head - scroll.clientHeight;
    this.#draw();
    this.#onChoose(this.#chosen);
  }
}

const rowId = (at) => `record-row-${at}`;

/** The room of rows that are not there. */
function spacer(rows) {
  const cell = make("td");
  cell.colSpan = 4;
  const row = make("tr", "spacer", cell);
  row.setAttribute("aria-hidden", "true");
  row.hidden = rows === 0;
  cell.style.height = `${rows * ROW}px`;
  return row;
}
