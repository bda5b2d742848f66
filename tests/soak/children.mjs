// Processes that are asked by messages.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Starts `file`, and resolves to it and its first message. It ends with its parent's side of the channel. */
async function start(file, args, execArgv = []) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv });
  const gone = once(child, "exit").then(([code, signal]) => {
    throw new Error(`${file} ended (${signal ?? code})`);
  });
  gone.catch(() => {});
  const [first] = await Promise.race([once(child, "message"), gone]);
  const close = async () => {
    child.disconnect();
    await gone.catch(() => {});
  };
  return { child, gone, first, close };
}

/** The server: `url`, and `seen()`, what it has seen. */
export async function startServer(protocol) {
  const { child, gone, first, close } = await start("server.mjs", [protocol]);
  const errors = [];
  child.on("message", ({ error }) => error && errors.push(error));
  const seen = async () => {
    const answer = new Promise((resolve) => {
      const onMessage = ({ seen }) => {
        if (seen === undefined) return;
        child.off("message", onMessage);
        resolve(seen);
      };
      child.on("message", onMessage);
    });
    child.send({});
    return { ...(await Promise.race([answer, gone])), errors };
  };
  return { url: first.url, seen, close };
}

/** The load in a Node process. */
export async function startNode() {
  const { child, gone, close } = await start("node-child.mjs", [], ["--expose-gc"]);
  const asked = new Map();
  child.on("message", ({ id, result, error }) => {
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  });
  let calls = 0;
  const ask = (call, argument) => {
    const answer = new Promise((resolve, reject) => {
      const id = calls++;
      asked.set(id, { resolve, reject });
      child.send({ id, call, argument });
    });
    return Promise.race([answer, gone]);
  };
  return { start: (options) => ask("start", { ...options, forget: true }), sample: () => ask("sample"), stop: () => ask("stop"), close };
}
