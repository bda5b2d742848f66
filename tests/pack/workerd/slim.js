import { aggregate, initSync } from "streamgauge/slim";
import core from "streamgauge/core.wasm"; // a WebAssembly.Module

initSync(core);

export default {
  async fetch(request) {
    const response = await fetch(new URL(request.url).searchParams.get("stream"));
    return Response.json(await Array.fromAsync(aggregate(response)));
  },
};
