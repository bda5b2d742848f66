// Answers `./events?stream=URL` with the events of that stream, a JSON object per line, as they come.
import { aggregate } from "../node_modules/streamgauge/dist/index.js";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { pathname, searchParams } = new URL(event.request.url);
  if (pathname.endsWith("/events")) event.respondWith(answer(searchParams.get("stream")));
});

async function answer(url) {
  const events = aggregate(await fetch(url))[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async pull(controller) {
      const { value, done } = await events.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
    },
    cancel: () => events.return(),
  });
  return new Response(body, { headers: { "content-type": "application/jsonl" } });
}
