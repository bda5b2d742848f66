// The page: an editor, what starts and stops a completion, and what is said about it.
// `?endpoint=URL` names the API.

import { EditorView, basicSetup } from "codemirror";

import { complete } from "./complete.js";
import { insertion, trackInsertions } from "./insertion.js";
import { completeInWorker } from "./worker-client.js";

const element = (id) => document.getElementById(id);
const endpoint = new URL(location.href).searchParams.get("endpoint");

const view = new EditorView({ parent: element("editor"), extensions: [basicSetup, trackInsertions] });
let running;

async function start() {
  if (running) return;
  running = new AbortController();
  const { signal } = running;
  view.focus();
  const { from, to } = view.state.selection.main;
  if (from < to) view.dispatch({ changes: { from, to }, userEvent: "delete.selection" });
  const prompt = view.state.sliceDoc(0, from);
  const text = insertion(view, from);
  element("stop").disabled = false;
  say("…");
  try {
    const run = element("worker").checked ? completeInWorker : complete;
    const usage = await run({ endpoint, prompt }, (delta) => text.append(delta), signal);
    say(usage ? `${usage.input_tokens} tokens in, ${usage.output_tokens} out` : "done");
  } catch (error) {
    say(error.code === "aborted" ? "stopped" : `${error.code}: ${error.message}`);
  } finally {
    text.finish();
    running = undefined;
    element("stop").disabled = true;
  }
}

const stop = () => running?.abort();
const say = (words) => (element("status").value = words);

element("complete").addEventListener("click", start);
element("stop").addEventListener("click", stop);
addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) start();
  if (event.key === "Escape") stop();
});

/** For the developer tools, and for the test. */
globalThis.view = view;
