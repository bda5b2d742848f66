const { readFileSync } = require("node:fs");

const { aggregate, initSync } = require("streamgauge/slim");

initSync(readFileSync(require.resolve("streamgauge/core.wasm")));

async function run(url) {
  for await (const event of aggregate(await fetch(url))) console.log(JSON.stringify(event));
}

run(process.argv[2]);
