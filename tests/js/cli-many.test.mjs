// The `streamgauge` command over many files: what it prints of which, and what it refuses.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { chunk, DONE, finish, HELLO, sse, untimed } from "./support/chat.mjs";
import { lines, run } from "./support/command.mjs";
import { httpCollector } from "./support/otel-collector.mjs";
import { freePorts } from "./support/rotel.mjs";
import { attributesOf, recordsOf } from "./support/telemetry-sink.mjs";

const FOLDER = await mkdtemp(join(tmpdir(), "streamgauge-many-"));
after(() => rm(FOLDER, { recursive: true, force: true }));
async function put(name, content) {
  const path = join(FOLDER, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, content);
  return name;
}

const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const call = { index: 0, id: "call_1", type: "function", function: { name: "f", arguments: "{}" } };
const CALLS = sse(
  chunk({ reasoning_content: "hm" }), chunk({ content: "x", tool_calls: [call] }), "not JSON",
  finish("tool_calls"), { ...chunk({}), choices: [], usage }, DONE,
);
const RESPONSES = sse(
  { type: "response.created", response: { id: "resp_2", model: "m-2" } },
  { type: "response.output_item.done", output_index: 0, item: { type: "web_search_call", id: "ws_1", status: "completed" } },
  { type: "response.completed", response: { id: "resp_2", model: "m-2", status: "completed", output: [] } },
);
const ANTHROPIC = sse(
  { type: "message_start", message: { id: "msg_1", model: "m-3", role: "assistant", content: [], usage: { input_tokens: 5, output_tokens: 1 } } },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi" } },
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 3 } },
  { type: "message_stop" },
);
const CUT = sse(chunk({ content: "Hel" }));
const ERROR = sse({ error: { message: "no\tquota\nleft", type: "insufficient_quota", code: 7 } });

await put("a/hello.sse", sse(...HELLO));
await put("a/calls.sse", CALLS);
await put("a/.hidden", "");
await put("a/deep/responses.sse", RESPONSES);
await put("a/deep/er/anthropic.sse", ANTHROPIC);
await put("a/deep/notes.txt", "nothing");
await put("b/cut.sse", CUT);
await put("b/empty.sse", "");
await put("b/error.sse", ERROR);
await put("b/[1].sse", sse(...HELLO));
await put("b/日本 .sse", sse(...HELLO));
await put("odd/tab\there\nand there.sse", sse(...HELLO));
await put("list", "a/hello.sse\r\nb/cut.sse\n\na\n");
await put("nul", "odd/tab\there\nand there.sse\0a/hello.sse\0");
await put("nothing", "\n");
await symlink(join(FOLDER, "a"), join(FOLDER, "b", "zz-link-to-folder"));
await symlink(join(FOLDER, "a", "hello.sse"), join(FOLDER, "b", "z-link.sse"));
await mkdir(join(FOLDER, "void"));

const many = (t, args, more) => run(t, args, { cwd: FOLDER, ...more });
const tsv = (text) => text.split("\n").slice(0, -1).map((line) => line.split("\t"));
const HEAD = [
  "file", "wire", "result", "messages", "reasoning", "calls", "other_items", "input_tokens", "output_tokens",
  "finish_reason", "bytes", "frames", "bad_frames", "error",
];
const HELLO_ROW = ["chat", "ok", "1", "0", "0", "0", "", "", "stop", String(sse(...HELLO).length), "4", "0", ""];

