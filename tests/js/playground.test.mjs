// The playground: recorded and pasted streams are played, stopped and held, and every failure of the fixtures is told in
// words. In Chromium and Firefox, against the server that `npm --prefix pkg run www` starts.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { aggregate } from "streamgauge";

import { recordings } from "../../pkg/scripts/www/recordings.mjs";
import { BROWSERS } from "./support/browser-launch.mjs";
import { corpusPath, readJsonLines } from "./support/corpus.mjs";
import { Browser, excuse } from "./support/playground.mjs";

const timeout = 120_000;
const demo = readFileSync(new URL("../fixtures/demo.sse", import.meta.url), "utf8");
const excuses = Object.fromEntries(await Promise.all(Object.keys(BROWSERS).map(async (name) => [name, await excuse(name)])));

/** What is pasted, what the page makes of it, and words that must be on it. */
const PASTED = {
  "an event stream": { text: demo, state: "completed", items: 4 },
  "with CRLF, cut off": { text: demo.slice(0, 9000).replaceAll("\n", "\r\n"), state: "failed", words: /stream_incomplete/ },
  "a JSON body": {
    text: JSON.stringify({ id: "r", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "whole" }, finish_reason: "stop" }] }, null, 2),
    state: "completed", items: 1,
  },
  "curl -i, a stream": { text: `HTTP/2 200 \r\ncontent-type: text/event-stream\r\n\r\n${demo}`, state: "completed", items: 4 },
  "curl -i, behind a proxy, refused": {
    text: 'HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n\r\n{"error":{"message":"slow down","type":"requests"}}',
    state: "failed", words: /http_status[\s\S]*slow down[\s\S]*429[\s\S]*7\.00 s/,
  },
  "curl -i, without a body": { text: "HTTP/1.1 204 No Content\r\n\r\n", state: "failed", words: /stream_incomplete/ },
  "a gateway's page": { text: "<html><title>502 Bad Gateway</title></html>", state: "failed", words: /no event stream[\s\S]*502 Bad Gateway/ },
  "words": { text: "upstream connect error", state: "failed", words: /provider_error[\s\S]*upstream connect error/ },
};

