import { readFile } from "node:fs/promises";

import { aggregate, init } from "streamgauge/slim";

await init(await readFile(new URL(import.meta.resolve("streamgauge/core.wasm"))));
for await (const event of aggregate(await fetch(process.argv[2]))) console.log(JSON.stringify(event));
