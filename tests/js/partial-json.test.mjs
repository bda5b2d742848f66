// PartialJson: what is there of a JSON text after each piece of it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import inspector from "node:inspector";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { PartialJson } from "streamgauge";

import { applied, jsonText, pieces } from "./support/partial.mjs";

const readAll = (parts) => {
  const json = new PartialJson();
  for (const part of parts) json.push(part);
  return json;
};
const told = ({ value, state, error }) => ({ value, state, error });

// What is there of the text: [text, value].
const UNFINISHED = [
  ["", undefined],
  [" \n\t\r", undefined],
  ["{", {}],
  ['{ "pa', {}],
  ['{"path"', {}],
  ['{"path":', {}],
  ['{"path": ', {}],
  ['{"path":"', { path: "" }],
  ['{"path":"src', { path: "src" }],
  ['{"path":"src",', { path: "src" }],
  ['{"path":"src","n', { path: "src" }],
  ['{"a":1,"a":', { a: 1 }],
  ['{"a":1,"a":"x', { a: "x" }],
  ['{"a":{"b":1},"a":{', { a: {} }],
  ["[", []],
  ["[[[", [[[]]]],
  ["[1", [1]],
  ["[12", [12]],
  ["[1,", [1]],
  ['[{"a":[true,', [{ a: [true] }]],
  // Numbers: the longest beginning that is one.
  ["-", undefined],
  ["[-", []],
  ["[-1", [-1]],
  ["[-0", [-0]],
  ["[1.", [1]],
  ["[1.5", [1.5]],
  ["[1.5e", [1.5]],
  ["[1.5e-", [1.5]],
  ["[1.5e-3", [0.0015]],
  ["[1e+", [1]],
  ["[1e+2", [100]],
  // Literals: what they can only become.
  ["[t", [true]],
  ["[tru", [true]],
  ["[f", [false]],
  ["[n", [null]],
  ["n", null],
  // Escapes: only as a whole.
  ['"a\\', "a"],
  ['"a\\n', "a\n"],
  ['"a\\u', "a"],
  ['"a\\u00e', "a"],
  ['"a\\u00e9', "aé"],
  ['"a\\ud83d', "a"],
  ['"a\\ud83d\\', "a"],
  ['"a\\ud83d\\ude0', "a"],
  ['"a\\ud83d\\ude00', "a😀"],
  ['"a\ud83d', "a"],
  ['"a\ud83dx', "a\ud83dx"],
  ['"a\\ud83dx', "a\ud83dx"],
  ['"a\\ud83d\\n', "a\ud83d\n"],
  ['"\\ude00', "\ude00"],
  ['"\\ud83d\\ud83d\\ude00', "\ud83d😀"],
];

