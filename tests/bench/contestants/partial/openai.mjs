// The parser that its stream helper has, after every delta. (The helper itself shows fewer values: 366 of 20 800.)

import { partialParse } from "openai/_vendor/partial-json-parser/parser";

export const prepare = (deltas) => (visit) => {
  let text = "";
  for (const delta of deltas) visit(partialParse((text += delta)));
};
