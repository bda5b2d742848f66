// The telemetry: log records as they are exported, to filter, to look at as OTLP JSON, to download and to send.

import { exportAll } from "../collector.js";
import { byId, copy, download, make, setText } from "../dom.js";
import { count, duration, several } from "../format.js";
import { RecordTable } from "./record-table.js";

/** Attributes that every record has, or that have a column. */
const COMMON = new Set([
  "event.name", "event.timestamp", "event.kind", "conversation.id", "app.version", "terminal.type", "model", "slug",
]);

/** How often the table is brought up to date while a stream runs, in milliseconds. */
const DRAW_MS = 200;

export class RecordsView {
  #filter = byId("records-filter");
  #name = byId("records-name");
  #size = byId("records-size");
  #json = byId("record");
  #copy = byId("record-copy");
  #download = byId("records-download");
  #export = byId("export-all");
  #said = byId("export-said");
  #table = new RecordTable(
    { table: byId("records"), rows: byId("records-rows"), scroll: byId("records-scroll") },
    { cellsOf: (record) => this.#cells(record), onChoose: (record) => this.#show(record) },
  );
  #run;
  #records = [];
  #taken = 0;
  #drawnAt = 0;
  #names = new Map();
  #startedAt = 0n;

  constructor() {
    this.#filter.addEventListener("input", () => this.#refresh());
    this.#name.addEventListener("change", () => this.#refresh());
    this.#copy.addEventListener("click", async () => {
      const done = await copy(this.#json.textContent);
      setText(this.#copy, done ? "Copied" : "Select it, and copy it by hand");
      setTimeout(() => setText(this.#copy, "Copy"), 1500);
    });
    this.#download.addEventListener("click", () => {
      download("streamgauge-records.jsonl", "application/jsonl", this.#run.batches.map((batch) => `${JSON.stringify(batch)}\n`).join(""));
    });
    byId("export").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.clear(undefined);
  }

  clear(run) {
    this.#run = run;
    this.#records = [];
    this.#taken = 0;
    this.#names.clear();
    const [all] = this.#name.options;
    this.#name.replaceChildren(all);
    setText(this.#json, "Choose a record.");
    setText(this.#said, "");
    this.#copy.disabled = true;
    this.#table.clear();
    this.#tell();
  }

  /** Takes the batches that are new; while there are many, not with every frame. */
  draw(run) {
    const now = performance.now();
    const isEarly = run.running && now - this.#drawnAt < DRAW_MS;
    if (this.#taken === run.batches.length || isEarly) return;
    this.#drawnAt = now;
    for (const batch of run.batches.slice(this.#taken)) {
      const { resource, scopeLogs: [{ scope, logRecords }] } = batch.resourceLogs[0];
      for (const record of logRecords) this.#take({ record, resource, scope, text: undefined });
    }
    this.#taken = run.batches.length;
    this.#refresh();
  }

  #take(row) {
    const { record } = row;
    if (this.#records.length === 0) this.#startedAt = BigInt(record.timeUnixNano);
    this.#records.push(row);
    const name = record.eventName ?? "";
    if (!this.#names.has(name)) {
      this.#names.set(name, 0);
      const option = make("option", "", name);
      option.value = name;
      this.#name.append(option);
    }
    this.#names.set(name, this.#names.get(name) + 1);
  }

  #refresh() {
    const words = this.#filter.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const name = this.#name.value;
    const found = this.#records.filter((row) => {
      if (name !== "" && row.record.eventName !== name) return false;
      if (words.length === 0) return true;
      row.text ??= JSON.stringify(row.record).toLowerCase();
      return words.every((word) => row.text.includes(word));
    });
    this.#table.records = found;
    this.#tell(found.length);
  }

  #tell(shown = 0) {
    const total = this.#records.length;
    const words = total === 0 ? "no records yet" : shown === total ? several(total, "record") : `${count(shown)} of ${several(total, "record")}`;
    setText(this.#size, words);
    for (const option of [...this.#name.options].slice(1)) {
      setText(option, `${option.value} (${count(this.#names.get(option.value))})`);
    }
    this.#download.disabled = total === 0;
    this.#export.disabled = total === 0;
  }

  /** Time since the first record, event, kind, and what else it says. */
  #cells({ record }) {
    const since = Number((BigInt(record.timeUnixNano) - this.#startedAt) / 1000n) / 1000;
    const attributes = record.attributes ?? [];
    const kind = attributes.find(({ key }) => key === "event.kind");
    const rest = attributes.filter(({ key }) => !COMMON.has(key)).map(({ key, value }) => `${key} ${textOf(value)}`);
    return [since === 0 ? "0" : `+${duration(since)}`, record.eventName ?? "", kind ? textOf(kind.value) : "", rest.join("  ")];
  }

  #show({ record, resource, scope }) {
    setText(this.#json, written({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [record] }] }] }));
    this.#json.scrollTop = 0;
    this.#copy.disabled = false;
  }

  async #send() {
    this.#export.disabled = true;
    setText(this.#said, "Sending ..");
    const run = this.#run;
    const { ok, text } = await exportAll(run.batches, byId("collector").value, byId("collector-header").value);
    this.#export.disabled = false;
    if (this.#run !== run) return;
    this.#said.dataset.ok = String(ok);
    setText(this.#said, text);
  }
}

/** JSON over lines, an attribute of a plain value on one. */
function written(value) {
  const attribute = /\{\s+"key": ("(?:[^"\\]|\\.)*"),\s+"value": \{\s+("\w+": (?:"(?:[^"\\]|\\.)*"|[^\s{}[\]]+))\s+\}\s+\}/g;
  return JSON.stringify(value, null, 2).replace(attribute, '{ "key": $1, "value": { $2 } }');
}

function textOf(value) {
  if (value === undefined) return "null";
  const [text] = Object.values(value);
  return typeof text === "object" ? JSON.stringify(text) : String(text);
}