// No JSON: [text, what is kept, why].
const FAILED = [
  ["```json\n{}", undefined, 'unexpected "`" at position 0'],
  ['Here it is: {"a":1}', undefined, 'unexpected "H" at position 0'],
  ["\ufeff{}", undefined, 'unexpected "\ufeff" at position 0'],
  ["{a:1}", {}, 'unexpected "a" at position 1'],
  ["{'a':1}", {}, 'unexpected "\'" at position 1'],
  ['{"a" 1}', {}, 'unexpected "1" at position 5'],
  ['{"a"::1}', {}, 'unexpected ":" at position 5'],
  ['{"a":1 "b":2}', { a: 1 }, 'unexpected "\\"" at position 7'],
  ['{"a":1,}', { a: 1 }, 'unexpected "}" at position 7'],
  ['{"a":}', {}, 'unexpected "}" at position 5'],
  ['{"a"}', {}, 'unexpected "}" at position 4'],
  ["{,}", {}, 'unexpected "," at position 1'],
  ["{]", {}, 'unexpected "]" at position 1'],
  ["[}", [], 'unexpected "}" at position 1'],
  ["[1,]", [1], 'unexpected "]" at position 3'],
  ["[,1]", [], 'unexpected "," at position 1'],
  ["[1 2]", [1], 'unexpected "2" at position 3'],
  ["]", undefined, 'unexpected "]" at position 0'],
  ["}", undefined, 'unexpected "}" at position 0'],
  [",", undefined, 'unexpected "," at position 0'],
  [":", undefined, 'unexpected ":" at position 0'],
  ["[None]", [], 'unexpected "N" at position 1'],
  ["[nan]", [null], 'unexpected "a" at position 2'],
  ["[truth]", [true], 'unexpected "t" at position 4'],
  ["[+1]", [], 'unexpected "+" at position 1'],
  ["[01]", [0], "a malformed number at position 3"],
  ["[1.]", [1], "a malformed number at position 3"],
  ["[.5]", [], 'unexpected "." at position 1'],
  ["[1e]", [1], "a malformed number at position 3"],
  ["[1-2]", [1], "a malformed number at position 4"],
  ["[-]", [], "a malformed number at position 2"],
  ["[Infinity]", [], 'unexpected "I" at position 1'],
  ['{"a":"x\ny"}', { a: "x" }, 'unexpected "\\n" at position 7'],
  ['["\\x41"]', [""], 'unexpected "x" at position 3'],
  ['["a\\u00zz"]', ["a"], 'unexpected "z" at position 7'],
  ['["a\\u00', ["a"], undefined],
  ['{"a":1}{"a":2}', { a: 1 }, 'unexpected "{" at position 7'],
  ['{"a":1} done', { a: 1 }, 'unexpected "d" at position 8'],
  ['"a" "b"', "a", 'unexpected "\\"" at position 4'],
  ["1 2", 1, 'unexpected "2" at position 2'],
  ["null,", null, 'unexpected "," at position 4'],
  [`${"[".repeat(1001)}`, undefined, "nested deeper than 1000 at position 1000"],
].filter(([, , error]) => error !== undefined);

const COMPLETE = [
  "{}", "[]", '""', "0", "-0", "12", "1.5e-3", "true", "false", "null", " [ ] ", '{"":""}', "\n{\t}\r",
  '{"path":"src/stream.rs","content":"fn main() {\\n    println!(\\"hi\\");\\n}\\n","lines":[1,2,3],"deep":{"a":[{"b":null}]}}',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1,"hasOwnProperty":[]}',
  '{"__proto__":"text that grows","a":{"__proto__":[{"__proto__":1}]}}', '{"__proto__":1,"__proto__":{"a":2}}',
  '{"a":1,"b":2,"a":3}', '{"a":"first","a":{"b":1},"a":[]}', '{"1":"a","0":"b","-1":"c"}',
  '"\\ud83d\\ude00 \\ud83d \\ude00 \\"\\\\\\/\\b\\f\\n\\r\\t"', '["😀","\\ud83d","\u2028"]',
  "[1e400,-1e400,123456789012345678901234567890,0.1,1E+2,5e-324]", `[${"9".repeat(1000)},0.${"1".repeat(1000)}]`,
  `${"[".repeat(1000)}${"]".repeat(1000)}`,
];

describe("what is there of an unfinished text", () => {
  for (const [text, value] of UNFINISHED) {
    test(JSON.stringify(text), () => {
      const expected = { value, state: /^-?\d+$/.test(text) ? "complete" : "incomplete", error: undefined };
      assert.deepEqual(told(readAll([text])), expected, "whole");
      assert.deepEqual(told(readAll(text.split(""))), expected, "character by character");
    });
  }
});

