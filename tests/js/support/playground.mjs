// The playground in a browser, whichever drives it: Chromium by playwright-core, Firefox by puppeteer-core.
//
//   const playground = await openPlayground(t, "Chromium", { scheme: "dark" });
//   await playground.play("demo", "max");
//   ... await playground.text("#text"), playground.complaints

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { serve } from "../../../pkg/scripts/www.mjs";
import { BROWSERS, excuse, launch } from "./browser-launch.mjs";

/** Screenshots are kept here; git does not know them. */
const ARTEFACTS = fileURLToPath(new URL("../../artefacts/", import.meta.url));

/** What a browser itself writes about answers that a test wants to be bad. */
const OWN_WORDS = /Failed to load resource|CORS|Cross-Origin Request Blocked|net::ERR_/;

/** How each driver starts, and opens a page of a size and a colour scheme. */
const DRIVERS = {
  Chromium: {
    async start() {
      const { chromium } = await import("playwright-core");
      const { executablePath, args } = BROWSERS.Chromium;
      return chromium.launch({ executablePath, args });
    },
    async open(browser, { width, height, scheme, reducedMotion }) {
      const context = await browser.newContext({
        viewport: { width, height }, colorScheme: scheme, reducedMotion, permissions: ["clipboard-read", "clipboard-write"],
      });
      return { page: await context.newPage(), close: () => context.close() };
    },
  },
  Firefox: {
    start: () => launch("Firefox"),
    async open(browser, { width, height }) {
      const page = await browser.newPage();
      await page.setViewport({ width, height });
      return { page, close: () => page.close() };
    },
  },
};

/** The browser and the page's server, for all tests of a file. */
export class Browser {
  static async start(name) {
    const [browser, server] = await Promise.all([DRIVERS[name].start(), serve(0)]);
    return new Browser(name, browser, server);
  }

  constructor(name, browser, server) {
    this.name = name;
    this.browser = browser;
    this.server = server;
    this.url = `http://127.0.0.1:${server.address().port}/`;
  }

  async close() {
    await this.browser.close();
    this.server.closeAllConnections();
    this.server.close();
  }

  /**
   * The page, ready, until the test `t` ends: then it must have no complaint, and have asked nobody but its server.
   *
   * @param options `width`, `height`, `scheme`, `reducedMotion`; `elsewhere: true` if others are asked, and may fail.
   */
  async open(t, { width = 1440, height = 900, scheme = "light", reducedMotion = null, elsewhere = false } = {}) {
    const { page, close } = await DRIVERS[this.name].open(this.browser, { width, height, scheme, reducedMotion });
    const playground = new Playground(page, this.name);
    const others = [];
    const complain = (words) => (elsewhere && OWN_WORDS.test(words)) || playground.complaints.push(words);
    page.on("console", (message) => ["error", "warning", "warn"].includes(message.type()) && complain(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complain(String(error?.stack ?? error)));
    page.on("request", (request) => {
      if (!request.url().startsWith(this.url) && !/^(blob|data):/.test(request.url())) others.push(request.url());
    });
    t.after(async () => {
      await close();
      assert.deepEqual(playground.complaints, [], "the console stays empty");
      if (!elsewhere) assert.deepEqual(others, [], "nobody else is asked");
    });
    await page.goto(this.url);
    await playground.until(() => "ready" in document.documentElement.dataset);
    return playground;
  }
}

export { excuse };

class Playground {
  complaints = [];

  constructor(page, browser) {
    this.page = page;
    this.browser = browser;
  }

  evaluate(work, argument) {
    return this.page.evaluate(work, argument);
  }

  /** Waits until a function in the page says something true, and returns that. */
  async until(condition, argument, ms = 20_000) {
    const giveUpAt = performance.now() + ms;
    for (;;) {
      const found = await this.page.evaluate(condition, argument);
      if (found) return found;
      if (performance.now() > giveUpAt) {
        throw new Error(`not within ${ms} ms: ${condition}; the status is "${await this.text("#status")}"`);
      }
      await sleep(20);
    }
  }

  text(selector) {
    return this.page.evaluate((selector) => document.querySelector(selector)?.textContent, selector);
  }

  click(selector) {
    return this.page.click(selector);
  }

  /** What a user's typing or choosing leaves in a field. */
  fill(fields) {
    return this.page.evaluate((fields) => {
      for (const [id, value] of Object.entries(fields)) {
        const field = document.getElementById(id);
        field.value = value;
        if (field.value !== value) throw new Error(`#${id} does not take ${value}`);
        for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
      }
    }, fields);
  }

  /** Waits for one of these states of the run. */
  state(...states) {
    return this.until((states) => states.includes(document.documentElement.dataset.state), states);
  }

  /** Plays a recording to its end; resolves to the state. */
  async play(recording, speed = "max") {
    await this.fill({ recording, speed });
    return this.playChosen();
  }

  /**
   * Plays several, one after the other, in the page itself, as that is quicker: the ids of recordings, or files as
   * `{ name, bytes }`. What is there of each at its end: `{ state, items, failure, title, message, advice, kept }`.
   */
  async playAll(sources) {
    const sent = sources.map((each) => (typeof each === "string" ? each : { name: each.name, base64: Buffer.from(each.bytes).toString("base64") }));
    return this.evaluate(async (sources) => {
      const root = document.documentElement;
      const ended = () => new Promise((resolve) => {
        const observer = new MutationObserver(() => {
          if (!["completed", "failed", "stopped"].includes(root.dataset.state)) return;
          observer.disconnect();
          // The failure is told after the state.
          setTimeout(resolve);
        });
        observer.observe(root, { attributes: true, attributeFilter: ["data-state"] });
      });
      const choose = async (source) => {
        if (typeof source === "string") {
          document.getElementById("recording").value = source;
          return;
        }
        const bytes = Uint8Array.from(atob(source.base64), (character) => character.charCodeAt(0));
        const list = new DataTransfer();
        list.items.add(new File([bytes], source.name));
        const field = document.getElementById("file");
        field.files = list.files;
        field.dispatchEvent(new Event("change"));
        const note = document.getElementById("file-note");
        while (!note.textContent.startsWith(`${source.name},`)) await new Promise((resolve) => setTimeout(resolve));
      };
      const found = [];
      for (const source of sources) {
        await choose(source);
        delete root.dataset.state;
        const end = ended();
        document.getElementById("play").click();
        await end;
        const failure = document.getElementById("failure");
        const [title, message, advice, kept] = [...failure.querySelectorAll("h2, p")].map(({ textContent }) => textContent);
        const items = document.querySelectorAll("#items .card").length;
        found.push({ state: root.dataset.state, items, failure: failure.textContent, title, message, advice, kept });
      }
      return found;
    }, sent);
  }

  /** Plays what is chosen to its end. */
  async playChosen() {
    await this.evaluate(() => delete document.documentElement.dataset.state);
    await this.click("#play");
    await this.state("completed", "failed", "stopped");
    return this.evaluate(() => document.documentElement.dataset.state);
  }

  /** Waits until the run's records are all there. */
  async records(atLeast = 1) {
    return this.until((atLeast) => {
      const count = Number(document.getElementById("records").getAttribute("aria-rowcount")) - 1;
      return count >= atLeast && count;
    }, atLeast);
  }

  /** Keeps a screenshot of the whole page. */
  async screenshot(name) {
    mkdirSync(ARTEFACTS, { recursive: true });
    await this.page.evaluate(() => scrollTo(0, 0));
    await this.page.screenshot({ path: `${ARTEFACTS}playground-${this.browser.toLowerCase()}-${name}.png`, fullPage: true });
  }
}
