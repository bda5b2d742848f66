// The packed package in workerd, the runtime of Cloudflare Workers, bundled as wrangler bundles: with its export conditions,
// and the WebAssembly module beside the code, compiled by whoever deploys it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { before, describe, test } from "node:test";

import { run, runtime, script } from "./support/programs.mjs";
import { staged } from "./support/stage.mjs";
import { assertEvents, release, serveStream } from "./support/stream.mjs";

const folder = join(await staged(), "apps", "workerd");
const { path: workerd, skip } = runtime("workerd");

const esbuild = (...args) => run(process.execPath, [script("esbuild"), "--bundle", "--format=esm", "--log-level=warning", ...args], { cwd: folder });

/** A configuration with one Worker: its code, and the module that this imports by name. */
function config(file, date) {
  const [, wasm] = /from "\.\/(\w+-\w+\.wasm)"/.exec(readFileSync(join(folder, file), "utf8")) ?? [];
  const modules = [`(name = "worker.js", esModule = embed "${file}")`, ...(wasm ? [`(name = "${wasm}", wasm = embed "dist/${wasm}")`] : [])];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (modules = [${modules.join(", ")}], compatibilityDate = "${date}")),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
`;
}

/** Starts the Worker, which ends with the test; resolves to its URL. */
async function start(t, file, date) {
  const path = join(folder, `${t.name.replace(/\W+/g, "-")}.capnp`);
  writeFileSync(path, config(file, date));
  const child = spawn(workerd, ["serve", path, "--control-fd=1"], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill());
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaints += text));
  const ended = once(child, "exit").then(() => assert.fail(`workerd ended: ${complaints}`));
  ended.catch(() => {});
  const [line] = await Promise.race([once(createInterface(child.stdout), "line"), ended]);
  return `http://127.0.0.1:${JSON.parse(line).port}/`;
}

/** 2024: a Worker may compile no WebAssembly itself. 2026: it may, while it starts. */
const CASES = {
  "main, 2024": { file: "dist/main.js", date: "2024-01-01" },
  "main, 2026": { file: "dist/main.js", date: "2026-11-01" },
  "slim, 2024": { file: "dist/slim.js", date: "2024-01-01" },
  "aggregate, 2024": { file: "dist/aggregate.js", date: "2024-01-01" },
  "main, bundled without conditions, 2026": { file: "plain/main.js", date: "2026-11-01" },
};

describe("workerd", { skip, concurrency: 2 }, () => {
  before(async () => {
    const conditions = "--conditions=workerd,worker,browser";
    await esbuild("main.js", "slim.js", "aggregate.js", conditions, "--loader:.wasm=copy", "--outdir=dist");
    await esbuild("main.js", "--outdir=plain");
  });

  for (const [name, { file, date }] of Object.entries(CASES)) {
    test(name, async (t) => {
      const url = new URL(await start(t, file, date));
      const stream = await serveStream(t);
      url.searchParams.set("stream", stream);
      const response = await fetch(url);
      let lines = "";
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        if (lines === "") await release(stream);
        lines += text;
      }
      assert.equal(response.status, 200, lines);
      assertEvents(lines.trimEnd().split("\n").map((line) => JSON.parse(line)));
    });
  }
});
