// The streams to pick from in the playground: the project's own fixtures, the interesting ones first and by a name that
// says why they are.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { makeStream } from "../../../tests/bench/streams.mjs";
import { tests } from "../project.mjs";

const fixtures = join(tests, "fixtures");
const GENERATED_TOKENS = 20_000;

/** By file: the name that its group has, and the start of its ids. */
const FILES = { chat: "Chat Completions", responses: "Responses API", anthropic: "Anthropic Messages" };

/** What is shown first: `[file, the case's name, title]`. */
const CHOSEN = {
  "Runs": [
    ["responses", "whole stream", "Responses API: every event of an answer"],
    ["responses", "parallel calls", "Responses API: two calls whose arguments mix"],
    ["anthropic", "whole stream", "Anthropic: thinking with a signature, text, a call"],
    ["anthropic", "interleaved thinking", "Anthropic: thinking between calls"],
    ["anthropic", "server tools", "Anthropic: tools that the server ran"],
    ["chat", "awkward: n=2 choices", "Chat: two choices at once"],
    ["chat", "awkward: refusal", "Chat: a refusal"],
  ],
  "Dialects": [
    ["chat", "dialect-tc-index0-parallel-distinct-ids", "Two calls, and one index for both"],
    ["chat", "dialect-tc-args-cumulative", "Arguments that are sent whole each time"],
    ["chat", "dialect-reasoning-mirrored-fields", "Reasoning in two fields at once"],
    ["chat", "dialect-lone-surrogate-pair-split", "Half an emoji at the end of a delta"],
    ["chat", "dialect-framing-multi-line-json", "JSON over several data lines"],
    ["chat", "awkward: malformed JSON mid-stream", "A frame that is not JSON"],
    ["chat", "A7 no [DONE] after usage", "No [DONE] at the end"],
    ["chat", "dialect-body-json-200-completion", "JSON where a stream was asked for"],
  ],
  "Failures": [
    ["chat", "dialect-error-mid-stream-openrouter", "An error in the middle of a 200"],
    ["chat", "awkward: no finish_reason (truncated)", "A stream that was cut off"],
    ["anthropic", "cut off in a call", "A call that was cut off in its arguments"],
    ["anthropic", "error while a text streams", "Anthropic: overloaded"],
    ["responses", "error and failed", "Responses API: the quota is used up"],
    ["chat", "dialect-body-html-502", "A gateway's HTML page"],
    ["chat", "dialect-body-empty-200", "Nothing at all"],
    ["chat", "A11 invalid UTF-8 in text, error", "Bytes that are not UTF-8, refused"],
    ["responses", "limit: an item", "An item above the limit"],
    ["anthropic", "option chat on this stream", "Another API than was asked for"],
  ],
};

let found;

/** All of them, each `{ id, group, title, note, fails, options, error?, body }`; read once. */
export function recordings() {
  return (found ??= [...chosenFirst(Object.keys(FILES).flatMap(casesOf))]);
}

/** A recording as the page's list has it. */
export function listed({ body, error: _, ...rest }) {
  return { ...rest, bytes: body().length };
}

function* chosenFirst(cases) {
  const demo = readFileSync(join(fixtures, "demo.sse"));
  yield own("demo", "Runs", "A coding agent's turn: reasoning, text, two calls", "The demo's stream", () => demo);
  const long = lazily(() => makeStream({ wire: "chat", kind: "mixed", tokens: GENERATED_TOKENS }).bytes);
  const made = "Generated: words by chance, reasoning, text and three calls";
  yield own("long", "Runs", `A long answer of ${GENERATED_TOKENS.toLocaleString("en")} tokens`, made, long);
  const taken = new Set();
  for (const [group, list] of Object.entries(CHOSEN)) {
    for (const [file, name, title] of list) {
      const fixture = cases.find((each) => each.file === file && each.name === name);
      if (fixture === undefined) throw new Error(`fixtures/${file}.jsonl has no case "${name}"`);
      taken.add(fixture);
      yield recorded(fixture, group, title, `${name}. ${fixture.note}`);
    }
  }
  for (const fixture of cases) {
    if (!taken.has(fixture)) yield recorded(fixture, `All of ${FILES[fixture.file]}`, fixture.name, fixture.note);
  }
}

function own(id, group, title, note, body) {
  return { id, group, title, note, fails: false, options: {}, body };
}

function recorded(fixture, group, title, note) {
  const { id, error, options, sse, sse_base64 } = fixture;
  const body = () => (sse_base64 === undefined ? Buffer.from(sse) : Buffer.from(sse_base64, "base64"));
  return { id, group, title, note, fails: error !== undefined, options, error, body };
}

/** The cases of a file of fixtures. */
function casesOf(file) {
  const lines = readFileSync(join(fixtures, `${file}.jsonl`), "utf8").split("\n").filter((line) => line !== "");
  const seen = new Map();
  return lines.map((line) => {
    const { note = "", options = {}, ...rest } = JSON.parse(line);
    const slug = rest.name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
    const times = (seen.get(slug) ?? 0) + 1;
    seen.set(slug, times);
    return { ...rest, note, options, file, id: `${file}-${slug}${times > 1 ? `-${times}` : ""}` };
  });
}

function lazily(make) {
  let made;
  return () => (made ??= make());
}
