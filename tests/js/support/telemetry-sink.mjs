// A telemetry whose records stay here.

import { telemetryOf } from "./telemetry-run.mjs";

/** `records()` are OTLP's, of the batches that were handed out so far. */
export function telemetryInto({ otel, ...options } = {}) {
  const batches = [];
  const sink = (batch) => {
    batches.push(batch);
  };
  const telemetry = telemetryOf({ otel: { exporter: { sink }, ...otel }, ...options });
  return { telemetry, batches, records: () => batches.flatMap(recordsOf) };
}

export const recordsOf = ({ resourceLogs }) =>
  resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));

/** A record's attributes; integers are numbers. */
export function attributesOf({ attributes }) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain({ intValue, ...value }) {
  return intValue === undefined ? Object.values(value)[0] : Number(intValue);
}
