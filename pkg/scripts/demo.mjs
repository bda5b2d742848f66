// The main job on real input: a streamed completion is read over fetch, token by token.
// Usage: npm --prefix pkg run demo [-- OPTIONS] [FILE]; see HELP.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { build } from "./build.mjs";
import { serveCapture } from "./demo/server.mjs";
import { showRecords, showStream } from "./demo/show.mjs";
import { tests } from "./project.mjs";
import { Failure, isMain, main } from "./run.mjs";

const HELP = `Usage: npm --prefix pkg run demo [-- [FILE] [--delay-ms N]]
       npm --prefix pkg run demo -- --url URL [--model NAME] [--prompt TEXT]

Without arguments: builds what is missing, starts an HTTP server on loopback that streams a recorded
completion (reasoning, text, two parallel tool calls), reads it with the package, and exports the run's log
records to a collector on the same server.

  FILE            streams this capture (server-sent events) instead
  --delay-ms N    the time between two events (default: about 15 ms, less for long captures)
  --url URL       asks a live endpoint: an OpenAI-compatible .../chat/completions
  --model NAME    the model to ask for there (default gpt-4o-mini)
  --prompt TEXT   what to ask it
The key for --url is taken from the environment variable OPENAI_API_KEY, if it is set.
`;

const DEFAULT_PROMPT = "In three sentences: why is a river's flow hard to measure?";

async function demo() {
  const options = readArguments();
  if (options.help) return void process.stdout.write(HELP);
  await build();
  const { aggregate, Telemetry } = await import("../dist/index.js");

  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const server = await serveCapture(options.url === undefined ? readCapture(options.file) : Buffer.alloc(0), options);
  const exporter = { "otlp-http": { endpoint: server.collector, protocol: "json" } };
  const telemetry = new Telemetry({
    conversationId: crypto.randomUUID(),
    model: options.url === undefined ? "example-coder-1" : options.model,
    appVersion: "demo",
    terminalType: process.env.TERM ?? "unknown",
    otel: { exporter },
  });
  try {
    const url = options.url ?? server.url;
    console.log(`POST ${url}\n`);
    telemetry.userPrompt(options.prompt);
    const response = await post(telemetry, url, options, stop.signal);
    const stream = aggregate(response, { signal: stop.signal, include: ["tool_call.delta"], telemetry });
    const failed = await showStream(stream);
    if (failed) process.exitCode = stop.signal.aborted ? 130 : 1;
    await telemetry.shutdown();
    showRecords(server.collected);
  } finally {
    await server.close();
  }
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        url: { type: "string" },
        model: { type: "string", default: "gpt-4o-mini" },
        prompt: { type: "string", default: DEFAULT_PROMPT },
        "delay-ms": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
      allowPositionals: true,
    });
    if (positionals.length > 1) throw new Error(`one FILE at a time, not ${positionals.length}`);
    const delayMs = values["delay-ms"] === undefined ? undefined : Number(values["delay-ms"]);
    if (delayMs !== undefined && !(delayMs >= 0)) throw new Error("--delay-ms must be a number of milliseconds");
    return { ...values, file: positionals[0], delayMs };
  } catch (error) {
    throw new Failure(`${error.message}\n\n${HELP}`);
  }
}

function readCapture(file) {
  // npm runs scripts in the package's folder; a relative FILE means the user's.
  const path = file === undefined ? resolve(tests, "fixtures", "demo.sse") : resolve(process.env.INIT_CWD ?? ".", file);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${error.message}`);
  }
}

async function post(telemetry, url, { model, prompt }, signal) {
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const key = process.env.OPENAI_API_KEY;
  if (key !== undefined && !url.startsWith("http://127.0.0.1:")) headers.authorization = `Bearer ${key}`;
  const body = JSON.stringify({
    model,
    messages: [{ role: "user", content: prompt }],
    stream: true,
    stream_options: { include_usage: true },
  });
  try {
    return await telemetry.fetch(url, { method: "POST", headers, body, signal });
  } catch (error) {
    if (signal.aborted) throw new Failure("interrupted");
    throw new Failure(`cannot reach ${url}: ${error.cause?.message ?? error.message}`);
  }
}

if (isMain(import.meta.url)) await main(demo);
