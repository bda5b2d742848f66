import { PartialJson } from "streamgauge";

export const prepare = (deltas) => (visit) => {
  const json = new PartialJson();
  for (const delta of deltas) visit(json.push(delta));
};
