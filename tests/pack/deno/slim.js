import { aggregate, init } from "streamgauge/slim";

await init(await Deno.readFile(new URL(import.meta.resolve("streamgauge/core.wasm"))));
for await (const event of aggregate(await fetch(Deno.args[0]))) console.log(JSON.stringify(event));
