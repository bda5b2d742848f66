// No bare name: a worker has no import map.
import { aggregate } from "../node_modules/streamgauge/dist/index.js";

onmessage = async ({ data: url }) => postMessage(await Array.fromAsync(aggregate(await fetch(url))));
