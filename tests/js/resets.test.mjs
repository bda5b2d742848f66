// Connections that break: at every byte offset of a stream, in HTTP/2's ways, and by redirects and framing of HTTP's own.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { describe, test } from "node:test";

import { aggregate, Aggregator } from "streamgauge";

import { assertFailure, bytes, chunk, collect, completed, DONE, finish, HELLO, HELLO_EVENTS, itemDone, message, sse, textDelta, untimed, within } from "./support/chat.mjs";
import { serveRaw } from "./support/hostile.mjs";
import { drip, serve } from "./support/server.mjs";

const HALF = [textDelta("Hel"), itemDone(message("Hel", { status: "incomplete" }))];
const call = (index, fields) => chunk({ tool_calls: [{ index, ...fields }] });
const fixture = (wire, name) => {
  const lines = readFileSync(new URL(`../fixtures/${wire}.jsonl`, import.meta.url), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line)).find((line) => line.name === name).sse;
};

/** Streams, and the text after whose event the end of the connection does not matter. */
const STREAMS = {
  chat: {
    text: ": hi\n\n" + sse(
      chunk({ role: "assistant", reasoning_content: "Let me see." }), chunk({ content: "It is é and 🤔." }),
      call(0, { id: "call_0", function: { name: "read", arguments: "" } }), call(0, { function: { arguments: '{"path":' } }),
      call(0, { function: { arguments: '"a.ts"}' } }), call(1, { id: "call_1", function: { name: "list", arguments: "{}" } }),
      finish("tool_calls"), { id: "resp_1", choices: [], usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 } }, DONE,
    ),
    finish: '"finish_reason":"tool_calls"',
  },
  responses: { text: fixture("responses", "whole stream"), finish: '"type":"response.completed"' },
  anthropic: { text: fixture("anthropic", "whole stream"), finish: '"stop_reason":"' },
};

/** Reads a response and tells of every byte that came. */
async function* counted(response, onBytes) {
  let count = 0;
  onBytes(count);
  for await (const part of response.body) {
    yield part;
    onBytes((count += part.length));
  }
}

