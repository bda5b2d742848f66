// A failure, in words.

import { byId, make } from "../dom.js";
import { several } from "../format.js";
import { explain } from "../words.js";

export class FailureView {
  #box = byId("failure");

  clear() {
    this.#box.hidden = true;
    this.#box.replaceChildren();
  }

  /** @param run a failed or stopped one, if it came to a run. */
  show(error, run) {
    const { code, title, message, advice, facts } = explain(error);
    const list = make("dl", "facts", ...facts.flatMap(([name, text]) => [make("dt", "", name), make("dd", "", text)]));
    this.#box.classList.toggle("calm", run?.state === "stopped");
    this.#box.replaceChildren(
      make("h2", "", title, make("code", "", code)),
      make("p", "message", message),
      ...(advice === "" ? [] : [make("p", "", advice)]),
      ...(run === undefined ? [] : [make("p", "", keptOf(run))]),
      ...(facts.length === 0 ? [] : [list]),
    );
    this.#box.hidden = false;
  }
}

function keptOf({ items: { done } }) {
  if (done.length === 0) return "No item had arrived by then.";
  const incomplete = done.filter(({ status }) => status === "incomplete").length;
  const marked = { 0: "", [done.length]: ", incomplete" }[incomplete] ?? `, ${incomplete} of them incomplete`;
  return `${several(done.length, "item")} had arrived by then${marked}; see below.`;
}
