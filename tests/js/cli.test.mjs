// The `streamgauge` command: its contract, over real processes and pipes.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { aggregate } from "streamgauge";

import {
  chunk, completed, DONE, eventsOf, finish, HELLO, itemDone, message, reasoning, sse, textDelta, untimed, within,
} from "./support/chat.mjs";
import { lines, printed, run, start } from "./support/command.mjs";
import { httpCollector } from "./support/otel-collector.mjs";
import { freePorts } from "./support/rotel.mjs";
import { DEMO, DEMO_EVENTS } from "./support/telemetry-run.mjs";
import { attributesOf, recordsOf } from "./support/telemetry-sink.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const DEMO_FILE = path("../fixtures/demo.sse");
const { version } = JSON.parse(await readFile(path("../../pkg/package.json"), "utf8"));

/** Files of the tests. */
const FOLDER = await mkdtemp(join(tmpdir(), "streamgauge-cli-"));
after(() => rm(FOLDER, { recursive: true, force: true }));
const file = (name) => join(FOLDER, name);
async function textFile(name, text) {
  await writeFile(file(name), text);
  return file(name);
}

const isItemOrEnd = ({ type }) => type === "output_item.done" || type === "completed";

const demo = untimed(await eventsOf(aggregate(Buffer.from(DEMO))));
const demoItems = demo.filter(isItemOrEnd);
const withRaw = untimed(await eventsOf(aggregate(Buffer.from(DEMO), { include: ["raw", "created"] })));
const hello = untimed(await eventsOf(aggregate(Buffer.from(sse(...HELLO)))));

describe("what it prints of a stream", { concurrency: 2 }, () => {
  const cases = [
    { name: "a FILE", args: [DEMO_FILE], events: demo },
    { name: "-", args: ["-"], input: DEMO, events: demo },
    { name: "a pipe", args: [], input: DEMO, events: demo },
    { name: "--items", args: ["--items", DEMO_FILE], events: demoItems },
    { name: "options after FILE", args: [DEMO_FILE, "--items"], events: demoItems },
    { name: "--chunk-bytes 1", args: ["--chunk-bytes", "1", DEMO_FILE], events: demo },
    { name: "--chunk-bytes=7 of a pipe", args: ["--chunk-bytes=7"], input: DEMO, events: demo },
    { name: "--chunk-bytes of more than there is", args: ["--chunk-bytes", "1000000", DEMO_FILE], events: demo },
    { name: "--include, twice", args: ["--include", "raw", "--include", "created", DEMO_FILE], events: withRaw },
    { name: "--wire chat", args: ["--wire", "chat"], input: sse(...HELLO), events: hello },
    { name: "--n 1 and the limits", args: ["--n", "1", "--max-event-bytes", "9999", "--max-item-bytes", "9999", "--idle-timeout-ms", "0", "--invalid-utf8", "error"], input: sse(...HELLO), events: hello },
    { name: "--think-tags", args: ["--think-tags", "auto", "--think-tag-name", "t", "--stall-ms", "5"], input: sse(chunk({ content: "<t>a</t>b" }), finish(), DONE), events: [{ type: "reasoning.delta", delta: "a" }, textDelta("b"), itemDone(reasoning("a")), itemDone(message("b")), completed()] },
    { name: "a FILE that looks like an option, after --", args: ["--", DEMO_FILE], events: demo },
  ];
  for (const { name, args, input, events } of cases) {
    test(name, async (t) => {
      const { code, stdout, stderr } = await run(t, args, { input });
      assert.deepEqual([code, stderr], [0, ""]);
      // Text comes in the pieces that the network has.
      if (/chunk-bytes/.test(name)) assert.deepEqual(joined(untimed(lines(stdout))), joined(events));
      else assert.deepEqual(untimed(lines(stdout)), events);
    });
  }
});

