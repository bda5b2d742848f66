// A collector of OTLP (JSON) that fails as collectors do: outages, refusals, partial success, lost connections. It counts what it
// took and what it refused, by whose records they are: the first part of the path.

import { constants } from "node:http2";

/** Of every ten seconds, the last one and a half are an outage. */
const CYCLE_MS = 10_000;
const OUTAGE_MS = 1_500;

export class Collector {
  /** By owner: records `accepted`, `rejected` (partial success), `refused` (for good); `requests`; `events` by their names. */
  seen = {};
  #requests = 0;

  async take(path, request, response) {
    response.on("error", () => {});
    const [, owner, , signal] = path.split("/");
    let text = "";
    try {
      for await (const part of request.setEncoding("utf8")) text += part;
    } catch {
      return;
    }
    const records = signal === "metrics" ? valuesOf(JSON.parse(text)) : recordsOf(JSON.parse(text));
    const count = (this.seen[`${owner} ${signal}`] ??= { requests: 0, failed: 0, accepted: 0, rejected: 0, refused: 0, events: {} });
    count.requests++;
    const outcome = this.#outcome(owner);
    if (outcome === "lost") {
      count.failed++;
      if (response.stream?.close) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else response.destroy();
      return;
    }
    if (outcome === "down") {
      count.failed++;
      response.writeHead(503, { "retry-after": "0" }).end();
      return;
    }
    if (outcome === "refused") {
      count.refused += records.length;
      response.writeHead(400, { "content-type": "application/json" }).end('{"message":"no"}');
      return;
    }
    const rejected = outcome === "partial" && signal === "logs" ? 1 : 0;
    count.rejected += rejected;
    count.accepted += records.length - rejected;
    for (const { eventName } of records) if (eventName !== undefined) count.events[eventName] = (count.events[eventName] ?? 0) + 1;
    const body = rejected === 0 ? "{}" : '{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"one is odd"}}';
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  }

  /** Only the busy one's records are refused: of all others every one must arrive, sooner or later. */
  #outcome(owner) {
    const number = ++this.#requests;
    if (performance.now() % CYCLE_MS > CYCLE_MS - OUTAGE_MS) return "down";
    if (number % 11 === 0) return "lost";
    if (owner === "busy" && number % 7 === 0) return "refused";
    return owner === "busy" && number % 5 === 0 ? "partial" : "taken";
  }
}

const recordsOf = ({ resourceLogs }) => resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));

/** An instrument's values of one interval are one. */
const valuesOf = ({ resourceMetrics }) => resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
