// Shortcuts: single keys, outside of fields only, and they can be switched off.

import { byId, make } from "./dom.js";

/** @param actions `[key, what it does, function]` */
export function startKeys(actions) {
  const dialog = byId("shortcuts");
  const isOn = byId("shortcuts-on");
  const all = [...actions, ["?", "this list", () => dialog.showModal()]];
  for (const [key, what] of all) byId("shortcuts-list").append(make("div", "", make("dt", "", make("kbd", "", key)), make("dd", "", what)));
  byId("help").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (!isOn.checked || dialog.open || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input:not([type=range]), textarea, select")) return;
    const found = all.find(([key]) => key === event.key);
    if (found === undefined) return;
    event.preventDefault();
    found[2]();
  });
}
