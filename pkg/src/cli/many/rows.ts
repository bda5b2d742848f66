// The summary row of a file, and its three looks.

import type { ErrorCode, ProviderError } from "../../errors.js";
import type { FinalResponse, TokenUsage } from "../../types.js";
import type { Format } from "./command.js";

/** What became of one file. Nothing in it depends on when or beside what it was read. */
export interface Row {
  file: string;
  /** Which API's stream it was; `null` when nothing told. */
  wire: FinalResponse["wire"];
  /** `ok`, or the code of the failure. */
  result: "ok" | ErrorCode;
  /** Why it failed; `null` when it did not. */
  error: { message: string; provider?: ProviderError } | null;
  response_id: string;
  model: string;
  finish_reason: string | null;
  finish_reason_normalized: string | null;
  ended_by: FinalResponse["ended_by"] | null;
  /** How many items there are of each type. */
  items: Record<string, number>;
  token_usage: TokenUsage | null;
  /** What was read. A stream that is complete is not read further. */
  bytes: number;
  frames: number;
  bad_frames: number;
  /** `conversation.id` of the file's records, when there are any. */
  conversation_id?: string;
}

/** The row of a file that failed before anything was known of it. */
export function failedRow(file: string, code: ErrorCode, message: string): Row {
  return {
    file, wire: null, result: code, error: { message }, response_id: "", model: "", finish_reason: null,
    finish_reason_normalized: null, ended_by: null, items: {}, token_usage: null, bytes: 0, frames: 0, bad_frames: 0,
  };
}

interface Column {
  name: string;
  /** In a table, where room is short. */
  title: string;
  width: number;
  left?: boolean;
  value: (row: Row) => string | number | null;
}

const KINDS = ["message", "reasoning", "function_call", "custom_tool_call"];

const COLUMNS: Column[] = [
  { name: "file", title: "file", width: 4, left: true, value: (row) => row.file },
  { name: "wire", title: "wire", width: 9, left: true, value: (row) => row.wire },
  { name: "result", title: "result", width: 17, left: true, value: (row) => row.result },
  { name: "messages", title: "msgs", width: 4, value: ({ items }) => items["message"] ?? 0 },
  { name: "reasoning", title: "reas", width: 4, value: ({ items }) => items["reasoning"] ?? 0 },
  {
    name: "calls", title: "calls", width: 5,
    value: ({ items }) => (items["function_call"] ?? 0) + (items["custom_tool_call"] ?? 0),
  },
  {
    name: "other_items", title: "other", width: 5,
    value: ({ items }) => sum(Object.entries(items).map(([kind, count]) => (KINDS.includes(kind) ? 0 : count))),
  },
  { name: "input_tokens", title: "input", width: 7, value: (row) => row.token_usage?.input_tokens ?? null },
  { name: "output_tokens", title: "output", width: 7, value: (row) => row.token_usage?.output_tokens ?? null },
  { name: "finish_reason", title: "finish", width: 10, left: true, value: (row) => row.finish_reason },
  { name: "bytes", title: "bytes", width: 9, value: (row) => row.bytes },
  { name: "frames", title: "frames", width: 7, value: (row) => row.frames },
  { name: "bad_frames", title: "bad", width: 3, value: (row) => row.bad_frames },
  { name: "error", title: "error", width: 0, left: true, value: (row) => row.error?.message ?? null },
];

/** Beyond this a long name moves its own row, and not every other one. */
const MAX_FILE_WIDTH = 60;

/** Makes rows of one look. */
export interface RowWriter {
  /** The line before the first row, if there is one. */
  head: string;
  row: (row: Row) => string;
}

/**
 * @param files all names: the table's first column is as wide as they are.
 * @param color whether failures are red.
 */
export function rowWriter(format: Format, files: readonly string[], color: boolean): RowWriter {
  if (format === "json") return { head: "", row: (row) => `${JSON.stringify(row)}\n` };
  if (format === "tsv") {
    const line = (values: string[]): string => `${values.join("\t")}\n`;
    return {
      head: line(COLUMNS.map(({ name }) => name)),
      row: (row) => line(COLUMNS.map(({ value }) => escaped(String(value(row) ?? "")))),
    };
  }
  let fileWidth = 4;
  for (const file of files) fileWidth = Math.max(fileWidth, Math.min(MAX_FILE_WIDTH, displayWidth(escaped(file))));
  const line = (values: string[]): string => {
    const cells = COLUMNS.map(({ left, name, width }, at) => {
      const text = values[at]!;
      const padding = " ".repeat(Math.max(0, (name === "file" ? fileWidth : width) - displayWidth(text)));
      return left === true ? text + padding : padding + text;
    });
    return cells.join("  ").trimEnd();
  };
  return {
    head: `${line(COLUMNS.map(({ title }) => title))}\n`,
    row: (row) => {
      const text = line(COLUMNS.map(({ value }) => escaped(String(value(row) ?? "-"))).map(withoutDash));
      return color && row.result !== "ok" ? `\x1b[31m${text}\x1b[39m\n` : `${text}\n`;
    },
  };
}

/** No error is no word. */
function withoutDash(text: string, column: number): string {
  return column === COLUMNS.length - 1 && text === "-" ? "" : text;
}

/** One line, one field, and nothing that a terminal would obey. */
function escaped(text: string): string {
  return text.replaceAll(/[\\\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const short = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" }[character];
    return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** How many columns a terminal gives a text: near enough for names of files. */
function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text.normalize("NFC")) {
    if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) continue;
    width += /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u.test(character) ? 2 : 1;
  }
  return width;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