/** The same, whichever pieces a text came in. */
function joined(events) {
  const text = events.filter(({ delta }) => delta !== undefined).map(({ delta }) => delta).join("");
  return [text, ...events.filter(({ delta }) => delta === undefined)];
}

describe("help and version", () => {
  for (const flag of ["--help", "-h"]) {
    test(flag, async (t) => {
      const { code, stdout, stderr } = await run(t, [flag, "--items"]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /^Usage: streamgauge \[OPTIONS\] \[FILE\|-\]\n/);
      for (const option of [
        "--wire", "--items", "--include", "--telemetry", "--otel", "--chunk-bytes", "--n", "--invalid-utf8",
        "--idle-timeout-ms", "--max-event-bytes", "--max-item-bytes", "--think-tags", "--think-tag-name", "--stall-ms", "--help", "--version",
      ]) {
        assert.ok(stdout.includes(` ${option} `) || stdout.includes(` ${option}\n`), option);
      }
      assert.match(stdout, /Exit status: 0 /);
    });
  }
  for (const flag of ["--version", "-V"]) {
    test(flag, async (t) => {
      assert.deepEqual(await run(t, [flag]), { code: 0, signal: null, stdout: `${version}\n`, stderr: "" });
    });
  }
});

describe("a command line that is not usable: 2, and nothing on stdout", { concurrency: 2 }, () => {
  const cases = [
    ["an unknown option", ["--nope"], /Unknown option '--nope'/],
    ["a missing value", ["--wire"], /--wire/],
    ["a value too many", ["--items=yes"], /--items/],
    ["an unknown wire", ["--wire", "morse"], /^streamgauge: wire must be .* not "morse"$/m],
    ["an unknown think-tags", ["--think-tags", "on"], /^streamgauge: thinkTags must be .* not "on"$/m],
    ["an unknown include", ["--include", "everything"], /include knows .* not "everything"$/m],
    ["an unknown invalid-utf8", ["--invalid-utf8", "ignore"], /not "ignore"$/m],
    ...["--chunk-bytes=0", "--chunk-bytes=1e3", "--chunk-bytes=", "--n=1.5", "--max-event-bytes=x", "--max-item-bytes=99999999999999999999"]
      .map((option) => [option, [option], /^streamgauge: --[a-z-]+ must be a whole number of at least 1, not "/]),
    ["--idle-timeout-ms -1", ["--idle-timeout-ms=-1"], /--idle-timeout-ms must be a whole number of at least 0/],
    ["--telemetry and --otel", ["--telemetry", "-", "--otel", "x.toml"], /give one/],
    ["no such FILE", [file("nowhere")], /cannot read .*nowhere: ENOENT/],
    ["a folder", [FOLDER], /cannot read .*: it is a directory; --summary reads the files in it/],
    ["a --telemetry that cannot be written", ["--telemetry", file("nowhere/x"), DEMO_FILE], /cannot write .*nowhere/],
    ["no such --otel", ["--otel", file("nowhere.toml"), DEMO_FILE], /cannot read .*nowhere\.toml/],
  ];
  for (const [name, args, message] of cases) {
    test(name, async (t) => {
      // The input stays open: it must not be waited for.
      const { exit } = start(t, args);
      const { code, stdout, stderr } = await exit;
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /^streamgauge: .*\nTry: streamgauge --help\n$/);
    });
  }
});

describe("a stream that fails: 1, what came, and one line", { concurrency: 2 }, () => {
  const partial = sse(chunk({ role: "assistant", content: "Hel" }));
  const cut = [
    { type: "output_text.delta", delta: "Hel" },
    {
      type: "output_item.done",
      item: {
        type: "message", role: "assistant", content: [{ type: "output_text", text: "Hel" }], status: "incomplete",
      },
    },
  ];
  const cases = [
    { name: "nothing", input: "", line: /^error: stream_incomplete: .*empty/ },
    { name: "HTML", input: "<!doctype html>\n<html>\n<body>502</body></html>\n", line: /^error: provider_error: html body/ },
    { name: "JSON of an error", input: '{"error":{"message":"no\\nquota","type":"insufficient_quota"}}', line: /^error: provider_error: no quota$/m },
    { name: "binary", input: Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7) % 256)), line: /^error: provider_error: / },
    { name: "cut off", input: partial, line: /^error: stream_incomplete: /, events: cut },
    { name: "cut off, --items", args: ["--items"], input: partial, line: /^error: stream_incomplete: /, events: cut.slice(1) },
    { name: "an error in the stream", input: partial + sse({ error: { message: "overloaded\r\n\r\nlater" } }), line: /^error: provider_error: overloaded later$/m, events: cut },
    { name: "an error that would paint the terminal", input: sse({ error: { message: "a\u001b[31mb\u0007c\u2028d" } }), line: /^error: provider_error: a[^]*b[^]*c[^]*d\n$/ },
    { name: "bytes that are no UTF-8", args: ["--invalid-utf8", "error"], input: Buffer.concat([Buffer.from(partial), Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 10, 10])]), line: /^error: invalid_utf8: /, events: cut },
    { name: "an event too large", args: ["--max-event-bytes", "1000"], input: partial + `data: ${"x".repeat(2000)}`, line: /^error: event_too_large: .*1000/, events: cut },
    { name: "a line of 100 MB", input: Buffer.alloc(100_000_000, "data: x"), line: /^error: event_too_large: event larger than 8388608 bytes/ },
  ];
  for (const { name, args = [], input, line, events = [] } of cases) {
    test(name, async (t) => {
      const { code, stdout, stderr } = await run(t, args, { input });
      assert.equal(code, 1);
      assert.match(stderr, line);
      assert.match(stderr, /^error: [a-z_0-9]+: [^\p{Cc}]+\n$/u, "one line, and nothing that paints");
      assert.deepEqual(lines(stdout), events);
    });
  }

  test("nothing comes for too long", async (t) => {
    const { child, exit } = start(t, ["--idle-timeout-ms", "200"]);
    child.stdin.write(partial);
    const { code, stdout, stderr } = await exit;
    assert.equal(code, 1);
    assert.match(stderr, /^error: idle_timeout: [^\n]+\n$/);
    assert.deepEqual(lines(stdout), cut);
  });
});

