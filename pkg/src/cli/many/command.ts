// What the command line asks for when it is about several files.

import type { AggregateOptions } from "../../types.js";
import type { StreamCommand } from "../arguments.js";
import { UsageError } from "../usage.js";

/** Options beside those of one stream, for `parseArgs`. */
export const MANY_OPTIONS = {
  summary: { type: "boolean" },
  events: { type: "boolean" },
  "files-from": { type: "string" },
  format: { type: "string" },
  json: { type: "boolean" },
  out: { type: "string" },
  jobs: { type: "string" },
  quiet: { type: "boolean", short: "q" },
  "no-progress": { type: "boolean" },
} as const;

const FORMATS = ["table", "tsv", "json"] as const;

/** How summary rows look. */
export type Format = (typeof FORMATS)[number];

/** Which of a stream's events become JSON lines. */
export type Lines = "events" | "items";

/** Aggregate many files. */
export interface ManyCommand {
  kind: "many";
  /** As given: files, folders and patterns; `["-"]` is standard input. */
  names: string[];
  /** A list with more names; `-` is standard input. */
  filesFrom: string | undefined;
  /** `undefined`: by what standard output is. */
  format: Format | undefined;
  /** Printed instead of rows, or written to `out`. */
  lines: Lines | undefined;
  /** The folder for each file's lines. */
  out: string | undefined;
  /** `undefined`: by the number of processors. */
  jobs: number | undefined;
  quiet: boolean;
  progress: boolean;
  telemetryFile: string | undefined;
  otelFile: string | undefined;
  chunkBytes: number | undefined;
  options: AggregateOptions;
}

interface Values {
  summary?: boolean | undefined;
  items?: boolean | undefined;
  events?: boolean | undefined;
  "files-from"?: string | undefined;
  format?: string | undefined;
  json?: boolean | undefined;
  out?: string | undefined;
  jobs: number | undefined;
  quiet?: boolean | undefined;
  "no-progress"?: boolean | undefined;
}

/**
 * The command for many files; `undefined` when it is about one stream. So that a script's `*.sse` may fit one file
 * alone, every option that makes sense only for many asks for it.
 * @throws {@link UsageError}
 */
export function manyCommand(names: string[], values: Values, stream: StreamCommand): ManyCommand | undefined {
  const { summary = false, items = false, events = false, json = false, out, jobs, "files-from": filesFrom } = values;
  const isMany = names.length > 1 || summary || json || [values.format, out, jobs, filesFrom].some(isGiven);
  if (items && events) throw new UsageError("--items is a part of --events: give one");
  if (!isMany) return undefined;

  const lines = items ? "items" : events || (out !== undefined && !items) ? "events" : undefined;
  const format = json ? "json" : asFormat(values.format);
  if (json && values.format !== undefined && values.format !== "json") {
    throw new UsageError(`--json and --format ${values.format}: give one`);
  }
  if (lines !== undefined && out === undefined) {
    if (summary) throw new UsageError(`--summary and --${lines} both say what is printed: give one, or --out too`);
    if (format !== undefined && format !== "json") throw new UsageError(`--${lines} prints JSON lines, no ${format}`);
  }
  if (stream.options.include !== undefined && lines === undefined) {
    throw new UsageError("--include is about events, and rows have none: give --events or --out too");
  }
  if (stream.telemetryFile === "-" && lines === undefined && format !== "json") {
    throw new UsageError("--telemetry - prints JSON lines, and rows would be among them: give --json too, or a FILE");
  }
  const { telemetryFile, otelFile, chunkBytes, options } = stream;
  return {
    kind: "many", names, filesFrom, format, lines, out, jobs, telemetryFile, otelFile, chunkBytes, options,
    quiet: values.quiet === true,
    progress: values["no-progress"] !== true && values.quiet !== true,
  };
}

function asFormat(name: string | undefined): Format | undefined {
  const format = FORMATS.find((known) => known === name);
  if (name !== undefined && format === undefined) {
    throw new UsageError(`--format must be ${FORMATS.join(", ").replace(/, (?=\w+$)/, " or ")}, not "${name}"`);
  }
  return format;
}

function isGiven(value: unknown): boolean {
  return value !== undefined;
}
