// A web IDE: the page in ide/, CodeMirror with completions by the packed package, as Vite builds it and as its development
// server has it. The test types, lets a completion stream, stops it, and looks at the document.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { excuse, launch } from "../js/support/browser-launch.mjs";
import { serveCompletions } from "./support/completions.mjs";
import { servePages, withParameters } from "./support/pages.mjs";
import { run, script } from "./support/programs.mjs";
import { staged } from "./support/stage.mjs";
import { serveByVite } from "./support/vite.mjs";

const folder = join(await staged(), "apps", "ide");
await run(process.execPath, [script("vite-8", "vite"), "build"], { cwd: folder });

/** Each resolves to the URL of the page. */
const built = async (t) => servePages(t, join(folder, "dist"));
const developed = async (t) => serveByVite(t, "vite-8", folder, { base: "/" });
const HOSTS = { Chromium: { "built": built, "development server": developed }, Firefox: { "built": built } };

const BEFORE = "Dear reader,\nI ";
const AFTER = "you.";

/** The page with an API behind it, and what a user of it does and sees. */
async function openEditor(t, browser, host) {
  const api = await serveCompletions(t);
  const page = await browser.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`${error}`));
  page.on("console", (message) => /^\[vite\] connect/.test(message.text()) || complaints.push(message.text()));
  t.after(() => page.close());
  const url = withParameters(new URL("index.html", await host(t)), { endpoint: api.url });
  await page.goto(`${url}`);
  await page.waitForFunction(() => globalThis.view);
  const state = () => page.evaluate(() => {
    const { doc, selection } = globalThis.view.state;
    return { text: doc.toString(), cursor: selection.main.head, status: document.getElementById("status").value };
  });
  return {
    page, state, complaints,
    press: async (...keys) => {
      for (const key of keys) await page.keyboard.down(key);
      for (const key of keys.reverse()) await page.keyboard.up(key);
    },
    /** Presses the button, and resolves to the request that comes of it. */
    complete: async () => {
      await page.click("#complete");
      return api.next();
    },
    /** Waits until the document is this. */
    shows: async (text) => {
      await page.waitForFunction((text) => globalThis.view.state.doc.toString() === text, { polling: 50, timeout: 30_000 }, text)
        .catch(async () => assert.equal((await state()).text, text));
    },
    says: async (status) => {
      await page.waitForFunction((status) => document.getElementById("status").value === status, { polling: 50, timeout: 30_000 }, status)
        .catch(async () => assert.equal((await state()).status, status));
    },
  };
}

for (const [name, hosts] of Object.entries(HOSTS)) {
  describe(name, { skip: await excuse(name) }, () => {
    let browser;
    before(async () => {
      browser = await launch(name);
    });
    after(() => browser?.close());

    const cases = Object.entries(hosts).flatMap(([title, host]) => [false, true].map((inWorker) => ({ title, host, inWorker })));
    for (const { title, host, inWorker } of cases) {
      test(`${title}, ${inWorker ? "in a worker" : "on the main thread"}`, { timeout: 120_000 }, async (t) => {
        const { page, state, complaints, press, complete, shows, says } = await openEditor(t, browser, host);
        if (inWorker) await page.click("#worker");

        await page.click(".cm-content");
        await page.keyboard.type(BEFORE + AFTER);
        for (const _ of AFTER) await press("ArrowLeft");
        await shows(BEFORE + AFTER);

        // It streams to where the cursor is: the server holds back what was not looked for yet.
        const first = await complete();
        assert.deepEqual(first.body.messages, [{ role: "user", content: BEFORE }]);
        first.send("think ");
        await shows(`${BEFORE}think ${AFTER}`);
        assert.equal(page.workers().length, inWorker ? 1 : 0);
        // A character comes in two pieces.
        const rest = first.sendPart("of 👩‍👩‍👧 and ", 5);
        await says("…");
        rest();
        await shows(`${BEFORE}think of 👩‍👩‍👧 and ${AFTER}`);
        assert.equal((await page.$$("#stop:not(:disabled)")).length, 1);

        // Its user types elsewhere meanwhile.
        await press("Control", "End");
        await page.keyboard.type(" Yours");
        first.send("dream of ");
        await shows(`${BEFORE}think of 👩‍👩‍👧 and dream of ${AFTER} Yours`);

        // Stopped in the middle: what came stays, the server is told, what it says then is not heard.
        await page.click("#stop");
        assert.equal(await first.closed, true, "the browser closed the connection");
        await says("stopped");
        first.send("nothing ");
        const stopped = `${BEFORE}think of 👩‍👩‍👧 and dream of ${AFTER} Yours`;
        await shows(stopped);

        // To its end, with what it cost.
        const second = await complete();
        assert.equal(second.body.messages[0].content, stopped);
        second.send(", ");
        second.send("a friend");
        second.finish({ prompt_tokens: 21, completion_tokens: 4, total_tokens: 25 });
        await says("21 tokens in, 4 out");
        await shows(`${stopped}, a friend`);
        assert.equal((await state()).cursor, `${stopped}, a friend`.length);

        // One step takes it back, whatever it came in.
        await press("Control", "z");
        await shows(stopped);
        await press("Control", "y");
        await shows(`${stopped}, a friend`);

        // What came before an error stays, and the provider's words are shown.
        const third = await complete();
        third.send("!");
        await shows(`${stopped}, a friend!`);
        third.fail({ message: "overloaded", type: "server_error", code: null });
        await says("provider_error: overloaded");
        await shows(`${stopped}, a friend!`);

        assert.deepEqual(complaints, []);
      });
    }
  });
}
