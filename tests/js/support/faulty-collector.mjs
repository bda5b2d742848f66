// A collector whose faults are those of its sockets, for OTLP over HTTP and gRPC.
//
//   const collector = await faultyCollector(t, "HTTP JSON", { answer: ({ socket }) => socket.destroy(), times: 2 });
//   ... collector.port; collector.taken: the records that it has, one list per request
//
// A fault is a function of one moment: `accept(socket)` of a connection, `head(call)` when a request's head has come,
// `answer(call)` when all of it has. The call has `write`, which sends raw bytes (HTTP), or its `stream` (gRPC), the
// `socket`, its `records`, `take()`, which counts them as taken, and `ok()`, the answer of a good collector. The first
// `times` moments are faulty, the others good.

import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";

import { recordsIn } from "./browser-sink.mjs";

export async function faultyCollector(t, kind, fault = {}) {
  const collector = new Collector(kind, fault);
  await collector.start();
  t.after(() => collector.stop());
  return collector;
}

class Collector {
  taken = [];
  /** How often the fault came. */
  faults = 0;
  port = 0;
  #sockets = new Set();
  #kind;
  #fault;
  #server;

  constructor(kind, fault) {
    this.#kind = kind;
    this.#fault = { times: 1, ...fault };
  }

  /** On the same port as before, if there was one. */
  async start() {
    const h2 = http2.createServer();
    h2.on("sessionError", () => {});
    h2.on("session", (session) => session.on("error", () => {}));
    h2.on("stream", (stream) => this.#grpc(stream));
    this.#server = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      const accept = this.#faulty("accept");
      if (accept) accept(socket);
      else if (this.#kind === "gRPC") h2.emit("connection", socket);
      else this.#http(socket);
    });
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
  }

  async stop() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Ends what is faulty. */
  heal() {
    this.#fault = { times: 0 };
  }

  #faulty(moment) {
    const handler = this.#fault[moment];
    if (handler === undefined || this.faults >= this.#fault.times) return undefined;
    this.faults++;
    return handler;
  }

  #call(socket, type, parts) {
    return { ...parts, socket, take: (records) => this.taken.push(records), records: [], type };
  }

  #http(socket) {
    let bytes = Buffer.alloc(0);
    let head;
    const ok = () => socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (head === undefined) {
        const end = bytes.indexOf("\r\n\r\n");
        if (end < 0) return;
        const text = bytes.subarray(0, end).toString("latin1");
        const header = (name) => new RegExp(`^${name}: *(.*)$`, "im").exec(text)?.[1];
        head = { length: Number(header("content-length")), type: header("content-type") };
        bytes = bytes.subarray(end + 4);
        const faulty = this.#faulty("head");
        if (faulty) return faulty(this.#call(socket, head.type, { write: (data) => socket.write(data), ok }));
      }
      if (bytes.length < head.length) return;
      const body = bytes.subarray(0, head.length);
      const { type } = head;
      bytes = bytes.subarray(head.length);
      head = undefined;
      this.#answer(this.#call(socket, type, { write: (data) => socket.write(data), ok, body }));
    });
  }

  async #grpc(stream) {
    stream.on("error", () => {});
    const { session } = stream;
    const socket = { destroy: () => session.destroy() };
    const ok = (message = Buffer.alloc(0), status = { "grpc-status": "0" }) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(status));
      stream.end(framed(message));
    };
    const call = this.#call(socket, "application/x-protobuf", { stream, ok });
    const faulty = this.#faulty("head");
    if (faulty) return faulty(call);
    const chunks = [];
    try {
      for await (const chunk of stream) chunks.push(chunk);
    } catch {
      return undefined;
    }
    return this.#answer({ ...call, body: Buffer.concat(chunks).subarray(5) });
  }

  #answer(call) {
    call.records = recordsIn(call.type, call.body);
    const take = () => call.take(call.records);
    const faulty = this.#faulty("answer");
    if (faulty) return faulty({ ...call, take });
    take();
    return call.ok();
  }
}

/** A message of gRPC with its prefix. */
export function framed(message, flag = 0) {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
