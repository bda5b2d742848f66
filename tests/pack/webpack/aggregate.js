import { aggregate } from "streamgauge/aggregate";

const response = await fetch(new URL(location.href).searchParams.get("stream"));
globalThis.events = await Array.fromAsync(aggregate(response));