describe("a row per file", { concurrency: 2 }, () => {
  test("tab-separated, in the order given", async (t) => {
    const names = ["a/hello.sse", "b/cut.sse", "a/calls.sse", "nowhere.sse", "a/deep/responses.sse", "b/empty.sse", "b/error.sse", "a/deep/er/anthropic.sse"];
    const { code, stdout, stderr } = await many(t, names);
    assert.equal(code, 1);
    assert.deepEqual(tsv(stdout), [
      HEAD,
      ["a/hello.sse", ...HELLO_ROW],
      ["b/cut.sse", "chat", "stream_incomplete", "1", "0", "0", "0", "", "", "", String(CUT.length), "1", "0", "the stream ended before the response was complete (no [DONE], no finish_reason)"],
      ["a/calls.sse", "chat", "ok", "1", "1", "1", "0", "7", "2", "tool_calls", String(CALLS.length), "6", "1", ""],
      ["nowhere.sse", "", "transport", "0", "0", "0", "0", "", "", "", "0", "0", "0", "cannot read nowhere.sse: ENOENT: no such file or directory, open 'nowhere.sse'"],
      ["a/deep/responses.sse", "responses", "ok", "0", "0", "0", "1", "", "", "completed", String(RESPONSES.length), "3", "0", ""],
      ["b/empty.sse", "", "stream_incomplete", "0", "0", "0", "0", "", "", "", "0", "0", "0", "the stream ended without a single event: the body is empty"],
      ["b/error.sse", "", "provider_error", "0", "0", "0", "0", "", "", "", String(ERROR.length), "1", "0", "no\\tquota\\nleft"],
      ["a/deep/er/anthropic.sse", "anthropic", "ok", "1", "0", "0", "0", "5", "3", "end_turn", String(ANTHROPIC.length), "6", "0", ""],
    ]);
    assert.match(
      stderr,
      /^4 of 8 files completed, 4 failed \(provider_error 1, stream_incomplete 2, transport 1\); 7 items; 12 input and 5 output tokens; \d\.\d kB in \d+\.\d s \(\d+ files\/s, \d+(\.\d)? k?B\/s\)\n$/,
    );
  });

  test("JSON", async (t) => {
    const { code, stdout, stderr } = await many(t, ["--json", "-q", "a/calls.sse", "b/error.sse"]);
    assert.deepEqual([code, stderr], [1, ""]);
    const [calls, error] = lines(stdout);
    assert.deepEqual(calls, {
      file: "a/calls.sse", wire: "chat", result: "ok", error: null, response_id: "resp_1", model: "test-1",
      finish_reason: "tool_calls", finish_reason_normalized: "tool_calls", ended_by: "done",
      items: { reasoning: 1, message: 1, function_call: 1 },
      token_usage: { input_tokens: 7, cached_input_tokens: null, output_tokens: 2, reasoning_output_tokens: null, total_tokens: 9 },
      bytes: CALLS.length, frames: 6, bad_frames: 1,
    });
    assert.deepEqual([error.result, error.error.message, error.error.provider.code], ["provider_error", "no\tquota\nleft", 7]);
  });

  test("a table", async (t) => {
    const { stdout } = await many(t, ["--format", "table", "b/日本 .sse", "a/calls.sse", "b/empty.sse"]);
    const size = (text) => String(Buffer.byteLength(text)).padStart(9);
    assert.equal(stdout, [
      "file         wire       result             msgs  reas  calls  other    input   output  finish          bytes   frames  bad  error",
      `b/日本 .sse  chat       ok                    1     0      0      0        -        -  stop        ${size(sse(...HELLO))}        4    0`,
      `a/calls.sse  chat       ok                    1     1      1      0        7        2  tool_calls  ${size(CALLS)}        6    1`,
      `b/empty.sse  -          stream_incomplete     0     0      0      0        -        -  -           ${size("")}        0    0  the stream ended without a single event: the body is empty`,
      "",
    ].join("\n"));
  });

  const ok = (...files) => files.map((file) => [file, "ok"]);
  const A = ["a/calls.sse", "a/deep/er/anthropic.sse", "a/deep/notes.txt", "a/deep/responses.sse", "a/hello.sse"];
  const aRows = A.map((file) => [file, file.endsWith("txt") ? "provider_error" : "ok"]);
  const cases = [
    { name: "one FILE", args: ["--summary", "a/hello.sse"], rows: ok("a/hello.sse") },
    { name: "one FILE, --format", args: ["--format", "tsv", "a/hello.sse"], rows: ok("a/hello.sse") },
    { name: "one FILE, --jobs", args: ["--jobs", "9", "a/hello.sse"], rows: ok("a/hello.sse") },
    { name: "standard input", args: ["--summary", "-"], input: CALLS, rows: ok("-") },
    { name: "standard input in pieces", args: ["--summary", "--chunk-bytes", "3", "-"], input: CALLS, rows: ok("-") },
    { name: "standard input that is cut", args: ["--summary", "-"], input: CUT, rows: [["-", "stream_incomplete"]] },
    { name: "a FILE twice", args: ["a/hello.sse", "a/hello.sse"], rows: ok("a/hello.sse", "a/hello.sse") },
    { name: "a folder", args: ["--summary", "a"], rows: aRows },
    { name: "a folder among files", args: ["b/cut.sse", "a/", "a/hello.sse"], rows: [["b/cut.sse", "stream_incomplete"], ...aRows, ...ok("a/hello.sse")] },
    {
      name: "links: to a file, yes; to a folder, no", args: ["--summary", "b"],
      rows: [["b/[1].sse", "ok"], ["b/cut.sse", "stream_incomplete"], ["b/empty.sse", "stream_incomplete"], ["b/error.sse", "provider_error"], ["b/z-link.sse", "ok"], ["b/日本 .sse", "ok"]],
    },
    { name: "a link to a folder, given", args: ["--summary", "b/zz-link-to-folder/deep"], rows: [["b/zz-link-to-folder/deep/er/anthropic.sse", "ok"], ["b/zz-link-to-folder/deep/notes.txt", "provider_error"], ["b/zz-link-to-folder/deep/responses.sse", "ok"]] },
    { name: "a pattern", args: ["--summary", "a/*.sse"], rows: ok("a/calls.sse", "a/hello.sse") },
    { name: "a pattern of any depth", args: ["--summary", "a/**/*.sse"], rows: ok("a/calls.sse", "a/deep/er/anthropic.sse", "a/deep/responses.sse", "a/hello.sse") },
    { name: "a pattern without a folder", args: ["--summary", "lis?"], rows: [["list", "provider_error"]] },
    { name: "a pattern that fits none", args: ["--summary", "a/*.no"], rows: [["a/*.no", "transport"]] },
    { name: "a name that looks like a pattern", args: ["--summary", "b/[1].sse"], rows: ok("b/[1].sse") },
    { name: "a list", args: ["--files-from", "list"], rows: [["a/hello.sse", "ok"], ["b/cut.sse", "stream_incomplete"], ...aRows] },
    { name: "a list of NULs", args: ["--files-from", "nul"], rows: ok("odd/tab\\there\\nand there.sse", "a/hello.sse") },
    { name: "a list in a pipe, after names", args: ["a/calls.sse", "--files-from", "-"], input: "a/hello.sse\0", rows: ok("a/calls.sse", "a/hello.sse") },
    { name: "--wire for all", args: ["--wire", "anthropic", "a/hello.sse", "a/deep/er/anthropic.sse"], rows: [["a/hello.sse", "bad_option"], ["a/deep/er/anthropic.sse", "ok"]] },
    { name: "limits for all", args: ["--max-event-bytes", "80", "a/hello.sse", "b/error.sse"], rows: [["a/hello.sse", "event_too_large"], ["b/error.sse", "event_too_large"]] },
  ];
  for (const { name, args, input, rows } of cases) {
    test(name, async (t) => {
      const { code, stdout, stderr } = await many(t, args, { input });
      const [head, ...body] = tsv(stdout);
      assert.deepEqual(head, HEAD);
      assert.deepEqual(body.map(([file, , result]) => [file, result]), rows);
      const completed = rows.filter(([, result]) => result === "ok").length;
      assert.equal(code, completed === rows.length ? 0 : 1);
      assert.match(stderr, new RegExp(`^${completed} of ${rows.length} files completed[^\\n]*\\n$`));
    });
  }

  test("a file that can be opened and not read", { skip: !existsSync("/proc/self/mem") }, async (t) => {
    const { code, stdout } = await many(t, ["/proc/self/mem", "a/hello.sse"]);
    assert.equal(code, 1);
    const [, mem, hello] = tsv(stdout);
    assert.deepEqual([mem[2], hello[2]], ["transport", "ok"]);
    assert.match(mem.at(-1), /EIO|EFAULT/);
  });
});

