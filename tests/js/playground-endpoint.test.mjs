// The playground and others: endpoints of the three APIs, with and without CORS; the key; collectors; the code to copy.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { BROWSERS } from "./support/browser-launch.mjs";
import { startSink } from "./support/browser-sink.mjs";
import { KEY, serveLlm } from "./support/llm.mjs";
import { Browser, excuse } from "./support/playground.mjs";
import { freePorts, startRotel, withoutRotel } from "./support/rotel.mjs";

const timeout = 60_000;
const tests = fileURLToPath(new URL("../", import.meta.url));
const PROMPT = "why do rivers meander? «é»";
const excuses = Object.fromEntries(await Promise.all(Object.keys(BROWSERS).map(async (name) => [name, await excuse(name)])));

/** By API: where the request goes, what its body must have, and what is said. */
const WIRES = {
  chat: { path: "/v1/chat/completions", body: { model: "m-1", stream: true, stream_options: { include_usage: true } }, said: `You said: ${PROMPT}` },
  responses: { path: "/v1/responses", body: { model: "m-1", stream: true, input: PROMPT }, said: /\w/ },
  anthropic: { path: "/v1/messages", body: { model: "m-1", stream: true, max_tokens: 99 }, said: /\w/, fields: '{"max_tokens": 99}' },
};

/** Runs a copied program in Node, beside the package. */
function runCode(code, { env = {}, input = "" } = {}) {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ["--input-type=module", "-e", code], { cwd: tests, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ status: error?.code ?? 0, stdout, stderr });
    });
    child.stdin.end(input);
  });
}