test("after each piece", () => {
  const table = [
    ['{"path":"src/ma', { path: "src/ma" }],
    ["", { path: "src/ma" }],
    ['in.rs","edits":[{"line":1', { path: "src/main.rs", edits: [{ line: 1 }] }],
    ["2,", { path: "src/main.rs", edits: [{ line: 12 }] }],
    ['"text":"a\\', { path: "src/main.rs", edits: [{ line: 12, text: "a" }] }],
    ['n\\ud83d', { path: "src/main.rs", edits: [{ line: 12, text: "a\n" }] }],
    ['\\ude00"}', { path: "src/main.rs", edits: [{ line: 12, text: "a\n😀" }] }],
    [', {"line"', { path: "src/main.rs", edits: [{ line: 12, text: "a\n😀" }, {}] }],
    [':7}], "ok":t', { path: "src/main.rs", edits: [{ line: 12, text: "a\n😀" }, { line: 7 }], ok: true }],
    ["rue}\n", { path: "src/main.rs", edits: [{ line: 12, text: "a\n😀" }, { line: 7 }], ok: true }],
  ];
  const json = new PartialJson();
  for (const [piece, expected] of table) assert.deepEqual(json.push(piece), expected, piece);
  assert.equal(json.state, "complete");
});

describe("a text that can not be JSON keeps what it had and says why", () => {
  for (const [text, kept, error] of FAILED) {
    test(JSON.stringify(text.slice(0, 40)), () => {
      const json = readAll([text]);
      const value = text.length > 1000 ? json.value : kept;
      assert.deepEqual(told(json), { value, state: "failed", error });
      assert.throws(() => JSON.parse(text), SyntaxError);
      json.push(' {"a":1}');
      assert.deepEqual(told(json), { value, state: "failed", error }, "what comes after is not looked at");
    });
  }
});

describe("a complete text is what JSON.parse makes of it", () => {
  for (const text of COMPLETE) {
    test(text.slice(0, 60), () => {
      const json = readAll([text]);
      assert.deepEqual(told(json), { value: JSON.parse(text), state: "complete", error: undefined });
      // The order of the keys, and a prototype's key that is an own one.
      if (text.length < 1500) assert.equal(JSON.stringify(json.value), JSON.stringify(JSON.parse(text)));
      assert.equal({}.polluted, undefined);
    });
  }
});

test("every split gives the same", () => {
  const texts = [...UNFINISHED, ...FAILED].map(([text]) => text).concat(COMPLETE, '[12345678901234567890', `[${"1".repeat(900)}`);
  for (const text of texts) {
    const expected = told(readAll([text]));
    const same = (parts) => assert.deepEqual(told(readAll(parts)), expected, `${text.slice(0, 60)} as ${parts.length} pieces`);
    same(text.split(""));
    if (text.length < 300) for (let at = 1; at < text.length; at++) same([text.slice(0, at), text.slice(at)]);
    for (let seed = 1; seed <= 5; seed++) same(pieces(text, seed, 1 + seed * 3));
  }
});

// All of its digits are read once, at its end; what is shown before may be another number.
test("a long number by itself is complete when it is ended", () => {
  const text = `1.${"9".repeat(405)}5E-7`;
  for (const parts of [[text], text.split("")]) {
    assert.deepEqual(told(readAll(parts)), { value: 2, state: "incomplete", error: undefined });
    assert.deepEqual(told(readAll([...parts, "\n"])), { value: 2e-7, state: "complete", error: undefined });
  }
});

test("2 000 texts made by chance: complete, at every split in two, and by their patches", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const text = jsonText(seed);
    const expected = JSON.parse(text);
    for (let at = 0; at <= text.length; at++) {
      const json = readAll([text.slice(0, at), text.slice(at)]);
      assert.deepEqual(told(json), { value: expected, state: "complete", error: undefined }, `seed ${seed} at ${at}`);
    }
    const json = new PartialJson();
    let copy;
    for (const piece of pieces(text, seed, 3)) {
      json.push(piece);
      if (seed % 3 > 0 || piece.length % 2 === 0) copy = applied(copy, json.patches());
      if (seed % 3 > 0) assert.deepEqual(copy, json.value, `seed ${seed}, ${text}`);
    }
    assert.deepEqual(applied(copy, json.patches()), expected, `seed ${seed}, ${text}`);
  }
});

