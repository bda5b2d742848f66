// Reads a capture in the page and shows what it was. Nothing leaves the browser.

import { aggregate, StreamError } from "/dist/index.js";

const element = (id) => document.getElementById(id);
let current;

element("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file) show(file.stream());
});
element("demo").addEventListener("click", async () => show(await fetch("/demo.sse")));

async function show(source) {
  // A stream that is still running makes room for the next one.
  current?.cancel();
  for (const id of ["failure", "reasoning", "text", "items", "completion"]) element(id).textContent = "";
  const stream = aggregate(source);
  current = stream;
  try {
    // One repaint per network chunk.
    for await (const batch of stream.batches()) {
      for (const event of batch) append(event);
    }
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    element("failure").textContent = `${error.code}: ${error.message}`;
  }
}

function append(event) {
  switch (event.type) {
    case "reasoning.delta":
      return element("reasoning").append(event.delta);
    case "output_text.delta":
    case "refusal.delta":
      return element("text").append(event.delta);
    case "output_item.done":
      return element("items").append(`${JSON.stringify(event.item, null, 2)}\n`);
    case "completed":
      element("completion").textContent = JSON.stringify(event, null, 2);
  }
}