describe("a command line that is not usable: 2, and nothing on stdout", { concurrency: 2 }, () => {
  const cases = [
    ["- among files", ["a/hello.sse", "-"], /- is standard input, one stream: give it alone, with --summary/],
    ["--items and --events", ["--items", "--events", "a", "b"], /give one/],
    ["--summary and --items", ["--summary", "--items", "a"], /give one, or --out too/],
    ["--format of nothing", ["--format", "xml", "a"], /--format must be table, tsv or json, not "xml"/],
    ["--format and --items", ["--format", "tsv", "--items", "a"], /--items prints JSON lines, no tsv/],
    ["--json and another --format", ["--json", "--format", "tsv", "a"], /give one/],
    ["--jobs 0", ["--jobs", "0", "a"], /--jobs must be a whole number of at least 1/],
    ["--include without events", ["--include", "raw", "a", "b"], /give --events or --out too/],
    ["an unknown --include", ["--include", "x", "--events", "a", "b"], /include knows .* not "x"/],
    ["an unknown --wire", ["--wire", "x", "a", "b"], /wire must be .* not "x"/],
    ["--telemetry - among rows", ["--telemetry", "-", "a", "b"], /give --json too, or a FILE/],
    ["--otel that is not there", ["--otel", "nowhere.toml", "a", "b"], /cannot read nowhere\.toml/],
    ["--telemetry that cannot be written", ["--telemetry", "nowhere/x", "a", "b"], /cannot write nowhere\/x/],
    ["--out that cannot be written", ["--out", "list/x", "a"], /cannot write list\/x/],
    ["--out, and a file twice", ["--out", "o", "a", "a/hello.sse"], /a.hello\.sse is given twice/],
    ["an empty folder", ["--summary", "void"], /no files in void/],
    ["an empty list", ["--files-from", "nothing"], /no files in the list nothing/],
    ["no list", ["--files-from", "nowhere"], /cannot read nowhere/],
  ];
  for (const [name, args, message] of cases) {
    test(name, async (t) => {
      const { code, stdout, stderr } = await many(t, args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /^streamgauge: [^\n]*\nTry: streamgauge --help\n$/);
    });
  }
});

