// The playground: a source is played through the package, and the views show what became of it. Nothing leaves the page
// but the request to the endpoint, and the records to a collector, when they are asked for.

import { Controls } from "./controls.js";
import { byId, copy, setText } from "./dom.js";
import { duration, several } from "./format.js";
import { startKeys } from "./keys.js";
import { Run } from "./run.js";
import { snippet } from "./snippet.js";
import { listRecordings } from "./sources/recorded.js";
import { startTheme } from "./theme.js";
import { Cursor } from "./views/cursor.js";
import { FailureView } from "./views/failure.js";
import { ItemList } from "./views/items.js";
import { Lanes } from "./views/lanes.js";
import { Plots } from "./views/plots.js";
import { Readouts } from "./views/readouts.js";
import { RecordsView } from "./views/records.js";
import { TextView } from "./views/text.js";
import { explain } from "./words.js";

/** The plots are drawn no more often than this, in milliseconds. */
const PLOT_MS = 80;

const [play, pause, stop, status] = ["play", "pause", "stop", "status"].map(byId);
const itemList = new ItemList();
const lanes = new Lanes((number) => itemList.reveal(number));
const text = new TextView();
const readouts = new Readouts();
const records = new RecordsView();
const failure = new FailureView();
const cursor = new Cursor();
const plots = new Plots(() => plots.draw(run));
const controls = new Controls(() => showCode());

let run;
let frame;
let plottedAt = 0;
let toldState = "";

function start() {
  run?.stop();
  failure.clear();
  let source;
  try {
    source = controls.source();
  } catch (error) {
    say(error.message);
    return failure.show(error, undefined);
  }
  const next = new Run(source, { sseEvents: byId("sse-events").value }, () => {
    if (run === next) schedule();
  });
  run = next;
  toldState = "";
  for (const view of [text, itemList, lanes, readouts]) view.clear();
  records.clear(run);
  cursor.clear(run);
  next.play();
  schedule();
}

/** Everything new is shown with the next frame. */
function schedule() {
  frame ??= requestAnimationFrame((now) => {
    frame = undefined;
    draw(now);
    // The clock goes on while nothing comes.
    if (run.running && !run.paused) schedule();
  });
}

function draw(now) {
  text.draw(run);
  itemList.draw(run);
  records.draw(run);
  const isOver = !run.running;
  if (isOver || now - plottedAt > PLOT_MS) {
    plottedAt = now;
    readouts.draw(run);
    plots.draw(run);
    lanes.draw(run);
    cursor.draw();
  }
  tellState();
}

/** The buttons and the status line; only when it is another one, so that nobody has to hear it twice. */
function tellState() {
  const state = run.paused ? "paused" : run.state;
  if (state === toldState) return;
  toldState = state;
  pause.disabled = !run.running;
  stop.disabled = !run.running;
  pause.setAttribute("aria-pressed", String(run.paused));
  pause.firstChild.data = run.paused ? "Resume " : "Pause ";
  document.documentElement.dataset.state = state;
  say(wordsOf(state));
  if (run.running) return;
  plots.describe(run);
  if (run.error !== undefined) failure.show(run.error, run);
}

function wordsOf(state) {
  const { title } = run.source;
  const had = `${several(run.items.done.length, "item")}, ${several(run.samples.total, "delta")} in ${duration(run.elapsed)}`;
  switch (state) {
    case "connecting": return `Opening: ${title}`;
    case "streaming": return `Streaming: ${title}`;
    case "paused": return `Paused: ${title}`;
    case "completed": return `Completed: ${had}`;
    case "stopped": return `Stopped: ${had}`;
    default: return `Failed (${explain(run.error).code}): ${had}`;
  }
}

const say = (words) => setText(status, words);

function showCode() {
  setText(byId("code-said"), "");
  try {
    setText(byId("code"), snippet(controls.source(), byId("collector").value));
    return true;
  } catch (error) {
    setText(byId("code"), `// ${error.message} ${error.advice ?? ""}`);
    return false;
  }
}

async function copyCode() {
  if (!showCode()) return setText(byId("code-said"), "There is nothing to copy yet.");
  const done = await copy(byId("code").textContent);
  const words = done ? "Copied: a program for Node, beside the package streamgauge." : "The browser did not allow it: select the text and copy it by hand.";
  setText(byId("code-said"), words);
  if (done) say("The code is in the clipboard.");
  else byId("code").focus();
}

function togglePause() {
  run?.pause(!run.paused);
}

const stopRun = () => run?.stop();

play.addEventListener("click", start);
pause.addEventListener("click", togglePause);
stop.addEventListener("click", stopRun);
for (const id of ["copy-code", "code-copy"]) byId(id).addEventListener("click", copyCode);
byId("collector").addEventListener("input", showCode);
byId("recording").addEventListener("dblclick", start);
byId("endpoint").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});

startTheme(() => {
  plots.recolour();
  plots.draw(run);
});
startKeys([
  ["p", "play what is chosen", start],
  ["k", "pause, and go on", togglePause],
  ["s", "stop", stopRun],
  ["1", "recorded streams", () => focusTab("recorded")],
  ["2", "paste", () => focusTab("pasted")],
  ["3", "endpoint", () => focusTab("endpoint")],
  ["/", "filter the records", () => byId("records-filter").focus()],
  ["c", "copy as code", copyCode],
  ["t", "the next theme", () => byId("theme").click()],
]);

function focusTab(tab) {
  controls.open(tab);
  byId(`tab-${tab}`).focus();
}

for (const view of [text, itemList]) view.clear();
say("Ready. Choose a stream, and play it.");
try {
  controls.recordings = await listRecordings();
} catch (error) {
  failure.show(error, undefined);
}
document.documentElement.dataset.ready = "";
