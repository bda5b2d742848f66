// Which item an event belongs to, and what became of each: the lanes of the timeline, the cards of the list.

/** What an item's type is shown as, and the colour that it has. */
const KIND_OF = {
  message: "text", reasoning: "reasoning", function_call: "arguments", custom_tool_call: "arguments",
};

/** An item that grows, or has grown. Times are milliseconds since the start. */
class Entry {
  status = "in_progress";
  /** The finished item. */
  item;
  deltas = 0;
  /** UTF-16 units of its deltas. */
  units = 0;
  /** Deltas of a call's arguments that nobody has shown yet. */
  fresh = "";

  constructor(number, type, choice, from) {
    this.number = number;
    this.type = type;
    this.choice = choice;
    this.from = from;
    this.to = from;
    this.name = "";
    this.callId = "";
  }

  get kind() {
    return KIND_OF[this.type] ?? "other";
  }

  /** `read_file`, `message`, `web_search_call`. */
  get label() {
    return this.name === "" ? this.type.replaceAll("_", " ") : this.name;
  }
}

export class Items {
  entries = [];
  /** Finished items, in their order. */
  done = [];
  /** By `choice/index`: the call of a delta. */
  #calls = new Map();

  /** Takes an event that came at `time`. */
  take(event, time) {
    const { type, choice = 0 } = event;
    switch (type) {
      case "output_item.added":
        return this.#added(event.item, choice, time);
      case "output_text.delta":
      case "refusal.delta":
        return this.#grow(this.#open("message", choice, time), event.delta, time);
      case "reasoning.delta":
      case "reasoning_summary.delta":
        return this.#grow(this.#open("reasoning", choice, time), event.delta, time);
      case "tool_call.delta":
        return this.#call(event, choice, time);
      case "output_item.done":
        return this.#finish(event.item, choice, time);
    }
  }

  /** The stream is over: what is still open stays as it is. `partial` are the items of a failure. */
  close(partial, time) {
    const told = new Set(this.done.map((item) => JSON.stringify(item)));
    for (const item of partial) {
      if (!told.has(JSON.stringify(item))) this.#finish(item, item.choice ?? 0, time);
    }
    for (const entry of this.entries) {
      if (entry.status === "in_progress") entry.status = "incomplete";
    }
  }

  #added(item, choice, time) {
    const entry = this.#add(item.type, choice, time);
    describe(entry, item);
    return entry;
  }

  #add(type, choice, time) {
    const entry = new Entry(this.entries.length, type, choice, time);
    this.entries.push(entry);
    if (entry.kind === "arguments") {
      const index = this.entries.filter((each) => each.kind === "arguments" && each.choice === choice).length - 1;
      this.#calls.set(`${choice}/${index}`, entry);
    }
    return entry;
  }

  /** The newest unfinished item of a type, or another. */
  #open(type, choice, time) {
    return this.#unfinished(type, choice) ?? this.#add(type, choice, time);
  }

  #unfinished(type, choice) {
    return this.entries.findLast((each) => each.type === type && each.choice === choice && each.status === "in_progress");
  }

  #call(event, choice, time) {
    const entry = this.#calls.get(`${choice}/${event.index}`) ?? this.#add("function_call", choice, time);
    entry.name = event.name || entry.name;
    entry.callId = event.call_id || entry.callId;
    entry.fresh += event.delta;
    return this.#grow(entry, event.delta, time);
  }

  #grow(entry, delta, time) {
    entry.deltas++;
    entry.units += delta.length;
    entry.to = time;
    return entry;
  }

  #finish(item, choice, time) {
    const entry = this.#entryOf(item, choice) ?? this.#add(item.type, choice, time);
    describe(entry, item);
    entry.item = item;
    entry.status = item.status === "incomplete" ? "incomplete" : "done";
    this.done.push(item);
    return entry;
  }

  /** On the chat wire all items are done at once, so their end says nothing: the bar ends with its last delta. */
  #entryOf(item, choice) {
    const open = this.entries.filter((each) => each.type === item.type && each.choice === choice && each.item === undefined);
    const { call_id: callId, name } = item;
    if (callId) {
      const known = open.find((each) => each.callId === callId);
      if (known !== undefined) return known;
    }
    return open.find((each) => each.name === (name ?? "") || each.name === "") ?? open[0];
  }
}

function describe(entry, { name, call_id: callId, server_label: server }) {
  if (typeof name === "string" && name !== "") entry.name = name;
  else if (typeof server === "string" && entry.name === "") entry.name = server;
  if (typeof callId === "string" && callId !== "") entry.callId = callId;
}
