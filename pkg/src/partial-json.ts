// An incremental JSON parser: text comes in pieces, cut anywhere, and the value so far is there after each.
// A piece costs what is in it, whatever came before.

/** How far a text is: `complete` when it is a whole JSON value, `failed` when it can never become one. */
export type PartialJsonState = "incomplete" | "complete" | "failed";

/** One change of a value: what is at `path` is now `value`, or the string there grew by `append`. */
export type PartialJsonPatch =
  | { path: (string | number)[]; value: unknown }
  | { path: (string | number)[]; append: string };

/** `T` while it arrives: any member may be missing yet. */
export type DeepPartial<T> = T extends (infer Element)[]
  ? DeepPartial<Element>[]
  : T extends object
    ? { [Key in keyof T]?: DeepPartial<T[Key]> }
    : T;

/** What the next character belongs to. */
const enum Mode {
  /** The beginning of a value. */
  Value,
  /** The same, or the end of an array that is empty so far. */
  FirstElement,
  /** A key, or the end of an object that is empty so far. */
  FirstKey,
  /** A key, after a comma. */
  NextKey,
  Colon,
  /** A comma, or the end of what is open. */
  AfterValue,
  String,
  Key,
  Number,
  Literal,
  /** White space after the document's value. */
  End,
  Failed,
}

type Container = unknown[] | Record<string, unknown>;

/** Nested deeper, a value is of no use: who walks it recursively would overflow the stack. */
const MAX_DEPTH = 1000;
/** Of a longer number no more is shown before its end: reading it anew with each piece is not to add up. */
const MAX_SHOWN_DIGITS = 400;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;
/** By their first letter. */
const LITERALS: Record<string, [word: string, value: boolean | null]> = {
  t: ["true", true], f: ["false", false], n: ["null", null],
};
const ESCAPES: Record<string, string> = {
  '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t",
};

/**
 * Parses a JSON text while it arrives.
 *
 * ```ts
 * const partial = new PartialJson<{ path: string; lines: number[] }>();
 * partial.push('{"path":"src/ma');   // { path: "src/ma" }
 * partial.push('in.rs","lines":[1'); // { path: "src/main.rs", lines: [1] }
 * ```
 *
 * Of what is unfinished, a string is shown as far as it came (without the half of an escape or of a surrogate pair),
 * a number by its longest beginning that is one (`1.` and `1e` are 1, `-` is nothing yet), `t`, `f` and `n` as what
 * they can only become; a key without a value is not there yet. A complete text gives what `JSON.parse` gives. A text that
 * can not become JSON, or is nested deeper than 1000, keeps the value that it had before, and {@link error} says why.
 */
export class PartialJson<T = unknown> {
  #mode = Mode.Value;
  #value: unknown;
  /** The containers that are open, outermost first; and of each the key or index of the member that comes or came last. */
  readonly #open: Container[] = [];
  readonly #path: (string | number)[] = [];
  /** The string, key, number or literal so far; and how much of it is in the value (-1: it is not there yet). */
  #text = "";
  #shown = -1;
  /** Whether a number is longer than what is shown of it. */
  #isLong = false;
  /** A leading surrogate that waits for the other half. */
  #half = "";
  /** An escape so far, with its backslash. */
  #escape = "";
  /** How many characters came before this piece. */
  #offset = 0;
  #error: string | undefined;
  #snapshot: unknown;
  /** Once somebody wants them. The last one grows while its value does; `#fresh` is what is new in a string. */
  #patches: PartialJsonPatch[] | undefined;
  #lastPatch: PartialJsonPatch | undefined;
  #fresh = "";

  /** Takes the next piece of the text and returns the value so far. */
  push(text: string): DeepPartial<T> | undefined {
    let at = 0;
    while (at < text.length && this.#mode !== Mode.Failed) {
      at = this.#mode === Mode.String || this.#mode === Mode.Key ? this.#readString(text, at) : this.#readOther(text, at);
    }
    this.#offset += text.length;
    this.#show();
    return this.value;
  }

  /**
   * The value so far; `undefined` before it begins. It is live: the next piece changes it in place, which is what makes
   * a piece cheap. {@link snapshot} is for who compares or keeps.
   */
  get value(): DeepPartial<T> | undefined {
    return this.#value as DeepPartial<T> | undefined;
  }

  /**
   * How far the text is. A number by itself is complete, and may go on all the same; one of more than 400 characters is
   * complete when something has ended it, as only then all of it is in the value.
   */
  get state(): PartialJsonState {
    switch (this.#mode) {
      case Mode.Failed:
        return "failed";
      case Mode.Number:
        return this.#open.length === 0 && !this.#isLong && numberIn(this.#text) === this.#text ? "complete" : "incomplete";
      case Mode.End:
        return "complete";
      default:
        return "incomplete";
    }
  }

