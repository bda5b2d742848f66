// What servers may send in bad faith, over real sockets. Each body ends in bounded memory with the documented code;
// SECURITY.md has the same table. In the order of what they may hold: the core's memory never shrinks.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, describe, test } from "node:test";
import { gzipSync, brotliCompressSync, deflateSync } from "node:zlib";

import { aggregate, initSync } from "streamgauge/slim";

import {
  assertFailure, chunk, collect, completed, DONE, finish, functionCall, HELLO, HELLO_EVENTS, itemDone, message, sse, textDelta,
  untimed, within,
} from "./support/chat.mjs";
import { endless, measured, MIB, serveBody, times } from "./support/hostile.mjs";

const { Instance } = WebAssembly;
let memory;
WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  ({ memory } = instance.exports);
  return instance;
};
initSync(readFileSync(createRequire(import.meta.url).resolve("streamgauge/core.wasm")));

const unattended = [];
for (const event of ["unhandledRejection", "uncaughtException"]) process.on(event, (error) => unattended.push(error));
after(() => assert.deepEqual(unattended, []));

const text = sse(...HELLO);
const HALF = [textDelta("Hel"), itemDone(message("Hel", { status: "incomplete" }))];
const half = sse(HELLO[0]);
/** What an abort leaves is in `partial`. */
const ABORTED = [textDelta("Hel")];
/** The process holds the server too, and its garbage. */
const RSS = 400 * MIB;
/** Bytes until the caller gives an endless stream up that is alive by every rule. */
const ENOUGH = 16 * MIB;

const begun = function* (rest) {
  yield Buffer.from(half);
  yield* rest;
};
/** A compressed gigabyte of one character: as many members as it takes, which decoders join. */
const bomb = (compress, character, mib = 1024) => times(mib / 16, compress(Buffer.alloc(16 * MIB, character)));

