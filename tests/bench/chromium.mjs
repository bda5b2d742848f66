// Chromium: the contestants' times in a page, and how long twenty streams block it.

import { BROWSERS, excuse } from "../js/support/browser-launch.mjs";
import { launch } from "./chromium/browser.mjs";
import { measureChromiumSpeed } from "./chromium/speed.mjs";
import { measureStalls } from "./chromium/stall.mjs";

/** Resolves to `{version, speed, stalls}`, or `{excuse}` where there is no Chromium. */
export async function measureChromium(options) {
  const reason = await excuse("Chromium");
  if (reason !== false) {
    options.tell(`skipped: ${reason}`);
    return { excuse: reason.replace(BROWSERS.Chromium.executablePath, "its usual place") };
  }
  const browser = await launch();
  try {
    const version = await browser.version();
    const speed = await measureChromiumSpeed(browser, { ...options, rounds: Math.min(options.rounds, 3) });
    const stalls = await measureStalls(browser, { ...options, rounds: options.quick ? 1 : 2 });
    return { version, speed, stalls };
  } finally {
    await browser.close();
  }
}
