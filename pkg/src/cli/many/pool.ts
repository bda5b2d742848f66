// Tasks for worker threads. A worker that dies fails the task that it was at, and is replaced.

import { Worker } from "node:worker_threads";

import type { Channel } from "./order.js";

/** What a worker is started with. */
export interface WorkerData<Settings> {
  settings: Settings;
  /** One Int32, shared by all: not 0 when nobody wants the rest. */
  stop: SharedArrayBuffer;
  /** One Int32, of this worker: the index of the task that it is at. */
  current: SharedArrayBuffer;
}

/** A task, and its place among all. */
export interface Numbered<Task> {
  index: number;
  task: Task;
}

/** What a worker is told. */
export type ToWorker<Task> =
  /** More tasks, of larger indices than those that it has. */
  | { type: "run"; tasks: Numbered<Task>[] }
  /** So much of what it said was written. */
  | { type: "taken"; length: number }
  /** There is no further task: end. */
  | { type: "finish" };

/** What a worker tells, many things at a time. */
export interface FromWorker<Result> {
  said: Said<Result>[];
  /** What it counts that for. */
  length: number;
  /** How many bytes were read since the last time. */
  read: number;
}

/** One thing. */
export type Said<Result> =
  | { type: "ready" }
  /** A piece of a task's output. If a part of that was told, the rest and `done` are told as soon as they are there. */
  | { type: "text"; index: number; channel: Channel; text: string }
  | { type: "warning"; message: string }
  /** Records that did not arrive at their collector. */
  | { type: "lost"; records: number; reason: string }
  | { type: "done"; index: number; result: Result };

/** What a pool is made of. */
export interface PoolOptions<Task, Settings, Result> {
  /** The worker's module. */
  script: URL;
  settings: Settings;
  tasks: readonly Task[];
  /** How many workers there are at most. */
  jobs: number;
  /** Whether there is room for what further tasks give; call {@link Pool.wake} when that changes. */
  hasRoom: () => boolean;
  /** Resolves when the text is written. */
  text: (index: number, channel: Channel, text: string) => Promise<void>;
  read: (bytes: number) => void;
  warning: (message: string) => void;
  lost: (records: number, reason: string) => void;
  done: (index: number, result: Result) => void;
  /** The result of a task whose worker died. */
  died: (index: number, why: string) => Result;
  /** Whether the worker is not to be trusted after this result; it does nothing more itself. */
  spoils: (result: Result) => boolean;
}

/** The most tasks that a worker is given at a time. */
const MAX_BATCH = 16;
/** How long workers have to end by themselves when the pool is stopped, in milliseconds. */
const STOP_MS = 1000;
/** How long they then have to be ended. */
const TERMINATE_MS = 500;

interface Slot {
  worker: Worker;
  /** What it was given and has not told the end of, smallest first. */
  queue: number[];
  current: Int32Array;
  /** Whether it has told the end of any. */
  hasDone: boolean;
  /** Whether it has come up. */
  ready: boolean;
  /** Its last words, if they are an exception. */
  error: Error | undefined;
}

/**
 * Runs tasks; made for {@link run}, once.
 *
 * The first task that is not done is always one that a worker is at: tasks are given out in order, and a worker that
 * replaces another takes over that one's. So whoever waits for the first may hold back all others.
 */
export class Pool<Task, Settings, Result> {
  readonly #options: PoolOptions<Task, Settings, Result>;
  readonly #slots = new Set<Slot>();
  readonly #stop = new SharedArrayBuffer(4);
  #next = 0;
  #stopped = false;
  #finishing = false;
  #ended!: () => void;
  #broke!: (error: Error) => void;

  constructor(options: PoolOptions<Task, Settings, Result>) {
    this.#options = options;
  }

