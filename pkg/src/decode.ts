import { coreMemory } from "./bindings.js";
import type { Completion, Item, RawEvent, StreamEvent } from "./types.js";

// How a batch crosses: src/flat.rs. The control block: src/wasm/aggregator.rs.

/** The numbers of src/event_queue.rs `Kind`. */
const enum Kind {
  Created = 0,
  OutputItemAdded = 1,
  OutputTextDelta = 2,
  ReasoningDelta = 3,
  RefusalDelta = 4,
  ToolCallNamed = 5,
  ToolCallDelta = 6,
  OutputItemDone = 7,
  Raw = 8,
  Completed = 9,
  ReasoningSummaryDelta = 10,
}

/** How far the stream is: the control block's sixth number. */
export const enum State {
  Open = 0,
  Completed = 1,
  Failed = 2,
}

type CallNames = [call_id: string, name: string];

const ROW_LEN = 4;
/** Up to here a loop over character codes is faster than a call of TextDecoder. */
const SHORT_TEXT = 16;
// A text that begins with U+FEFF must keep it: the offsets count it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Turns the batches of one aggregator into event objects. */
export class BatchDecoder {
  readonly #control: number;
  #numbers = new Uint32Array(0);
  #bytes = new Uint8Array(0);
  /** Id and name of each call, by choice and index, as named rows brought them; and the call of the last delta. */
  readonly #calls = new Map<string, CallNames>();
  #lastCall: { choice: number; index: number; names: CallNames } | undefined;
  /** The finished items so far. */
  readonly items: Item[] = [];
  /** How far the stream was when the last batch that was read was left. */
  state = State.Open;

  constructor(control: number) {
    this.#control = control >>> 2;
  }

  /** Reads the batch that the last call into the core left. */
  read(): StreamEvent[] {
    // Growing memory detaches its old buffer. A detached view is empty, which costs less to see than asking for the
    // memory's buffer.
    if (this.#numbers.length === 0) this.#takeViews();
    const numbers = this.#numbers;
    const control = this.#control;
    this.state = numbers[control + 5] as State;
    const rows = numbers[control]!;
    const events: StreamEvent[] = [];
    if (rows === 0) return events;
    const text = this.#text(numbers[control + 2]!, numbers[control + 3]!, numbers[control + 4] === 1);
    let at = numbers[control + 1]! >>> 2;
    let start = 0;
    for (let row = 0; row < rows; row++, at += ROW_LEN) {
      const end = numbers[at + 3]!;
      const event = this.#event(numbers[at]!, numbers[at + 1]!, numbers[at + 2]!, text.slice(start, end));
      if (event !== undefined) events.push(event);
      start = end;
    }
    return events;
  }

  #event(kind: Kind, choice: number, aux: number, text: string): StreamEvent | undefined {
    switch (kind) {
      case Kind.OutputTextDelta:
        return choice === 0
          ? { type: "output_text.delta", delta: text }
          : { type: "output_text.delta", delta: text, choice };
      case Kind.ReasoningDelta:
        return choice === 0
          ? { type: "reasoning.delta", delta: text }
          : { type: "reasoning.delta", delta: text, choice };
      case Kind.ReasoningSummaryDelta:
        return { type: "reasoning_summary.delta", delta: text, summary_index: aux };
      case Kind.RefusalDelta:
        return choice === 0
          ? { type: "refusal.delta", delta: text }
          : { type: "refusal.delta", delta: text, choice };
      case Kind.ToolCallNamed:
        this.#calls.set(`${choice}/${aux}`, JSON.parse(text) as CallNames);
        this.#lastCall = undefined;
        return undefined;
      case Kind.ToolCallDelta: {
        const [call_id, name] = this.#names(choice, aux);
        return choice === 0
          ? { type: "tool_call.delta", call_id, name, delta: text, index: aux }
          : { type: "tool_call.delta", call_id, name, delta: text, index: aux, choice };
      }
      case Kind.OutputItemDone: {
        const item = JSON.parse(text) as Item;
        this.items.push(item);
        return choice === 0 ? { type: "output_item.done", item } : { type: "output_item.done", item, choice };
      }
      case Kind.OutputItemAdded: {
        const item = JSON.parse(text) as Item;
        return choice === 0
          ? { type: "output_item.added", index: aux, item }
          : { type: "output_item.added", index: aux, item, choice };
      }
      case Kind.Created: {
        const created = JSON.parse(text) as { response_id: string; model: string };
        return { type: "created", ...created };
      }
      case Kind.Raw:
        return { type: "raw", ...(JSON.parse(text) as Omit<RawEvent, "type">) };
      case Kind.Completed:
        return { type: "completed", ...(JSON.parse(text) as Completion) };
    }
  }

  #names(choice: number, index: number): CallNames {
    const last = this.#lastCall;
    if (last !== undefined && last.choice === choice && last.index === index) return last.names;
    const names = this.#calls.get(`${choice}/${index}`) ?? ["", ""];
    this.#lastCall = { choice, index, names };
    return names;
  }

  #text(address: number, length: number, isAscii: boolean): string {
    const bytes = this.#bytes;
    if (isAscii && length <= SHORT_TEXT) {
      let text = "";
      for (let at = address; at < address + length; at++) text += String.fromCharCode(bytes[at]!);
      return text;
    }
    return decoder.decode(bytes.subarray(address, address + length));
  }

  #takeViews(): void {
    const { buffer } = coreMemory();
    this.#numbers = new Uint32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
  }
}
