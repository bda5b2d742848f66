import { aggregate } from "../node_modules/streamgauge/dist/index.js";

const response = await fetch(new URL(location.href).searchParams.get("stream"));
globalThis.events = await Array.fromAsync(aggregate(response));
