import { DeltaText } from "./delta-text.js";
import type { Completion, Item, OutputTextDeltaEvent, RawEvent, StreamEvent, ToolCallDeltaEvent } from "./types.js";

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

/** A tool call: as named rows brought its names, and what its deltas add up to. */
interface Call {
  names: CallNames;
  readonly text: DeltaText;
}

const ROW_LEN = 4;
/** Up to here a loop over character codes is faster than a call of TextDecoder. */
const SHORT_TEXT = 16;
// A text that begins with U+FEFF must keep it: the offsets count it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Turns the batches of one aggregator into event objects. */
export class BatchDecoder {
  readonly #memory: WebAssembly.Memory;
  readonly #control: number;
  #numbers = new Uint32Array(0);
  #bytes = new Uint8Array(0);
  /** The calls by choice and index; and the call of the last delta. */
  readonly #calls = new Map<string, Call>();
  #lastCall: { choice: number; index: number; call: Call } | undefined;
  /** With the option `partialJson`: what the text deltas of each choice's message add up to. */
  readonly #outputs: Map<number, DeltaText> | undefined;
  /** The finished items so far. */
  readonly items: Item[] = [];
  /** How far the stream was when the last batch that was read was left. */
  state = State.Open;

  constructor(memory: WebAssembly.Memory, control: number, partialJson: boolean) {
    this.#memory = memory;
    this.#control = control >>> 2;
    if (partialJson) this.#outputs = new Map();
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
      case Kind.OutputTextDelta: {
        const event: OutputTextDeltaEvent =
          choice === 0
            ? { type: "output_text.delta", delta: text }
            : { type: "output_text.delta", delta: text, choice };
        if (this.#outputs !== undefined) this.#output(this.#outputs, choice).add(event);
        return event;
      }
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
        this.#call(choice, aux).names = JSON.parse(text) as CallNames;
        return undefined;
      case Kind.ToolCallDelta: {
        const call = this.#call(choice, aux);
        const [call_id, name] = call.names;
        const event: ToolCallDeltaEvent =
          choice === 0
            ? { type: "tool_call.delta", call_id, name, delta: text, index: aux }
            : { type: "tool_call.delta", call_id, name, delta: text, index: aux, choice };
        call.text.add(event);
        return event;
      }
      case Kind.OutputItemDone: {
        const item = JSON.parse(text) as Item;
        this.items.push(item);
        // The next message is a text of its own.
        if (item.type === "message") this.#outputs?.delete(choice);
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

  #call(choice: number, index: number): Call {
    const last = this.#lastCall;
    if (last !== undefined && last.choice === choice && last.index === index) return last.call;
    const key = `${choice}/${index}`;
    let call = this.#calls.get(key);
    if (call === undefined) this.#calls.set(key, (call = { names: ["", ""], text: new DeltaText() }));
    this.#lastCall = { choice, index, call };
    return call;
  }

  #output(outputs: Map<number, DeltaText>, choice: number): DeltaText {
    let text = outputs.get(choice);
    if (text === undefined) outputs.set(choice, (text = new DeltaText()));
    return text;
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
    const { buffer } = this.#memory;
    this.#numbers = new Uint32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
  }
}
