import { aggregate } from "streamgauge";

export default {
  async fetch(request) {
    const response = await fetch(new URL(request.url).searchParams.get("stream"));
    return Response.json(await Array.fromAsync(aggregate(response)));
  },
};
