// A real OTLP receiver: rotel's agent from npm, which prints every record that it gets.
//
//   const rotel = await startRotel(t);
//   ... rotel.http, rotel.grpc
//   const records = await rotel.received(3);
//   await rotel.kill(); await rotel.restart();
//
// `rotel.metrics`, after `receivedMetrics(count)`: `{ name, unit, type, temporality, scope, schema, resource, points }`; a
// point: `{ attributes, start, time, count, sum, min, max, bounds, buckets }`.
//
// A record: `{ name, scope, severity, time, observed, traceId, spanId, flags, resource, attributes }`; attributes are
// as printed: `{ type: "Str" | "Int" | "Double" | "Bool" | .., value: text }`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const PACKAGE = "@streamfold/rotel-linux-x64";
const START_ATTEMPTS = 5;
const START_MS = 10_000;

/** The agent's path: that of ROTEL_AGENT, or in node_modules; `undefined` where it is not installed. */
export function rotelAgent() {
  if (process.env.ROTEL_AGENT) return process.env.ROTEL_AGENT;
  try {
    return createRequire(import.meta.url).resolve(`${PACKAGE}/bin/rotel-agent`);
  } catch {
    return undefined;
  }
}

/** For the option `skip` of tests: why there is no receiver. Where it must be there, the tests run, and fail. */
export function withoutRotel() {
  if (rotelAgent() !== undefined) return false;
  const mustBeThere = process.env.CI === "true" && process.platform === "linux" && process.arch === "x64";
  return mustBeThere ? false : `${PACKAGE} is not installed (it is for linux x64)`;
}

