import { aggregate, init } from "streamgauge/slim";
import wasmUrl from "streamgauge/core.wasm?url";

await init(wasmUrl);
const response = await fetch(new URL(location.href).searchParams.get("stream"));
globalThis.events = [];
for await (const event of aggregate(response)) globalThis.events.push(event);
