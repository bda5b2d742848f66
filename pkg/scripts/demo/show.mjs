// Prints a stream as it comes, and what it was when it is over.

const styled = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const style = (code) => (text) => (styled ? `\x1b[${code}m${text}\x1b[0m` : text);
const dim = style("2");
const bold = style("1");
const red = style("31");

/** Shows the events of an `AggregateStream`. Returns whether the stream failed. */
export async function showStream(stream) {
  let section;
  let failure;
  const counts = {};
  const open = (name, title) => {
    if (section !== name) process.stdout.write(`${section === undefined ? "" : "\n\n"}${bold(title)}\n`);
    section = name;
  };
  try {
    for await (const event of stream) {
      counts[event.type] = (counts[event.type] ?? 0) + 1;
      switch (event.type) {
        case "reasoning.delta":
          open("reasoning", "reasoning");
          process.stdout.write(dim(event.delta));
          break;
        case "output_text.delta":
          open("text", "text");
          process.stdout.write(event.delta);
          break;
        case "refusal.delta":
          open("refusal", "refusal");
          process.stdout.write(event.delta);
          break;
        case "tool_call.delta":
          // Parallel calls grow side by side: a line for each piece.
          open("calls", "tool calls");
          if (event.delta !== "") console.log(`  ${(event.name || "tool").padEnd(14)} ${dim(event.delta)}`);
          break;
      }
    }
  } catch (error) {
    if (error.name !== "StreamError") throw error;
    failure = error;
  }
  process.stdout.write("\n");
  const items = failure === undefined ? stream.items : failure.partial;
  console.log(`\n${bold("items")}`);
  for (const item of items) console.log(`  ${JSON.stringify(item)}`);
  if (failure !== undefined) {
    console.log(`\n${red(`failed: ${failure.code}: ${failure.message}`)}`);
    return true;
  }
  const final = await stream.final();
  console.log(`\n${bold("response")}`);
  console.log(`  ${final.response_id || "(no id)"}, ${final.model || "(no model)"}, finish_reason ${final.finish_reason}`);
  console.log(`\n${bold("usage")}`);
  for (const [name, value] of Object.entries(final.token_usage ?? { "none was sent": "" })) {
    console.log(`  ${name.padEnd(24)} ${value ?? "-"}`);
  }
  console.log(`\n${bold("timings")}`);
  for (const [name, value] of Object.entries(final.timings)) console.log(`  ${name.padEnd(24)} ${timing(name, value)}`);
  const { bytes, frames, comments, bad_frames } = final.counts;
  console.log(`\n${bytes} bytes, ${frames} frames, ${comments} comments, ${bad_frames} bad frames`);
  console.log(Object.entries(counts).map(([type, count]) => `${count} ${type}`).join(", "));
  return false;
}

/** A value of the timings, or the values of a group of them, with their unit. */
function timing(name, value) {
  if (value === null) return "-";
  if (typeof value === "object") return Object.entries(value).map(([part, inner]) => `${part} ${timing(part, inner)}`).join(", ");
  return name.endsWith("_ms") ? `${value.toFixed(1)} ms` : String(value);
}

/** Shows the log records that a collector received: how many of each kind, and the last ones. */
export function showRecords(records) {
  console.log(`\n${bold("telemetry, as the collector received it")}`);
  const kinds = new Map();
  for (const record of records) {
    const kind = [record.eventName, attribute(record, "event.kind")].filter(Boolean).join(" ");
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  for (const [kind, count] of kinds) console.log(`  ${String(count).padStart(5)} ${kind}`);
  const last = records.at(-1);
  if (last === undefined) return;
  console.log(`  the last one:`);
  for (const { key, value } of last.attributes) console.log(`    ${key.padEnd(24)} ${dim(Object.values(value)[0])}`);
}

function attribute(record, name) {
  const found = record.attributes.find(({ key }) => key === name);
  return found && Object.values(found.value)[0];
}
