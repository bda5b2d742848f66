// What is played, and how fast: the tabs of sources, their fields, the pace.

import { byId, make, setText } from "./dom.js";
import { bytes } from "./format.js";
import { endpointSource } from "./sources/endpoint.js";
import { pastedSource } from "./sources/pasted.js";
import { recordedSource } from "./sources/recorded.js";
import { urlOf, WIRES } from "./sources/wires.js";
import { Unreachable } from "./words.js";

const TABS = ["recorded", "pasted", "endpoint"];

const SPEED_NOTES = {
  x: "Captures have no clock. 1 × is a typical provider: 60 events a second, unevenly, the first after 350 ms.",
  steady: "Evenly, an event counted as a token.",
  max: "In chunks of 16 KiB, as a fast network would deliver it.",
  endpoint: "An endpoint has its own pace.",
};

export class Controls {
  #recordings = [];
  #file;
  #tab = "recorded";
  #onChange;

  /** @param onChange is called when another source is chosen. */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#startTabs();
    this.#startRecorded();
    this.#startPasted();
    this.#startEndpoint();
    for (const id of ["speed", "rate"]) byId(id).addEventListener("input", () => this.#noteSpeed());
    this.#noteSpeed();
  }

  set recordings(list) {
    this.#recordings = list;
    this.#listRecordings();
  }

  /** Chooses a tab: `recorded`, `pasted` or `endpoint`. */
  open(tab) {
    this.#tab = tab;
    for (const each of TABS) {
      const isChosen = each === tab;
      const button = byId(`tab-${each}`);
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      byId(`panel-${each}`).hidden = !isChosen;
    }
    byId("pace").disabled = tab === "endpoint";
    this.#noteSpeed();
    this.#onChange();
  }

  /**
   * What would be played now.
   * @throws {Unreachable} in words, when that is nothing.
   */
  source() {
    const speed = () => this.#speed();
    if (this.#tab === "recorded") {
      const recording = this.#recordings.find(({ id }) => id === byId("recording").value);
      if (recording === undefined) throw new Unreachable("No stream is chosen.", "Choose one of the list.");
      return recordedSource(recording, speed);
    }
    if (this.#tab === "pasted") {
      const text = byId("capture").value;
      if (this.#file !== undefined) return pastedSource(this.#file.bytes, this.#file.name, speed);
      if (text === "") throw new Unreachable("There is nothing to play.", "Paste a captured answer, or choose a file.");
      return pastedSource(new TextEncoder().encode(text), "a pasted capture", speed);
    }
    const value = (id) => byId(id).value;
    return endpointSource({
      wire: value("wire"), base: value("base"), model: value("model").trim(), key: value("key").trim(), prompt: value("prompt"),
      fields: value("fields"),
    });
  }

  #speed() {
    const { value } = byId("speed");
    if (value === "max") return {};
    if (value === "steady") return { perSecond: Math.max(1, Number(byId("rate").value) || 1) };
    return { factor: Number(value.slice(1)) };
  }

  #noteSpeed() {
    const { value } = byId("speed");
    byId("rate").hidden = value !== "steady";
    const note = this.#tab === "endpoint" ? "endpoint" : value.startsWith("x") ? "x" : value;
    setText(byId("speed-note"), SPEED_NOTES[note]);
  }

  #startTabs() {
    for (const tab of TABS) byId(`tab-${tab}`).addEventListener("click", () => this.open(tab));
    byId("tab-recorded").parentElement.addEventListener("keydown", (event) => {
      const at = TABS.indexOf(this.#tab);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const tab = TABS[(to + TABS.length) % TABS.length];
      this.open(tab);
      byId(`tab-${tab}`).focus();
    });
  }

  #startRecorded() {
    byId("recording-filter").addEventListener("input", () => this.#listRecordings());
    byId("recording").addEventListener("change", () => {
      this.#noteRecording();
      this.#onChange();
    });
  }

  #listRecordings() {
    const select = byId("recording");
    const chosen = select.value;
    const words = byId("recording-filter").value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const found = this.#recordings.filter(({ group, title, note }) => {
      const text = `${group} ${title} ${note}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const groups = groupBy(found);
    select.replaceChildren(...[...groups].map(([label, list]) => {
      const group = make("optgroup", "", ...list.map(({ id, title }) => {
        const option = make("option", "", title);
        option.value = id;
        option.title = title;
        return option;
      }));
      group.label = groups.size > 1 || words.length > 0 ? `${label} (${list.length})` : label;
      return group;
    }));
    select.value = found.some(({ id }) => id === chosen) ? chosen : (found[0]?.id ?? "");
    this.#noteRecording();
    this.#onChange();
  }

  #noteRecording() {
    const recording = this.#recordings.find(({ id }) => id === byId("recording").value);
    if (recording === undefined) return setText(byId("recording-note"), this.#recordings.length === 0 ? "" : "No stream has these words.");
    const { note, bytes: size, options } = recording;
    const { include: _, ...others } = options;
    const asked = Object.entries(others).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    const words = [note.replace(/\.?\s*$/, "."), `${bytes(size)}.`, ...(asked.length > 0 ? [`Read with ${asked.join(", ")}.`] : [])];
    return setText(byId("recording-note"), words.join(" "));
  }

  #startPasted() {
    byId("capture").addEventListener("input", () => {
      this.#file = undefined;
      byId("file").value = "";
      setText(byId("file-note"), "");
      this.#onChange();
    });
    byId("file").addEventListener("change", ({ target: { files } }) => this.#take(files[0]));
    const hasFile = ({ dataTransfer }) => dataTransfer.types.includes("Files");
    document.body.addEventListener("dragover", (event) => hasFile(event) && event.preventDefault());
    document.body.addEventListener("drop", (event) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      this.open("pasted");
      this.#take(event.dataTransfer.files[0]);
    });
  }

  async #take(file) {
    if (file === undefined) return;
    this.#file = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
    setText(byId("file-note"), `${file.name}, ${bytes(this.#file.bytes.length)}`);
    this.#onChange();
  }

  #startEndpoint() {
    const [wire, base, model] = ["wire", "base", "model"].map(byId);
    const tell = () => setText(byId("request-line"), `POST ${urlOf(wire.value, base.value)}`);
    const note = () => {
      tell();
      this.#onChange();
    };
    base.value = WIRES[wire.value].base;
    model.value = WIRES[wire.value].model;
    tell();
    wire.addEventListener("input", () => {
      // What the user wrote stays.
      const isDefault = (field, name) => Object.values(WIRES).some((each) => each[name] === field.value);
      const next = WIRES[wire.value];
      if (isDefault(base, "base")) base.value = next.base;
      if (isDefault(model, "model")) model.value = next.model;
      note();
    });
    for (const id of ["base", "model", "prompt", "fields", "key"]) byId(id).addEventListener("input", note);
  }
}

function groupBy(list) {
  const groups = new Map();
  for (const each of list) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
  return groups;
}
