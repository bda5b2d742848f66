// A value of its own after each delta, which shares what is closed with the one before.

import { PartialJson } from "streamgauge";

export const prepare = (deltas) => (visit) => {
  const json = new PartialJson();
  for (const delta of deltas) {
    json.push(delta);
    visit(json.snapshot());
  }
};
