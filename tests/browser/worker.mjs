import * as streamgauge from "/dist/index.js";
import { read } from "/browser/read.mjs";

onmessage = async ({ data: [url, plan] }) => postMessage(await read(streamgauge, url, plan));
