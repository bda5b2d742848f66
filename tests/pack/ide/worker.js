// `complete` for the page's other thread: { id, request } starts one, { id, stop } ends it.

import { complete } from "./complete.js";

const running = new Map();

onmessage = async ({ data: { id, request, stop } }) => {
  if (stop) return running.get(id)?.abort();
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const usage = await complete(request, (text) => postMessage({ id, text }), controller.signal);
    postMessage({ id, done: { usage } });
  } catch ({ code, message }) {
    postMessage({ id, failed: { code, message } });
  } finally {
    running.delete(id);
  }
};
