// Twenty streams in one page, as fast as models write: how long is the main thread blocked at most?

import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { makeStream } from "../streams.mjs";
import { runInPage, serve } from "./browser.mjs";
import { MARKS } from "./marks.mjs";

const STREAMS = 20;
const TOKENS_PER_SECOND = 200;
/** Chromium has six connections to a host; a port is a host of its own. */
const STREAMS_PER_PORT = 5;
const READERS = ["idle", "streamgauge", "floor", "openai"];

/** Resolves to `[{name, deltas, seconds, lateness, longTasks, longestTask, task, taskCpu, script}]`, times in ms. */
export async function measureStalls(browser, { quick, rounds, tell }) {
  const seconds = quick ? 3 : 10;
  const stream = makeStream({ kind: "text", tokens: seconds * TOKENS_PER_SECOND });
  const listen = () => serve((_, response) => drip(stream, response));
  const servers = await Promise.all(Array.from({ length: STREAMS / STREAMS_PER_PORT }, listen));
  const urls = servers.flatMap(({ url }) => Array.from({ length: STREAMS_PER_PORT }, (_, index) => `${url}${index}`));
  const results = [];
  try {
    for (let round = 0; round < rounds; round++) {
      for (const name of READERS) {
        const what = name === "idle" ? "an idle page" : `${STREAMS} streams read by ${name}`;
        tell(`[${round + 1}/${rounds}] ${what}, twice ${seconds} s`);
        const code = `import { READERS } from "./chromium/stall-readers.mjs";
          import { bench } from "./chromium/stall-page.mjs";
          window.bench = (options) => bench(READERS.${name}, options);`;
        const options = { urls, idleMs: seconds * 1000 };
        // Recording a trace takes time of its own, so what the page sees of itself is of another run.
        const seen = await runInPage(browser, code, options);
        results.push({ name, round, ...seen, ...(await runInPage(browser, code, options, traced)) });
      }
    }
  } finally {
    servers.forEach((server) => server.close());
  }
  return results;
}

/** Sends a token every 5 ms; after a pause of the machine, all that are due. */
function drip({ bytes, ends }, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "access-control-allow-origin": "*" });
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(ends.length, Math.floor(((performance.now() - started) / 1000) * TOKENS_PER_SECOND));
    for (; sent < due; sent++) response.write(bytes.subarray(sent === 0 ? 0 : ends[sent - 1], ends[sent]));
    if (sent < ends.length) return;
    clearInterval(timer);
    response.end();
  }, 1000 / TOKENS_PER_SECOND);
  response.on("close", () => clearInterval(timer));
}

/** Runs while the browser records what its threads do, and returns the page's longest task. */
async function traced(page, run) {
  const path = join(tmpdir(), `streamgauge-bench-${process.pid}.json`);
  const timeline = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"];
  const categories = [...timeline, "v8", "disabled-by-default-v8.gc"];
  await page.tracing.start({ path, categories });
  try {
    await run();
    await page.tracing.stop();
    return longestTask(JSON.parse(readFileSync(path, "utf8")).traceEvents);
  } finally {
    rmSync(path, { force: true });
  }
}

/** A stretch in which scripts run, the collector's work for them included. */
const SCRIPT = /^(v8\.callFunction|FunctionCall|RunMicrotasks|BlinkScheduler_PerformMicrotaskCheckpoint)$/;

/**
 * What the page's main thread did between the marks, in ms: its longest task by the clock (`task`); the longest for
 * which it really ran (`taskCpu`), and the longest stretch of script in any (`script`). The thread's own clock leaves out
 * what other processes take, but it jumps in virtual machines: of the two clocks, the smaller one is believed.
 */
function longestTask(events) {
  const mark = (name) => events.find((event) => event.name === name && /user_timing/.test(event.cat));
  const [from, to] = [mark(MARKS.start), mark(MARKS.end)];
  const inPage = ({ ph, pid, tid, ts }) => ph === "X" && pid === from.pid && tid === from.tid && ts > from.ts && ts < to.ts;
  const spans = events.filter(inPage);
  const longest = (list, timeOf) => list.reduce((most, event) => Math.max(most, timeOf(event) / 1000), 0);
  const ran = ({ dur, tdur }) => Math.min(dur, tdur ?? dur);
  const tasks = spans.filter(({ name }) => name.endsWith("RunTask"));
  const scripts = spans.filter(({ name }) => SCRIPT.test(name));
  return { task: longest(tasks, ({ dur }) => dur), taskCpu: longest(tasks, ran), script: longest(scripts, ran), tasks: tasks.length };
}
