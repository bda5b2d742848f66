// A conversation, put in order for any API: who speaks, which output answers which call, under which id, and what no API
// takes is out of it.

import { StreamError } from "../errors.js";
import type { IdRule } from "./ids.js";
import { fitId, nameCalls } from "./ids.js";
import { object, objectOf, text } from "./json.js";
import type { Json } from "./json.js";
import type { ConvertOptions, HistoryItem, Loss } from "./types.js";

/** What an item is to a conversation. */
type Kind = "system" | "user" | "message" | "reasoning" | "call" | "output" | "other";

/** An item in its place. */
export interface Entry {
  index: number;
  item: Json;
  kind: Kind;
  /** A call's, or the call's that this answers: its id as the API will see it. */
  callId: string;
  /** A call's output; an output's call. */
  partner: Entry | undefined;
  /** An output that no item says. */
  isAdded: boolean;
}

/** What one side says before the other does. */
export interface Turn {
  speaker: "model" | "caller";
  /** The model's items, or the caller's messages. */
  entries: Entry[];
  /** The outputs of the calls among the model's items, in the order of the calls. */
  outputs: Entry[];
}

const COMMON_OPTIONS = ["reasoningOf", "unanswered", "incompleteCalls", "callId", "keep"];
/** What is answered for a call whose tool never ran. The APIs refuse a call without an output. */
const ABORTED = "aborted";

/** The conversation that a converter reads, and the list of what it loses. */
export class History {
  readonly entries: Entry[];
  readonly #items: readonly HistoryItem[];
  readonly #losses: Loss[] = [];
  readonly #options: ConvertOptions;
  /** Outputs before it answer calls of another list. */
  readonly #firstOfModel: number;

  constructor(items: readonly HistoryItem[], options: ConvertOptions, ownOptions: readonly string[], ids: IdRule) {
    this.#items = items;
    this.#options = options;
    checkOptions(options, [...COMMON_OPTIONS, ...ownOptions]);
    let entries = oneChoice(readEntries(items), this);
    this.#firstOfModel = entries.find(isModels)?.index ?? Infinity;
    pair(entries);
    entries = entries.filter((entry) => this.#isSayable(entry));
    entries = this.#answer(entries);
    if (options.reasoningOf === "last") entries = this.#withoutOldReasoning(entries);
    nameCalls(entries, options.callId ?? ((id) => fitId(id, ids)));
    this.entries = entries;
  }

  /** What was noted, in the order of the items. */
  get losses(): Loss[] {
    return [...this.#losses].sort((a, b) => a.index - b.index);
  }

  /** Notes what of an item is lost. */
  note(entry: Entry, kind: Loss["kind"], why: string, field?: string): void {
    const item = this.#items[entry.index]!;
    this.#losses.push({ index: entry.index, item, kind, ...(field === undefined ? {} : { field }), why });
  }

  /**
   * The fields of an item's `provider` that the caller asked for by name; every other one that a request could hold, and
   * that is not `said` in another way, is noted.
   */
  kept(entry: Entry, said: readonly string[]): Json {
    const kept: Json = {};
    for (const [name, value] of Object.entries(object(entry.item["provider"]))) {
      if (this.#options.keep?.includes(name) === true) kept[name] = value;
      else if (!said.includes(name) && !NOTES.includes(name)) {
        this.note(entry, "dropped", "the request has no place for it", `provider.${name}`);
      }
    }
    return kept;
  }

  /** The conversation by turns, each output behind the turn of its call. */
  turns(): Turn[] {
    const turns: Turn[] = [];
    const turn = (speaker: Turn["speaker"]): Turn => {
      const last = turns.at(-1);
      if (last?.speaker === speaker) return last;
      const next: Turn = { speaker, entries: [], outputs: [] };
      turns.push(next);
      return next;
    };
    let isAnswered = false;
    for (const entry of this.entries) {
      if (entry.kind === "output") {
        // One without a call answers what was said before this list.
        if (entry.partner === undefined) turn("caller").outputs.push(entry);
        isAnswered ||= !entry.isAdded;
      } else if (isModels(entry)) {
        // What the model says after it was answered is another turn of its own.
        if (isAnswered && turns.at(-1)?.speaker === "model") turns.push({ speaker: "model", entries: [], outputs: [] });
        isAnswered = false;
        const { entries, outputs } = turn("model");
        entries.push(entry);
        if (entry.kind === "call" && entry.partner !== undefined) outputs.push(entry.partner);
      } else {
        turn("caller").entries.push(entry);
      }
    }
    return turns;
  }

  /** Whether an item can be said at all: outputs need their call, calls a name and all of their arguments. */
  #isSayable(entry: Entry): boolean {
    const { item, kind, partner } = entry;
    if (kind === "output") {
      if (partner === undefined && entry.index > this.#firstOfModel) {
        this.note(entry, "dropped", "it answers no call, or one that is answered already, which every API refuses");
        return false;
      }
      if (partner !== undefined && text(partner.item["name"]) === "") {
        this.note(entry, "dropped", "its call has no name");
        return false;
      }
    }
    if (kind !== "call") return true;
    if (text(item["name"]) === "") {
      this.note(entry, "dropped", "a call needs the name of a tool, and the provider sent none");
      return false;
    }
    if (isCut(item) && partner === undefined && this.#options.incompleteCalls !== "keep") {
      this.note(entry, "dropped", "the call was cut off, and there is no output for it");
      return false;
    }
    return true;
  }

  /** Answers calls, or drops them, that the conversation went on without. */
  #answer(entries: Entry[]): Entry[] {
    // Where nothing follows, the outputs are still to come.
    let openFrom = entries.length;
    while (openFrom > 0 && isModels(entries[openFrom - 1]!)) openFrom--;
    return entries.flatMap((entry, at) => {
      if (entry.kind !== "call" || entry.partner !== undefined || at >= openFrom) return [entry];
      if (this.#options.unanswered === "drop") {
        this.note(entry, "dropped", "the conversation goes on without an output for it, which every API refuses");
        return [];
      }
      this.note(entry, "added", `the output "${ABORTED}": the conversation goes on without one, which every API refuses`);
      const isCustom = entry.item["type"] === "custom_tool_call";
      const type = isCustom ? "custom_tool_call_output" : "function_call_output";
      const output: Entry = {
        index: entry.index, item: { type, output: ABORTED }, kind: "output", callId: "", partner: entry, isAdded: true,
      };
      entry.partner = output;
      return [entry, output];
    });
  }

  #withoutOldReasoning(entries: Entry[]): Entry[] {
    const since = entries.map(({ kind }) => kind === "user" || kind === "system").lastIndexOf(true);
    return entries.filter((entry, at) => {
      if (entry.kind !== "reasoning" || at > since) return true;
      this.note(entry, "dropped", "it is of an earlier turn (reasoningOf)");
      return false;
    });
  }
}