describe("a connection that ends at every byte offset", { concurrency: 2 }, () => {
  const ENDS = {
    // A reset may overtake what was sent before it, so it waits until that has been read.
    "by a reset": { reset: true, head: "content-length: 1000000", clean: false, every: 1 },
    "by a close in the middle of a length": { head: "content-length: 1000000", clean: false, every: 7 },
    "by a close, which is the end": { head: "connection: close", clean: true, every: 3 },
  };
  for (const [wire, { text, finish }] of Object.entries(STREAMS)) {
    for (const [name, { reset, head, clean, every }] of Object.entries(ENDS)) {
      test(`${wire}, ${name}`, async (t) => {
        const body = Buffer.from(text);
        const finished = body.indexOf("\n\n", body.indexOf(finish)) + 2;
        const sockets = new Map();
        const url = await serveRaw(t, (socket, request) => {
          const offset = Number(/^GET \/(\d+)/.exec(request)[1]);
          socket.setNoDelay(true);
          socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n${head}\r\n\r\n`);
          if (offset > 0) socket.write(body.subarray(0, offset));
          if (reset) sockets.set(offset, socket);
          else socket.end();
        });
        const one = async (offset) => {
          const response = await fetch(`${url}${offset}`);
          const read = counted(response, (count) => count === offset && sockets.get(offset)?.resetAndDestroy());
          const { events, error } = await within(20_000, collect(aggregate(read, { wire })));
          assertEnd(untimed(events), error, offset);
        };
        // What came before must be what the bytes alone give, and what an end there means follows from the finish.
        const assertEnd = (events, error, offset) => {
          const aggregator = new Aggregator({ wire });
          const fed = aggregator.feed(body.subarray(0, offset));
          const isDone = aggregator.finished;
          assert.deepEqual(events.slice(0, fed.length), untimed(fed), `offset ${offset}`);
          const last = events.at(-1);
          if (isDone) {
            assert.equal(events.length, fed.length, `offset ${offset}`);
            assert.equal(error, undefined, `offset ${offset}`);
          } else if (offset >= finished || (clean && error === undefined)) {
            assert.equal(error, undefined, `offset ${offset}: ${error}`);
            assert.equal(last.type, "completed", `offset ${offset}`);
            // At the last byte the closing event lacks only its blank line.
            const endings = clean ? ["end_of_stream", "done", "terminal_event"] : ["transport_error"];
            assert.ok(endings.includes(last.ended_by), `offset ${offset}: ${last.ended_by}`);
            // An event without its blank line is taken at a clean end.
            assert.ok(offset >= finished - 2, `offset ${offset}`);
          } else {
            // Before the first field's name is whole, the little there is may as well be some text.
            const isText = clean && error?.code === "provider_error" && offset <= /^(?:event|data):/m.exec(text).index + 6;
            assertFailure(error, isText ? "provider_error" : clean ? "stream_incomplete" : "transport");
            assert.ok(offset < finished, `offset ${offset}`);
            const items = events.filter(({ type }) => type === "output_item.done").map(({ item }) => item);
            assert.deepEqual(error.partial, items, `offset ${offset}`);
            // Nothing is lost: what was under way comes as items, which say that they are not whole.
            assert.equal(texts(items), textsOf(clean ? events : fed), `offset ${offset}`);
          }
        };
        const offsets = Array.from({ length: body.length + 1 }, (_, offset) => offset).filter((offset) => offset % every === 0);
        const tried = offsets.length;
        await Promise.all(Array.from({ length: 8 }, async () => {
          for (let offset = offsets.pop(); offset !== undefined; offset = offsets.pop()) await one(offset);
        }));
        t.diagnostic(`${tried} offsets`);
      });
    }
  }
});

/** All text of messages, by deltas and in items. */
const textsOf = (events) => events.map((event) => (event.type === "output_text.delta" ? event.delta : "")).join("");
const texts = (items) =>
  items.filter(({ type }) => type === "message").flatMap(({ content }) => content).map(({ text }) => text ?? "").join("");

describe("HTTP/2", () => {
  /** A session with a server that plays `talk(stream, session)`; gives the response's stream. */
  async function request(t, talk) {
    const server = http2.createServer();
    const sessions = new Set();
    server.on("session", (session) => sessions.add(session).size && session.on("error", () => {}));
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.respond({ ":status": 200, "content-type": "text/event-stream" });
      talk(stream, sockets);
    });
    const sockets = [];
    server.on("connection", (socket) => sockets.push(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
    client.on("error", () => {});
    t.after(() => {
      client.destroy();
      for (const session of sessions) session.destroy();
      server.close();
    });
    const stream = client.request({ ":path": "/" });
    await once(stream, "response");
    return stream;
  }
  const { NGHTTP2_NO_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = http2.constants;
  const half = sse(HELLO[0]);
  const rest = sse(...HELLO.slice(1));
  const TABLE = [
    { name: "GOAWAY without an error: the stream goes on", talk: (stream) => { stream.write(half); stream.session.goaway(NGHTTP2_NO_ERROR); setTimeout(() => stream.end(rest), 30); }, events: HELLO_EVENTS },
    { name: "GOAWAY with an error", talk: (stream) => { stream.write(half); setTimeout(() => stream.session.goaway(NGHTTP2_ENHANCE_YOUR_CALM), 30); }, code: "transport" },
    { name: "RST_STREAM", talk: (stream) => { stream.write(half); setTimeout(() => stream.destroy(new Error("reset")), 30); }, code: "transport" },
    { name: "RST_STREAM after the finish", talk: (stream) => { stream.write(sse(...HELLO.slice(0, 3))); setTimeout(() => stream.destroy(new Error("reset")), 30); }, events: [...HELLO_EVENTS.slice(0, 3), completed({ ended_by: "transport_error" })] },
    { name: "the connection is reset", talk: (stream, [socket]) => { stream.write(half); setTimeout(() => socket.resetAndDestroy(), 30); }, code: "transport" },
    { name: "an end in the middle", talk: (stream) => stream.end(half), code: "stream_incomplete" },
  ];
  for (const { name, talk, events = HALF, code } of TABLE) {
    test(name, async (t) => {
      const stream = await request(t, talk);
      const result = await within(10_000, collect(aggregate(stream)));
      if (code) assertFailure(result.error, code);
      else assert.ifError(result.error);
      assert.deepEqual(untimed(result.events), events);
    });
  }
});

describe("HTTP", () => {
  const head = (more) => `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n${more}\r\n\r\n`;
  const half = sse(HELLO[0]);
  const RAW = [
    { name: "a chunk whose length is none", send: head("transfer-encoding: chunked") + `${bytes(half).length.toString(16)}\r\n${half}\r\nzz\r\n`, events: HALF, code: "transport" },
    { name: "more than the length says", send: head(`content-length: ${bytes(half).length}`) + half + half, events: HALF, code: "stream_incomplete" },
    { name: "a body of an older HTTP, without a length", send: `HTTP/1.0 200 OK\r\n\r\n${sse(...HELLO)}`, end: true, events: HELLO_EVENTS },
  ];
  for (const { name, send, end, events, code } of RAW) {
    test(name, async (t) => {
      const url = await serveRaw(t, (socket) => (end ? socket.end(send) : socket.write(send)));
      const result = await within(10_000, fetch(url).then((response) => collect(aggregate(response))));
      if (code) assertFailure(result.error, code);
      else assert.ifError(result.error);
      assert.deepEqual(untimed(result.events), events);
    });
  }

  test("byte by byte", async (t) => {
    const server = await serve(t, { steps: [drip(sse(...HELLO))] });
    const { events, error } = await within(20_000, fetch(server.url).then((response) => collect(aggregate(response))));
    assert.ifError(error);
    assert.deepEqual(untimed(events), HELLO_EVENTS);
  });

  test("a redirect to another server", async (t) => {
    const server = await serve(t, { steps: [sse(...HELLO)] });
    const first = await serve(t, { status: 307, headers: { location: server.url } });
    const { events } = await collect(aggregate(await fetch(first.url, { method: "POST", body: "{}" })));
    assert.deepEqual(untimed(events), HELLO_EVENTS);
  });

  test("a redirect that is not followed", async (t) => {
    const server = await serve(t, { status: 302, headers: { location: "/login" } });
    const { error } = await collect(aggregate(await fetch(server.url, { redirect: "manual" })));
    assertFailure(error, "http_status", "HTTP 302");
  });

  test("redirects without an end are fetch's to refuse", async (t) => {
    const server = await serve(t, { status: 302, headers: { location: "/again" } });
    await assert.rejects(fetch(server.url), TypeError);
  });
});
