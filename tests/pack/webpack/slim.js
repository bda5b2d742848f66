import { aggregate, init } from "streamgauge/slim";

await init(new URL("streamgauge/core.wasm", import.meta.url));
const response = await fetch(new URL(location.href).searchParams.get("stream"));
globalThis.events = [];
for await (const event of aggregate(response)) globalThis.events.push(event);
