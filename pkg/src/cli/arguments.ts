import { parseArgs } from "node:util";

import type { AggregateOptions, IncludeName, Wire } from "../types.js";
import type { ManyCommand } from "./many/command.js";
import { MANY_OPTIONS, manyCommand } from "./many/command.js";
import { UsageError } from "./usage.js";

export const HELP = `Usage: streamgauge [OPTIONS] [FILE|-]
       streamgauge [OPTIONS] FILES...

Reads a captured or live stream of an LLM API (server-sent events) from FILE or standard input and prints
its events as JSON lines:

  curl -sN https://api.example.com/v1/chat/completions -d @request.json ... | npx streamgauge

  --wire NAME            auto (default), chat, responses or anthropic
  --items                print only the finished items and the completion
  --include NAME         print extra events: created, output_item.added, tool_call.delta, raw (repeatable)
  --telemetry FILE       write the run's log records there (- for standard output) as OTLP JSON lines
  --otel FILE.toml       export the run's log records as the [otel] table in FILE.toml says
  --chunk-bytes N        feed at most N bytes at a time
  --n N                  how many choices were asked for; 1 folds every choice index into one
  --invalid-utf8 MODE    replace (default) or error
  --idle-timeout-ms N    give up when nothing arrives for N ms (default 300000; 0: never)
  --think-tags MODE      off (default), auto or inside: thoughts between <think> tags become reasoning
  --think-tag-name NAME  another name than think (repeatable)
  --stall-ms N           from how many ms without a delta on a gap counts as a stall (default 1000)
  --max-event-bytes N    the most bytes of one SSE event (default 8388608)
  --max-item-bytes N     the most bytes of one item's text (default 67108864)
  -h, --help             print this
  -V, --version          print the version

Exit status: 0 the stream completed; 1 it failed (one line "error: CODE: message" on standard error, after
everything that was received); 2 usage, or FILE cannot be read.

Several files, or one with any of the options below up to --jobs: one summary row per file, in the order given, and a
line of totals on standard error. A folder stands for the files in it (at any depth, none that begin with a dot), and
a pattern in quotes ("captures/**/*.sse") for the files that it fits.

  --summary              rows for a single FILE (or -) too
  --files-from LIST      read more names from the file LIST (- for standard input), one per line or NUL-terminated
  --format NAME          table (default on a terminal), tsv (default elsewhere) or json: one object per line
  --json                 the same as --format json
  --out FOLDER           write each file's events there, as FILE.jsonl, in the folders that FILE has; with --items
                         only its items. Files are whole: one that is not finished is not there
  --jobs N               read N files at a time (default: as many as there are processors)
  --items, --events      instead of rows, print each file's items, or all its events, with its name as "file" and a
                         failure as {"file":..,"type":"error",..}; with --out, that is what is written there
  --telemetry, --otel    as above; each file is a conversation of its own, and its first record,
                         streamgauge.capture, tells the file's name (log.file.path)
  -q, --quiet            no progress bar and no totals
  --no-progress          no progress bar; without it there is one when standard error is a terminal

  streamgauge captures/*.sse                                     what became of each
  find . -name "*.sse" -print0 | streamgauge --files-from -      any number of names
  streamgauge --json captures | jq -r 'select(.result != "ok") | .file'
  streamgauge --items --out items captures                       every capture's items as JSON lines

A file that cannot be read is a row with the result "transport", and the others go on. Exit status: 0 every stream
completed; 1 any did not; 2 usage; 130 interrupted (Ctrl-C: what was finished is printed; twice: at once).
`;

/** What the command line asks for. */
export type Parsed = { kind: "help" } | { kind: "version" } | StreamCommand | ManyCommand;

/** Aggregate one stream. */
export interface StreamCommand {
  kind: "stream";
  /** `undefined`: standard input. */
  file: string | undefined;
  itemsOnly: boolean;
  /** Where OTLP JSON lines go; `-` is standard output. */
  telemetryFile: string | undefined;
  /** A file with an `[otel]` table. */
  otelFile: string | undefined;
  chunkBytes: number | undefined;
  options: AggregateOptions;
}

const OPTIONS = {
  wire: { type: "string" },
  items: { type: "boolean" },
  include: { type: "string", multiple: true },
  telemetry: { type: "string" },
  otel: { type: "string" },
  "chunk-bytes": { type: "string" },
  n: { type: "string" },
  "invalid-utf8": { type: "string" },
  "idle-timeout-ms": { type: "string" },
  "think-tags": { type: "string" },
  "think-tag-name": { type: "string", multiple: true },
  "stall-ms": { type: "string" },
  "max-event-bytes": { type: "string" },
  "max-item-bytes": { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
  ...MANY_OPTIONS,
} as const;

/** @throws {@link UsageError} */
export function parseArguments(argv: string[]): Parsed {
  const { values, positionals } = parse(argv);
  if (values.help === true) return { kind: "help" };
  if (values.version === true) return { kind: "version" };
  if (values.telemetry !== undefined && values.otel !== undefined) {
    throw new UsageError("--telemetry and --otel both say where the records go: give one");
  }
  const options: AggregateOptions = {};
  // The names are checked where they mean something: aggregate() refuses what it does not know.
  if (values.wire !== undefined) options.wire = values.wire as Wire;
  if (values.include !== undefined) options.include = values.include as IncludeName[];
  if (values["invalid-utf8"] !== undefined) options.invalidUtf8 = values["invalid-utf8"] as "replace" | "error";
  if (values["think-tags"] !== undefined) options.thinkTags = values["think-tags"] as "off" | "auto" | "inside";
  if (values["think-tag-name"] !== undefined) options.thinkTagNames = values["think-tag-name"];
  setNumber(options, "n", "--n", values.n, 1);
  setNumber(options, "idleTimeoutMs", "--idle-timeout-ms", values["idle-timeout-ms"], 0);
  setNumber(options, "stallMs", "--stall-ms", values["stall-ms"], 1);
  setNumber(options, "maxEventBytes", "--max-event-bytes", values["max-event-bytes"], 1);
  setNumber(options, "maxItemBytes", "--max-item-bytes", values["max-item-bytes"], 1);
  const chunkBytes = values["chunk-bytes"];
  const command: StreamCommand = {
    kind: "stream",
    file: positionals[0] === "-" ? undefined : positionals[0],
    itemsOnly: values.items === true,
    telemetryFile: values.telemetry,
    otelFile: values.otel,
    chunkBytes: chunkBytes === undefined ? undefined : wholeNumber("--chunk-bytes", chunkBytes, 1),
    options,
  };
  const jobs = values.jobs === undefined ? undefined : wholeNumber("--jobs", values.jobs, 1);
  return manyCommand(positionals, { ...values, jobs }, command) ?? command;
}

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Node's own words: "Unknown option '--x'. ..." or "Option '--wire <value>' argument missing".
    throw new UsageError((error as Error).message);
  }
}

function setNumber(
  options: AggregateOptions,
  name: "n" | "idleTimeoutMs" | "stallMs" | "maxEventBytes" | "maxItemBytes",
  flag: string,
  text: string | undefined,
  least: number,
): void {
  if (text !== undefined) options[name] = wholeNumber(flag, text, least);
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`${flag} must be a whole number of at least ${least}, not "${text}"`);
  }
  return value;
}
