// Tasks for worker threads: started in order, each on a worker that has nothing to do. A worker that dies fails its
// task and is replaced.

import { Worker } from "node:worker_threads";

import type { Channel } from "./order.js";

/** What a worker is started with. */
export interface WorkerData<Settings> {
  settings: Settings;
  /** One Int32, shared by all: not 0 when nobody wants the rest. */
  stop: SharedArrayBuffer;
}

/** What a worker is told. */
export type ToWorker<Task> =
  | { type: "run"; task: Task }
  /** So much of its text was written. */
  | { type: "taken"; length: number }
  /** There is no further task: end. */
  | { type: "finish" };

/** What a worker says. */
export type FromWorker<Result> =
  | { type: "ready" }
  /** A piece of the output of the task that it runs. */
  | { type: "text"; channel: Channel; text: string }
  /** So many bytes were read since the last time. */
  | { type: "read"; bytes: number }
  | { type: "warning"; message: string }
  /** Records that did not arrive at their collector. */
  | { type: "lost"; records: number; reason: string }
  | { type: "done"; result: Result };

/** What a pool is made of. */
export interface PoolOptions<Task, Settings, Result> {
  /** The worker's module. */
  script: URL;
  settings: Settings;
  tasks: readonly Task[];
  /** How many workers there are at most. */
  jobs: number;
  /** Whether there is room for what a further task gives; call {@link Pool.wake} when that changes. */
  hasRoom: () => boolean;
  /** Resolves when the text is written. */
  text: (index: number, channel: Channel, text: string) => Promise<void>;
  read: (bytes: number) => void;
  warning: (message: string) => void;
  lost: (records: number, reason: string) => void;
  done: (index: number, result: Result) => void;
  /** The result of a task whose worker died. */
  died: (index: number, why: string) => Result;
  /** Whether the worker is not to be trusted after this result. */
  spoils: (result: Result) => boolean;
}

/** How long workers have to end by themselves when the pool is stopped, in milliseconds. */
const STOP_MS = 1000;

interface Slot {
  worker: Worker;
  /** What it runs. */
  index: number | undefined;
  /** Whether it has come up. */
  ready: boolean;
  /** Its last words, if they are an exception. */
  error: Error | undefined;
}

/** Runs tasks; made for {@link run}, once. */
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
   * Resolves when all tasks are done, or the pool was stopped, and no worker runs any more. Rejects when workers can
   * not even be started.
   */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ended = resolve;
      this.#broke = reject;
      this.wake();
    });
  }

  /** Starts what can be started. */
  wake(): void {
    const { tasks, jobs, hasRoom } = this.#options;
    while (!this.#stopped && this.#next < tasks.length && hasRoom()) {
      const slot = this.#idle() ?? (this.#slots.size < jobs ? this.#spawn() : undefined);
      if (slot === undefined) return;
      slot.index = this.#next++;
      this.#tell(slot, { type: "run", task: tasks[slot.index]! });
    }
    if (this.#next >= tasks.length && [...this.#slots].every(({ index }) => index === undefined)) this.#finish();
  }

  /** Starts nothing more. What runs has a moment to end; its results do not count. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    this.#finish();
    setTimeout(() => {
      for (const { worker } of this.#slots) void worker.terminate();
    }, STOP_MS).unref();
  }

  #finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    for (const slot of this.#slots) this.#tell(slot, { type: "finish" });
    if (this.#slots.size === 0) this.#ended();
  }

  #idle(): Slot | undefined {
    for (const slot of this.#slots) if (slot.index === undefined) return slot;
    return undefined;
  }

  #spawn(): Slot {
    const { script, settings } = this.#options;
    const workerData: WorkerData<Settings> = { settings, stop: this.#stop };
    const slot: Slot = { worker: new Worker(script, { workerData }), index: undefined, ready: false, error: undefined };
    slot.worker.on("message", (message: FromWorker<Result>) => this.#heard(slot, message));
    slot.worker.on("error", (error) => {
      slot.error = error as Error;
    });
    slot.worker.on("exit", (code) => this.#exited(slot, code));
    this.#slots.add(slot);
    return slot;
  }

  #tell(slot: Slot, message: ToWorker<Task>): void {
    slot.worker.postMessage(message);
  }

  #heard(slot: Slot, message: FromWorker<Result>): void {
    const { text, read, warning, lost } = this.#options;
    switch (message.type) {
      case "ready":
        slot.ready = true;
        return;
      case "text": {
        const taken = (): void => this.#tell(slot, { type: "taken", length: message.text.length });
        if (this.#stopped || slot.index === undefined) return taken();
        void text(slot.index, message.channel, message.text).then(taken);
        return;
      }
      case "read":
        return read(message.bytes);
      case "warning":
        return warning(message.message);
      case "lost":
        return lost(message.records, message.reason);
      case "done":
        return this.#done(slot, message.result);
    }
  }

  #done(slot: Slot, result: Result): void {
    const { index } = slot;
    if (index === undefined || this.#stopped) return;
    slot.index = undefined;
    if (this.#options.spoils(result)) {
      // It has no task any more, so that its exit is nobody's failure.
      this.#slots.delete(slot);
      void slot.worker.terminate();
    }
    this.#options.done(index, result);
    this.wake();
  }

  #exited(slot: Slot, code: number): void {
    if (!this.#slots.delete(slot)) return;
    const { index, error, ready } = slot;
    if (this.#stopped || index === undefined) {
      if (this.#finishing && this.#slots.size === 0) this.#ended();
      return;
    }
    const why = error === undefined ? `it ended with exit code ${code}` : `${error.name}: ${error.message}`;
    if (!ready) {
      this.stop();
      this.#broke(new Error(`a worker thread could not be started: ${why}`));
      return;
    }
    slot.index = undefined;
    this.#options.done(index, this.#options.died(index, `the worker died: ${why}`));
    this.wake();
  }
}