/** Starts a receiver on free ports, until the end of the test `t`. */
export async function startRotel(t) {
  const agent = rotelAgent();
  if (agent === undefined) throw new Error(`${PACKAGE} is not installed`);
  for (let attempt = 1; ; attempt++) {
    // Port 0 is not understood, and somebody else may be quicker.
    const rotel = new Rotel(agent, await freePorts(2));
    try {
      await rotel.start();
      t.after(() => rotel.kill());
      return rotel;
    } catch (error) {
      await rotel.kill();
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

class Rotel {
  #agent;
  #ports;
  #child;
  #printed = "";

  constructor(agent, ports) {
    this.#agent = agent;
    this.#ports = ports;
    const [grpc, http] = ports;
    this.grpc = `http://127.0.0.1:${grpc}`;
    this.http = `http://127.0.0.1:${http}/v1/logs`;
  }

  async start() {
    const [grpc, http] = this.#ports.map((port) => `127.0.0.1:${port}`);
    const flags = [
      "start", "--exporter", "blackhole", "--debug-log", "logs", "--debug-log", "metrics", "--debug-log-verbosity", "detailed",
      "--otlp-grpc-endpoint", grpc, "--otlp-http-endpoint", http,
    ];
    const child = spawn(this.#agent, flags, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH } });
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding("utf8").on("data", (text) => {
        this.#printed += text;
      });
    }
    let failure;
    child.once("error", (error) => {
      failure = error;
    });
    const giveUpAt = performance.now() + START_MS;
    for (;;) {
      if (failure !== undefined || child.exitCode !== null) throw failure ?? new Error(`rotel ended:\n${this.#printed}`);
      if ((await Promise.all(this.#ports.map(isOpen))).every(Boolean)) return;
      if (performance.now() > giveUpAt) throw new Error(`rotel is not ready:\n${this.#printed}`);
      await sleep(10);
    }
  }

  /** It keeps its connections, and answers no more. */
  freeze() {
    this.#child.kill("SIGSTOP");
  }

  /** At once, with SIGKILL; what it has printed stays. */
  async kill() {
    const child = this.#child;
    if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "close");
    child.kill("SIGKILL");
    await gone;
  }

  /** On the same ports. */
  async restart() {
    await this.kill();
    await this.start();
  }

  /** What it has printed so far. */
  get records() {
    return parseRecords(this.#printed);
  }

  /** Waits for so many records, and a moment for more than that. */
  async received(count, ms = 5000) {
    const giveUpAt = performance.now() + ms;
    while (count > 0 && this.#countPrinted() < count && performance.now() < giveUpAt) await sleep(10);
    // The last record's attributes, and what should not be there.
    let length;
    do {
      length = this.#printed.length;
      await sleep(60);
    } while (this.#printed.length !== length);
    return this.records;
  }

  /** What it has printed of metrics so far. */
  get metrics() {
    return parseMetrics(this.#printed);
  }

  /** As {@link received}, of metrics. */
  async receivedMetrics(count, ms = 5000) {
    const giveUpAt = performance.now() + ms;
    while (this.metrics.length < count && performance.now() < giveUpAt) await sleep(10);
    await this.received(0);
    return this.metrics;
  }

  #countPrinted() {
    return this.#printed.match(/^LogRecord #/gm)?.length ?? 0;
  }
}

const RECORD_FIELDS = {
  Timestamp: "time", ObservedTimestamp: "observed", SeverityText: "severityText", SeverityNumber: "severity",
  EventName: "name", Body: "body", "Trace ID": "traceId", "Span ID": "spanId", Flags: "flags",
};

/** Reads rotel's print. A text may have several lines. */
export function parseRecords(text) {
  const records = [];
  let resource = {};
  let scope = "";
  let record;
  let attributes;
  let open;
  for (const line of text.split("\n")) {
    if (open !== undefined) {
      open.value += `\n${line}`;
      open = closed(open);
      continue;
    }
    let found;
    if (/^ResourceMetrics #/.test(line)) {
      // What follows is none of the last record's.
      resource = {};
      record = undefined;
      attributes = undefined;
    } else if (/^ResourceLog #/.test(line)) {
      resource = {};
      record = undefined;
      attributes = undefined;
    } else if (/^Resource attributes:/.test(line)) attributes = resource;
    else if ((found = /^InstrumentationScope (.*)$/.exec(line))) {
      scope = found[1];
      attributes = undefined;
    } else if (/^LogRecord #/.test(line)) {
      record = { scope, resource, attributes: {} };
      records.push(record);
      attributes = undefined;
    } else if (/^Attributes:/.test(line)) attributes = record?.attributes;
    else if (attributes !== undefined && (found = /^ {5}-> (.*?): (\w+)\((.*)$/s.exec(line))) {
      const [, key, type, value] = found;
      attributes[key] = { type, value };
      open = closed(attributes[key]);
    } else if (record !== undefined && (found = /^\s*([A-Z]\w+(?: ID)?)\s*: ?(.*)$/.exec(line))) {
      const [, name, value] = found;
      if (RECORD_FIELDS[name] !== undefined) record[RECORD_FIELDS[name]] = value.trim();
    }
  }
  return records;
}

const METRIC_FIELDS = { Name: "name", Unit: "unit", DataType: "type", AggregationTemporality: "temporality" };
const POINT_FIELDS = { StartTimestamp: "start", Timestamp: "time", Count: "count", Sum: "sum", Min: "min", Max: "max" };

/** Reads the metrics of rotel's print. */
export function parseMetrics(text) {
  const metrics = [];
  let resource, scope, schema, metric, point, attributes;
  for (const line of text.split("\n")) {
    let found;
    if (/^ResourceMetrics #/.test(line)) resource = {};
    else if (/^ResourceLog #/.test(line)) resource = undefined;
    if (resource === undefined) continue;
    if (/^Resource attributes:/.test(line)) attributes = resource;
    else if ((found = /^ScopeMetrics SchemaURL: (.*)$/.exec(line))) schema = found[1];
    else if ((found = /^InstrumentationScope (.*)$/.exec(line))) scope = found[1];
    else if (/^Metric #/.test(line)) {
      metric = { scope, schema, resource, points: [] };
      metrics.push(metric);
      attributes = undefined;
    } else if (/^HistogramDataPoints #/.test(line)) {
      point = { attributes: {}, bounds: [], buckets: [] };
      metric.points.push(point);
    } else if (/^Data point attributes:/.test(line)) attributes = point.attributes;
    else if (attributes !== undefined && (found = /^ {5}-> (.*?): (\w+)\((.*)\)$/.exec(line))) {
      attributes[found[1]] = { type: found[2], value: found[3] };
    } else if ((found = /^ {5}-> (\w+): (.*)$/.exec(line))) metric[METRIC_FIELDS[found[1]] ?? "other"] = found[2];
    else if ((found = /^ExplicitBounds #\d+: (.*)$/.exec(line))) point.bounds.push(Number(found[1]));
    else if ((found = /^Buckets #\d+, Count: (.*)$/.exec(line))) point.buckets.push(Number(found[1]));
    else if ((found = /^(\w+): (\S+)$/.exec(line)) && POINT_FIELDS[found[1]]) {
      point[POINT_FIELDS[found[1]]] = /time/i.test(found[1]) ? found[2] : Number(found[2]);
    }
  }
  return metrics;
}

/** Takes the bracket off a value that is complete, and returns one that is not. */
function closed(attribute) {
  if (!attribute.value.endsWith(")")) return attribute;
  attribute.value = attribute.value.slice(0, -1);
  return undefined;
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Ports of 127.0.0.1 on which nobody listens. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
