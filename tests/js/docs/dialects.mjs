// The README's table of servers: what of each is ticked is what a fixture, or a recording of the corpus, shows.
//
// A row is a server, the recordings of it (`wire/provider` of the corpus's index), the fixtures of its ways (`wire: beginning
// of their names`), and what is special about it. Ticks are never written by hand.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { anthropicFixturesFile, fixturesFile, readJsonLines, responsesFixturesFile } from "../support/corpus.mjs";

export const COLUMNS = ["text", "reasoning", "calls", "usage", "errors"];

const ROWS = [
  ["OpenAI", ["chat/openai"], ["seed T", "dialect-refusal-delta", "B13", "E1"], "padding, refusals, `stop` with calls"],
  ["Azure OpenAI, Foundry", ["chat/azure-openai", "chat/azure-foundry"], ["B1 Azure", "B6"], "empty ids and models first, no delta"],
  ["GitHub Copilot", ["chat/copilot"], ["C9", "D3", "D17", "F10"], "one index for all calls, `cot_summary`"],
  ["Gemini, by OpenAI's API", [], ["dialect-tc-no-index-whole", "D1 ", "D16", "A12 JSON error list"], "calls without index, thought signatures"],
  ["Mistral", ["chat/mistral"], ["dialect-content-array-magistral", "C6", "D10"], "content as parts with thinking"],
  ["DeepSeek", ["chat/deepseek"], ["awkward: reasoning_content", "F9"], "`reasoning_content`, cache counts"],
  ["xAI", ["chat/xai"], ["E5", "F10"], "whole calls, totals with reasoning"],
  ["Z.ai (GLM)", ["chat/zai"], ["dialect-finish-empty-string-after-real", "dialect-framing-single-newline"], "empty finish reasons, single line ends"],
  ["Moonshot (Kimi)", ["chat/moonshotai"], ["dialect-usage-in-choice", "D7", "F8"], "usage in a choice, names twice"],
  ["MiniMax", [], ["dialect-final-chunk-full-message-minimax", "dialect-think-close-only", "C4", "F6", "G6 base_resp"], "whole message at the end, `reasoning_details`"],
  ["Alibaba (Qwen)", ["chat/alibaba"], ["D8", "G6 code as text"], "nulls, errors without `error`"],
  ["Perplexity", ["chat/perplexity"], ["A7", "B7", "F3", "H citations"], "no `[DONE]`, cumulative `message`"],
  ["Groq", ["chat/groq"], ["A10", "D18", "F7"], "`event: error`, usage in `x_groq`"],
  ["Cerebras", ["chat/cerebras"], [], "`reasoning`, whole calls"],
  ["Databricks", ["chat/databricks"], ["dialect-usage-total-null", "D9", "F5"], "call indices from 1, null counts"],
  ["Together, Hugging Face", ["chat/together", "chat/huggingface-router"], ["C7", "think: "], "`<think>` tags, with `thinkTags`"],
  ["OpenRouter", ["chat/openrouter"], ["dialect-error-mid-stream", "dialect-error-in-choice", "A1", "C3", "C5", "E2"], "comments, mirrored reasoning, errors in a 200"],
  ["Vercel AI Gateway", ["chat/vercel-gateway"], ["B15", "C3"], "mirrored reasoning, metadata"],
  ["Venice, Writer, Avian", ["chat/venice", "chat/writer", "chat/avian"], ["dialect-error-string", "B2", "D19", "E8"], "changing ids, errors as text, text after the finish"],
  ["LiteLLM and other proxies", ["chat/litellm-proxy", "chat/openai-compat-proxy", "chat/anthropic-openai-compat"], ["dialect-finish-tool_calls-then-stop", "dialect-body-", "A12", "D12"], "JSON or HTML for a stream, replayed arguments"],
  ["Ollama", ["chat/ollama", "chat/ollama-cloud"], ["dialect-tc-index0-parallel", "dialect-tc-args-object", "dialect-finish-empty-string", "D11"], "arguments as objects, index 0 for all"],
  ["vLLM", ["chat/vllm"], ["dialect-tc-vllm", "dialect-reasoning-mirrored", "dialect-error-object", "D13"], "lost names, empty ids"],
  ["SGLang", [], ["dialect-tc-sglang", "dialect-empty-content-before-tools-sglang"], "ids that count, empty text before calls"],
  ["llama.cpp", ["chat/llamacpp"], ["B15"], "`timings`"],
  ["Foundry Local", [], ["dialect-foundry-local", "B9"], "choice index counts up (`n: 1`)"],
  ["OpenAI, Responses API", ["responses/openai", "responses/azure-openai", "responses/chatgpt-codex"], ["responses: codex", "responses: whole stream", "responses: error"], "every item as it came, empty `output`"],
  ["Copilot, LM Studio, OpenRouter, xAI, Bedrock, by the Responses API", ["responses/copilot", "responses/lmstudio", "responses/openrouter", "responses/xai", "responses/bedrock-mantle"], ["responses: item ids that change", "responses: arguments only in .done", "responses: parts of raw reasoning"], "changing item ids, no argument deltas"],
  ["Anthropic, Vertex", ["anthropic/anthropic", "anthropic/anthropic-vertex"], ["anthropic: whole stream", "anthropic: error ", "anthropic: max_tokens"], "signatures, citations, server tools"],
  ["gateways to Anthropic's API", ["anthropic/mirascope-router"], ["anthropic: no ", "anthropic: message_start twice", "anthropic: one index", "anthropic: a gateway"], "no `event:`, no `message_stop`, `[DONE]` after it"],
];

