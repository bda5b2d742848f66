// The entries: `streamgauge/slim` with every way to load the core, and require() of both.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { HELLO, sse } from "./support/chat.mjs";

const exec = promisify(execFile);
const folder = fileURLToPath(new URL(".", import.meta.url));
const wasm = createRequire(import.meta.url).resolve("streamgauge/core.wasm");

/** Runs a script in a process of its own, where no core is loaded yet, and gives what it printed as JSON. */
async function run(script, { type = "module" } = {}) {
  const preamble = `const HELLO = ${JSON.stringify(sse(...HELLO))}; const WASM = ${JSON.stringify(wasm)};`;
  const args = [`--input-type=${type}`, "--eval", `${preamble}${script}`];
  const { stdout } = await exec(process.execPath, args, { cwd: folder, timeout: 30_000 });
  return JSON.parse(stdout);
}

const IMPORTS = `
  import { readFileSync } from "node:fs";
  import * as slim from "streamgauge/slim";
  const bytes = () => new TextEncoder().encode(HELLO);
  const print = (value) => console.log(JSON.stringify(value));
`;
const READ = "print(await slim.aggregate(bytes()).final().then(({ items }) => items[0].content[0].text));";

describe("streamgauge/slim", { concurrency: 2 }, () => {
  const WAYS = {
    "init(bytes)": "await slim.init(readFileSync(WASM));",
    "init(ArrayBuffer)": "const file = readFileSync(WASM); await slim.init(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));",
    "init(promise of bytes)": "await slim.init(Promise.resolve(readFileSync(WASM)));",
    "init(module)": "await slim.init(await WebAssembly.compile(readFileSync(WASM)));",
    "init(response)":
      'await slim.init(new Response(readFileSync(WASM), { headers: { "content-type": "application/wasm" } }));',
    "init(promise of a response)":
      'await slim.init(Promise.resolve(new Response(readFileSync(WASM), { headers: { "content-type": "application/wasm" } })));',
    "init(data URL)": 'await slim.init(new URL("data:application/wasm;base64," + readFileSync(WASM).toString("base64")));',
    "initSync(bytes)": "slim.initSync(readFileSync(WASM));",
    "initSync(module)": "slim.initSync(new WebAssembly.Module(readFileSync(WASM)));",
    "init twice": "await slim.init(readFileSync(WASM)); await slim.init(readFileSync(WASM));",
  };
  for (const [name, load] of Object.entries(WAYS)) {
    test(name, async () => {
      assert.equal(await run(`${IMPORTS}${load}${READ}`), "Hello");
    });
  }

  test("init again keeps the streams that run", async () => {
    const script = `
      await slim.init(readFileSync(WASM));
      const aggregator = new slim.Aggregator();
      const half = bytes().length >> 1;
      aggregator.feed(bytes().subarray(0, half));
      await slim.init(readFileSync(WASM));
      slim.initSync(readFileSync(WASM));
      aggregator.feed(bytes().subarray(half));
      print(aggregator.items[0].content[0].text);
    `;
    assert.equal(await run(IMPORTS + script), "Hello");
  });

  test("the API before init says what to do", async () => {
    const script = `
      const told = (call) => {
        try { call(); } catch (error) { return [error.name, error.code, error.message]; }
      };
      print([() => slim.aggregate(bytes()), () => new slim.Aggregator(), () => new slim.AggregatorStream()].map(told));
    `;
    for (const [name, code, message] of await run(IMPORTS + script)) {
      assert.equal(name, "StreamError");
      assert.equal(code, "internal");
      assert.match(message, /await init\(\.\.\.\) of "streamgauge\/slim"/);
    }
  });

  test("init with what is no module rejects, and may be tried again", async () => {
    const script = `
      const failed = await slim.init(new Uint8Array([1, 2, 3])).then(() => false, (error) => error instanceof Error);
      await slim.init(readFileSync(WASM));
      print([failed, await slim.aggregate(bytes()).final().then(({ items }) => items.length)]);
    `;
    assert.deepEqual(await run(IMPORTS + script), [true, 1]);
  });

  test("exports the same as the default entry, and the loaders", async () => {
    const names = await run(`
      import * as full from "streamgauge";
      import * as slim from "streamgauge/slim";
      console.log(JSON.stringify([Object.keys(full).sort(), Object.keys(slim).sort()]));
    `);
    assert.deepEqual(names[0], [
      "AggregateStream", "Aggregator", "AggregatorStream", "ERROR_CODES", "PartialJson", "StreamError", "Telemetry", "aggregate",
      "observedFetch", "otelFromToml", "partialArguments", "partialJsonOf", "partialOutput", "sdkLogsSink", "toAnthropicMessages",
      "toChatMessages", "toResponsesInput",
    ]);
    assert.deepEqual(names[1], [...names[0], "init", "initSync"].sort());
  });
});

describe("require()", () => {
  test("of streamgauge", async () => {
    const script = `
      const { aggregate } = require("streamgauge");
      aggregate(new TextEncoder().encode(HELLO)).final().then(({ items }) => console.log(JSON.stringify(items[0].content[0].text)));
    `;
    assert.equal(await run(script, { type: "commonjs" }), "Hello");
  });

  test("of streamgauge/slim", async () => {
    const script = `
      const slim = require("streamgauge/slim");
      slim.initSync(require("node:fs").readFileSync(require.resolve("streamgauge/core.wasm")));
      slim.aggregate(new TextEncoder().encode(HELLO)).final().then(({ items }) => console.log(JSON.stringify(items[0].content[0].text)));
    `;
    assert.equal(await run(script, { type: "commonjs" }), "Hello");
  });
});

describe("a process ends by itself", { concurrency: 2 }, () => {
  // A source without any handle of its own, so that only streamgauge could keep the process alive.
  const SOURCE = `
    import { aggregate } from "streamgauge";
    async function* source() {
      yield new TextEncoder().encode(HELLO.slice(0, HELLO.indexOf("\\n\\n") + 2));
      await new Promise(() => {});
    }
  `;
  const TABLE = {
    "after a stream that was left in the middle": `
      const iterator = aggregate(source())[Symbol.asyncIterator]();
      const { value } = await iterator.next();
      console.log(JSON.stringify(value.delta));
    `,
    "after break": `
      for await (const event of aggregate(source())) {
        console.log(JSON.stringify(event.delta));
        break;
      }
    `,
    "after a stream that nobody read": `
      aggregate(source(), { signal: new AbortController().signal });
      console.log('"Hel"');
    `,
  };
  for (const [name, script] of Object.entries(TABLE)) {
    test(name, async () => {
      const started = performance.now();
      assert.equal(await run(SOURCE + script), "Hel");
      assert.ok(performance.now() - started < 20_000);
    });
  }

  test("not while somebody waits for the idle timeout", async () => {
    const script = `
      try { for await (const _ of aggregate(source(), { idleTimeoutMs: 100 })); }
      catch (error) { console.log(JSON.stringify(error.code)); }
    `;
    assert.equal(await run(SOURCE + script), "idle_timeout");
  });
});
