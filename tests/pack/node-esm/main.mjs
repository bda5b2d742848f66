import { aggregate } from "streamgauge";

for await (const event of aggregate(await fetch(process.argv[2]))) console.log(JSON.stringify(event));
