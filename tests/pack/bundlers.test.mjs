// The packed package through Vite 7 and 8 (development server and build), webpack 5, esbuild and Rollup, run in Chromium.

import assert from "node:assert/strict";
import { copyFileSync, cpSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { excuse, launch } from "../js/support/browser-launch.mjs";
import { eventsIn, servePages, withParameters } from "./support/pages.mjs";
import { events, run, script } from "./support/programs.mjs";
import { staged } from "./support/stage.mjs";
import { assertEvents, serveStream } from "./support/stream.mjs";
import { serveByVite } from "./support/vite.mjs";

const apps = join(await staged(), "apps");
const ENTRIES = ["main", "slim", "aggregate"];

/** A copy of an app of its own for each version. */
function copyOf(app, name) {
  const folder = join(apps, name);
  cpSync(join(apps, app), folder, { recursive: true });
  return folder;
}

/** Runs a bundler, which must have nothing to complain of. */
async function build(cwd, name, args = [], command = name) {
  const { stdout, stderr } = await run(process.execPath, [script(name, command), ...args], { cwd });
  assert.doesNotMatch(`${stdout}${stderr}`, /warn|externalized|\(!\)/i);
}

describe("bundlers", { skip: await excuse("Chromium") }, () => {
  let browser;
  before(async () => {
    browser = await launch("Chromium");
  });
  after(() => browser?.close());

  /** Shows what was built (`/bundle?script=..`, or a page of its own) and compares what it read. */
  async function shows(t, folder, path, parameters = {}) {
    const url = withParameters(new URL(path, await servePages(t, folder)), { ...parameters, stream: await serveStream(t) });
    assertEvents(await eventsIn(browser, url));
  }

  for (const version of ["vite-7", "vite-8"]) {
    test(`${version}, development server`, async (t) => {
      const base = await serveByVite(t, version, copyOf("vite", `${version}-dev`));
      for (const entry of ENTRIES) {
        await t.test(entry, async (t) => {
          const url = withParameters(new URL(`${entry}.html`, base), { stream: await serveStream(t) });
          assertEvents(await eventsIn(browser, url));
        });
      }
    });

    test(`${version}, build`, async (t) => {
      const folder = copyOf("vite", version);
      await build(folder, version, ["build"], "vite");
      for (const entry of ENTRIES) await t.test(entry, (t) => shows(t, join(folder, "dist"), `${entry}.html`));
    });
  }

  test("webpack", async (t) => {
    const folder = join(apps, "webpack");
    await build(folder, "webpack-cli");
    for (const entry of ENTRIES) {
      await t.test(entry, (t) => shows(t, folder, "bundle", { script: `/dist/${entry}.js`, type: "classic" }));
    }
  });

  test("Rollup", async (t) => {
    const folder = join(apps, "rollup");
    await build(folder, "rollup", ["-c"]);
    // Rollup itself has no word for files that are no code: its users copy them.
    copyFileSync(join(apps, "node_modules", "streamgauge", "dist", "core_bg.wasm"), join(folder, "core.wasm"));
    for (const entry of ENTRIES) await t.test(entry, (t) => shows(t, folder, "bundle", { script: `/dist/${entry}.js` }));
  });

  test("esbuild", async (t) => {
    const folder = join(apps, "esbuild");
    const esbuild = (...args) => build(folder, "esbuild", ["--bundle", "--log-level=warning", ...args]);
    await t.test("modules", async (t) => {
      const files = ENTRIES.map((entry) => `${entry}.js`);
      await esbuild(...files, "--format=esm", "--splitting", "--minify", "--loader:.wasm=file", "--public-path=/dist", "--outdir=dist");
      for (const entry of ENTRIES) await t.test(entry, (t) => shows(t, folder, "bundle", { script: `/dist/${entry}.js` }));
    });
    await t.test("classic scripts", async (t) => {
      await esbuild("main.js", "aggregate.js", "--format=iife", "--minify", "--outdir=classic");
      for (const entry of ["main", "aggregate"]) {
        await t.test(entry, (t) => shows(t, folder, "bundle", { script: `/classic/${entry}.js`, type: "classic" }));
      }
    });
    await t.test("a program for Node", async (t) => {
      const from = join(apps, "node-require");
      await esbuild(join(from, "main.cjs"), join(from, "aggregate.cjs"), "--platform=node", "--format=cjs", "--out-extension:.js=.cjs", "--outdir=node");
      for (const entry of ["main", "aggregate"]) {
        const stream = await serveStream(t);
        assertEvents(await events(process.execPath, [`node/${entry}.cjs`, stream], { cwd: folder, stream }));
      }
    });
  });
});
