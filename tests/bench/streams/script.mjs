// What is said in a stream, before any wire puts it into events.

// Tokens as a model's tokenizer cuts them: words with their space, pieces of words, code, line ends.
const PLAIN = [
  " the", " of", " to", " and", " a", " in", " is", " that", " stream", " response", " function", " should", "ing",
  "tion", "er", ",", ".", ":", " `", "`", "()", " if", " return", " const", " =", " =>", " {", "}", ";", " await", " error",
  " value", " because", " therefore", " we", " need", " index", "_id", " 42", " 0", "1", " 2026", " buffer", " chunk",
  " parse", " The", " However", " first", " next", " each", "'s", " not", " with", " event", "Event", " implementation",
];
// These are escaped in JSON whoever writes it.
const ESCAPED = ["\n", "\n\n", "\n  ", "\n    ", ' "', '"', '",', "\t", "\\", ' "x"'];
// Some servers write these as \uXXXX, some as they are.
const FOREIGN = ["é", " naïve", "ü", " 数据", "流", "。", " поток", "й", " ⚡", "🤔", " 🚀", "—", "“", "”", " café", "ñ"];

/** How many of the chunks have \u escapes, and how many have bytes beyond ASCII. */
const ESCAPES = 0.15;
const UTF8 = 0.03;

/**
 * The parts of an answer, in order, each with its deltas, and what a reader must find.
 * A delta is `[text, escape]`: whether its text goes out in ASCII only.
 */
export function script({ reasoning, tools, tokens, next }) {
  const share = (part) => Math.round(tokens * part);
  const parts = [];
  if (reasoning > 0) parts.push({ type: "reasoning", deltas: proseDeltas(share(reasoning), next) });
  const text = tokens - share(reasoning) - share(tools);
  if (text > 0) parts.push({ type: "text", deltas: proseDeltas(text, next) });
  const calls = tools > 0 ? 3 : 0;
  for (let call = 0; call < calls; call++) {
    const name = ["write_file", "apply_patch", "run_command"][call];
    parts.push({ type: "tool", id: `call_${idOf(next)}`, name, deltas: argumentDeltas(share(tools / 3), next) });
  }
  const usage = {
    input: 1873, cached: 1536, output: tokens, reasoning: share(reasoning), total: 1873 + tokens,
  };
  const textOf = (type) => parts.filter((part) => part.type === type).map(joined).join("");
  const expected = {
    text: textOf("text"),
    reasoning: textOf("reasoning"),
    tools: parts.flatMap((part) => (part.type === "tool" ? [{ id: part.id, name: part.name, arguments: joined(part) }] : [])),
    usage,
    visited: parts.reduce((sum, part) => sum + joined(part).length, 0),
  };
  return { parts, usage, finish: calls > 0 ? "tool_calls" : "stop", expected };
}

const joined = ({ deltas }) => deltas.map(([text]) => text).join("");

function proseDeltas(count, next) {
  return Array.from({ length: count }, () => {
    const escape = next() < ESCAPES;
    if (escape || next() < UTF8) return [pick(FOREIGN, next), escape];
    return [pick(next() < 0.08 ? ESCAPED : PLAIN, next), escape];
  });
}

/** A call's arguments: JSON whose long string grows token by token, as when a file is written. */
function argumentDeltas(count, next) {
  const body = proseDeltas(Math.max(count - 2, 1), next);
  const quoted = body.map(([text, escape]) => [JSON.stringify(text).slice(1, -1), escape]);
  return [['{"path":"src/stream.rs","content":"', false], ...quoted, ['"}', false]];
}

const pick = (list, next) => list[Math.floor(next() * list.length)];

/** Letters and digits, as in the ids of the API. */
export function idOf(next, length = 24) {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return Array.from({ length }, () => pick(letters, next)).join("");
}

/** JSON whose text is ASCII only when asked for. */
export function json(value, escape) {
  const text = JSON.stringify(value);
  return escape ? text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`) : text;
}