  /**
   * Resolves when all tasks are done, or the pool was stopped, and no worker runs any more (but see {@link isStuck}).
   * Rejects when workers can not even be started.
   */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ended = resolve;
      this.#broke = reject;
      this.wake();
    });
  }

  /** Gives out what can be given out. */
  wake(): void {
    const { tasks, jobs, hasRoom } = this.#options;
    while (!this.#stopped && this.#next < tasks.length && hasRoom()) {
      const slot = this.#slots.size < jobs ? this.#spawn() : this.#leastBusy();
      // Less at a time towards the end, so that all end at about the same time.
      const size = Math.min(MAX_BATCH, Math.ceil((tasks.length - this.#next) / (4 * jobs)));
      if (slot.queue.length > size / 2) return;
      this.#give(slot, Array.from({ length: size }, (_, at) => this.#next + at));
      this.#next += size;
    }
    if (this.#next >= tasks.length && [...this.#slots].every(({ queue }) => queue.length === 0)) this.#finish();
  }

  /** Whether a worker did not even end by force: it waits for the system, say for somebody to write into a FIFO. */
  get isStuck(): boolean {
    return this.#stopped && this.#slots.size > 0;
  }

  /** Starts nothing more. What runs has a moment to end; its results do not count. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    this.#finish();
    setTimeout(() => {
      for (const { worker } of this.#slots) void worker.terminate();
      setTimeout(() => this.#ended(), TERMINATE_MS).unref();
    }, STOP_MS).unref();
  }

  #finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    for (const slot of this.#slots) this.#tell(slot, { type: "finish" });
    if (this.#slots.size === 0) this.#ended();
  }

  #leastBusy(): Slot {
    return [...this.#slots].reduce((least, slot) => (slot.queue.length < least.queue.length ? slot : least));
  }

  #give(slot: Slot, indices: number[]): void {
    slot.queue.push(...indices);
    this.#tell(slot, { type: "run", tasks: indices.map((index) => ({ index, task: this.#options.tasks[index]! })) });
  }

  #spawn(): Slot {
    const { script, settings } = this.#options;
    const current = new SharedArrayBuffer(4);
    const workerData: WorkerData<Settings> = { settings, stop: this.#stop, current };
    const worker = new Worker(script, { workerData });
    const slot: Slot = {
      worker, queue: [], current: new Int32Array(current).fill(-1), hasDone: false, ready: false, error: undefined,
    };
    worker.on("message", (message: FromWorker<Result>) => this.#heard(slot, message));
    worker.on("error", (error) => {
      slot.error = error as Error;
    });
    worker.on("exit", (code) => this.#exited(slot, code));
    this.#slots.add(slot);
    return slot;
  }

  #tell(slot: Slot, message: ToWorker<Task>): void {
    slot.worker.postMessage(message);
  }

  #heard(slot: Slot, { said, length, read }: FromWorker<Result>): void {
    const { text, warning, lost } = this.#options;
    const texts: Promise<void>[] = [];
    this.#options.read(read);
    for (const what of said) {
      switch (what.type) {
        case "ready":
          slot.ready = true;
          break;
        case "text":
          if (!this.#stopped) texts.push(text(what.index, what.channel, what.text));
          break;
        case "warning":
          warning(what.message);
          break;
        case "lost":
          lost(what.records, what.reason);
          break;
        case "done":
          this.#done(slot, what.index, what.result);
      }
    }
    if (length > 0) void Promise.all(texts).then(() => this.#tell(slot, { type: "taken", length }));
    this.wake();
  }

  #done(slot: Slot, index: number, result: Result): void {
    if (this.#stopped) return;
    slot.hasDone = true;
    remove(slot.queue, index);
    if (this.#options.spoils(result)) {
      this.#slots.delete(slot);
      void slot.worker.terminate();
      this.#replace(slot);
    }
    this.#options.done(index, result);
  }

  #exited(slot: Slot, code: number): void {
    if (!this.#slots.delete(slot)) return;
    const { error, queue, ready } = slot;
    if (this.#stopped || queue.length === 0) {
      if (this.#finishing && this.#slots.size === 0) this.#ended();
      return;
    }
    const why = error === undefined ? `it ended with exit code ${code}` : `${error.name}: ${error.message}`;
    if (!ready) {
      this.stop();
      this.#broke(new Error(`a worker thread could not be started: ${why}`));
      return;
    }
    // What it had read and not told is read again. One that is between two tasks, and has done any, is no task's fault.
    const current = Atomics.load(slot.current, 0);
    const index = queue.includes(current) || slot.hasDone ? current : queue[0]!;
    const isFailed = remove(queue, index);
    this.#replace(slot);
    if (isFailed) this.#options.done(index, this.#options.died(index, `the worker died: ${why}`));
    this.wake();
  }

  /** Gives what a worker leaves behind to a new one. */
  #replace({ queue }: Slot): void {
    if (queue.length > 0) this.#give(this.#spawn(), queue);
  }
}

/** Returns whether it was there. */
function remove(list: number[], value: number): boolean {
  const at = list.indexOf(value);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}