test("texts that chance has spoiled fail where JSON.parse does, whatever the split", () => {
  let failed = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const text = jsonText(seed);
    const at = (seed * 7919) % text.length;
    const spoiled = text.slice(0, at) + '"\\{}[]:,0tx \n'[seed % 13] + text.slice(at + (seed % 2));
    const whole = readAll([spoiled]);
    assert.deepEqual(told(readAll(spoiled.split(""))), told(whole), spoiled);
    let parsed;
    try {
      parsed = { value: JSON.parse(spoiled), state: "complete", error: undefined };
    } catch {
      failed++;
      assert.notEqual(whole.state, "complete", spoiled);
      continue;
    }
    assert.deepEqual(told(whole), parsed, spoiled);
  }
  assert.ok(failed > 1000, `${failed} of them are spoiled`);
});

describe("the value", () => {
  test("is live: one object that grows", () => {
    const json = new PartialJson();
    const value = json.push('{"list":[{"a":"x');
    const { list } = value;
    json.push('y"},2],"b":');
    assert.equal(json.value, value);
    assert.equal(value.list, list);
    assert.deepEqual(value, { list: [{ a: "xy" }, 2] });
  });

  test("has what JSON has for a prototype, and own properties only", () => {
    const json = readAll(['{"__proto__":{"a":1},"b":{"__proto__":"te', 'xt"', "}}"]);
    assert.equal(Object.getPrototypeOf(json.value), Object.prototype);
    assert.deepEqual(Object.keys(json.value), ["__proto__", "b"]);
    assert.deepEqual(Object.getOwnPropertyDescriptor(json.value.b, "__proto__"), {
      value: "text", writable: true, enumerable: true, configurable: true,
    });
  });

  test("needs no prototype that can be written", () => {
    // Where the prototypes are frozen, assigning to a name that they have throws.
    const program = `
      import { PartialJson } from "streamgauge";
      Object.freeze(Object.prototype); Object.freeze(Array.prototype);
      const json = new PartialJson();
      for (const character of '{"toString":"ab","__proto__":[1],"valueOf":{"constructor":2}}') { json.push(character); json.snapshot(); json.patches(); }
      console.log(JSON.stringify(json.value));`;
    const cwd = fileURLToPath(new URL(".", import.meta.url));
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { cwd, encoding: "utf8" });
    assert.equal(stdout, '{"toString":"ab","__proto__":[1],"valueOf":{"constructor":2}}\n', stderr);
  });
});

describe("snapshots", () => {
  test("never change, and share what is closed", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const json = new PartialJson();
      const taken = pieces(jsonText(seed), seed, 2).map((piece) => {
        json.push(piece);
        return [json.snapshot(), structuredClone(json.value)];
      });
      for (const [snapshot, then] of taken) assert.deepEqual(snapshot, then, `seed ${seed}`);
    }
    const json = new PartialJson();
    json.push('{"closed":[{"a":1}],"open":[{"b":1},{"c":"');
    const first = json.snapshot();
    assert.equal(json.snapshot(), first, "nothing came: the same one");
    json.push("x");
    const second = json.snapshot();
    assert.notEqual(second, first);
    assert.equal(second.closed, first.closed);
    assert.equal(second.open[0], first.open[0]);
    assert.notEqual(second.open, first.open);
    assert.notEqual(second.open[1], first.open[1]);
    json.push('"}]}');
    assert.equal(json.snapshot(), json.value, "a complete value changes no more");
    assert.equal(json.snapshot().closed, first.closed);
  });
});

