import { aggregate } from "streamgauge";

for await (const event of aggregate(await fetch(Deno.args[0]))) console.log(JSON.stringify(event));
