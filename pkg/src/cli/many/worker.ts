// A worker thread: reads one file after the other with a core of its own. What it says: `pool.ts`.

import { parentPort, workerData } from "node:worker_threads";

import type { FromWorker, ToWorker, WorkerData } from "./pool.js";
import { closeRecordings } from "./recording.js";
import type { Row } from "./rows.js";
import { runTask } from "./task.js";
import type { Task, TaskPort, TaskSettings } from "./task.js";

/** How many characters may be under way before the next is held back. */
const WINDOW = 1_048_576;
/** How often it is told how much was read, in milliseconds. */
const READ_EVERY_MS = 100;

const { settings, stop } = workerData as WorkerData<TaskSettings>;
const main = parentPort!;
const flag = new Int32Array(stop);

let underWay = 0;
let unheldBack: (() => void)[] = [];
let read = 0;
let toldAt = 0;
let running: Promise<void> | undefined;

const port: TaskPort = {
  async text(channel, text) {
    underWay += text.length;
    say({ type: "text", channel, text });
    if (underWay > WINDOW) await new Promise<void>((resolve) => unheldBack.push(resolve));
  },
  read(bytes) {
    read += bytes;
    const now = performance.now();
    if (now - toldAt > READ_EVERY_MS) tellRead(now);
  },
  warn: (message) => say({ type: "warning", message }),
  lost: (records, reason) => say({ type: "lost", records, reason }),
  stopped: () => Atomics.load(flag, 0) !== 0,
};

main.on("message", async (message: ToWorker<Task>) => {
  switch (message.type) {
    case "run":
      running = run(message.task);
      return running;
    case "taken":
      underWay -= message.length;
      if (underWay > WINDOW) return;
      for (const resolve of unheldBack.splice(0)) resolve();
      return;
    case "finish":
      await running;
      await closeRecordings();
      process.exit(0);
  }
});
say({ type: "ready" });

async function run(task: Task): Promise<void> {
  const result = await runTask(task, settings, port);
  if (read > 0) tellRead(performance.now());
  say({ type: "done", result });
}

function tellRead(now: number): void {
  say({ type: "read", bytes: read });
  read = 0;
  toldAt = now;
}

function say(message: FromWorker<Row>): void {
  main.postMessage(message);
}