test("the server gives nothing but the page, the package and the recordings, under a strict policy", async (t) => {
  const { serve } = await import("../../pkg/scripts/www.mjs");
  const server = await serve(0);
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}`;
  for (const path of ["/", "/main.js", "/styles/theme.css", "/dist/index.js", "/recordings.json", "/recordings/demo.sse"]) {
    const response = await fetch(url + path);
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get("content-security-policy"), /^default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src \*/);
    await response.body.cancel();
  }
  for (const path of ["/..%2fCargo.toml", "/dist/../package.json", "/recordings/none.sse", "/nothing.js"]) {
    assert.equal((await fetch(url + path)).status, 404, path);
  }
});

describe("the playground", () => Object.keys(BROWSERS).forEach(inBrowser));

function inBrowser(name) {
  describe(`in ${name}`, { skip: excuses[name] }, () => {
    let browser;
    before(async () => {
      browser = await Browser.start(name);
    }, { timeout: 60_000 });
    after(() => browser?.close());

    test("a recording: text, reasoning, calls, readings, timeline", { timeout }, async (t) => {
      const page = await browser.open(t);
      assert.equal(await page.play("demo", "x16"), "completed");
      assert.match(await page.text("#text .k-reasoning .body"), /^The user wants the failing test fixed/);
      assert.match(await page.text("#text .k-text .body"), /^I'll look at `parse_duration`.*changed before you agree/s);
      const cards = await page.evaluate(() => [...document.querySelectorAll("#items .card")].map((card) => ({
        label: card.querySelector("strong").textContent, id: card.querySelector("code").textContent,
        status: card.dataset.status, arguments: card.querySelector(".arguments")?.textContent ?? null,
      })));
      assert.deepEqual(cards, [
        { label: "reasoning", id: "", status: "done", arguments: null }, { label: "message", id: "", status: "done", arguments: null },
        { label: "read_file", id: "call_read_7Kq", status: "done", arguments: '{"path": "src/time/parse.rs", "start_line": 12, "end_line": 58}' },
        { label: "run_command", id: "call_run_9Zt", status: "done", arguments: '{"command": "cargo test parse_duration -- --nocapture", "timeout_ms": 60000}' },
      ]);
      const readings = await page.text("#readouts");
      for (const words of [/Tokens out187/, /Tokens in1,843/, /Finishtool_calls/, /138 frames/]) assert.match(readings, words);
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll(".lane-label")].map(({ textContent }) => textContent)),
        ["reasoning", "message", "read_file", "run_command"]);
      assert.match(await page.evaluate(() => document.getElementById("gaps").getAttribute("aria-label")), /median .* longest/);
      assert.equal(await page.text("#items .card:nth-child(3) .fields"), "pathsrc/time/parse.rsstart_line12end_line58");
      // The item as JSON is written when it is opened.
      await page.click("#items .card:nth-child(3) summary");
      assert.equal(JSON.parse(await page.until(() => document.querySelector("#items .card:nth-child(3) details pre").textContent)).name, "read_file");
      await page.screenshot("completed");
    });

    test("arguments grow", { timeout }, async (t) => {
      const page = await browser.open(t);
      await page.evaluate(() => {
        globalThis.seen = new Set();
        const look = () => seen.add(document.querySelector("#items .card:nth-child(3) .arguments")?.textContent ?? "");
        new MutationObserver(look).observe(document.getElementById("items"), { childList: true, characterData: true, subtree: true });
      });
      await page.play("demo", "x1");
      const seen = await page.evaluate(() => [...globalThis.seen].filter((text) => text !== ""));
      assert.ok(seen.length > 2, `they were seen ${seen.length} times`);
      for (const text of seen) assert.ok(seen.at(-1).startsWith(text), text);
    });

    test("is held, goes on, is stopped; and another one takes its place", { timeout }, async (t) => {
      const page = await browser.open(t);
      await page.fill({ recording: "long", speed: "x4" });
      await page.click("#play");
      await page.until(() => document.getElementById("text").textContent.length > 50);
      await page.click("#pause");
      await page.state("paused");
      const shown = () => page.evaluate(() => new Promise((resolve) => {
        setTimeout(() => resolve(document.getElementById("text").textContent.length), 300);
      }));
      const held = await shown();
      assert.equal(await shown(), held);
      await page.click("#pause");
      await page.until((held) => document.getElementById("text").textContent.length > held, held);
      await page.click("#stop");
      await page.state("stopped");
      assert.match(await page.text("#failure"), /was stopped.*aborted.*1 item had arrived by then, incomplete/s);
      await page.click("#play");
      await page.state("streaming");
      assert.equal(await page.play("demo"), "completed");
      assert.equal(await page.evaluate(() => document.getElementById("failure").hidden), true);
      assert.equal(await page.evaluate(() => document.querySelectorAll("#items .card").length), 4);
    });

    test("20 000 tokens, as fast as possible", { timeout }, async (t) => {
      const page = await browser.open(t);
      assert.equal(await page.play("long"), "completed");
      assert.match(await page.text("#readouts"), /Tokens out20,000/);
      await page.records(20_000);
      const { rows, units } = await page.evaluate(() => ({
        rows: document.querySelectorAll("#records-rows tr[data-at]").length,
        units: document.querySelector("#text .k-text .body").textContent.length,
      }));
      assert.ok(rows < 100, `${rows} rows are in the document`);
      assert.match(await page.text("#items"), new RegExp(`10,000 deltas, ${units.toLocaleString("en")} characters`));
    });

    test("captures of every kind, as files", { timeout }, async (t) => {
      const page = await browser.open(t);
      await page.click("#tab-pasted");
      await page.fill({ speed: "max" });
      const found = await page.playAll(Object.entries(PASTED).map(([name, { text }]) => ({ name, bytes: Buffer.from(text) })));
      for (const [at, [title, { state, items, words }]] of Object.entries(PASTED).entries()) {
        assert.equal(found[at].state, state, title);
        if (words !== undefined) assert.match(found[at].failure, words, title);
        if (items !== undefined) assert.equal(found[at].items, items, title);
      }
    });

    test("the field takes a capture, and says when there is none", { timeout }, async (t) => {
      const page = await browser.open(t);
      await page.click("#tab-pasted");
      await page.click("#play");
      assert.match(await page.text("#failure"), /There is nothing to play/);
      await page.fill({ capture: demo, speed: "max" });
      assert.equal(await page.playChosen(), "completed");
    });

    test("the corpus: what Node makes of it, and words for every error", { timeout: 2 * timeout, skip: name !== "Chromium" }, async (t) => {
      const index = corpusPath(t, "streams", "index.jsonl");
      if (index === undefined) return;
      const page = await browser.open(t);
      await page.click("#tab-pasted");
      await page.fill({ speed: "max" });
      const streams = readJsonLines(index).map(({ file }) => ({ name: file, bytes: readFileSync(corpusPath(t, "streams", file)) }));
      const errors = readJsonLines(corpusPath(t, "http_errors.jsonl")).map(({ status, content_type: type = "text/plain", body }, at) => ({
        name: `error ${at}`, bytes: Buffer.from(`HTTP/1.1 ${status} no\r\ncontent-type: ${type}\r\n\r\n${body}`),
        response: () => new Response(body, { status, headers: { "content-type": type } }),
      }));
      const captures = [...streams, ...errors];
      const found = await page.playAll(captures);
      for (const [at, { name: file, bytes, response }] of captures.entries()) {
        const expected = await aggregate(response?.() ?? bytes).final().then(
          ({ items }) => ({ items }), ({ code, message, partial }) => ({ code, message, items: partial }));
        const { state, items, failure } = found[at];
        assert.equal(state, expected.code === undefined ? "completed" : "failed", file);
        assert.equal(items, Math.min(100, expected.items.length), file);
        if (expected.code !== undefined) assert.ok(failure.includes(expected.code) && failure.includes(expected.message), `${file}: ${failure}`);
      }
    });

    test("every failure of the fixtures in words", { timeout }, async (t) => {
      const page = await browser.open(t);
      // They are words of the page, not of a browser: once is enough for all, and a few in the other.
      const isFew = name !== "Chromium";
      const failing = recordings().filter(({ fails, group }) => fails && (!isFew || group === "Failures"));
      assert.ok(failing.length >= (isFew ? 10 : 100));
      await page.fill({ speed: "max" });
      const found = await page.playAll(failing.map(({ id }) => id));
      for (const [at, { id, error }] of failing.entries()) {
        const { state, failure, title, message, advice, kept } = found[at];
        assert.equal(state, "failed", id);
        assert.ok(failure.includes(error.code) && failure.includes(error.message ?? ""), `${id}: ${failure}`);
        assert.ok(title.length > 10 && message !== "" && advice.length > 10, `${id}: ${failure}`);
        assert.match(kept, /had arrived by then/, id);
        assert.doesNotMatch(failure, /undefined|\[object|defect/, id);
      }
      await page.play("chat-dialect-error-mid-stream-openrouter");
      await page.screenshot("failed");
    });
  });
}
