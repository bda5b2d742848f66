// The `streamgauge` command over many files, as it runs: ten thousand of them, any number of threads, a terminal,
// Ctrl-C, readers that are slow or leave.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, readdirSync, readlinkSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { chunk, DONE, finish, HELLO, sse, untimed, within } from "./support/chat.mjs";
import { CLI, lines, printed, run, start } from "./support/command.mjs";
import { anthropicFixturesFile, fixturesFile, readJsonLines, responsesFixturesFile } from "./support/corpus.mjs";

const FOLDER = await mkdtemp(join(tmpdir(), "streamgauge-run-"));
after(() => rm(FOLDER, { recursive: true, force: true }));
const at = (name) => join(FOLDER, name);
const many = (t, args, more) => run(t, args, { cwd: FOLDER, ...more });
const rows = (text) => text.split("\n").slice(1, -1).map((line) => line.split("\t"));

/** Every fixture there is, over and over. */
const COUNT = 10_000;
const fixtures = [fixturesFile, responsesFixturesFile, anthropicFixturesFile].flatMap(readJsonLines);
await mkdir(at("captures"));
for (let index = 0; index < COUNT; index++) {
  const { sse: text, sse_base64: base64 } = fixtures[index % fixtures.length];
  await writeFile(at(`captures/${String(index).padStart(5, "0")}.sse`), base64 === undefined ? text : Buffer.from(base64, "base64"));
}
/** 12 MB in deltas of few bytes. */
const BIG = sse(...Array.from({ length: 60_000 }, (_, index) => chunk({ content: `${index} ` })), finish(), DONE);
for (const name of ["big1", "big2", "big3"]) await writeFile(at(name), BIG);
await writeFile(at("hello"), sse(...HELLO));
await writeFile(at("endless"), Array.from({ length: 200_000 }, (_, index) => `captures/${String(index % COUNT).padStart(5, "0")}.sse\n`).join(""));

