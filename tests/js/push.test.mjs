// Aggregator: the push form.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import vm from "node:vm";

import { Aggregator, StreamError } from "streamgauge";

import {
  assertFailure, bytes, chunk, completion, DONE, finish, HELLO, HELLO_EVENTS, itemDone, message, sse, textDelta, untimed,
} from "./support/chat.mjs";
import { bytewise } from "./support/splits.mjs";

const text = sse(...HELLO);

describe("feed() and finish()", () => {
  const WAYS = {
    whole: [bytes(text)],
    "byte by byte": bytewise(bytes(text)),
    "with empty chunks": [new Uint8Array(), bytes(text), new Uint8Array()],
    ArrayBuffer: [bytes(text).buffer],
    Buffer: [Buffer.from(text)],
    "a part of a buffer": [bytes(`xx${text}yy`).subarray(2, 2 + bytes(text).length)],
    SharedArrayBuffer: [(() => {
      const shared = new Uint8Array(new SharedArrayBuffer(bytes(text).length));
      shared.set(bytes(text));
      return shared;
    })()],
    "another realm's Uint8Array": [vm.runInNewContext("new Uint8Array(numbers)", { numbers: [...bytes(text)] })],
  };
  for (const [name, chunks] of Object.entries(WAYS)) {
    test(name, () => {
      const aggregator = new Aggregator();
      const events = chunks.flatMap((part) => aggregator.feed(part));
      assert.equal(aggregator.finished, true);
      events.push(...aggregator.finish());
      assert.deepEqual(untimed(events), HELLO_EVENTS);
      assert.equal(aggregator.error, null);
    });
  }

  test("events come with the bytes that complete them", () => {
    const aggregator = new Aggregator();
    const frame = sse(HELLO[0]);
    assert.deepEqual(aggregator.feed(bytes(frame.slice(0, -1))), []);
    assert.deepEqual(aggregator.feed(bytes(frame.slice(-1))), [textDelta("Hel")]);
    assert.deepEqual(aggregator.feed(bytes(": ping\n\n")), []);
    assert.equal(aggregator.finished, false);
  });

  test("finish() takes an event without its blank line, and completes after a finish reason", () => {
    const aggregator = new Aggregator();
    aggregator.feed(bytes(sse(...HELLO.slice(0, 2)) + `data: ${JSON.stringify(finish())}`));
    assert.equal(aggregator.finished, false);
    assert.deepEqual(untimed(aggregator.finish()).map(({ type }) => type), ["output_item.done", "completed"]);
    assert.equal(aggregator.final().ended_by, "end_of_stream");
  });

  test("after the end both do nothing", () => {
    const aggregator = new Aggregator();
    aggregator.feed(bytes(text));
    assert.deepEqual(aggregator.feed(bytes(text)), []);
    assert.deepEqual(aggregator.finish(), []);
    assert.deepEqual(aggregator.finish(), []);
    assert.deepEqual(aggregator.items, [message("Hello")]);
  });

  for (const [name, value] of [["text", text], ["number", 7], ["undefined", undefined], ["numbers", [1, 2]], ["null", null]]) {
    test(`feed() does not take ${name}`, () => {
      const aggregator = new Aggregator();
      assert.throws(() => aggregator.feed(value), { name: "StreamError", code: "bad_option" });
      assert.deepEqual(untimed(aggregator.feed(bytes(text))), HELLO_EVENTS, "and goes on");
    });
  }
});

