// node --expose-gc node-child.mjs: the load in a Node process, which does what its parent says and answers.

import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { makeClient } from "./client.mjs";

// They are made, and their handles with them, when they are first used.
void process.stdout;
void process.stderr;

/** Rejections that nobody handled, and Node's warnings, of too many listeners for example. */
const complaints = [];
process.on("unhandledRejection", (reason) => complaints.push(`unhandled: ${reason?.stack ?? reason}`));
process.on("warning", (warning) => complaints.push(`${warning}`));

const client = await makeClient(() => import("streamgauge"), { signalListeners: (signal) => getEventListeners(signal, "abort").length });

/** After the garbage is gone; what was dropped is found by finalizers, which run in tasks of their own. */
async function sample() {
  globalThis.gc();
  await sleep(5);
  const { heapTotal, heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { ...client.sample(), heap: heapUsed, heapTotal, external, arrayBuffers, rss, resources, complaints, cpu: process.cpuUsage() };
}

const CALLS = { start: (options) => client.start(options), sample, stop: () => client.stop() };

process.on("message", async ({ id, call, argument }) => {
  try {
    process.send({ id, result: await CALLS[call](argument) });
  } catch (error) {
    process.send({ id, error: error.stack });
  }
});
process.on("disconnect", () => process.exit());
process.send({ ready: true });