describe("ten thousand captures", () => {
  let first;

  test("in order, each with its own row, and the totals are theirs", async (t) => {
    const begin = performance.now();
    const { code, stdout, stderr } = await many(t, ["--json", "--jobs", "2", "captures"]);
    t.diagnostic(`${COUNT} captures took ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    assert.equal(code, 1);
    first = stdout;
    const all = lines(stdout);
    assert.deepEqual(all.map(({ file }) => file), (await readdir(at("captures"))).sort().map((name) => join("captures", name)));
    // A fixture gives the same row each time.
    for (const [index, row] of all.entries()) {
      if (index >= fixtures.length) assert.deepEqual({ ...row, file: "" }, { ...all[index % fixtures.length], file: "" });
    }
    const failed = all.filter(({ result }) => result !== "ok");
    const sum = (value) => all.reduce((total, row) => total + value(row), 0);
    const items = sum((row) => Object.values(row.items).reduce((total, count) => total + count, 0));
    const [input, output] = ["input_tokens", "output_tokens"].map((name) => sum(({ token_usage }) => token_usage?.[name] ?? 0));
    assert.ok(stderr.startsWith(`${COUNT - failed.length} of ${COUNT} files completed, ${failed.length} failed (`), stderr);
    assert.ok(stderr.includes(`); ${items} items; ${input} input and ${output} output tokens; `), stderr);
    assert.ok(failed.length > 1000 && failed.length < 5000, `${failed.length} failed`);
  });

  test("what fixtures with default options expect is what their rows say", () => {
    const all = lines(first).slice(0, fixtures.length);
    for (const [index, { name, options, events, error }] of fixtures.entries()) {
      if (options !== undefined || events === undefined) continue;
      const row = all[index];
      assert.equal(row.result, error?.code ?? "ok", name);
      const kinds = {};
      for (const { type, item } of events) if (type === "output_item.done") kinds[item.type] = (kinds[item.type] ?? 0) + 1;
      assert.deepEqual(row.items, kinds, name);
      if (error === undefined) assert.deepEqual(row.token_usage, events.at(-1).token_usage, name);
    }
  });

  test("the same, byte by byte, on any number of threads", async (t) => {
    for (const jobs of ["1", "4"]) {
      const { stdout } = await many(t, ["--json", "-q", "--jobs", jobs, "captures"]);
      assert.ok(stdout === first, `--jobs ${jobs}`);
    }
  });

  test("from a list, in pieces, with its lines", async (t) => {
    const list = Array.from({ length: 1000 }, (_, index) => `captures/${String(COUNT - 1 - index).padStart(5, "0")}.sse`);
    const [one, four] = await Promise.all(["1", "4"].map((jobs) =>
      many(t, ["--events", "--include", "raw", "--jobs", jobs, "--chunk-bytes", "50", "--files-from", "-"], { input: list.join("\n") })));
    assert.deepEqual(untimed(lines(one.stdout)), untimed(lines(four.stdout)));
    assert.deepEqual([...new Set(lines(one.stdout).map(({ file }) => file))], list);
  });
});

describe("large files", () => {
  const names = ["big1", "hello", "big2", "big3", "hello"];

  for (const jobs of ["1", "4"]) {
    test(`a reader that is slow gets everything in order, --jobs ${jobs}`, async (t) => {
      const { child, exit } = start(t, ["--events", "--jobs", jobs, ...names], {}, FOLDER);
      child.stdout.pause();
      await new Promise((resolve) => setTimeout(resolve, 300));
      child.stdout.resume();
      const { code, stdout } = await exit;
      assert.equal(code, 0);
      const deltas = lines(stdout).filter(({ type }) => type === "output_text.delta");
      const expected = names.flatMap((file) =>
        file === "hello" ? [[file, "Hel"], [file, "lo"]] : Array.from({ length: 60_000 }, (_, index) => [file, `${index} `]));
      assert.deepEqual(deltas.map(({ file, delta }) => [file, delta]), expected);
    });
  }

  test("the first is nobody's hurry: the others wait with little of theirs", { skip: !hasFifos() }, async (t) => {
    const writer = fifo(t, "first");
    const command = start(t, ["--events", "--jobs", "3", "first", "big1", "big2", "hello"], {}, FOLDER);
    writer.write(sse(chunk({ content: "first" })));
    await printed(command, /"first"/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(command.out.stdout.split("\n").length, 2, "nothing of the others is printed before its turn");
    writer.end(sse(finish(), DONE));
    const { code, stdout } = await command.exit;
    assert.equal(code, 0);
    assert.deepEqual([...new Set(lines(stdout).map(({ file }) => file))], ["first", "big1", "big2", "hello"]);
  });
});

describe("leaving early", { concurrency: 2 }, () => {
  for (const args of [[], ["--json"], ["--events"]]) {
    test(`a reader that leaves, as head does ${args.join("")}`, async (t) => {
      const command = start(t, [...args, "--jobs", "2", "captures"], {}, FOLDER);
      await printed(command, /\n.*\n/);
      command.child.stdout.destroy();
      const { code, signal, stderr } = await command.exit;
      assert.deepEqual([code, signal, stderr], [0, null, ""]);
    });
  }

  test("Ctrl-C: what was finished is printed", { skip: !hasFifos() }, async (t) => {
    const writer = fifo(t, "live");
    const command = start(t, ["--jobs", "2", "hello", "live", "big1", "--out", "stopped"], {}, FOLDER);
    const beat = setInterval(() => writer.write(sse(chunk({ content: "more" }))), 20);
    t.after(() => clearInterval(beat));
    await printed(command, /^hello/m);
    await until(() => existsSync(at("stopped/live.jsonl.part")) && existsSync(at("stopped/big1.jsonl")));
    command.child.kill("SIGINT");
    const { code, signal, stdout, stderr } = await command.exit;
    assert.deepEqual([code, signal], [130, null]);
    assert.deepEqual(rows(stdout).map(([file]) => file), ["hello", "big1"]);
    assert.match(stderr, /^2 of 3 files completed; [^\n]*\ninterrupted: 1 of 3 files were not finished\n$/);
    assert.deepEqual((await readdir(at("stopped"))).sort(), ["big1.jsonl", "hello.jsonl"], "and nothing half written");
  });

  test("Ctrl-C among lines: the one that was under way says so", { skip: !hasFifos() }, async (t) => {
    const writer = fifo(t, "lines");
    const command = start(t, ["--jobs", "2", "lines", "hello", "--events"], {}, FOLDER);
    const beat = setInterval(() => writer.write(sse(chunk({ content: "more" }))), 20);
    t.after(() => clearInterval(beat));
    await printed(command, /more[^]*more/);
    command.child.kill("SIGINT");
    const { code, stdout } = await command.exit;
    assert.equal(code, 130);
    const own = lines(stdout).filter(({ file }) => file === "lines");
    assert.deepEqual(own.at(-1), { file: "lines", type: "error", code: "aborted", message: "interrupted" });
    // Whole, if it was finished by then.
    assert.ok([0, 4].includes(lines(stdout).filter(({ file }) => file === "hello").length));
  });

  test("Ctrl-C while the system keeps a thread waiting", { skip: !hasFifos() }, async (t) => {
    fifo(t, "silent");
    const command = start(t, ["--jobs", "2", "hello", "silent"], {}, FOLDER);
    await printed(command, /^hello/m);
    if (existsSync("/proc/self/fd")) await until(() => isOpen(command.child.pid, "silent"));
    command.child.kill("SIGINT");
    const { code, signal, stderr } = await command.exit;
    assert.ok(signal === "SIGINT" || code === 130, "a shell reports both as 130");
    assert.match(stderr, /interrupted: 1 of 2 files were not finished\n$/);
  });

  test("Ctrl-C twice", { skip: !existsSync("/proc/self/fd") }, async (t) => {
    fifo(t, "twice");
    const command = start(t, ["--jobs", "2", "hello", "twice"], {}, FOLDER);
    await printed(command, /^hello/m);
    await until(() => isOpen(command.child.pid, "twice"));
    command.child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 100));
    command.child.kill("SIGINT");
    const { signal, stderr } = await command.exit;
    assert.deepEqual([signal, stderr], ["SIGINT", ""]);
  });

  test("Ctrl-C on standard input", async (t) => {
    const command = start(t, ["--summary", "--events", "--out", "o", "-"], {}, FOLDER);
    command.child.stdin.write(sse(chunk({ content: "first" })));
    await until(() => existsSync(at("o/-.jsonl.part")));
    command.child.kill("SIGINT");
    const { code, stderr } = await command.exit;
    assert.equal(code, 130);
    assert.match(stderr, /interrupted: 1 of 1 files were not finished\n$/);
    assert.deepEqual(await readdir(at("o")), []);
  });
});

describe("on a terminal", { skip: spawnSync("script", ["--version"]).status !== 0 && "there is no script(1)" }, () => {
  /** Runs a shell command with a terminal of 100 columns, and returns what that has got. */
  async function terminal(t, command, { env, input } = {}) {
    const shell = `stty cols ${env?.COLUMNS ?? 100}; ${command}`;
    const child = spawn("script", ["-qec", shell, "/dev/null"], {
      cwd: FOLDER, env: { PATH: process.env.PATH, TERM: "xterm-256color", SHELL: "/bin/sh", NODE: process.execPath, CLI, ...env },
    });
    t.after(() => child.kill("SIGKILL"));
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (piece) => {
      text += piece;
      input?.(text, child);
    });
    const [code] = await within(120_000, once(child, "close"));
    return { code, text };
  }
  const RUN = '"$NODE" "$CLI" --jobs 2';
  const BAR = /\[[#.]{24}\]  \d+\/10000 files  [\d.]+ [kM]?B\/s  (?:\x1b\[31m)?\d+ failed(?:\x1b\[39m)?  ETA (?:-|\d+:\d\d)/g;

  test("a bar while it runs, gone at the end; rows elsewhere", async (t) => {
    const { code, text } = await terminal(t, `${RUN} --summary captures > rows.tsv`);
    assert.equal(code, 1);
    const bars = text.match(BAR);
    assert.ok(bars.length >= 2, `${bars.length} bars`);
    const drawings = text.split("\r\x1b[K");
    assert.match(drawings.at(-1), /^\d+ of 10000 files completed, [^\r\n]*\r\n$/);
    const widths = drawings.slice(0, -1).map((line) => line.replaceAll(/\x1b\[\d*m/g, "").length);
    assert.ok(Math.max(...widths) < 100);
    const counts = bars.map((bar) => Number(/(\d+)\//.exec(bar)[1]));
    assert.deepEqual(counts, counts.toSorted((a, b) => a - b));
    assert.match(text, /\x1b\[31m\d+ failed/, "failures are red");
  });

  test("a bar below the rows: a table", async (t) => {
    const { text } = await terminal(t, `${RUN} captures`);
    // The last drawing that ends in the line of a bar is erased before anything else is written.
    const printed = text.split("\r\x1b[K").map((part) => part.replace(BAR, "")).join("").replaceAll(/\x1b\[\d*m/g, "");
    const table = printed.split("\r\n").slice(0, -2);
    assert.equal(table.length, COUNT + 1);
    assert.match(table[0], /^file +wire +result +msgs/);
    for (const [index, line] of table.slice(1).entries()) assert.ok(line.startsWith(`captures/${String(index).padStart(5, "0")}.sse  `), line);
    assert.match(text, /\x1b\[31mcaptures\/\d+\.sse[^\r\n]*\x1b\[39m\r\n/, "failures are red");
  });

  const without = [
    ["--no-progress", "--no-progress", {}, /^\d+ of 10000 files completed[^\r\n]*\r\n$/],
    ["--quiet", "--quiet", {}, /^$/],
    ["a terminal that can not go back", "", { TERM: "dumb" }, /^\d+ of 10000 files completed[^\r\n]*\r\n$/],
  ];
  for (const [name, args, env, expected] of without) {
    test(`no bar: ${name}`, async (t) => {
      const { text } = await terminal(t, `${RUN} --summary ${args} captures > rows.tsv`, { env });
      assert.match(text, expected);
    });
  }

  test("NO_COLOR", async (t) => {
    const { text } = await terminal(t, `${RUN} captures`, { env: { NO_COLOR: "1" } });
    assert.doesNotMatch(text, /\x1b\[\d*m/);
    assert.ok(text.match(BAR).length >= 2);
  });

  test("a narrow terminal: what fits", async (t) => {
    const { text } = await terminal(t, `${RUN} --summary captures > rows.tsv`, { env: { COLUMNS: "40" } });
    for (const line of text.split("\r\x1b[K").slice(0, -1)) {
      assert.ok(line.replaceAll(/\x1b\[\d*m/g, "").length < 40, line);
    }
  });

  test("Ctrl-C", async (t) => {
    let sent = false;
    const { code, text } = await terminal(t, `${RUN} --summary --files-from endless > rows.tsv`, {
      input: (text, child) => {
        if (sent || !/ [1-9]\d*\/\d+ files/.test(text)) return;
        sent = true;
        child.stdin.write("\x03");
      },
    });
    assert.equal(code, 130);
    const last = text.split("\r\x1b[K").at(-1);
    assert.match(last, /\d+ of 200000 files completed[^\r\n]*\r\ninterrupted: \d+ of 200000 files were not finished\r\n$/);
  });
});

function hasFifos() {
  return process.platform !== "win32";
}

/** A file that is written while it is read. */
function fifo(t, name) {
  assert.equal(spawnSync("mkfifo", [at(name)]).status, 0);
  // Read and write: opening it waits for nobody.
  const stream = createWriteStream(at(name), { flags: "r+" });
  stream.on("error", () => {});
  t.after(() => stream.destroy());
  return stream;
}

/** Whether a process has a file open. */
function isOpen(pid, name) {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).endsWith(`/${name}`);
    } catch {
      return false;
    }
  });
}

async function until(condition) {
  const poll = async () => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await within(20_000, poll());
}
