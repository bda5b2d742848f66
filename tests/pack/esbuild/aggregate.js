import { aggregate } from "streamgauge/aggregate";

// Without a top-level await, so that it is bundled as a classic script too.
async function run() {
  const response = await fetch(new URL(location.href).searchParams.get("stream"));
  globalThis.events = [];
  for await (const event of aggregate(response)) globalThis.events.push(event);
}

run();
