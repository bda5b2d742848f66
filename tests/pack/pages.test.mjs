// The packed package without a bundler: script tags, module workers, service workers; and in classic workers, for which
// esbuild makes one file of it.

import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { excuse, launch } from "../js/support/browser-launch.mjs";
import { eventsIn, servePages, withParameters } from "./support/pages.mjs";
import { run, script } from "./support/programs.mjs";
import { staged } from "./support/stage.mjs";
import { assertEvents, serveStream } from "./support/stream.mjs";

const apps = join(await staged(), "apps");
for (const app of ["web-worker", "service-worker"]) {
  const args = [script("esbuild"), "worker.js", "--bundle", "--format=iife", "--log-level=warning", "--outfile=classic.js"];
  await run(process.execPath, args, { cwd: join(apps, app) });
}

/** Firefox 140 has no module service workers. */
const CASES = {
  "script tag, import map": { path: "script-tag/index.html" },
  "script tag, Content-Security-Policy": { path: "script-tag/csp.html" },
  "script tag, slim": { path: "script-tag/slim.html" },
  "module worker": { path: "web-worker/index.html", type: "module" },
  "classic worker": { path: "web-worker/index.html", type: "classic" },
  "module service worker": { path: "service-worker/index.html", type: "module", only: "Chromium" },
  "classic service worker": { path: "service-worker/index.html", type: "classic" },
};

for (const name of ["Chromium", "Firefox"]) {
  describe(name, { skip: await excuse(name) }, () => {
    let browser;
    before(async () => {
      browser = await launch(name);
    });
    after(() => browser?.close());

    for (const [title, { path, type, only = name }] of Object.entries(CASES)) {
      if (only !== name) continue;
      test(title, async (t) => {
        const page = new URL(path, await servePages(t, apps));
        const parameters = { stream: await serveStream(t), ...(type ? { type } : {}) };
        assertEvents(await eventsIn(browser, withParameters(page, parameters)));
      });
    }
  });
}
