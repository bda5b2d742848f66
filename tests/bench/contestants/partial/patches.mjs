// The live value, and after each delta what is new in it.

import { PartialJson } from "streamgauge";

export const prepare = (deltas) => (visit) => {
  const json = new PartialJson();
  for (const delta of deltas) {
    json.push(delta);
    if (json.patches().length > 8) throw new Error("a delta changes few things");
    visit(json.value);
  }
};
