import type { FinalChoice, FinalResponse, Item } from "./types.js";

/** Joins the core's snapshot, which has no items, with the items that crossed as events. */
export function finalResponse(snapshot: string, items: Item[]): FinalResponse {
  const { choices, ...rest } = JSON.parse(snapshot) as Omit<FinalResponse, "items" | "choices"> & {
    choices: Omit<FinalChoice, "items">[];
  };
  return {
    ...rest,
    items,
    choices: choices.map((choice) => ({
      ...choice,
      items: items.filter((item) => (item.choice ?? 0) === choice.index),
    })),
  };
}