describe("patches", () => {
  test("say what is new since they were asked for", () => {
    const json = new PartialJson();
    assert.deepEqual(json.patches(), []);
    const table = [
      ['{"path":"a', [{ path: [], value: {} }, { path: ["path"], value: "a" }]],
      ["b", [{ path: ["path"], append: "b" }]],
      ['","content":"', [{ path: ["content"], value: "" }]],
      ["line 1\\", [{ path: ["content"], append: "line 1" }]],
      ["n\\ud83d", [{ path: ["content"], append: "\n" }]],
      ["\\ude00", [{ path: ["content"], append: "😀" }]],
      ["\\u", []],
      ['0041","list":[[1', [
        { path: ["content"], append: "A" }, { path: ["list"], value: [] }, { path: ["list", 0], value: [] },
        { path: ["list", 0, 0], value: 1 },
      ]],
      ["2", [{ path: ["list", 0, 0], value: 12 }]],
      ["],nu", [{ path: ["list", 1], value: null }]],
      ["ll,{}]", [{ path: ["list", 2], value: {} }]],
      ["}", []],
    ];
    for (const [piece, expected] of table) {
      json.push(piece);
      assert.deepEqual(json.patches(), expected, piece);
    }
  });

  test("are applied in place without a snapshot noticing", () => {
    const json = readAll(['{"a":["x']);
    const before = json.snapshot();
    const [{ value: mine }] = json.patches();
    const after = json.snapshot();
    mine.a.push(1);
    mine.b = 2;
    assert.deepEqual([before, after, json.value], [{ a: ["x"] }, { a: ["x"] }, { a: ["x"] }]);
  });

  test("begin with the value so far, and gather until they are asked for", () => {
    const json = readAll(['{"a":["x', "y"]);
    const first = json.patches();
    assert.deepEqual(first, [{ path: [], value: { a: ["xy"] } }]);
    json.push("z");
    json.push("!");
    assert.deepEqual(first, [{ path: [], value: { a: ["xy"] } }], "what was given does not change");
    json.push('","b');
    json.push('c"');
    assert.deepEqual(json.patches(), [{ path: ["a", 0], append: "z!" }, { path: ["a", 1], value: "bc" }]);
  });
});

describe("the work is linear", () => {
  const SHAPES = {
    "an array of objects": (count) => ["[", ...Array.from({ length: count / 4 }, (_, index) =>
      [`${index ? "," : ""}{"name":"`, " some", ` text ${index % 7}`, `","n":1${index % 10}}`]).flat(), "]"],
    "one long string": (count) => ['{"content":"', ...Array.from({ length: count }, (_, index) => [" const", " x =", "\\n", "é"][index % 4]), '"}'],
    "one long number": (count) => ["[", ...Array.from({ length: count }, () => "7"), "]"],
    "nested again and again": (count) => Array.from({ length: count / 4 }, () => ['[[[["', "x", '"]]', "]],"]).flat().with(-1, "]]").toSpliced(0, 0, "["),
  };
  for (const [shape, make] of Object.entries(SHAPES)) {
    test(shape, async () => {
      const [short, long] = [await workOf(make(4000)), await workOf(make(16000))];
      assert.ok(short.steps > 4000, `${short.steps} steps are counted`);
      assert.ok(long.steps < short.steps * 4.2, `${long.steps} steps for four times ${short.steps}`);
      assert.ok(long.patched < short.patched * 4.2, `${long.patched} in patches for four times ${short.patched}`);
    });
  }
});

/** How often the blocks of the parser's code ran, as V8 counts them, and how many patches and characters in them there were. */
async function workOf(parts) {
  const session = new inspector.Session();
  session.connect();
  const post = (method, parameters) =>
    new Promise((resolve, reject) => session.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result))));
  await post("Profiler.enable");
  await post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const json = new PartialJson();
  let patched = 0;
  for (const part of parts) {
    json.push(part);
    for (const patch of json.patches()) patched += 1 + (patch.append ?? "").length;
  }
  const { result } = await post("Profiler.takePreciseCoverage");
  await post("Profiler.stopPreciseCoverage");
  session.disconnect();
  assert.notEqual(json.state, "failed", json.error);
  const { functions } = result.find(({ url }) => url.endsWith("/partial-json.js"));
  return { patched, steps: functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0) };
}
