import { aggregate, initSync } from "streamgauge/slim";
import core from "streamgauge/core.wasm"; // a WebAssembly.Module

initSync(core);

export default {
  async fetch(request) {
    const events = aggregate(await fetch(new URL(request.url).searchParams.get("stream")))[Symbol.asyncIterator]();
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
  },
};
