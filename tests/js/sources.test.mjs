// What aggregate() reads, and what it does not.

import assert from "node:assert/strict";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import vm from "node:vm";

import { aggregate } from "streamgauge";

import {
  assertFailure, bytes, chunk, collect, eventsOf, finish, DONE, HELLO, HELLO_EVENTS, itemDone, message, readable, sse, textDelta, untimed, within,
} from "./support/chat.mjs";
import { bytewise } from "./support/splits.mjs";

const text = sse(...HELLO);
const whole = bytes(text);
const half = Math.floor(whole.length / 2);
const parts = [whole.subarray(0, half), whole.subarray(half)];

const folder = mkdtempSync(join(tmpdir(), "streamgauge-"));
const file = join(folder, "hello.sse");
writeFileSync(file, text);
after(() => rmSync(folder, { recursive: true }));

async function* generator(chunks) {
  for (const part of chunks) yield part;
}
const otherRealm = (code) => vm.runInNewContext(code, { numbers: [...whole] });
/** Bytes in the middle of a larger buffer. */
const view = (Type) => {
  const padded = new Uint8Array(whole.length + 32);
  padded.set(whole, 16);
  return new Type(padded.buffer, 16, whole.length);
};

const SOURCES = {
  Response: () => new Response(text),
  ReadableStream: () => readable(parts).stream,
  "ReadableStream of type bytes": () =>
    new ReadableStream({
      type: "bytes",
      start(controller) {
        for (const part of parts) controller.enqueue(part.slice());
        controller.close();
      },
    }),
  "async generator": () => generator(parts),
  "async generator, byte by byte": () => generator(bytewise(whole)),
  "async generator of empty chunks too": () => generator([new Uint8Array(), parts[0], new Uint8Array(), parts[1]]),
  "async generator of Buffer": () => generator(parts.map((part) => Buffer.from(part))),
  "async generator of ArrayBuffer": () => generator(parts.map((part) => part.slice().buffer)),
  "async generator of DataView": () => generator([view(DataView)]),
  "async generator of text": () => generator([text.slice(0, half), text.slice(half)]),
  "an iterator of a class": () => ({
    [Symbol.asyncIterator]() {
      const rest = [...parts];
      return { next: async () => (rest.length > 0 ? { value: rest.shift() } : { done: true }) };
    },
  }),
  "Node Readable": () => Readable.from(parts),
  "Node Readable with an encoding": () => Readable.from(parts, { objectMode: false }).setEncoding("utf8"),
  "fs.createReadStream": () => createReadStream(file, { highWaterMark: 64 }),
  "Array of Uint8Array": () => parts,
  Set: () => new Set(parts),
  Uint8Array: () => whole,
  "Uint8Array, a part of a buffer": () => view(Uint8Array),
  ArrayBuffer: () => whole.slice().buffer,
  Buffer: () => Buffer.from(text),
  DataView: () => view(DataView),
  "Uint8Array of another realm": () => otherRealm("new Uint8Array(numbers)"),
  "ArrayBuffer of another realm": () => otherRealm("new Uint8Array(numbers).buffer"),
};

describe("sources", () => {
  for (const [name, make] of Object.entries(SOURCES)) {
    test(name, async () => {
      assert.deepEqual(untimed(await eventsOf(aggregate(make()))), HELLO_EVENTS);
    });
  }

  test("a body that was decompressed and teed", async () => {
    const gzip = new Response(text).body.pipeThrough(new CompressionStream("gzip"));
    const [left, right] = gzip.pipeThrough(new DecompressionStream("gzip")).tee();
    const both = await Promise.all([eventsOf(aggregate(left)), eventsOf(aggregate(right))]);
    for (const events of both) assert.deepEqual(untimed(events), HELLO_EVENTS);
  });

  test("a chunk of several megabytes", async () => {
    const content = "é".repeat(3 << 20);
    const events = await eventsOf(aggregate(bytes(sse(chunk({ content }), finish(), DONE))));
    assert.equal(events[0].delta, content);
  });

  test("the source's bytes are not changed, and may be reused", async () => {
    const buffer = new Uint8Array(whole.length);
    async function* reusing() {
      for (const part of parts) {
        buffer.fill(0);
        buffer.set(part);
        yield buffer.subarray(0, part.length);
      }
    }
    assert.deepEqual(untimed(await eventsOf(aggregate(reusing()))), HELLO_EVENTS);
    const copy = whole.slice();
    await eventsOf(aggregate(copy));
    assert.deepEqual(copy, whole);
  });

  test("many at the same time do not mix", async () => {
    const texts = Array.from({ length: 50 }, (_, at) => `stream ${at}`);
    const finals = texts.map((content) => {
      const body = bytes(sse(...[...content].map((letter) => chunk({ content: letter })), finish(), DONE));
      return aggregate(generator(bytewise(body))).final();
    });
    assert.deepEqual((await Promise.all(finals)).map(({ items }) => items), texts.map((content) => [message(content)]));
  });
});

describe("the source's lock", () => {
  test("goes back at the source's own end", async () => {
    const { stream } = readable([sse(...HELLO.slice(0, 3))]);
    await eventsOf(aggregate(stream));
    assert.equal(stream.locked, false);
  });

  test("goes back when the stream is cancelled", async () => {
    const { stream, seen } = readable([text], { end: false });
    await eventsOf(aggregate(stream));
    assert.equal(stream.locked, false);
    assert.ok(seen.cancelled);
  });

  test("is taken at once", () => {
    const { stream } = readable([text]);
    aggregate(stream);
    assert.equal(stream.locked, true);
  });

  test("is not taken when an option is bad", async () => {
    const { stream } = readable([text]);
    assert.throws(() => aggregate(stream, { wire: "morse" }), { code: "bad_option" });
    assert.deepEqual(untimed(await eventsOf(aggregate(stream))), HELLO_EVENTS);
  });
});