/** `memory`: what the core may hold then, in MiB. */
const TABLE = [
  { name: "200 with an HTML page", headers: { "content-type": "text/html" }, body: ["<!doctype html><html><body>Sign in</body></html>"], code: "provider_error", text: /Sign in|HTML/i, type: "body", memory: 4 },
  { name: "200 with an endless HTML page", headers: { "content-type": "text/html" }, body: (function* () { yield Buffer.from("<!doctype html>"); yield* endless("<p>sign in</p>\n"); })(), code: "provider_error", type: "body", memory: 16 },
  { name: "200 with HTML as an event stream", body: ["<html><body>Bad gateway</body></html>"], code: "provider_error", type: "body", memory: 16 },
  { name: "200 with nothing", body: [], code: "stream_incomplete", memory: 16 },
  { name: "200 with NULs", body: [Buffer.alloc(MIB)], code: "provider_error", type: "body", memory: 16 },
  { name: "latin1, and a charset that says so", headers: { "content-type": "text/event-stream; charset=iso-8859-1" }, body: [Buffer.from(sse(chunk({ content: "é" }), finish(), DONE), "latin1")], events: [textDelta("\ufffd"), itemDone(message("\ufffd")), completed()], memory: 16 },
  { name: "latin1, when that is an error", options: { invalidUtf8: "error" }, headers: { "content-type": "text/event-stream; charset=iso-8859-1" }, body: [Buffer.from(sse(HELLO[0], chunk({ content: "é" })), "latin1")], events: HALF, code: "invalid_utf8", memory: 16 },
  { name: "UTF-8, and a charset that denies it", headers: { "content-type": "text/event-stream; charset=utf-16le" }, body: [text], events: HELLO_EVENTS, memory: 16 },
  { name: "UTF-16", headers: { "content-type": "text/event-stream; charset=utf-16le" }, body: [Buffer.from(text, "utf16le")], code: "provider_error", type: "body", memory: 16 },
  { name: "an unknown content-encoding", headers: { "content-encoding": "x-own" }, body: [text], events: HELLO_EVENTS, memory: 16 },
  { name: "gzip that is none", headers: { "content-encoding": "gzip" }, body: [text], events: [], code: "transport", memory: 16 },
  { name: "gzip that is cut off", headers: { "content-encoding": "gzip" }, body: [gzipSync(half.repeat(50)).subarray(0, 150)], code: "stream_incomplete", memory: 16 },
  { name: "index 4 294 967 295 of a choice", body: [sse(chunk({ content: "far" }, { index: 4_294_967_295 }), finish("stop", 4_294_967_295), DONE)], items: [message("far", { choice: 4_294_967_295 })], memory: 16 },
  { name: "index 4 294 967 295 of a call", body: [sse(chunk({ tool_calls: [{ index: 4_294_967_295, id: "c", function: { name: "f", arguments: "{}" } }] }), finish("tool_calls"), DONE)], items: [functionCall("f", "{}", "c")], memory: 16 },
  { name: "indices that are none", body: [sse(chunk({ content: "odd" }, { index: -1 }), chunk({ tool_calls: [{ index: 1e300, id: "c", function: { name: "f", arguments: "{}" } }] }), finish("tool_calls"), DONE)], memory: 16 },
  ...["chat", "responses", "anthropic"].map((wire) => ({ name: `nesting 100 000 deep, read as ${wire}`, options: { wire }, body: [`data: ${"[".repeat(100_000)}${"]".repeat(100_000)}\n\n`, `data: {"a":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}\n\n`], events: [], code: "stream_incomplete", memory: 16 })),
  { name: "nesting 100 000 deep, and on", body: [half, `data: {"choices":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n\n`, sse(...HELLO.slice(1))], events: HELLO_EVENTS, memory: 16 },
  { name: "nesting 100 000 deep in arguments", body: [sse(chunk({ tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: `${"[".repeat(100_000)}${"]".repeat(100_000)}` } }] }), finish("tool_calls"), DONE)], check: ({ events }) => assert.equal(events[0].item.arguments.length, 200_000), memory: 16 },
  { name: "nesting 1 000 deep in an item of the Responses API", body: [`data: {"type":"response.output_item.done","output_index":0,"item":{"type":"x","deep":${"[".repeat(1000)}${"]".repeat(1000)}}}\n\n`], code: "stream_incomplete", memory: 16 },
  { name: "an endless stream of comments", body: begun(endless(": still here\n\n")), enough: true, events: ABORTED, code: "aborted", memory: 16 },
  { name: "an endless comment", body: begun((function* () { yield Buffer.from(": "); yield* endless("x"); })()), enough: true, events: ABORTED, code: "aborted", memory: 16 },
  { name: "an endless stream of blank lines", body: begun(endless("\n")), enough: true, events: ABORTED, code: "aborted", memory: 16 },
  { name: "an endless stream of carriage returns", body: begun(endless("\r")), enough: true, events: ABORTED, code: "aborted", memory: 16 },
  { name: "an endless stream of fields", body: begun(endless("id: 7\nretry: 1\nno such field\n\n")), enough: true, events: ABORTED, code: "aborted", memory: 16 },
  { name: "an endless stream of empty events", body: begun(endless("data: {}\n\n")), enough: true, events: ABORTED, code: "aborted", memory: 16 },
  { name: "an endless stream of events that are no JSON", body: begun(endless("data: {\n\n")), enough: true, events: ABORTED, code: "aborted", memory: 16 },
  { name: "an endless stream of events of unknown kinds", body: begun(endless('event: x\ndata: {"type":"x"}\n\n')), enough: true, events: ABORTED, code: "aborted", memory: 16 },
  { name: "after [DONE], without an end", body: (function* () { yield Buffer.from(text); yield* endless(half); })(), events: HELLO_EVENTS, memory: 16 },
  { name: "200 with endless lines of text", headers: { "content-type": "text/plain" }, body: endless("service unavailable\n"), code: "provider_error", type: "body", memory: 16 },
  { name: "500 with an endless body", status: 500, body: endless("boom "), code: "http_status", memory: 16 },
  { name: "500 with a bomb of gzip", status: 500, headers: { "content-encoding": "gzip" }, body: () => bomb(gzipSync, "x"), code: "http_status", memory: 16 },
  { name: "a bomb of gzip, of blank lines", headers: { "content-encoding": "gzip" }, body: () => bomb(gzipSync, "\n", 32), code: "stream_incomplete", memory: 16 },
  { name: "an endless line of data", body: begun((function* () { yield Buffer.from("data: "); yield* endless("x"); })()), events: HALF, code: "event_too_large", memory: 48 },
  { name: "an endless field name", body: begun(endless("x")), events: HALF, code: "event_too_large", memory: 48 },
  { name: "endless lines of one event", body: begun(endless("data: x\n")), events: HALF, code: "event_too_large", memory: 64 },
  { name: "1 GB without a newline, announced", headers: { "content-length": "1000000000" }, body: endless("x"), code: "event_too_large", memory: 64 },
  { name: "an endless JSON body", headers: { "content-type": "application/json" }, body: (function* () { yield Buffer.from('{"a":"'); yield* endless("x"); })(), code: "event_too_large", memory: 64 },
  ...Object.entries({ gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync }).map(([encoding, compress]) => ({ name: `a bomb of ${encoding}, without a newline`, headers: { "content-encoding": encoding }, body: () => (encoding === "gzip" ? bomb(compress, "x") : [compress(Buffer.alloc(32 * MIB, "x"))]), code: "event_too_large", memory: 64 })),
  { name: "10 000 tool calls", body: [...times(10_000, (at) => sse(chunk({ tool_calls: [{ index: at, id: `c${at}`, function: { name: "f", arguments: "{}" } }] }))), sse(finish("tool_calls"), DONE)], check: ({ events }) => assert.equal(events.filter(({ type }) => type === "output_item.done").length, 10_000), memory: 64 },
  { name: "10 000 choices", body: [...times(10_000, (at) => sse(chunk({ content: "x" }, { index: at }))), sse(finish(), DONE)], memory: 96 },
  { name: "text without an end", options: { maxItemBytes: 4 * MIB }, body: endless(sse(chunk({ content: "x".repeat(1000) }))), code: "event_too_large", memory: 96 },
];