describe("lines of many files", { concurrency: 2 }, () => {
  const names = ["a/hello.sse", "a/calls.sse", "b/cut.sse", "a/deep/responses.sse", "nowhere.sse"];
  /** What the command prints of one file alone, and how it fails. */
  async function alone(t, file, args) {
    const { stdout, stderr } = await many(t, [file, ...args]);
    const [, code, message] = /^(?:error: (\w+): |streamgauge: )(.*)\n/.exec(stderr) ?? [];
    return [...untimed(lines(stdout)), ...(message === undefined ? [] : [{ type: "error", code: code ?? "transport", message }])];
  }

  for (const args of [["--items"], ["--events"], ["--events", "--include", "raw"]]) {
    test(args.join(" "), async (t) => {
      const { code, stdout, stderr } = await many(t, [...args, ...names]);
      assert.equal(code, 1);
      assert.match(stderr, /^3 of 5 files completed, 2 failed/);
      const expected = [];
      for (const file of names) {
        const own = await alone(t, file, args.filter((arg) => arg !== "--events"));
        for (const event of own) expected.push({ file, ...event });
      }
      assert.deepEqual(untimed(lines(stdout)), expected);
      assert.ok(stdout.startsWith('{"file":"a/hello.sse","type":'));
    });

    test(`--out ${args.join(" ")}`, async (t) => {
      const out = `out-${args.join("")}`;
      const { code, stdout } = await many(t, ["--out", out, ...args, ...names.slice(0, 4), "b/日本 .sse"]);
      assert.equal(code, 1);
      assert.deepEqual(tsv(stdout).map(([file]) => file), ["file", ...names.slice(0, 4), "b/日本 .sse"]);
      const written = (await readdir(join(FOLDER, out), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
      assert.deepEqual(
        written.map((entry) => join(entry.parentPath, entry.name)).sort(),
        [...names.slice(0, 4), "b/日本 .sse"].map((name) => join(FOLDER, out, `${name}.jsonl`)).sort(),
      );
      for (const file of names.slice(0, 4)) {
        const text = await readFile(join(FOLDER, out, `${file}.jsonl`), "utf8");
        assert.deepEqual(untimed(lines(text)), await alone(t, file, args.filter((arg) => arg !== "--events")));
      }
    });
  }

  test("--out: one file, beside itself", async (t) => {
    const { code } = await many(t, ["--out", "a", "a/hello.sse"]);
    assert.equal(code, 0);
    const text = await readFile(join(FOLDER, "a", "hello.sse.jsonl"), "utf8");
    await rm(join(FOLDER, "a", "hello.sse.jsonl"));
    assert.equal(lines(text).length, 4);
  });

  test("--out: what can not be written fails its file alone", async (t) => {
    await mkdir(join(FOLDER, "full", "cut.sse.jsonl"), { recursive: true });
    const { code, stdout } = await many(t, ["--out", "full", "b/empty.sse", "b/cut.sse", "b/[1].sse"]);
    assert.equal(code, 1);
    const rows = tsv(stdout).slice(1).map(([file, , result, ...rest]) => [file, result, rest.at(-1).split(":")[0]]);
    assert.deepEqual(rows[1], ["b/cut.sse", "transport", "cannot write full/cut.sse.jsonl"]);
    assert.deepEqual((await readdir(join(FOLDER, "full"))).sort(), ["[1].sse.jsonl", "cut.sse.jsonl", "empty.sse.jsonl"]);
  });
});

describe("telemetry of many files", { concurrency: 2 }, () => {
  const names = ["a/hello.sse", "b/cut.sse", "a/calls.sse"];
  const kinds = { "a/hello.sse": 4, "b/cut.sse": 2, "a/calls.sse": 7 };

  /** The records, by the file that their conversation is of. */
  function byFile(records) {
    const files = new Map();
    const counts = {};
    for (const attributes of records.map(attributesOf)) {
      const id = attributes["conversation.id"];
      if (attributes["event.name"] === "streamgauge.capture") files.set(id, attributes["log.file.path"]);
      else counts[files.get(id)] = (counts[files.get(id)] ?? 0) + 1;
    }
    return { ids: files, counts };
  }

  test("--telemetry FILE", async (t) => {
    const { code, stdout } = await many(t, ["--telemetry", "records.jsonl", "--json", "--jobs", "2", ...names]);
    assert.equal(code, 1);
    const { ids, counts } = byFile(lines(await readFile(join(FOLDER, "records.jsonl"), "utf8")).flatMap(recordsOf));
    assert.deepEqual([...ids.values()], names, "in the order of the files");
    assert.deepEqual(counts, kinds);
    assert.deepEqual(lines(stdout).map(({ conversation_id }) => conversation_id), [...ids.keys()]);
  });

  test("--telemetry -, among JSON lines", async (t) => {
    const { stdout } = await many(t, ["--telemetry", "-", "--items", ...names]);
    const all = lines(stdout);
    assert.deepEqual(byFile(all.filter(({ resourceLogs }) => resourceLogs !== undefined).flatMap(recordsOf)).counts, kinds);
    assert.equal(all.filter(({ file }) => file === "a/calls.sse").length, 4);
  });

  test("more records than the queue has room for", async (t) => {
    await put("long.sse", sse(...Array.from({ length: 60_000 }, () => "0")) + sse(...HELLO));
    const { code, stderr } = await many(t, ["--telemetry", "long.jsonl", "long.sse", "a/hello.sse"]);
    assert.equal(code, 0, stderr);
    const { counts } = byFile(lines(await readFile(join(FOLDER, "long.jsonl"), "utf8")).flatMap(recordsOf));
    assert.ok(counts["long.sse"] >= 60_000, `${counts["long.sse"]} records`);
    assert.doesNotMatch(stderr, /lost/);
  });

  test("--otel FILE.toml", async (t) => {
    const collector = await httpCollector(t);
    await put("good.toml", `[otel]\nexporter = { otlp-http = { endpoint = "${collector.url}", protocol = "json" } }\n`);
    const { code, stderr } = await many(t, ["--otel", "good.toml", "--jobs", "2", ...names]);
    assert.equal(code, 1);
    assert.doesNotMatch(stderr, /telemetry/);
    const { counts } = byFile(collector.requests.flatMap(({ body }) => recordsOf(JSON.parse(body))));
    assert.deepEqual(counts, kinds);
  });

  test("a dead collector is told of once, and the rows are what counts", async (t) => {
    const endpoint = `http://127.0.0.1:${await freePorts(1)}/v1/logs`;
    await put("dead.toml", `[otel]\nexporter = { otlp-http = { endpoint = "${endpoint}", protocol = "json" } }\nbatch = { shutdown_timeout_ms = 1000 }\n`);
    const { code, stdout, stderr } = await many(t, ["--otel", "dead.toml", "--jobs", "1", "a/hello.sse", "a/calls.sse"]);
    assert.equal(code, 0);
    assert.equal(tsv(stdout).length, 3);
    assert.match(stderr, /^(telemetry: no answer [^\n]*\n)?telemetry: 13 records of 2 files were lost: [^\n]*\n2 of 2 files completed/);
  });
});

describe("a worker that dies", { concurrency: 2 }, () => {
  const preload = pathToFileURL(join(import.meta.dirname, "support", "dying-worker.mjs")).href;
  const env = { NODE_OPTIONS: `--import=${preload}` };
  const big = sse(...Array.from({ length: 40_000 }, (_, index) => chunk({ content: `${index} ` })), finish(), DONE);
  const cases = [
    ["exits", sse(...HELLO), "the worker died: it ended with exit code 7"],
    ["traps", sse(...HELLO), "defect in streamgauge: unreachable"],
  ];
  for (const [name, content, message] of cases) {
    for (const jobs of [1, 2]) {
      test(`${name}, --jobs ${jobs}`, async (t) => {
        await put(`${name}.sse`, content);
        const files = Array.from({ length: 40 }, (_, index) => (index === 7 || index === 30 ? `${name}.sse` : "a/hello.sse"));
        const { code, stdout, stderr } = await many(t, ["--jobs", String(jobs), ...files], { env });
        assert.equal(code, 1);
        assert.match(stderr, /^38 of 40 files completed, 2 failed \(internal 2\)/);
        const rows = tsv(stdout).slice(1);
        assert.deepEqual(rows.map(([file]) => file), files);
        for (const [file, , result, ...rest] of rows) {
          assert.deepEqual([result, rest.at(-1)], file === "a/hello.sse" ? ["ok", ""] : ["internal", message]);
        }
      });
    }
  }

  // What throws is not caught, and the worker goes on until it waits for something: here, for its lines to be taken.
  const halves = [["halfway", "it ended with exit code 8"], ["throws", "RangeError: out of something"]];
  for (const [name, why] of halves) {
    test(`${name} through its lines`, async (t) => {
      const file = `${name}.sse`;
      await put(file, big);
      const { code, stdout } = await many(t, ["--events", "--jobs", "2", "a/hello.sse", file, "a/calls.sse"], { env });
      assert.equal(code, 1);
      const events = lines(stdout);
      const own = events.filter((event) => event.file === file);
      assert.ok(own.length > 100, `${own.length} lines`);
      assert.deepEqual(own.slice(0, -1).map(({ delta }) => delta), own.slice(0, -1).map((_, index) => `${index} `));
      assert.deepEqual(own.at(-1), { file, type: "error", code: "internal", message: `the worker died: ${why}` });
      assert.deepEqual([...new Set(events.map((event) => event.file))], ["a/hello.sse", file, "a/calls.sse"]);
    });
  }

  test("halfway through its --out", async (t) => {
    await put("halfway.sse", big);
    const { code } = await many(t, ["--out", "died", "halfway.sse", "a/hello.sse"], { env });
    assert.equal(code, 1);
    assert.deepEqual(await readdir(join(FOLDER, "died")), ["a"]);
  });
});