describe("a failure", () => {
  const TABLE = [
    ["provider_error", sse(HELLO[0], { error: { message: "boom", type: "server_error", code: 7 } }), "boom", {}],
    ["stream_incomplete", sse(HELLO[0]), /no \[DONE\], no finish_reason/, {}],
    ["event_too_large", sse(HELLO[0]) + `data: ${"x".repeat(300)}`, "event larger than 200 bytes", { maxEventBytes: 200 }],
    ["invalid_utf8", Buffer.from(`${sse(HELLO[0])}data: \xff\n\n`, "latin1"), /^UTF8 error/, { invalidUtf8: "error" }],
  ];
  for (const [code, body, pattern, options] of TABLE) {
    test(code, () => {
      const aggregator = new Aggregator(options);
      const events = [...aggregator.feed(typeof body === "string" ? bytes(body) : body), ...aggregator.finish()];
      const partial = message("Hel", { status: "incomplete" });
      assert.deepEqual(events, [textDelta("Hel"), itemDone(partial)]);
      assert.ok(aggregator.error instanceof StreamError);
      assertFailure(aggregator.error, code, pattern);
      assert.deepEqual(aggregator.error.partial, [partial]);
      assert.deepEqual(aggregator.items, [partial]);
      assert.equal(aggregator.finished, true);
      assert.throws(() => aggregator.final(), (error) => error === aggregator.error);
    });
  }

  test("tells what the provider said", () => {
    const aggregator = new Aggregator();
    aggregator.feed(bytes(TABLE[0][1]));
    const { provider } = aggregator.error;
    assert.deepEqual({ ...provider, raw: provider.raw }, {
      status: null, message: "boom", type: "server_error", code: 7, param: null, retry_after_ms: null,
      raw: '{"message":"boom","type":"server_error","code":7}',
    });
    assert.equal(aggregator.error.status, undefined);
    assert.equal(aggregator.error.retryAfterMs, undefined);
  });
});

describe("items and final()", () => {
  test("items grow", () => {
    const aggregator = new Aggregator();
    assert.deepEqual(aggregator.items, []);
    aggregator.feed(bytes(sse(HELLO[0])));
    assert.deepEqual(aggregator.items, [message("Hel", { status: "in_progress" })]);
    aggregator.feed(bytes(sse(...HELLO.slice(1))));
    assert.deepEqual(aggregator.items, [message("Hello")]);
  });

  test("final() is everything", () => {
    const aggregator = new Aggregator();
    aggregator.feed(bytes(text));
    assert.deepEqual(untimed(aggregator.final()), {
      wire: "chat", ...completion(), items: [message("Hello")],
      choices: [{ index: 0, finish_reason: "stop", finish_reason_normalized: "stop", items: [message("Hello")] }],
      counts: { bytes: bytes(text).length, frames: 4, bad_frames: 0, comments: 0, unknown_events: 0 },
    });
  });

  test("final() before the end is a mistake, and does no harm", () => {
    const aggregator = new Aggregator();
    aggregator.feed(bytes(sse(HELLO[0])));
    assert.throws(() => aggregator.final(), { code: "bad_option", message: /call finish\(\) first/ });
    aggregator.feed(bytes(sse(...HELLO.slice(1))));
    assert.equal(aggregator.final().finish_reason, "stop");
  });
});

describe("free()", () => {
  test("in mid-stream", () => {
    const aggregator = new Aggregator();
    aggregator.feed(bytes(sse(HELLO[0])));
    aggregator.free();
    aggregator.free();
    assert.deepEqual(aggregator.feed(bytes(text)), []);
    assert.deepEqual(aggregator.finish(), []);
    assert.equal(aggregator.finished, true);
    assertFailure(aggregator.error, "aborted", "the aggregator was freed");
    assert.throws(() => aggregator.final(), { code: "aborted" });
  });

  test("after the end changes nothing", () => {
    const aggregator = new Aggregator();
    aggregator.feed(bytes(text));
    aggregator.free();
    assert.equal(aggregator.error, null);
    assert.equal(aggregator.final().finish_reason, "stop");
  });
});

test("several at the same time do not mix", () => {
  const both = [new Aggregator(), new Aggregator({ include: ["raw"] })];
  const inputs = ["one", "two"].map((content) => bytewise(bytes(sse(chunk({ content }), finish(), DONE))));
  inputs[0].forEach((part, at) => {
    both[0].feed(part);
    both[1].feed(inputs[1][at]);
  });
  assert.deepEqual(both.map(({ items }) => items), [[message("one")], [message("two")]]);
});