async function listen(t, handle) {
  const server = createServer(handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

describe("the playground and others", () => Object.keys(BROWSERS).forEach(inBrowser));

function inBrowser(name) {
  describe(`in ${name}`, { skip: excuses[name] }, () => {
    let browser;
    before(async () => {
      browser = await Browser.start(name);
    }, { timeout: 60_000 });
    after(() => browser?.close());

    async function openEndpoint(t, fields) {
      const page = await browser.open(t, { elsewhere: true });
      await page.click("#tab-endpoint");
      await page.fill({ model: "m-1", prompt: PROMPT, ...fields });
      return page;
    }

    for (const [wire, { path, body, said, fields = "" }] of Object.entries(WIRES)) {
      test(`an endpoint of ${wire}; its key is nowhere; its code runs`, { timeout }, async (t) => {
        const llm = await serveLlm(t);
        const page = await openEndpoint(t, { wire, base: llm.base, key: KEY, fields });
        assert.equal(await page.playChosen(), "completed");
        const text = await page.text("#text .k-text .body");
        if (typeof said === "string") assert.equal(text, said);
        else assert.match(text, said);
        const [request] = llm.requests;
        assert.equal(request.path, path);
        for (const [name, value] of Object.entries(body)) assert.deepEqual(request.body[name], value, name);
        assert.match(request.headers["content-type"], /^application\/json$/);
        assert.equal(request.headers.referer, undefined);

        await page.records(4);
        const { kept, document: html, url, cookie, type, autocomplete } = await page.evaluate(async () => {
          const field = document.getElementById("key");
          const databases = await indexedDB.databases?.() ?? [];
          return {
            kept: JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases, performance.getEntries().map(({ name }) => name), history.state]),
            document: document.documentElement.outerHTML, url: location.href, cookie: document.cookie,
            type: field.type, autocomplete: field.autocomplete,
          };
        });
        for (const where of [kept, html, url, cookie]) assert.ok(!where.includes(KEY));
        assert.deepEqual([type, autocomplete], ["password", "off"]);

        await page.click("#copy-code");
        await page.until(() => /^Copied/.test(document.getElementById("code-said").textContent));
        const code = name === "Chromium" ? await page.evaluate(() => navigator.clipboard.readText()) : await page.text("#code");
        assert.ok(!code.includes(KEY));
        const ran = await runCode(code, { env: { API_KEY: KEY } });
        assert.equal(ran.stderr, "");
        assert.equal(ran.status, 0);
        assert.ok(ran.stdout.includes(text), ran.stdout);
        const [inPage, inNode] = llm.requests;
        assert.deepEqual([inNode.path, inNode.body], [inPage.path, inPage.body]);
      });
    }

    test("a wrong key, in the provider's words, after one request", { timeout }, async (t) => {
      const llm = await serveLlm(t);
      const page = await openEndpoint(t, { base: llm.base, key: "sk-wrong" });
      assert.equal(await page.playChosen(), "failed");
      assert.match(await page.text("#failure"), /http_status.*Incorrect API key provided\..*401/s);
      assert.equal(llm.requests.length, 1);
      await page.records(3);
      await page.fill({ "records-name": "codex.api_request" });
      assert.match(await page.text("#records-rows"), /codex\.api_request.*401/);
    });

    test("a server that knows no pages, and one that is not there: told apart, in words", { timeout }, async (t) => {
      const llm = await serveLlm(t, { cors: false });
      const page = await openEndpoint(t, { base: llm.base, key: KEY });
      assert.equal(await page.playChosen(), "failed");
      assert.match(await page.text("#failure"), /There is a server at http:\/\/127\.0\.0\.1:\d+, but this page may not read its answers \(CORS\)\..*curl -isN/s);
      await page.screenshot("cors");
      const [port] = await freePorts(1);
      await page.fill({ base: `http://127.0.0.1:${port}/v1` });
      assert.equal(await page.playChosen(), "failed");
      assert.match(await page.text("#failure"), /Nobody answers at http:\/\/127\.0\.0\.1:\d+\./);
    });

    test("what can not be sent is said before it is", { timeout }, async (t) => {
      const page = await openEndpoint(t, {});
      for (const [fields, words] of [
        [{ base: "nonsense" }, /The base URL is not a URL/],
        [{ base: "ftp://x/v1" }, /can not ask ftp: addresses/],
        [{ base: "http://example.com/v1", key: KEY }, /unencrypted/],
        [{ base: "https://example.com/v1", key: "sk–dash" }, /character that no header can have/],
        [{ key: "", fields: "{" }, /further fields are not JSON/],
        [{ fields: "[1]" }, /no JSON object/],
      ]) {
        await page.fill(fields);
        await page.click("#play");
        assert.match(await page.text("#failure"), words);
      }
    });

    test("stop closes the connection", { timeout }, async (t) => {
      const llm = await serveLlm(t, { stall: true });
      const page = await openEndpoint(t, { base: llm.base, key: KEY });
      await page.click("#play");
      await page.until(() => document.querySelector("#text .k-text .body")?.textContent.length > 5);
      await page.click("#stop");
      await page.state("stopped");
      await llm.requests[0].closed;
      assert.match(await page.text("#failure"), /The stream was stopped.*1 item had arrived by then, incomplete/s);
    });

    test("stop before there is an answer", { timeout }, async (t) => {
      const llm = await serveLlm(t, { mute: true });
      const page = await openEndpoint(t, { base: llm.base, key: KEY });
      await page.click("#play");
      while (llm.requests.length === 0) await sleep(10);
      await page.click("#stop");
      await page.state("stopped");
      await llm.requests[0].closed;
      assert.match(await page.text("#failure"), /The stream was stopped.*aborted.*before there was an answer.*No item had arrived/s);
    });

    test("records: filtered, looked at, downloaded, exported", { timeout }, async (t) => {
      const sink = await startSink();
      t.after(() => sink.close());
      const run = sink.run();
      const page = await browser.open(t, { elsewhere: true });
      await page.play("demo");
      const total = await page.records(139);
      assert.match(await page.text("#records-size"), /^140 records$/);
      await page.fill({ "records-filter": "Response.COMPLETED 1843" });
      assert.match(await page.text("#records-size"), /^1 of 140 records$/);
      assert.match(await page.text("#records-rows"), /input_token_count 1843/);
      await page.click("#records-rows tr[data-at]");
      const { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] } = JSON.parse(await page.text("#record"));
      assert.equal(logRecords.length, 1);
      assert.equal(logRecords[0].eventName, "codex.sse_event");
      assert.deepEqual(resource.attributes[0], { key: "service.name", value: { stringValue: "streamgauge-playground" } });
      await page.fill({ "records-filter": "", "records-name": "codex.conversation_starts" });
      assert.match(await page.text("#records-size"), /^1 of 140 records$/);
      await page.fill({ "records-name": "" });

      await page.fill({ collector: run.url, "collector-header": "x-test-key: 1" });
      await page.click("#export-all");
      const said = await page.until(() => /request/.test(document.getElementById("export-said").textContent) && document.getElementById("export-said").textContent);
      assert.match(said, /^127\.0\.0\.1:\d+ took 140 records in 1 request\.$/);
      assert.equal(run.records.length, total);
      assert.equal(run.requests[0].headers["x-test-key"], "1");
      await page.screenshot("exported");

      if (name !== "Chromium") return;
      const [file] = await Promise.all([page.page.waitForEvent("download"), page.click("#records-download")]);
      const lines = readFileSync(await file.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
      const downloaded = lines.flatMap(({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }) => logRecords);
      assert.equal(downloaded.length, total);
    });

    test("how many records a stream makes is chosen", { timeout }, async (t) => {
      const page = await browser.open(t);
      await page.fill({ "sse-events": "off" });
      await page.play("demo");
      assert.equal(await page.records(2), 2);
    });

    test("collectors that refuse, in words", { timeout }, async (t) => {
      const allow = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
      let step;
      const url = await listen(t, (request, response) => {
        request.resume();
        if (request.method === "OPTIONS") return response.writeHead(204, allow).end();
        return response.writeHead(step.status, { ...allow, "content-type": "application/json" }).end(step.body);
      });
      const page = await browser.open(t, { elsewhere: true });
      await page.play("chat-dialect-error-string");
      assert.equal(await page.records(4), 4);
      for (const [answer, words, address = `${url}/v1/logs`] of [
        [{ status: 200, body: '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}' }, /took 2 of 4 records and rejected 2\. It says: too old/],
        [{ status: 401, body: '{"message":"no token"}' }, /answered 401: no token\. It wants a header with a key/],
        [{ status: 404, body: "not here" }, /answered 404: not here\. Is that the whole address/],
        [{ status: 200, body: "" }, /took 4 records in 1 request/],
        [{ status: 200, body: "" }, /address is not a URL/, "localhost"],
        [{ status: 200, body: "" }, /Nobody answers/, `http://127.0.0.1:${(await freePorts(1))[0]}/v1/logs`],
      ]) {
        step = answer;
        await page.evaluate(() => (document.getElementById("export-said").textContent = ""));
        await page.fill({ collector: address });
        await page.evaluate(() => document.getElementById("export").requestSubmit());
        await page.until(() => !["", "Sending .."].includes(document.getElementById("export-said").textContent));
        assert.match(await page.text("#export-said"), words);
      }
    });

    test("a real collector takes the records, through a door that lets pages in", { timeout, skip: withoutRotel() }, async (t) => {
      const rotel = await startRotel(t);
      const allow = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
      const door = await listen(t, async (request, response) => {
        if (request.method === "OPTIONS") return response.writeHead(204, allow).end();
        const body = [];
        for await (const part of request) body.push(part);
        const answer = await fetch(rotel.http, { method: "POST", body: Buffer.concat(body), headers: { "content-type": request.headers["content-type"] } });
        return response.writeHead(answer.status, allow).end(await answer.text());
      });
      const page = await browser.open(t, { elsewhere: true });
      await page.play("demo");
      await page.records(140);
      await page.fill({ collector: `${door}/v1/logs` });
      await page.evaluate(() => document.getElementById("export").requestSubmit());
      await page.until(() => /took 140 records/.test(document.getElementById("export-said").textContent));
      const records = await rotel.received(140);
      assert.equal(records.length, 140);
      assert.equal(records.at(-1).attributes["event.kind"].value, "response.completed");
    });

    for (const [what, prepare, sure, input] of [
      ["a recording", (page) => page.fill({ recording: "demo" }), ({ status, stdout }) => {
        assert.equal(status, 0);
        assert.match(stdout, /The user wants.*"name":"run_command".*tool_calls/s);
      }],
      ["a recording that fails", (page) => page.fill({ recording: "chat-a11-invalid-utf-8-in-text-error" }), ({ status, stderr }) => {
        assert.equal(status, 1);
        assert.match(stderr, /^invalid_utf8: UTF8 error/);
      }],
      ["a capture", async (page) => {
        await page.click("#tab-pasted");
        await page.fill({ capture: 'HTTP/1.1 429 Too Many\nretry-after: 3\n\n{"error":{"message":"slow `down`"}}' });
      }, ({ status, stderr }) => {
        assert.equal(status, 1);
        assert.match(stderr, /^http_status: .*slow `down`/);
      }],
      ["a large capture", async (page) => {
        await page.click("#tab-pasted");
        await page.fill({ capture: readFileSync(`${tests}fixtures/demo.sse`, "utf8") });
      }, ({ status, stdout }) => {
        assert.equal(status, 0);
        assert.match(stdout, /"name":"run_command"/);
      }, readFileSync(`${tests}fixtures/demo.sse`)],
    ]) {
      if (name !== "Chromium") break;
      test(`the code of ${what} runs`, { timeout }, async (t) => {
        const sink = await startSink();
        t.after(() => sink.close());
        const run = sink.run();
        const page = await browser.open(t);
        await prepare(page);
        for (const collector of ["", run.url]) {
          await page.fill({ collector });
          sure(await runCode(await page.text("#code"), { input }));
        }
        assert.ok(run.records.length > 0, "the code's records arrived");
      });
    }
  });
}
