// The playground for everybody: by keyboard alone, in light and dark, narrow, without motion, and as axe-core has it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";

import { BROWSERS } from "./support/browser-launch.mjs";
import { Browser, excuse } from "./support/playground.mjs";

const timeout = 90_000;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const excuses = Object.fromEntries(await Promise.all(Object.keys(BROWSERS).map(async (name) => [name, await excuse(name)])));

/** What axe-core finds, each as a line; best practices included. */
async function violations(page) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations, passes } = await globalThis.axe.run(document);
    if (passes.length < 15) throw new Error(`axe looked at ${passes.length} things only`);
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`));
  });
}

const focused = (page) => page.evaluate(() => {
  const { activeElement: element } = document;
  return element.id || element.className || element.tagName;
});

describe("the playground for everybody", () => Object.keys(BROWSERS).forEach(inBrowser));

function inBrowser(name) {
  describe(`in ${name}`, { skip: excuses[name] }, () => {
    let browser;
    before(async () => {
      browser = await Browser.start(name);
    }, { timeout: 60_000 });
    after(() => browser?.close());

    test("axe finds nothing, in light and dark, in every state", { timeout }, async (t) => {
      const page = await browser.open(t);
      for (const theme of ["light", "dark"]) {
        await page.until((theme) => {
          const button = document.getElementById("theme");
          if (button.textContent !== `Theme: ${theme}`) button.click();
          return document.documentElement.dataset.theme === theme;
        }, theme);
        await page.click("#tab-recorded");
        await page.play("demo");
        await page.records(139);
        await page.click("#records-rows tr[data-at]");
        await page.click("#items .card:nth-child(3) summary");
        assert.deepEqual(await violations(page), [], `${theme}, completed`);
        await page.play("anthropic-cut-off-in-a-call");
        assert.deepEqual(await violations(page), [], `${theme}, failed`);
        await page.play("chat-awkward-n-2-choices");
        assert.deepEqual(await violations(page), [], `${theme}, two choices`);
        for (const tab of ["pasted", "endpoint"]) {
          await page.click(`#tab-${tab}`);
          assert.deepEqual(await violations(page), [], `${theme}, ${tab}`);
        }
        await page.screenshot(`endpoint-${theme}`);
        await page.click("#help");
        assert.deepEqual(await violations(page), [], `${theme}, shortcuts`);
        await page.page.keyboard.press("Escape");
        await page.click("#tab-recorded");
        await page.play("demo", "x4");
        await page.screenshot(theme);
      }
    });

    test("by keyboard alone: a stream is chosen, played, held, stopped; records are walked", { timeout }, async (t) => {
      const page = await browser.open(t);
      const { keyboard } = page.page;
      const tabTo = async (id) => {
        for (let steps = 0; steps < 60; steps++) {
          if ((await focused(page)) === id) return;
          await keyboard.press("Tab");
        }
        assert.fail(`Tab does not lead to #${id}`);
      };
      await keyboard.press("Tab");
      assert.equal(await focused(page), "skip");
      await tabTo("tab-recorded");
      await keyboard.press("ArrowRight");
      assert.equal(await focused(page), "tab-pasted");
      await keyboard.press("Home");
      assert.equal(await focused(page), "tab-recorded");
      await tabTo("recording-filter");
      await keyboard.type("20,000");
      await tabTo("recording");
      assert.equal(await page.evaluate(() => document.getElementById("recording").value), "long");
      await tabTo("play");
      await keyboard.press("Enter");
      await page.state("streaming");
      await page.until(() => document.getElementById("text").textContent.length > 20);
      await keyboard.press("k");
      await page.state("paused");
      await keyboard.press("k");
      await page.state("streaming");
      await keyboard.press("s");
      await page.state("stopped");

      // In a field a key is a letter.
      await keyboard.press("/");
      assert.equal(await focused(page), "records-filter");
      await keyboard.type("sp");
      assert.equal(await page.evaluate(() => document.getElementById("records-filter").value), "sp");
      await keyboard.press("Backspace");
      await keyboard.press("Backspace");
      await tabTo("records");
      await keyboard.press("ArrowDown");
      assert.match(await page.text("#record"), /codex\.conversation_starts/);
      await keyboard.press("End");
      const row = await page.evaluate(() => document.getElementById(document.getElementById("records").getAttribute("aria-activedescendant"))?.ariaSelected);
      assert.equal(row, "true");
      await tabTo("record-copy");

      await keyboard.press("3");
      assert.equal(await focused(page), "tab-endpoint");
      await keyboard.press("?");
      assert.equal(await page.evaluate(() => document.getElementById("shortcuts").open), true);
      await tabTo("shortcuts-on");
      await keyboard.press(" ");
      await keyboard.press("Escape");
      await keyboard.press("1");
      assert.equal(await page.evaluate(() => document.getElementById("panel-endpoint").hidden), false, "switched off");
    });

    test("the moment's slider tells what was there", { timeout }, async (t) => {
      const page = await browser.open(t);
      await page.play("demo", "x4");
      await page.evaluate(() => document.getElementById("cursor").focus());
      await page.page.keyboard.press("Home");
      for (let steps = 0; steps < 4; steps++) await page.page.keyboard.press("PageUp");
      const words = await page.evaluate(() => document.getElementById("cursor").getAttribute("aria-valuetext"));
      assert.match(words, /^at \d.*tokens\/s/);
      assert.equal(await page.text("#cursor-reading"), words);
    });

    test("only changes of state are announced", { timeout }, async (t) => {
      const page = await browser.open(t);
      await page.evaluate(() => {
        globalThis.said = [];
        const look = () => said.push(document.getElementById("status").textContent);
        new MutationObserver(look).observe(document.getElementById("status"), { childList: true, characterData: true, subtree: true });
      });
      await page.play("demo", "x16");
      const said = await page.evaluate(() => globalThis.said);
      assert.ok(said.length <= 3, said.join("\n"));
      assert.match(said.at(-1), /^Completed: 4 items, 134 deltas/);
      const live = await page.evaluate(() => [...document.querySelectorAll("[aria-live], [role=status], [role=alert], [role=log]")].map(({ id }) => id));
      assert.deepEqual(live, ["status", "failure", "export-said", "code-said"]);
    });

    test("a narrow page is not wider than it is", { timeout }, async (t) => {
      const page = await browser.open(t, { width: 390, height: 800 });
      await page.play("demo");
      const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(wide <= seen, `${wide} of ${seen} pixels`);
      assert.deepEqual(await violations(page), []);
      await page.screenshot("narrow");
    });

    test("without motion, when that is asked for; dark, when the system is", { timeout, skip: name !== "Chromium" }, async (t) => {
      const page = await browser.open(t, { scheme: "dark", reducedMotion: "reduce" });
      const { transition, ground } = await page.evaluate(() => ({
        transition: getComputedStyle(document.getElementById("water")).transitionProperty,
        ground: getComputedStyle(document.documentElement).backgroundColor,
      }));
      assert.equal(transition, "none");
      assert.equal(ground, "rgb(11, 19, 22)");
    });
  });
}