const FILES = { chat: fixturesFile, responses: responsesFixturesFile, anthropic: anthropicFixturesFile };

/** What a case shows: its events, or the fields of the aggregate. */
function shownByFixture({ events = [], aggregate, error }) {
  const items = events.filter(({ type }) => type === "output_item.done").map(({ item }) => item);
  const has = (...types) => items.some(({ type }) => types.includes(type));
  return [
    ...[aggregate ?? {}, ...(aggregate?.choices ?? [])].flatMap(shownByAggregate), has("message") && "text", has("reasoning") && "reasoning",
    has("function_call", "custom_tool_call", "server_tool_use") && "calls",
    events.some(({ type, token_usage }) => type === "completed" && token_usage) && "usage", error?.code === "provider_error" && "errors",
  ].filter(Boolean);
}

/** What an expected aggregate shows, of a case or a recording. */
function shownByAggregate({ content, reasoning, items = [], blocks = [], tool_calls: calls, usage, errors }) {
  const thinks = reasoning || [...items, ...blocks].some(({ type }) => ["reasoning", "thinking", "redacted_thinking"].includes(type));
  return [content && "text", thinks && "reasoning", calls?.length && "calls", usage && "usage", errors?.length && "errors"].filter(Boolean);
}

/** The rows, each with the `proven` columns, and the table as Markdown; without the corpus only what fixtures prove. */
export function dialectTable(corpus) {
  const cases = Object.fromEntries(Object.entries(FILES).map(([wire, file]) => [wire, readJsonLines(file)]));
  const recorded = corpus === undefined ? [] : readRecordings(corpus);
  const rows = ROWS.map(([name, providers, groups, special]) => {
    const proven = new Set();
    for (const group of groups) {
      const [, wire = "chat", begins] = /^(?:(responses|anthropic): )?([^]*)$/.exec(group);
      const found = cases[wire].filter((one) => one.name.startsWith(begins));
      if (found.length === 0) throw new Error(`${name}: no fixture of ${wire} begins with "${begins}"`);
      for (const one of found) for (const column of shownByFixture(one)) proven.add(column);
    }
    const own = recorded.filter(({ key }) => providers.includes(key));
    for (const { shown } of own) for (const column of shown) proven.add(column);
    return { name, special, proven, groups, recordings: own.length, providers };
  });
  return { rows, markdown: markdown(rows) };
}

function readRecordings(corpus) {
  return readJsonLines(join(corpus, "index.jsonl")).flatMap(({ wire, provider, file }) => {
    const expected = join(corpus, `${file}.expected.json`);
    return existsSync(expected) ? [{ key: `${wire}/${provider}`, shown: shownByAggregate(JSON.parse(readFileSync(expected, "utf8"))) }] : [];
  });
}

function markdown(rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const proof = ({ recordings, groups }) => [recordings > 0 ? `${recordings} recorded` : "", ...groups.map((group) => `\`${group.trim()}\``)].filter(Boolean).join(", ");
  return [
    line(["server", ...COLUMNS, "also handled", "shown by"]),
    line(["---", ...COLUMNS.map(() => ":-:"), "---", "---"]),
    ...rows.map((row) => line([row.name, ...COLUMNS.map((column) => (row.proven.has(column) ? "✓" : " ")), row.special, proof(row)])),
  ].join("\n");
}
