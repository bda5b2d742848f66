// The page in www/, in Chromium: it reads the demo's capture, and a file of the user's.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { serve } from "../../pkg/scripts/www.mjs";

const executablePath = process.env.CHROME_BIN ?? "/usr/bin/chromium";
const demo = fileURLToPath(new URL("../fixtures/demo.sse", import.meta.url));

describe("the page", { skip: existsSync(executablePath) ? false : "no Chromium here" }, () => {
  let server, browser, page;
  const complaints = [];

  before(async () => {
    server = await serve(0);
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    page = await browser.newPage();
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
  });
  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  test("shows the demo", async () => {
    await page.click("#demo");
    await page.waitForFunction(() => document.getElementById("completion").textContent !== "");
    assert.match(await page.textContent("#reasoning"), /^The user wants the failing test fixed/);
    assert.match(await page.textContent("#text"), /^I'll look at/);
    assert.match(await page.textContent("#items"), /"name": "run_command"/);
    assert.match(await page.textContent("#completion"), /"input_tokens": 1843/);
  });

  test("shows a file, and says in words what is wrong with it", async () => {
    await page.setInputFiles("#file", { name: "page.sse", mimeType: "text/plain", buffer: Buffer.from("<h1>502</h1>") });
    await page.waitForFunction(() => document.getElementById("failure").textContent !== "");
    assert.match(await page.textContent("#failure"), /^provider_error: html body instead of an event stream/);
    await page.setInputFiles("#file", demo);
    await page.waitForFunction(() => document.getElementById("completion").textContent !== "");
    assert.equal(await page.textContent("#failure"), "");
  });

  test("without a word on the console", () => assert.deepEqual(complaints, []));
});