describe("hostile bodies", () => {
  for (const { name, status, headers, body, options, enough, events, items, check, code, text, type, memory: limit } of TABLE) {
    test(name, async (t) => {
      const { url, seen } = await serveBody(t, { status, headers, body: typeof body === "function" ? body() : body });
      const controller = new AbortController();
      const { value: result, grown } = await measured(() =>
        within(60_000, fetch(url).then(async (response) => {
          const stream = aggregate(response, { signal: controller.signal, ...options });
          const watch = setInterval(() => enough && seen.sent > ENOUGH && controller.abort(), 5);
          const result = await collect(stream);
          clearInterval(watch);
          return { ...result, events: untimed(result.events) };
        })),
      );
      if (code === undefined) assert.ifError(result.error);
      else assertFailure(result.error, code, text);
      if (type !== undefined) assert.equal(result.error.provider.type, type);
      if (events !== undefined) assert.deepEqual(result.events, events);
      if (items !== undefined) {
        assert.deepEqual(result.events.filter(({ type }) => type === "output_item.done").map(({ item }) => item), items);
      }
      check?.(result);
      await within(10_000, seen.closed);
      const held = memory.buffer.byteLength;
      t.diagnostic(`${seen.sent} bytes sent, the core has ${(held / MIB).toFixed(1)} MiB, the process ${(grown / MIB).toFixed(0)} MiB more`);
      assert.ok(held <= limit * MIB, `the core has ${held} bytes`);
      assert.ok(grown <= RSS, `the process grew by ${grown} bytes`);
    });
  }
});
