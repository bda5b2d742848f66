// Who takes part. Nothing is loaded until it runs: each contestant has a process of its own.

/**
 * - `wire`: which streams it reads;
 * - `form`: `push` takes bytes that are here, `pull` reads a body;
 * - `loses`: fields of the result that it is known to get wrong, with the reason in `note`; not compared;
 * - `slow`: is spared the longest streams and the extra kinds, which would take minutes;
 * - `packages`: whose versions count.
 */
const chat = [
  { name: "floor", title: "`eventsource-parser` + `JSON.parse` + accumulate, push", form: "push", packages: ["eventsource-parser"] },
  { name: "floor-pull", title: "the same, pull: reading the body", form: "pull", packages: ["eventsource-parser"] },
  { name: "push", title: "**streamgauge** `Aggregator`, push", form: "push" },
  { name: "for-await", title: "**streamgauge** `for await` over `aggregate()`", form: "pull" },
  { name: "batches", title: "**streamgauge** `.batches()`", form: "pull" },
  { name: "openai-raw", title: "`openai` `create({stream})` + accumulate", form: "pull", packages: ["openai"] },
  {
    name: "openai-helper", title: "`openai` `chat.completions.stream()`", form: "pull", packages: ["openai"],
    loses: ["reasoning"], note: "keeps only the last fragment of `reasoning_content`; the rest was compared",
  },
  {
    name: "ai-dostream", title: "`@ai-sdk/openai-compatible` `doStream`", form: "pull", slow: true,
    packages: ["@ai-sdk/openai-compatible"],
  },
  {
    name: "ai-streamtext", title: "`ai` `streamText` full stream", form: "pull", slow: true,
    packages: ["ai", "@ai-sdk/openai-compatible"],
  },
  {
    name: "langchain", title: "`@langchain/openai` `stream()` + `concat`", form: "pull", slow: true,
    packages: ["@langchain/openai", "@langchain/core"],
  },
];

const responses = [
  { name: "floor", title: "`eventsource-parser` + `JSON.parse` + accumulate, push", form: "push", packages: ["eventsource-parser"] },
  { name: "push", title: "**streamgauge** `Aggregator`, push", form: "push" },
  { name: "for-await", title: "**streamgauge** `for await` over `aggregate()`", form: "pull" },
  { name: "openai-raw", title: "`openai` `responses.create({stream})` + accumulate", form: "pull", packages: ["openai"] },
  { name: "openai-helper", title: "`openai` `responses.stream()`", form: "pull", packages: ["openai"], slow: true },
  { name: "ai-dostream", title: "`@ai-sdk/openai` `doStream`", form: "pull", packages: ["@ai-sdk/openai"], slow: true },
];

const anthropic = [
  { name: "floor", title: "`eventsource-parser` + `JSON.parse` + accumulate, push", form: "push", packages: ["eventsource-parser"] },
  { name: "push", title: "**streamgauge** `Aggregator`, push", form: "push" },
  { name: "for-await", title: "**streamgauge** `for await` over `aggregate()`", form: "pull" },
  { name: "sdk-raw", title: "`@anthropic-ai/sdk` `create({stream})` + accumulate", form: "pull", packages: ["@anthropic-ai/sdk"] },
  { name: "sdk-helper", title: "`@anthropic-ai/sdk` `messages.stream()`", form: "pull", packages: ["@anthropic-ai/sdk"], slow: true },
  { name: "ai-dostream", title: "`@ai-sdk/anthropic` `doStream`", form: "pull", packages: ["@ai-sdk/anthropic"], slow: true },
];

/** All, by wire. Another wire is another list here, a module in its folder per name, and frames in `streams/`. */
export const CONTESTANTS = Object.entries({ chat, responses, anthropic }).flatMap(([wire, list]) =>
  list.map((contestant) => ({ packages: [], loses: [], ...contestant, wire })));

export const contestantOf = (wire, name) => CONTESTANTS.find((one) => one.wire === wire && one.name === name);

/** The module: its `run(source)` reads a stream of `deliver.mjs` once and returns a result of `result.mjs`. */
export const moduleOf = ({ wire, name }) => new URL(`./${wire}/${name}.mjs`, import.meta.url);