describe("sources that are not usable", () => {
  const locked = () => {
    const { stream } = readable([text]);
    stream.getReader();
    return stream;
  };
  const lockedResponse = () => {
    const response = new Response(text);
    response.body.getReader();
    return response;
  };
  const used = async () => {
    const response = new Response(text);
    await response.text();
    return response;
  };
  const TABLE = [
    ["undefined", () => undefined, /not undefined$/],
    ["null", () => null, /not null$/],
    ["number", () => 7, /not number$/],
    ["boolean", () => true, /not boolean$/],
    ["text", () => text, /not string$/],
    ["symbol", () => Symbol("x"), /not symbol$/],
    ["function", () => () => whole, /not function$/],
    ["object", () => ({}), /not Object$/],
    ["promise of a response", () => Promise.resolve(new Response(text)), /not Promise$/],
    ["Blob", () => new Blob([text]), /not Blob$/],
    ["locked stream", locked, /locked/],
    ["locked response", lockedResponse, /locked/],
    ["used response", used, /already read/],
  ];
  for (const [name, make, pattern] of TABLE) {
    test(name, async () => {
      const made = make();
      // A promise is an own case of the table, so only the used response is waited for.
      const source = name === "used response" ? await made : made;
      let thrown;
      try {
        aggregate(source);
      } catch (error) {
        thrown = error;
      }
      assertFailure(thrown, "bad_option", pattern);
    });
  }

  for (const [name, value, kind] of [["number", 7, "number"], ["object", {}, "Object"], ["null", null, "null"], ["nothing", undefined, "undefined"]]) {
    test(`chunks of ${name}`, async () => {
      let returned = false;
      async function* source() {
        try {
          yield bytes(sse(HELLO[0]));
          yield value;
        } finally {
          returned = true;
        }
      }
      const { events, error } = await collect(aggregate(source()));
      assertFailure(error, "bad_option", `the source gave ${kind} where bytes (Uint8Array) belong`);
      assert.deepEqual(events, [textDelta("Hel"), itemDone(message("Hel", { status: "incomplete" }))]);
      assert.ok(returned, "the source is told to stop");
    });
  }
});

describe("sources that fail", () => {
  const cause = new Error("disk on fire", { cause: new Error("sparks") });
  const pieces = [bytes(sse(HELLO[0]))];
  const failing = {
    "async generator": async function* () {
      yield* pieces;
      throw cause;
    },
    "sync generator": function* () {
      yield* pieces;
      throw cause;
    },
    ReadableStream: () => {
      let pulls = 0;
      return new ReadableStream({
        pull(controller) {
          if (pulls++ === 0) controller.enqueue(pieces[0]);
          else throw cause;
        },
      }, { highWaterMark: 0 });
    },
    "Node Readable": () => Readable.from((async function* () {
      yield* pieces;
      throw cause;
    })()),
  };
  for (const [name, make] of Object.entries(failing)) {
    test(name, async () => {
      const { events, error } = await collect(aggregate(make()));
      assertFailure(error, "transport", "disk on fire: sparks");
      assert.equal(error.cause, cause);
      assert.deepEqual(events, [textDelta("Hel"), itemDone(message("Hel", { status: "incomplete" }))]);
    });
  }

  for (const [value, text] of [["words", "words"], [7, "the source failed with number"], [undefined, "the source failed with undefined"]]) {
    test(`with ${value} instead of an Error`, async () => {
      const { error } = await collect(aggregate((async function* () {
        throw value;
      })()));
      assertFailure(error, "transport", text);
      assert.equal(error.cause, value);
    });
  }

  test("after they were given up: nobody is disturbed", async () => {
    let fail;
    const source = { [Symbol.asyncIterator]: () => ({ next: () => new Promise((_, reject) => { fail = reject; }) }) };
    const { error } = await collect(aggregate(source, { idleTimeoutMs: 20 }));
    assertFailure(error, "idle_timeout");
    fail(cause);
    await sleep(5);
  });

  test("by chunks whose buffer was given away", async () => {
    const part = bytes(text);
    structuredClone(part, { transfer: [part.buffer] });
    const stream = aggregate([bytes(sse(HELLO[0])), part], { idleTimeoutMs: 1000 });
    const { events, error } = await within(2000, collect(stream));
    assert.equal(error?.name, "StreamError", `${error}`);
    assert.deepEqual(events, [textDelta("Hel"), itemDone(message("Hel", { status: "incomplete" }))]);
  });

  test("when they are opened", () => {
    const source = {
      [Symbol.asyncIterator]() {
        throw cause;
      },
    };
    assert.throws(() => aggregate(source), (error) => {
      assertFailure(error, "transport", "disk on fire: sparks");
      return true;
    });
  });

  test("when they are cancelled: nobody is disturbed", async () => {
    const source = { [Symbol.asyncIterator]: () => ({ next: async () => ({ value: whole }), return: async () => { throw cause; } }) };
    assert.deepEqual(untimed(await eventsOf(aggregate(source))), HELLO_EVENTS);
    const stream = new ReadableStream({ pull: (controller) => controller.enqueue(whole), cancel: () => Promise.reject(cause) });
    assert.deepEqual(untimed(await eventsOf(aggregate(stream))), HELLO_EVENTS);
    const rude = { [Symbol.asyncIterator]: () => ({ next: async () => ({ value: whole }), return() { throw cause; } }) };
    assert.deepEqual(untimed(await eventsOf(aggregate(rude))), HELLO_EVENTS);
  });
});
