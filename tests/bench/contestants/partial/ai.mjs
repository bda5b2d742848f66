// As its chat in the browser does with a tool's input: src/ui/process-ui-message-stream.ts.

import { parsePartialJson } from "ai";

export const prepare = (deltas) => async (visit) => {
  let text = "";
  for (const delta of deltas) visit((await parsePartialJson((text += delta))).value);
};
