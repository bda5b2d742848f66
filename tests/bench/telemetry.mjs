// What a log record costs, built and encoded, beside OpenTelemetry's SDK.

import { runChild } from "./children.mjs";
import { random, shuffled } from "./random.mjs";
import { recordsDiffer } from "./telemetry/decode.mjs";

const RECORDS = 10_000;
const FORMATS = ["json", "protobuf"];
const RECORDERS = FORMATS.flatMap((format) => ["streamgauge", "otel"].map((name) => ({ name, format })));
/** Reads the same streams and records nothing. */
const READ_ONLY = { name: "read-only", format: "json" };

const run = (recorder) => runChild("telemetry/child.mjs", [JSON.stringify({ ...recorder, records: RECORDS })]);

/** Compares everybody's decoded records with ours in JSON; throws when they differ. */
export async function checkTelemetry() {
  const records = (recorder) => run({ ...recorder, check: true });
  const [first, ...others] = RECORDERS;
  const wanted = await records(first);
  for (const recorder of others) {
    const problem = recordsDiffer(await records(recorder), wanted);
    if (problem !== undefined) throw new Error(`telemetry, ${recorder.name} ${recorder.format}: ${problem}`);
  }
}

/**
 * Resolves to `[{name, format, times: [{cpu, gross}], bytes}]`: `cpu` of our recorders is net of reading the streams,
 * which OpenTelemetry's side does not do; `gross` is with it.
 */
export async function measureTelemetry({ quick, rounds, seed, tell, write }) {
  tell("comparing the records, decoded");
  await checkTelemetry();
  const next = random(seed);
  const results = RECORDERS.map((recorder) => ({ ...recorder, times: [] }));
  for (let round = 0; round < rounds; round++) {
    write(`[${round + 1}/${rounds}] microseconds per record:`);
    const times = new Map();
    for (const recorder of shuffled([...RECORDERS, READ_ONLY], next)) {
      const { name, format } = recorder;
      const time = await run({ name, format, passes: quick ? 3 : 9 });
      times.set(recorder, time);
      write(` ${name} ${format} ${time.cpu.toFixed(1)}`);
    }
    tell("");
    RECORDERS.forEach((recorder, index) => {
      const { cpu: gross, bytes } = times.get(recorder);
      const reading = recorder.name === "streamgauge" ? times.get(READ_ONLY).cpu : 0;
      results[index].times.push({ cpu: gross - reading, gross });
      results[index].bytes = bytes;
    });
  }
  return results;
}
