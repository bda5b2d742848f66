// Our telemetry: records made, encoded, batched and sent by the OTLP/HTTP exporter, whose collector is a function.

import { Aggregator, Telemetry } from "streamgauge";

import { SESSION, answer } from "./plan.mjs";

const PROTOCOLS = { json: "json", protobuf: "binary" };

/** The turns of a plan; `take` is given each batch. */
export function recorder(format, take) {
  globalThis.fetch = async (_, { body }) => {
    take(body);
    return new Response();
  };
  const exporter = { "otlp-http": { endpoint: "http://localhost:4318/v1/logs", protocol: PROTOCOLS[format] } };
  return async ({ body, calls, turns }) => {
    const telemetry = new Telemetry({ ...SESSION, fetch: answer, otel: { exporter } });
    for (let turn = 0; turn < turns; turn++) {
      for (const { prompt, decision, result } of calls) {
        telemetry.userPrompt(prompt);
        await telemetry.fetch("http://localhost/");
        telemetry.toolDecision(decision);
        telemetry.toolResult(result);
      }
      feed(body, { telemetry });
      // The queue holds 2048.
      if (turn % 8 === 7) await telemetry.forceFlush();
    }
    await telemetry.shutdown();
  };
}

/** The same without a telemetry: what reading the streams costs, which is not the records' cost. */
export async function readOnly({ body, turns }) {
  for (let turn = 0; turn < turns; turn++) feed(body);
}

function feed(body, options) {
  const aggregator = new Aggregator(options);
  aggregator.feed(body);
  aggregator.finish();
}
