// The guide for browsers, with Vite: the files of pkg/docs/browser.md beside the server of the README, the packed package, and
// `npx vite` as it says there. The answer's second half is sent when the first was seen.

import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { blocksOf } from "../js/docs/blocks.mjs";
import { environment, freePort, root, startServer } from "../js/docs/programs.mjs";
import { excuse, launch } from "../js/support/browser-launch.mjs";
import { serveCompletions } from "./support/completions.mjs";
import { script } from "./support/programs.mjs";
import { staged } from "./support/stage.mjs";

const guide = blocksOf(join(root, "pkg/docs/browser.md"));
const server = blocksOf(join(root, "README.md")).find(({ file }) => file === "server.mjs");
const [install, start] = guide.filter(({ kind }) => kind === "vite").map(({ code }) => code.trim());

test("the guide for Vite gives a page that streams, in a worker, too", { timeout: 120_000, skip: await excuse("Chromium") }, async (t) => {
  const folder = join(await staged(), "apps", "guide");
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  // Vite is not installed by `npm install` here, but comes from the tools of these tests.
  assert.equal(install, "npm install --save-dev vite");
  symlinkSync(script("vite-8", "vite"), join(folder, "node_modules/.bin/vite"));
  const [api, port] = [await serveCompletions(t), await freePort()];
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  for (const { file, code } of [server, ...guide.filter(({ file }) => file !== undefined)]) {
    writeFileSync(join(folder, file), code.replace("http://localhost:3000", `http://localhost:${port}`));
  }
  const worker = '<!doctype html><title>worker</title><link rel="icon" href="data:,"><p id="answer"></p><script type="module" src="/with-worker.js"></script>';
  writeFileSync(join(folder, "worker.html"), worker);
  await startServer(t, "node server.mjs", { cwd: folder, env: environment({ API_URL: api.url, PORT: String(port) }) });
  // A port of its own, and no colours around the URL.
  const url = await startServer(t, `${start} --port ${await freePort()}`, { cwd: folder, env: environment({ NO_COLOR: "1" }) });

  const browser = await launch("Chromium");
  t.after(() => browser.close());
  for (const name of ["index.html", "worker.html"]) {
    const page = await browser.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(`${error}`));
    page.on("console", (message) => /^\[vite\] connect/.test(message.text()) || complaints.push(message.text()));
    const shows = (text) => page.waitForFunction((text) => document.querySelector("#answer")?.textContent === text, { polling: 20, timeout: 60_000 }, text)
      .catch((error) => assert.fail(`${name}: ${error.message}\n${complaints.join("\n")}`));
    const asked = () => Promise.race([api.next(), sleep(30_000, undefined, { ref: false }).then(async () => assert.fail(`${name} asked nothing: ${await page.content()} ${complaints}`))]);
    // Vite bundles what is imported when a page first asks for it, and loads the page again.
    await page.goto(new URL(name, url), { waitUntil: "networkidle0" });
    if (name === "index.html") await page.click("button");
    const answer = await asked();
    assert.equal(answer.body.messages[0].content, "Why is the sky blue?");
    answer.send("Blue, ");
    await shows("Blue, ");
    if (name === "index.html") {
      await page.click("#stop");
      assert.equal(await answer.closed, true, "stopping ends the request at the provider");
      await page.click("button");
      const again = await asked();
      again.send("Again.");
      await shows("Again.");
      again.finish({ prompt_tokens: 3, completion_tokens: 2 });
    } else {
      answer.send("because.");
      await shows("Blue, because.");
      answer.finish({ prompt_tokens: 3, completion_tokens: 2 });
    }
    assert.deepEqual(complaints, []);
    await page.close();
  }
});
