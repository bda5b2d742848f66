// The text that deltas add up to, for who asks about it: `partial.ts`. An event knows its place in it.

import type { PartialJson } from "./partial-json.js";

/** Gives an object of anybody's private fields: those of a subclass. */
class Given {
  constructor(object: object) {
    return object;
  }
}

/**
 * An event's place: in private fields, which nobody who looks at the event can see. A `WeakMap` of events would be the same and
 * costs twenty times as much.
 */
class Place extends Given {
  readonly #text: DeltaText;
  readonly #count: number;

  constructor(event: object, text: DeltaText, count: number) {
    super(event);
    this.#text = text;
    this.#count = count;
  }

  static of(event: object): { text: DeltaText; count: number } | undefined {
    if (!(#text in event)) return undefined;
    return { text: event.#text, count: event.#count };
  }
}

/** The deltas of one text, until they are parsed. */
export class DeltaText {
  readonly #deltas: string[] = [];
  /** How many are parsed, and how many of these are out of the list. */
  #parsed = 0;
  #dropped = 0;
  #json: PartialJson | undefined;

  /** Adds the delta of an event. */
  add(event: { delta: string }): void {
    new Place(event, this, this.#deltas.push(event.delta) + this.#dropped);
  }

  /** The text up to the event, read by a parser that `begin` makes; `undefined` for an event that has no place in any text. */
  static upTo(event: object, begin: () => PartialJson): PartialJson | undefined {
    const place = Place.of(event);
    if (place === undefined) return undefined;
    const { text, count } = place;
    const json = (text.#json ??= begin());
    const deltas = text.#deltas;
    while (text.#parsed < count) {
      const at = text.#parsed++ - text.#dropped;
      json.push(deltas[at]!);
      deltas[at] = "";
    }
    if (text.#parsed === text.#dropped + deltas.length) {
      text.#dropped = text.#parsed;
      deltas.length = 0;
    }
    return json;
  }
}
