import { aggregate, init } from "streamgauge/slim";

await init(await Bun.file(Bun.resolveSync("streamgauge/core.wasm", import.meta.dir)).arrayBuffer());
for await (const event of aggregate(await fetch(Bun.argv[2]))) console.log(JSON.stringify(event));
