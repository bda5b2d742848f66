// No partial value at all: the text is gathered and parsed once.

export const prepare = (deltas) => (visit) => {
  let text = "";
  for (const delta of deltas) text += delta;
  visit(JSON.parse(text));
};
