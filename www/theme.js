// Light and dark: as the system has it, or as it was chosen here. The choice is all that this page ever stores.

import { byId, setText } from "./dom.js";

const CHOICES = ["system", "light", "dark"];
const NAME = "streamgauge-theme";

/** @param onChange is called when the colours are other ones. */
export function startTheme(onChange) {
  const button = byId("theme");
  let choice = stored();
  const apply = () => {
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    setText(button, `Theme: ${choice}`);
    onChange();
  };
  button.addEventListener("click", () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
    store(choice);
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  apply();
}

function stored() {
  try {
    const found = localStorage.getItem(NAME);
    return CHOICES.includes(found) ? found : "system";
  } catch {
    return "system";
  }
}

function store(choice) {
  try {
    localStorage.setItem(NAME, choice);
  } catch {
    // Then it holds until the page is closed.
  }
}
