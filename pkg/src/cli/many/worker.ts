// A worker thread: reads one file after the other with a core of its own. What it says: `pool.ts`.

import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

import type { FromWorker, Numbered, Said, ToWorker, WorkerData } from "./pool.js";
import { closeRecordings } from "./recording.js";
import type { Row } from "./rows.js";
import { runTask } from "./task.js";
import type { Task, TaskPort, TaskSettings } from "./task.js";

/** How many characters may be under way before the next is held back. */
const WINDOW = 1_048_576;
/** About what a result costs. */
const RESULT_LENGTH = 512;
/** A message costs as much as a small file, so much is said at a time: up to so many characters, or for so long. */
const BATCH_LENGTH = 65_536;
const BATCH_MS = 50;

const { settings, stop, current } = workerData as WorkerData<TaskSettings>;
const main = parentPort!;
const stopFlag = new Int32Array(stop);
const currentTask = new Int32Array(current);

const queue: Numbered<Task>[] = [];
let working: Promise<void> | undefined;
let said: Said<Row>[] = [];
let saidLength = 0;
let saidAt = performance.now();
let underWay = 0;
let heldBack: (() => void)[] = [];
let read = 0;

main.on("message", async (message: ToWorker<Task>) => {
  switch (message.type) {
    case "run":
      queue.push(...message.tasks);
      working ??= work();
      return working;
    case "taken":
      underWay -= message.length;
      if (underWay > WINDOW) return;
      for (const resolve of heldBack.splice(0)) resolve();
      return;
    case "finish":
      await working;
      await closeRecordings();
      tell();
      process.exit(0);
  }
});
say({ type: "ready" }, 0);
tell();

async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined && !isStopped(); next = queue.shift()) {
    const { index, task } = next;
    Atomics.store(currentTask, 0, index);
    const before = said;
    const result = await runTask(task, settings, portOf(index));
    say({ type: "done", index, result }, RESULT_LENGTH);
    // A trap may have left the core in any state. This worker is replaced.
    const isSpoiled = result.result === "internal";
    // What was said of a file is either all told or all untold: see Pool.
    if (said !== before || isSpoiled || isDue()) tell();
    if (isSpoiled) return;
    if (underWay > WINDOW) await room();
    if (said.length === 0) await setImmediate();
  }
  tell();
  working = undefined;
}

function portOf(index: number): TaskPort {
  return {
    async text(channel, text) {
      say({ type: "text", index, channel, text }, text.length);
      if (saidLength > BATCH_LENGTH) tell();
      if (underWay > WINDOW) await room();
    },
    read(bytes) {
      read += bytes;
      if (isDue()) tell();
    },
    warn: (message) => say({ type: "warning", message }, message.length),
    lost: (records, reason) => say({ type: "lost", records, reason }, reason.length),
    waits: tell,
    stopped: isStopped,
  };
}

function isStopped(): boolean {
  return Atomics.load(stopFlag, 0) !== 0;
}

function isDue(): boolean {
  return performance.now() - saidAt > BATCH_MS;
}

function room(): Promise<void> {
  tell();
  return new Promise((resolve) => heldBack.push(resolve));
}

function say(what: Said<Row>, length: number): void {
  said.push(what);
  saidLength += length;
  underWay += length;
}

function tell(): void {
  saidAt = performance.now();
  if (said.length === 0 && read === 0) return;
  main.postMessage({ said, length: saidLength, read } satisfies FromWorker<Row>);
  said = [];
  saidLength = 0;
  read = 0;
}
