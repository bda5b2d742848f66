import { aggregate } from "streamgauge/aggregate";

for await (const event of aggregate(await fetch(Deno.args[0]))) console.log(JSON.stringify(event));
