let worker;
let lastId = 0;

/** `complete`, in a worker. */
export function completeInWorker(request, onText, signal) {
  worker ??= new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    const onMessage = ({ data }) => {
      if (data.id !== id) return;
      // What was on its way when the user pressed "stop" comes too late.
      if (data.text !== undefined && !signal.aborted) onText(data.text);
      if (data.done) end(resolve, data.done.usage);
      if (data.failed) end(reject, data.failed);
    };
    const onError = ({ message }) => end(reject, { code: "internal", message });
    const onAbort = () => worker.postMessage({ id, stop: true });
    const end = (settle, value) => {
      worker.removeEventListener("message", onMessage);
      worker.removeEventListener("error", onError);
      signal.removeEventListener("abort", onAbort);
      settle(value);
    };
    worker.addEventListener("message", onMessage);
    worker.addEventListener("error", onError);
    signal.addEventListener("abort", onAbort);
    worker.postMessage({ id, request });
  });
}
