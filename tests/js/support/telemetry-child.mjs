// A process with telemetry, for tests of what holds a process and what is lost with it:
//
//   node telemetry-child.mjs none '<otel>'              everything, counted; prints the counts
//   node telemetry-child.mjs leave '<otel>'             records, and comes to its end
//   node telemetry-child.mjs flush '<otel>'             .. after forceFlush()
//   node telemetry-child.mjs shutdown '<otel>'          .. after a shutdown() that nobody awaits
//   node telemetry-child.mjs shutdown-exit '<otel>'     awaits shutdown(), then process.exit()

import http from "node:http";
import http2 from "node:http2";
import net from "node:net";

const [, , mode, otelText] = process.argv;
const otel = otelText === undefined ? undefined : JSON.parse(otelText);

const counts = {};
for (const [object, name] of [
  [globalThis, "fetch"], [globalThis, "setTimeout"], [globalThis, "setInterval"], [globalThis, "setImmediate"],
  [http, "request"], [http2, "connect"], [net.Socket.prototype, "connect"],
]) {
  const original = object[name];
  const key = object === net.Socket.prototype ? "socket" : object === http2 ? "http2" : name;
  counts[key] = 0;
  object[name] = function counted(...given) {
    counts[key]++;
    return Reflect.apply(original, this, given);
  };
}
const resourcesAtStart = process.getActiveResourcesInfo().length;

const { aggregate, Telemetry } = await import("streamgauge");

const telemetry = new Telemetry({ conversationId: "c", model: "m", appVersion: "1", otel });

if (mode === "none") {
  telemetry.conversationStarts({ provider_name: "p" });
  telemetry.userPrompt("prompt");
  const body = 'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
  const events = [];
  for await (const event of aggregate(Buffer.from(body), { telemetry, idleTimeoutMs: 0 })) events.push(event.type);
  telemetry.toolDecision({ tool_name: "t", call_id: "c", decision: "denied", source: "config" });
  await telemetry.runTool({ tool_name: "t" }, () => "output");
  const flush = await telemetry.forceFlush();
  const resources = process.getActiveResourcesInfo().length - resourcesAtStart;
  const { stats } = telemetry;
  const shutdown = await telemetry.shutdown();
  console.log(JSON.stringify({ counts, resources, events, flush, shutdown, stats }));
} else {
  for (let index = 0; index < 3; index++) telemetry.userPrompt(`prompt ${index}`);
  if (mode === "flush") console.log(await telemetry.forceFlush());
  if (mode === "shutdown") telemetry.shutdown().then(console.log);
  if (mode === "shutdown-exit") {
    const result = await telemetry.shutdown();
    console.log(result);
    process.exit(0);
  }
}
