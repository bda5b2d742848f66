// From the bytes of the response: aggregating the stream is in it.

import { aggregate, partialArguments } from "streamgauge";

import { deliver } from "../../deliver.mjs";
import { encodeFrames } from "../../streams.mjs";
import { chatFrames } from "../../streams/chat.mjs";
import { random } from "../../random.mjs";

const OPTIONS = { include: ["tool_call.delta"] };

export function prepare(deltas) {
  const part = { type: "tool", id: "call_1", name: "write_file", deltas: deltas.map((delta) => [delta, false]) };
  const usage = { input: 1, cached: 0, output: deltas.length, reasoning: 0, total: deltas.length + 1 };
  const source = deliver(encodeFrames(chatFrames({ parts: [part], usage, finish: "tool_calls" }, random(1))), "16k");
  return async (visit) => {
    for await (const event of aggregate(source.response(), OPTIONS)) {
      // The first one has the name and no text.
      if (event.type === "tool_call.delta" && event.delta !== "") visit(partialArguments(event));
    }
  };
}
