// Where the code runs, and what is to be had there.

/** The package's version; a test compares it with package.json. */
export const VERSION = "0.1.0";

/** @internal */
interface NodeModules {
  "node:fs": typeof import("node:fs");
  "node:http2": typeof import("node:http2");
  "node:module": typeof import("node:module");
  "node:zlib": typeof import("node:zlib");
}

/**
 * One of Node's own modules; `undefined` in a browser. There is no `import` of it, so that no bundler for browsers
 * stumbles over one.
 * @internal
 */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  const node = nodeProcess();
  return node?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}

/** The environment's variables: those of the process in Node, none in a browser. */
export type Env = Readonly<Record<string, string | undefined>>;

/** See {@link Env}. */
export function defaultEnv(): Env {
  return nodeProcess()?.env ?? {};
}

/** Reads a variable; `undefined` if it is not set. */
export function variable(env: Env, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

/** Whether this is Node, or one of the runtimes that have its modules. */
export function isNode(): boolean {
  return nodeModule("node:http2") !== undefined;
}

/** Whether this is a document with a life cycle: not a worker, not Node. */
export function isPage(): boolean {
  return typeof document !== "undefined" && typeof window !== "undefined";
}

/** Lets a timer hold the process, or not; browsers have nothing to hold. */
export function holdProcess(timer: unknown, hold: boolean): void {
  const { ref, unref } = Object(timer) as { ref?: () => void; unref?: () => void };
  (hold ? ref : unref)?.call(timer);
}

function nodeProcess(): NodeJS.Process | undefined {
  const { process } = globalThis as { process?: NodeJS.Process };
  return process?.versions?.node === undefined ? undefined : process;
}