/** `provider` fields that say something about the stream, to the reader of the items. No request has them. */
const NOTES = ["arguments_error", "repaired", "index", "logprobs", "legacy_function_call"];

/** Whether the model said it. */
export function isModels({ kind }: Pick<Entry, "kind">): boolean {
  return kind === "message" || kind === "reasoning" || kind === "call" || kind === "other";
}

function readEntries(items: readonly HistoryItem[]): Entry[] {
  if (!Array.isArray(items)) throw new StreamError("bad_option", "items must be an array");
  return items.map((item: unknown, index) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) {
      throw new StreamError("bad_option", `items[${index}] must be an object`);
    }
    const { type, role, tool_calls: calls } = item as Json;
    if (type === undefined && (role === "tool" || role === "function" || calls !== undefined)) {
      const said = "{ type: \"function_call\" } and { type: \"function_call_output\" }";
      throw new StreamError("bad_option", `items[${index}] is a message of Chat Completions: calls and outputs are items, ${said}`);
    }
    return { index, item: item as Json, kind: kindOf(item as Json), callId: "", partner: undefined, isAdded: false };
  });
}

function kindOf(item: Json): Kind {
  switch (item["type"]) {
    case "message":
    case undefined:
      switch (item["role"]) {
        case "user":
          return "user";
        case "system":
        case "developer":
          return "system";
        default:
          return "message";
      }
    case "reasoning":
      return "reasoning";
    case "function_call":
    case "custom_tool_call":
      return "call";
    case "function_call_output":
    case "custom_tool_call_output":
      return "output";
    default:
      return "other";
  }
}

/** Whether a call is not all there. A whole one of a program of the Responses API is `in_progress` until it is answered. */
function isCut({ type, status, arguments: args }: Json): boolean {
  if (status !== "in_progress") return status === "incomplete";
  return type !== "function_call" || objectOf(text(args)) === undefined;
}

/** Of a turn of several choices, the first. */
function oneChoice(entries: Entry[], history: History): Entry[] {
  const kept: Entry[] = [];
  let run: Entry[] = [];
  const flush = (): void => {
    const first = Math.min(...run.map(choiceOf));
    for (const entry of run) {
      if (choiceOf(entry) === first) kept.push(entry);
      else history.note(entry, "dropped", `it is of another choice than ${first}`);
    }
    run = [];
  };
  for (const entry of entries) {
    if (isModels(entry)) {
      run.push(entry);
    } else {
      flush();
      kept.push(entry);
    }
  }
  flush();
  return kept;
}

function choiceOf({ item }: Entry): number {
  return typeof item["choice"] === "number" ? item["choice"] : 0;
}

/** Finds each output's call: the first before it of its id that has no output yet. */
function pair(entries: Entry[]): void {
  const open = new Map<string, Entry[]>();
  for (const entry of entries) {
    if (entry.kind !== "call" && entry.kind !== "output") continue;
    const id = text(entry.item["call_id"]);
    const calls = open.get(id) ?? [];
    open.set(id, calls);
    if (entry.kind === "call") {
      calls.push(entry);
      continue;
    }
    const call = calls.shift();
    if (call === undefined) continue;
    call.partner = entry;
    entry.partner = call;
  }
}

function checkOptions(options: ConvertOptions, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw new StreamError("bad_option", "options must be an object");
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new StreamError("bad_option", `unknown option "${unknown}"; there are ${names.join(", ")}`);
}
