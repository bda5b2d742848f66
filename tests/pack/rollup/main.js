import { aggregate } from "streamgauge";

const response = await fetch(new URL(location.href).searchParams.get("stream"));
globalThis.events = [];
for await (const event of aggregate(response)) globalThis.events.push(event);
