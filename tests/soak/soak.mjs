// One run: the load, a warm-up, samples, the end, and what is left then.

import { setTimeout as sleep } from "node:timers/promises";

import { startNode, startServer } from "./children.mjs";
import { startPage } from "./page-host.mjs";

/** How long what has ended may take to be gone: idle connections are kept for some seconds, finalizers come when they like. */
const SETTLES_MS = 60_000;

/** How often, on average, a stream is replaced in the warm-up at least, and after it: a busy machine takes longer for that. */
const GENERATIONS = 2;

export const HOSTS = {
  node: { protocol: "h1", streams: 2000, pace: 8, start: () => startNode() },
  page: { protocol: "h2", streams: 100, pace: 1, start: (server) => startPage(server) },
};

/**
 * @param host `node` or `page`
 * @param scale `streams` and `pace` (see plan.mjs), for less than a host's own
 * @param tell is given each sample
 * @returns `before`, `samples`, `after` (samples of before the load, during it, and when all had ended), `came` (what came of
 *   the streams) and `served` (what the server has seen)
 */
export async function soak({ host, warmUpSeconds, seconds, everySeconds, tell = () => {}, ...scale }) {
  const { streams, pace } = { ...HOSTS[host], ...scale };
  checkOpenFiles(streams);
  const server = await startServer(HOSTS[host].protocol);
  let client;
  try {
    client = await HOSTS[host].start(server);
    const before = await client.sample();
    const began = performance.now();
    const at = () => (performance.now() - began) / 1000;
    const sample = async () => {
      const one = { at: at(), ...(await client.sample()) };
      tell(one);
      return one;
    };
    await client.start({ base: server.url, streams, pace });
    const samples = [];
    let last = await sample();
    while (at() < warmUpSeconds || last.opened < streams * (1 + GENERATIONS)) {
      await sleep(everySeconds * 1000);
      last = await sample();
    }
    const [until, opened] = [at() + seconds, last.opened + streams * GENERATIONS];
    while (at() < until || samples.length < 9 || last.opened < opened) {
      samples.push((last = await sample()));
      await sleep(everySeconds * 1000);
    }
    const came = await client.stop();
    let after = await sample();
    const deadline = performance.now() + SETTLES_MS;
    while (performance.now() < deadline && !isSettled(before, after)) {
      await sleep(1000);
      after = await sample();
    }
    const forgotten = () => came.said.forgotten.telemetries;
    let served = await server.seen();
    while (performance.now() < deadline && (served.open > 0 || (served.telemetry["forgotten logs"]?.events["codex.api_request"] ?? 0) < forgotten())) {
      await sleep(500);
      served = await server.seen();
    }
    return { host, streams, before, samples, after, came, served };
  } finally {
    await client?.close();
    await server.close();
  }
}

/** A stream is a file on either side, and one that was dropped stays until it is found. Node raises its limit as far as it may. */
function checkOpenFiles(streams) {
  const may = Number(process.report.getReport().userLimits?.open_files.hard);
  const needed = Math.ceil(streams * 1.5) + 200;
  if (may < needed) throw new Error(`${streams} streams need ${needed} open files, and the limit is ${may}: ulimit -Hn`);
}

function isSettled(before, after) {
  const kinds = new Set([...Object.keys(before.resources ?? {}), ...Object.keys(after.resources ?? {})]);
  const sameResources = [...kinds].every((kind) => (after.resources[kind] ?? 0) === (before.resources[kind] ?? 0));
  return sameResources && after.readers + after.aggregators + after.telemetries === 0 && (after.listeners ?? 0) <= (before.listeners ?? 0);
}