describe("live pipes", { concurrency: 2 }, () => {
  test("events are printed as they come", async (t) => {
    const command = start(t, []);
    command.child.stdin.write(sse(chunk({ content: "first" })));
    await printed(command, /"first"/);
    command.child.stdin.write(sse(chunk({ content: "second" })));
    await printed(command, /"second"/);
    command.child.stdin.end(sse(finish(), DONE));
    assert.equal((await command.exit).code, 0);
  });

  for (const args of [[], ["--chunk-bytes", "1"], ["--telemetry", "-"]]) {
    test(`a pipe that stays open after [DONE] is not waited for ${args.join(" ")}`, async (t) => {
      const { child, exit } = start(t, args);
      child.stdin.write(sse(...HELLO));
      const { code, stdout, stderr } = await within(5000, exit);
      assert.deepEqual([code, stderr], [0, ""]);
      const events = untimed(lines(stdout).filter(({ resourceLogs }) => resourceLogs === undefined));
      assert.deepEqual(joined(events), joined(hello));
    });
  }

  test("a reader that leaves, as head does", async (t) => {
    const command = start(t, []);
    const { child, exit } = command;
    child.stdin.write(sse(chunk({ content: "first" })));
    await printed(command, /"first"/);
    child.stdout.destroy();
    for (let index = 0; index < 100; index++) child.stdin.write(sse(chunk({ content: "more" })));
    const { code, stderr } = await exit;
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("a reader that leaves takes no telemetry along", async (t) => {
    const collector = await httpCollector(t);
    const toml = await textFile("leave.toml", collectorToml(collector.url));
    const command = start(t, ["--otel", toml]);
    const { child, exit } = command;
    child.stdin.write(sse(chunk({ content: "first" })));
    await printed(command, /"first"/);
    child.stdout.destroy();
    child.stdin.write(sse(chunk({ content: "more" })));
    assert.equal((await exit).code, 0);
    const records = collector.requests.flatMap(({ body }) => recordsOf(JSON.parse(body)));
    assert.ok(records.length >= 2, `${records.length} records`);
  });

  test("a reader that is slow gets everything", async (t) => {
    const { child, exit } = start(t, [DEMO_FILE, "--chunk-bytes", "3", "--include", "raw"]);
    child.stdout.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.stdout.resume();
    const { code, stdout } = await exit;
    assert.equal(code, 0);
    assert.equal(lines(stdout).at(-1).type, "completed");
  });

  for (const args of [[], ["--telemetry", file("interrupted.jsonl")]]) {
    test(`SIGINT ${args.slice(0, 1)}`, async (t) => {
      const command = start(t, args);
      command.child.stdin.write(sse(chunk({ content: "first" })));
      await printed(command, /"first"/);
      command.child.kill("SIGINT");
      const { code, signal, stderr } = await within(5000, command.exit);
      assert.deepEqual([code, signal, stderr], [130, null, ""]);
      if (args.length === 0) return;
      const batches = lines(await readFile(args[1], "utf8"));
      const kinds = batches.flatMap(recordsOf).map((record) => attributesOf(record)["event.kind"]);
      assert.deepEqual(kinds, ["message", "response.completed"], "what was recorded is written");
    });
  }
});

/** Settings for a collector; with `headers` and `batch` as TOML. */
function collectorToml(endpoint, { headers = "{}", batch = "{}" } = {}) {
  return `[otel]
environment = "staging"
exporter = { otlp-http = { endpoint = "${endpoint}", protocol = "json", headers = ${headers} } }
batch = ${batch}
`;
}

describe("telemetry", { concurrency: 2 }, () => {
  const KINDS = [...Array.from({ length: DEMO_EVENTS }, () => "message"), "response.completed"];
  const kindsOf = (records) => records.map((record) => attributesOf(record)["event.kind"]);

  test("--telemetry FILE: OTLP JSON lines", async (t) => {
    await textFile("out.jsonl", "what was there before is not");
    const { code, stdout, stderr } = await run(t, ["--telemetry", file("out.jsonl"), DEMO_FILE]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(untimed(lines(stdout)), demo);
    const batches = lines(await readFile(file("out.jsonl"), "utf8"));
    for (const batch of batches) assert.deepEqual(Object.keys(batch), ["resourceLogs"]);
    const records = batches.flatMap(recordsOf);
    assert.deepEqual(kindsOf(records), KINDS);
    assert.equal(attributesOf(records.at(-1)).tool_token_count, "2030");
    assert.match(attributesOf(records[0])["conversation.id"], /^[0-9a-f-]{36}$/);
  });

  test("--telemetry -: among the events", async (t) => {
    const { code, stdout, stderr } = await run(t, ["--telemetry", "-", "--items"], { input: DEMO });
    assert.deepEqual([code, stderr], [0, ""]);
    const all = lines(stdout);
    assert.deepEqual(untimed(all.filter(({ type }) => type !== undefined)), demoItems);
    assert.deepEqual(kindsOf(all.filter(({ resourceLogs }) => resourceLogs !== undefined).flatMap(recordsOf)), KINDS);
  });

  test("--telemetry FILE: more records than the queue has room for, in a file and by a pipe", async (t) => {
    const input = "data: 0\n\n".repeat(60_000) + DEMO;
    await writeFile(file("long.sse"), input);
    for (const [args, given] of [[[file("long.sse")], undefined], [[], input]]) {
      const { code, stderr } = await run(t, ["--telemetry", file("long.jsonl"), "--items", ...args], { input: given });
      assert.equal(code, 0, stderr);
      assert.equal(stderr, "");
      const records = lines(await readFile(file("long.jsonl"), "utf8")).flatMap(recordsOf);
      assert.ok(records.length > 60_000, `${records.length} records`);
    }
  });

  test("--telemetry of a stream that fails", async (t) => {
    const input = sse(chunk({ content: "x" }));
    const { code, stderr } = await run(t, ["--telemetry", file("failed.jsonl")], { input });
    assert.equal(code, 1);
    assert.match(stderr, /^error: stream_incomplete: [^\n]+\n$/);
    const records = lines(await readFile(file("failed.jsonl"), "utf8")).flatMap(recordsOf);
    assert.match(attributesOf(records.at(-1))["error.message"], /ended before the response was complete/);
  });

  test("--otel FILE.toml", async (t) => {
    const collector = await httpCollector(t);
    const toml = await textFile("good.toml", collectorToml(collector.url, { headers: '{ x-key = "${KEY}" }' }));
    const { code, stdout, stderr } = await run(t, ["--otel", toml, DEMO_FILE], { env: { KEY: "secret" } });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(untimed(lines(stdout)), demo);
    assert.equal(collector.requests[0].headers["x-key"], "secret");
    const records = collector.requests.flatMap(({ body }) => recordsOf(JSON.parse(body)));
    assert.deepEqual(kindsOf(records), KINDS);
  });

  test("a dead collector is told of, and the stream is what counts", async (t) => {
    // Long enough for the first refusal on a busy machine.
    const batch = "{ shutdown_timeout_ms = 1000 }";
    const toml = await textFile("dead.toml", collectorToml(`http://127.0.0.1:${await freePorts(1)}/v1/logs`, { batch }));
    const { code, stdout, stderr } = await run(t, ["--otel", toml, DEMO_FILE]);
    assert.equal(code, 0);
    assert.deepEqual(untimed(lines(stdout)), demo);
    assert.match(stderr, new RegExp(`^(telemetry: no answer .*\n)?telemetry: ${KINDS.length} records were lost: .*ECONNREFUSED.*\n$`));
  });

  const bad = [
    ["no TOML", "[otel]\nexporter = none\n", /otel: not TOML at line 2, column 1\d?: /],
    ["a typo in a name", '[otel]\nenviroment = "x"\n', /otel\.enviroment: unknown key; did you mean "environment"/],
    ["a typo in an exporter", '[otel]\nexporter = "otlp-htp"\n', /otel\.exporter: "otlp-htp" is no exporter.*otlp-http/],
    ["a typo deep in", '[otel.exporter.otlp-http]\nendpont = "http://x"\nprotocol = "json"\n', /otel\.exporter\.otlp-http\.endpont: unknown key; did you mean "endpoint"/],
    ["an unknown protocol", '[otel.exporter.otlp-http]\nendpoint = "http://x"\nprotocol = "xml"\n', /otel\.exporter\.otlp-http\.protocol: .*xml/],
    ["a missing variable", '[otel.exporter.otlp-http]\nendpoint = "http://x/${NOWHERE}"\nprotocol = "json"\n', /otel\.exporter\.otlp-http\.endpoint: the environment has no variable NOWHERE/],
    ["a number out of range", "[otel.batch]\nmax_queue_size = 0\n", /otel\.batch\.max_queue_size: must be a whole number from 1 .*not 0/],
  ];
  for (const [name, text, message] of bad) {
    test(`--otel with ${name}: 2, and where`, async (t) => {
      const toml = await textFile(`${name}.toml`, text);
      const { code, stdout, stderr } = await run(t, ["--otel", toml, DEMO_FILE]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /^streamgauge: [^\n]+\nTry: streamgauge --help\n$/);
    });
  }
});
