// Our telemetry: records made, encoded, batched and handed out, as JSON text or protobuf bytes.

import { Aggregator, Telemetry } from "streamgauge";

import { CF_RAY, SESSION } from "./plan.mjs";

const ANSWER = new Response("", { headers: { "cf-ray": CF_RAY } });
const fetch = async () => ANSWER;

/** The turns of a plan; `take` is given each batch. */
export function recorder(format, take) {
  const exporter = { format, sink: (batch) => take(batch) };
  return async ({ body, calls, turns }) => {
    const telemetry = new Telemetry({ ...SESSION, fetch, otel: { exporter } });
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
export async function readOnly({ body, calls, turns }) {
  for (let turn = 0; turn < turns; turn++) {
    for (let call = 0; call < calls.length; call++) await fetch("http://localhost/");
    feed(body);
  }
}

function feed(body, options) {
  const aggregator = new Aggregator(options);
  aggregator.feed(body);
  aggregator.finish();
}
