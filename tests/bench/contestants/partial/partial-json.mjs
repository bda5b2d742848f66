import { parse } from "partial-json";

export const prepare = (deltas) => (visit) => {
  let text = "";
  for (const delta of deltas) visit(parse((text += delta)));
};
