// An OTLP/HTTP collector for browsers: answers preflights, and counts what arrives, by run.
//
//   const sink = await startSink();
//   const run = sink.run();                  // a URL of its own, so that its preflight is in no cache
//   ... the page exports to run.url ...
//   await run.until((names) => names.length >= 10)

import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";

/** What the sink allows besides `content-type`. */
export const CUSTOM_HEADER = "x-test-key";

/** The answers have a body, as what is not read of it holds a browser's quota. */
const ANSWER = { "application/json": '{"partialSuccess":{}}', "application/x-protobuf": "" };

export async function startSink() {
  const runs = new Map();
  const server = createServer(async (message, response) => {
    const run = runs.get(message.url.split("/")[1]);
    if (run === undefined) return response.writeHead(404).end();
    const { cors, delayMs } = run.behaviour;
    const origin = cors ? { "access-control-allow-origin": message.headers.origin ?? "*", vary: "origin" } : {};
    if (message.method === "OPTIONS") {
      run.preflights.push(message.headers["access-control-request-headers"] ?? "");
      const allow = {
        "access-control-allow-methods": "POST", "access-control-allow-headers": `content-encoding, content-type, ${CUSTOM_HEADER}`,
        "access-control-max-age": "7200",
      };
      return response.writeHead(204, cors ? { ...origin, ...allow } : {}).end();
    }
    const chunks = [];
    try {
      for await (const chunk of message) chunks.push(chunk);
    } catch {
      run.cut++;
      return undefined;
    }
    const wire = Buffer.concat(chunks);
    const body = message.headers["content-encoding"] === "gzip" ? gunzipSync(wire) : wire;
    const type = message.headers["content-type"];
    run.requests.push({ headers: message.headers, bytes: body.length, records: recordsIn(type, body) });
    if (delayMs > 0) await sleep(delayMs);
    const headers = { ...origin, "content-type": type, "cache-control": "no-store" };
    return response.writeHead(200, headers).end(ANSWER[type] ?? "");
  });
  // The browser decides when a connection is over.
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  return {
    /** `delayMs`: before the answers. `cors: false`: a collector that knows no browsers. */
    run(behaviour = {}) {
      const id = `run-${runs.size}`;
      const run = new Run(`http://127.0.0.1:${port}/${id}/v1/logs`, { cors: true, delayMs: 0, ...behaviour });
      runs.set(id, run);
      return run;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

class Run {
  /** `{ headers, bytes, records }` of each POST that came whole. */
  requests = [];
  /** The headers that were asked for. */
  preflights = [];
  /** Requests that broke off. */
  cut = 0;

  constructor(url, behaviour) {
    this.url = url;
    this.behaviour = behaviour;
  }

  get records() {
    return this.requests.flatMap(({ records }) => records);
  }

  /** What the records are called, as they came: one that came twice is here twice. */
  get names() {
    return this.records.map(({ call_id }) => call_id);
  }

  /** Resolves when as many different records came, and then nothing for a while; after `ms` anyway. */
  async settled(count, { ms = 5000, quietMs = 200 } = {}) {
    const end = performance.now() + ms;
    while (new Set(this.names).size < count && performance.now() < end) await sleep(10);
    for (let before = -1; before !== this.requests.length;) {
      before = this.requests.length;
      await sleep(quietMs);
    }
    return this.names.toSorted();
  }
}

/** The attributes of each record of a request's body that are strings, by key. */
export function recordsIn(type, body) {
  if (type === "application/json") return fromJson(JSON.parse(body));
  if (type === "application/x-protobuf") return fromProtobuf(body);
  return [];
}

function fromJson({ resourceLogs }) {
  const records = resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));
  return records.map(({ attributes }) =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])));
}

/** resource_logs = 1, scope_logs = 2, log_records = 2, attributes = 6; key = 1, value = 2; string_value = 1. */
function fromProtobuf(body) {
  const records = inside(inside(inside([body], 1), 2), 2);
  return records.map((record) =>
    Object.fromEntries(inside([record], 6).map((pair) => {
      const [key] = inside([pair], 1);
      const [text] = inside(inside([pair], 2), 1);
      return [`${key}`, text === undefined ? undefined : `${text}`];
    })));
}

/** The length-delimited fields `number` of messages. */
function inside(messages, number) {
  return messages.flatMap((message) => fields(message).filter((field) => field.number === number).map(({ bytes }) => bytes));
}

function fields(message) {
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("a varint breaks off");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  };
  while (at < message.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      if (at + length > message.length) throw new Error("a field breaks off");
      found.push({ number: Math.floor(tag / 8), bytes: message.subarray(at, at += length) });
    } else throw new Error(`no such wire type: ${wire}`);
  }
  return found;
}
