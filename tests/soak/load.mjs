// Keeps so many streams open at once, each read as its plan says, and checks what came of every one. No Node API: the page
// uses it as well.

import { check } from "./check.mjs";
import { expectedOf, FATES, MAX_EVENT_BYTES, planOf } from "./plan.mjs";
import { Telemetries } from "./telemetries.mjs";

/** Wrong streams that are told in full. */
const TOLD = 20;
const OPENED_AT_ONCE = 200;

export class Load {
  /** `ended` by fate; `wrong`, the first of the `wrongs` whose outcome is not their plan's, in words; what went through. */
  tally = { ended: Object.fromEntries(Object.keys(FATES).map((fate) => [fate, 0])), wrong: [], wrongs: 0, events: 0, characters: 0 };
  open = 0;
  #next = 0;
  #stopped = false;
  #ended;
  #context;

  /** @param sharedSignal an `AbortSignal` that never fires, as a program may have for all its streams. */
  constructor({ streamgauge, base, pace, sharedSignal }) {
    this.telemetries = new Telemetries(streamgauge, base);
    this.#context = { streamgauge, base, pace, sharedSignal, telemetries: this.telemetries };
  }

  async start(streams, { forget }) {
    this.#context.forget = forget;
    while (this.open < streams) {
      for (let opened = 0; opened < OPENED_AT_ONCE && this.open < streams; opened++) void this.#keep();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Opens no more, and resolves when all have ended, those of telemetry included. */
  async stop() {
    this.#stopped = true;
    if (this.open > 0) await new Promise((resolve) => (this.#ended = resolve));
    await this.telemetries.end();
  }

  get opened() {
    return this.#next;
  }

  /** One stream after the other. */
  async #keep() {
    this.open++;
    while (!this.#stopped) await this.#one(this.#next++);
    if (--this.open === 0) this.#ended?.();
  }

  async #one(number) {
    const plan = planOf(number, this.#context.pace);
    if (plan.telemetry === "forgotten" && !this.#context.forget) plan.telemetry = "own";
    const outcome = await read(plan, this.#context).catch((error) => ({ problem: `threw ${error.stack} ${error.cause?.stack ?? ""}` }));
    this.tally.ended[plan.fate]++;
    this.tally.events += outcome.events ?? 0;
    this.tally.characters += outcome.visited ?? 0;
    const wrong = outcome.problem ?? check(plan, expectedOf(plan), outcome);
    if (wrong === undefined) return;
    if (this.tally.wrongs++ < TOLD) this.tally.wrong.push(`stream ${number} (${plan.fate}, ${plan.wire}, ${plan.form}): ${wrong}`);
  }
}

/** Reads one stream as its plan says, and returns what was seen of it. */
async function read(plan, context) {
  const { streamgauge, base, pace, sharedSignal, telemetries } = context;
  const telemetry = telemetries.for(plan.telemetry);
  const controller = new AbortController();
  const mayAbort = FATES[plan.fate].code === "aborted";
  const init = mayAbort ? { signal: controller.signal } : {};
  const url = `${base}/stream/${plan.number}?pace=${pace}`;
  const response = await (telemetry === undefined ? fetch(url, init) : telemetry.fetch(url, init));
  const outcome = { sent: Number(response.headers.get("x-soak-events")), events: 0, visited: 0, text: "", reasoning: "" };
  const signal = mayAbort || plan.signal === "own" ? controller.signal : plan.signal === "shared" ? sharedSignal : undefined;
  const options = {
    ...plan.options, telemetry,
    ...(plan.form === "push" ? {} : { signal }),
    ...(plan.fate === "stalled" ? { idleTimeoutMs: plan.lastsMs / plan.pieces + 1500 } : {}),
    ...(plan.fate === "too_large" ? { maxEventBytes: MAX_EVENT_BYTES } : {}),
  };
  const timer = plan.fate === "aborted_in_silence" ? setTimeout(() => controller.abort(), plan.lastsMs + 500) : undefined;
  try {
    await FORMS[plan.form]({ streamgauge, response, options, plan, outcome, controller });
  } catch (error) {
    if (error.name !== "StreamError") throw error;
    outcome.error = error;
  } finally {
    clearTimeout(timer);
    await telemetries.done(plan.telemetry, telemetry);
  }
  return outcome;
}

/** Looks at an event as programs do; returns whether the reader goes on. */
function visit(event, { streamgauge, plan, outcome, controller }) {
  outcome.events++;
  switch (event.type) {
    case "output_text.delta":
      outcome.text += event.delta;
      if (plan.options.partialJson) streamgauge.partialOutput(event);
      break;
    case "reasoning.delta":
    case "reasoning_summary.delta":
      outcome.reasoning += event.delta;
      break;
    case "tool_call.delta":
      streamgauge.partialArguments(event);
      break;
    case "completed":
      outcome.completed = event;
  }
  outcome.visited += event.delta?.length ?? 0;
  if (event.type === "output_item.done") (outcome.items ??= []).push(event.item);
  if (outcome.events < plan.leavesAfter) return true;
  if (plan.fate === "aborted") controller.abort();
  return plan.fate !== "dropped" && plan.fate !== "broken_out" && plan.fate !== "cancelled";
}

const FORMS = {
  async events(run) {
    const stream = run.streamgauge.aggregate(run.response, run.options);
    if (run.plan.fate === "dropped") return drop(stream[Symbol.asyncIterator](), (event) => visit(event, run));
    for await (const event of stream) {
      if (visit(event, run)) continue;
      if (run.plan.fate === "broken_out") return undefined;
      stream.cancel();
    }
    if (run.outcome.completed !== undefined) run.outcome.final = await stream.final();
    return undefined;
  },

  async batches(run) {
    const stream = run.streamgauge.aggregate(run.response, run.options);
    const all = (events) => events.map((event) => visit(event, run)).every(Boolean);
    if (run.plan.fate === "dropped") return drop(stream.batches(), all);
    for await (const events of stream.batches()) {
      if (all(events)) continue;
      if (run.plan.fate === "broken_out") return undefined;
      stream.cancel();
    }
    if (run.outcome.completed !== undefined) run.outcome.final = await stream.final();
    return undefined;
  },

  async final(run) {
    run.outcome.final = await run.streamgauge.aggregate(run.response, run.options).final();
    run.outcome.unvisited = true;
  },

  async transform(run) {
    const reader = run.response.body.pipeThrough(new run.streamgauge.AggregatorStream(run.options)).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      visit(value, run);
    }
    run.outcome.final = { ...run.outcome.completed, items: run.outcome.items };
  },

  async push(run) {
    const aggregator = new run.streamgauge.Aggregator(run.options);
    const reader = run.response.body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      for (const event of done ? aggregator.finish() : aggregator.feed(value)) visit(event, run);
      if (done || aggregator.finished) break;
    }
    await reader.cancel();
    if (aggregator.error !== null) throw aggregator.error;
    run.outcome.final = aggregator.final();
  },
};

/** Reads until `goesOn` says no more, and forgets the rest without a word. */
async function drop(iterator, goesOn) {
  for (;;) {
    const { value, done } = await iterator.next();
    if (done || !goesOn(value)) return;
  }
}
