// No bare name: a worker has no import map.
import { aggregate } from "../node_modules/streamgauge/dist/index.js";

onmessage = async ({ data: url }) => {
  for await (const event of aggregate(await fetch(url))) postMessage(event);
};
