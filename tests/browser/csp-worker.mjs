import { aggregate } from "/dist/index.js";

const { items } = await aggregate(await fetch("/stream")).final();
postMessage(items[0].content[0].text);