  /** Why the text is no JSON; `undefined` while it may be. What comes after the mistake is not looked at. */
  get error(): string | undefined {
    return this.#error;
  }

  /**
   * The value so far as a value that never changes. What is closed is shared with earlier snapshots and with
   * {@link value}; what is open is copied, which costs as much as the open objects and arrays have members.
   */
  snapshot(): DeepPartial<T> | undefined {
    if (this.#open.length === 0) return this.value;
    if (this.#snapshot === undefined) {
      let inner: Container | undefined;
      for (let depth = this.#open.length - 1; depth >= 0; depth--) {
        const open = this.#open[depth]!;
        const copy = Array.isArray(open) ? open.slice() : { ...open };
        if (inner !== undefined) put(copy, this.#path[depth]!, inner);
        inner = copy;
      }
      this.#snapshot = inner;
    }
    return this.#snapshot as DeepPartial<T>;
  }

  /**
   * What changed since the last call, in order; the first call begins with the value so far, and from it on changes are noted.
   * A file that is written into an argument is one `append` per piece.
   */
  patches(): PartialJsonPatch[] {
    let patches = this.#patches;
    if (patches === undefined) {
      // Of its own, for who applies the patches to it.
      this.#snapshot = undefined;
      patches = this.#value === undefined ? [] : [{ path: [], value: this.snapshot() }];
      this.#snapshot = undefined;
    }
    this.#patches = [];
    this.#lastPatch = undefined;
    return patches;
  }

  /** Reads at least a character outside of strings. Returns where it stopped. */
  #readOther(text: string, at: number): number {
    const character = text[at]!;
    const mode = this.#mode;
    if (mode === Mode.Number) {
      let end = at;
      while (end < text.length && isInNumber(text.charCodeAt(end))) end++;
      this.#text += text.slice(at, end);
      if (end < text.length) {
        if (numberIn(this.#text) === this.#text) this.#endScalar();
        else this.#fail("a malformed number", end);
      }
      return end;
    }
    if (mode === Mode.Literal) {
      const letters = this.#text + character;
      const [word] = LITERALS[letters[0]!]!;
      if (word.startsWith(letters)) {
        this.#text = letters;
        if (letters === word) this.#endScalar();
      } else this.#unexpected(text, at);
      return at + 1;
    }
    switch (character) {
      case " ":
      case "\n":
      case "\r":
      case "\t":
        return at + 1;
      case '"':
        if (mode === Mode.FirstKey || mode === Mode.NextKey) this.#begin(Mode.Key);
        else if (mode <= Mode.FirstElement) this.#begin(Mode.String);
        else break;
        return at + 1;
      case "{":
      case "[":
        if (mode > Mode.FirstElement) break;
        if (this.#open.length === MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH}`, at);
        else if (character === "{") this.#enter({}, "", Mode.FirstKey);
        else this.#enter([], 0, Mode.FirstElement);
        return at + 1;
      case "}":
      case "]": {
        const isArray = Array.isArray(this.#open.at(-1));
        const isEmpty = mode === (isArray ? Mode.FirstElement : Mode.FirstKey);
        if ((mode !== Mode.AfterValue && !isEmpty) || isArray !== (character === "]")) break;
        this.#open.pop();
        this.#path.pop();
        this.#endValue();
        return at + 1;
      }
      case ",": {
        if (mode !== Mode.AfterValue) break;
        const last = this.#path.length - 1;
        const key = this.#path[last]!;
        if (typeof key === "number") {
          this.#path[last] = key + 1;
          this.#mode = Mode.Value;
        } else this.#mode = Mode.NextKey;
        return at + 1;
      }
      case ":":
        if (mode !== Mode.Colon) break;
        this.#mode = Mode.Value;
        return at + 1;
      default:
        if (mode > Mode.FirstElement) break;
        if (character in LITERALS) this.#begin(Mode.Literal);
        else if (character === "-" || (character >= "0" && character <= "9")) this.#begin(Mode.Number);
        else break;
        // The character is a part of it.
        return at;
    }
    this.#unexpected(text, at);
    return at;
  }

  /** Reads on in a string or key. Returns where it stopped. */
  #readString(text: string, at: number): number {
    if (this.#escape !== "") return this.#readEscape(text, at);
    const start = at;
    let code = 0;
    while (at < text.length) {
      code = text.charCodeAt(at);
      if (code === 0x22 || code === 0x5c || code < 0x20) break;
      at++;
    }
    if (at > start) this.#append(text.slice(start, at));
    if (at === text.length) return at;
    if (code === 0x5c) this.#escape = "\\";
    else if (code < 0x20) this.#unexpected(text, at);
    else this.#endString();
    return at + 1;
  }

  #readEscape(text: string, at: number): number {
    const character = text[at]!;
    if (this.#escape === "\\" && character !== "u") {
      const unescaped = Object.hasOwn(ESCAPES, character) ? ESCAPES[character] : undefined;
      if (unescaped === undefined) this.#unexpected(text, at);
      else this.#append(unescaped);
      this.#escape = "";
    } else if (this.#escape === "\\" || /[\da-fA-F]/.test(character)) {
      this.#escape += character;
      if (this.#escape.length === 6) {
        this.#append(String.fromCharCode(parseInt(this.#escape.slice(2), 16)));
        this.#escape = "";
      }
    } else this.#unexpected(text, at);
    return at + 1;
  }

  /** Adds to the string. The half of a pair waits, so that nobody shows it. */
  #append(piece: string): void {
    piece = this.#half + piece;
    const last = piece.charCodeAt(piece.length - 1);
    const isHalf = last >= 0xd800 && last < 0xdc00;
    this.#half = isHalf ? piece.slice(-1) : "";
    if (isHalf) piece = piece.slice(0, -1);
    this.#text += piece;
    if (this.#patches !== undefined) this.#fresh += piece;
  }

  #endString(): void {
    this.#text += this.#half;
    if (this.#patches !== undefined) this.#fresh += this.#half;
    this.#half = "";
    if (this.#mode === Mode.String) return this.#endScalar();
    this.#path[this.#path.length - 1] = this.#text;
    this.#mode = Mode.Colon;
  }

  /** Begins a string, key, number or literal. */
  #begin(mode: Mode): void {
    this.#mode = mode;
    this.#text = this.#fresh = "";
    this.#shown = -1;
    this.#isLong = false;
    this.#lastPatch = undefined;
  }

  #endScalar(): void {
    this.#show(true);
    this.#endValue();
  }

  #endValue(): void {
    this.#mode = this.#open.length === 0 ? Mode.End : Mode.AfterValue;
  }

  #enter(container: Container, key: string | number, mode: Mode): void {
    this.#lastPatch = undefined;
    this.#set(container);
    this.#open.push(container);
    this.#path.push(key);
    this.#mode = mode;
  }

  /** Brings a string, number or literal that is under way into the value. */
  #show(isWhole = false): void {
    switch (this.#mode) {
      case Mode.String:
        return this.#set(this.#text);
      case Mode.Literal:
        if (this.#shown < 0) this.#set(LITERALS[this.#text[0]!]![1]);
        return;
      case Mode.Number: {
        let digits = this.#text;
        if (digits.length > MAX_SHOWN_DIGITS && !isWhole) {
          if (this.#isLong) return;
          this.#isLong = true;
          digits = digits.slice(0, MAX_SHOWN_DIGITS);
        }
        const number = numberIn(digits);
        if (number !== "" && number.length !== this.#shown) this.#set(Number(number), number.length);
      }
    }
  }

  /** Makes this the value at the path. */
  #set(value: unknown, shown = 0): void {
    this.#snapshot = undefined;
    const depth = this.#open.length - 1;
    if (depth < 0) this.#value = value;
    else put(this.#open[depth]!, this.#path[depth]!, value);
    if (this.#patches !== undefined) this.#notePatch(value);
    this.#shown = shown;
  }

  #notePatch(value: unknown): void {
    const isGrown = typeof value === "string" && this.#shown >= 0;
    const fresh = this.#fresh;
    this.#fresh = "";
    if (isGrown && fresh === "") return;
    const last = this.#lastPatch;
    if (last === undefined) {
      const path = this.#path.slice();
      // An empty one of its own: the live one changes.
      if (typeof value === "object" && value !== null) value = Array.isArray(value) ? [] : {};
      this.#lastPatch = isGrown ? { path, append: fresh } : { path, value };
      this.#patches!.push(this.#lastPatch);
    } else if ("append" in last) last.append += fresh;
    else last.value = value;
  }

  #unexpected(text: string, at: number): void {
    this.#fail(`unexpected ${JSON.stringify(text[at])}`, at);
  }

  #fail(what: string, at: number): void {
    this.#show();
    this.#mode = Mode.Failed;
    this.#error = `${what} at position ${this.#offset + at}`;
  }
}

function isInNumber(code: number): boolean {
  // 0-9 + - . e E
  return (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e || (code | 0x20) === 0x65;
}

/** The longest beginning that is a number. */
function numberIn(text: string): string {
  return NUMBER.exec(text)?.[0] ?? "";
}

/** Sets a member as `JSON.parse` does: an own property, also where `__proto__` or a frozen prototype is in the way. */
function put(container: Container, key: string | number, value: unknown): void {
  if (typeof key === "string" && key in Object.prototype) {
    Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
  } else (container as Record<string | number, unknown>)[key] = value;
}
