// The packed package in runtimes without a page: Node (the oldest that `engines` allows, this one, and the newest), Bun, Deno.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";

import { events, runtime } from "./support/programs.mjs";
import { staged } from "./support/stage.mjs";
import { assertEvents, serveStream } from "./support/stream.mjs";

const apps = join(await staged(), "apps");

const NODE = ["node-esm/main.mjs", "node-esm/slim.mjs", "node-esm/aggregate.mjs", "node-require/main.cjs", "node-require/slim.cjs", "node-require/aggregate.cjs"];
const HERE = `Node ${process.versions.node}`;
const HOSTS = {
  "Node, the oldest": { ...runtime("Node, the oldest"), files: NODE },
  [HERE]: { path: process.execPath, files: NODE },
  "Node, the newest": { ...runtime("Node, the newest"), files: NODE },
  Bun: { ...runtime("Bun"), files: ["bun/main.js", "bun/slim.js", "bun/aggregate.js", "bun/require.cjs"] },
  // It needs the network, and for the slim entry the module's file; nothing else is allowed.
  Deno: { ...runtime("Deno"), files: ["deno/main.js", "deno/aggregate.js"], args: ["run", "--no-prompt", "--allow-net=127.0.0.1"] },
  "Deno, with a file": { ...runtime("Deno"), files: ["deno/slim.js"], args: ["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read=."] },
};

for (const [name, { path, skip = false, files, args = [] }] of Object.entries(HOSTS)) {
  describe(name, { skip, concurrency: 2 }, () => {
    for (const file of files) {
      test(file, async (t) => {
        const stream = await serveStream(t);
        assertEvents(await events(path, [...args, file, stream], { cwd: apps, stream }));
      });
    }
  });
}

test("every entry, by import and by require", async () => {
  const { exports } = JSON.parse(readFileSync(join(apps, "node_modules", "streamgauge", "package.json"), "utf8"));
  const entries = Object.keys(exports).filter((name) => exports[name].default !== undefined).map((name) => join("streamgauge", name));
  const names = (path, ...args) => events(path, args, { cwd: apps });
  const { path } = HOSTS["Node, the oldest"].skip ? HOSTS[HERE] : HOSTS["Node, the oldest"];
  const imported = `for (const name of ${JSON.stringify(entries)}) console.log(JSON.stringify(Object.keys(await import(name)).sort()))`;
  const required = `for (const name of ${JSON.stringify(entries)}) console.log(JSON.stringify(Object.keys(require(name)).sort()))`;
  const found = await names(path, "--input-type=module", "-e", imported);
  assert.deepEqual(await names(path, "--input-type=commonjs", "-e", required), found);
  assert.equal(found.length, entries.length);
  for (const list of found) assert.ok(list.length > 0);
});

describe("curl | npx streamgauge", () => {
  const command = join(apps, "node_modules", ".bin", "streamgauge");
  const SETTINGS = join(apps, "otel.toml");
  writeFileSync(SETTINGS, '[otel]\nenvironment = "test"\nexporter = "none"\n');

  // With settings it needs the one package that it depends on.
  for (const args of [[], ["--otel", SETTINGS]]) {
    test(args[0] ?? "as it is", async (t) => {
      const stream = await serveStream(t);
      const { body } = await fetch(stream);
      assertEvents(await events(command, args, { cwd: apps, input: Readable.fromWeb(body), stream }));
    });
  }
});
