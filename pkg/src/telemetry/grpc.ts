// OTLP over gRPC, by Node's http2: one unary call per batch.

import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";

import { StreamError } from "../errors.js";
import { nodeModule, VERSION } from "./environment.js";
import type { Exporter, ExportRequest, ExportResult } from "./exporter.js";
import { describe } from "./failure.js";
import { joined, MAX_RESPONSE_BYTES } from "./http.js";
import { headerSecrets } from "./secrets.js";
import type { Certificate, ResolvedGrpc } from "./settings/resolved.js";

const PATHS = {
  logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
  metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
};
/** A flag, and the message's length. */
const PREFIX_BYTES = 5;
const UNIMPLEMENTED = 12;

/** What an HTTP status means when there is no gRPC status ("HTTP to gRPC Status Code Mapping"); 2 is UNKNOWN. */
const HTTP_CODES: Readonly<Record<number, number>> = {
  400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14,
};

/**
 * What the reset of one stream means on a connection that lives on ("Errors" of gRPC over HTTP2); others look like a
 * lost connection, and are taken for one.
 */
const RESET_CODES: Readonly<Record<number, number>> = {
  1: 13, // PROTOCOL_ERROR: INTERNAL
  3: 13, // FLOW_CONTROL_ERROR
  6: 13, // FRAME_SIZE_ERROR
  9: 13, // COMPRESSION_ERROR
  11: 8, // ENHANCE_YOUR_CALM: RESOURCE_EXHAUSTED
  12: 7, // INADEQUATE_SECURITY: PERMISSION_DENIED
};
const REFUSED_STREAM = 7;
const CANCEL = 8;

/** A call that the server has surely not looked at. */
class Unprocessed extends Error {}

/** A message with its prefix, and where it goes. */
interface Frame {
  path: string;
  bytes: Uint8Array;
  gzipped: boolean;
}

interface Connection {
  readonly session: ClientHttp2Session;
  /** Under way. */
  calls: number;
}

/** See the file's head. */
export class GrpcExporter implements Exporter {
  readonly format = "protobuf";
  readonly frameOverhead = PREFIX_BYTES;
  readonly target: string;
  readonly takesMetrics = true;
  readonly secrets: readonly string[];
  /** Nothing survives a page over http2 (there are pages in Electron). */
  readonly unloadBudget = 0;
  readonly #http2: typeof import("node:http2");
  readonly #authority: string;
  readonly #tls: { ca?: string; cert?: string; key?: string };
  readonly #headers: Record<string, string>;
  #gzip: boolean;
  #connection: Connection | undefined;
  #closed = false;

  constructor(settings: ResolvedGrpc) {
    const http2 = nodeModule("node:http2");
    if (http2 === undefined) throw new StreamError("bad_option", "otel.exporter.otlp-grpc: this needs Node");
    this.#http2 = http2;
    this.#authority = new URL(settings.endpoint).origin;
    this.target = this.#authority;
    this.secrets = Object.values(settings.headers).flatMap(headerSecrets);
    this.#gzip = settings.gzip;
    const { ca, cert, key } = settings.tls;
    this.#tls = {
      ...(ca === undefined ? {} : { ca: pem(ca) }),
      ...(cert === undefined ? {} : { cert: pem(cert) }),
      ...(key === undefined ? {} : { key: pem(key, true) }),
    };
    this.#headers = {
      "user-agent": `OTel-OTLP-Exporter-streamgauge/${VERSION}`,
      ...settings.headers,
      ":method": "POST",
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-accept-encoding": "identity",
    };
  }

  async send(request: ExportRequest): Promise<ExportResult> {
    const until = performance.now() + request.timeoutMs;
    const result = await this.#attempt(request, until);
    if (result.type !== "grpc" || result.code !== UNIMPLEMENTED || !this.#gzip) return result;
    // It may be the compression that is not implemented.
    this.#gzip = false;
    return request.signal.aborted ? result : this.#attempt(request, until);
  }

  close(): void {
    this.#closed = true;
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.session.close();
  }

  async #attempt(request: ExportRequest, until: number): Promise<ExportResult> {
    try {
      const frame = await this.#frame(request);
      const reused = this.#connection !== undefined;
      try {
        return await this.#call(frame, request.signal, until);
      } catch (error) {
        // A connection that was idle may have been on its way out.
        if (!(error instanceof Unprocessed) || !reused || request.signal.aborted) throw error;
        return await this.#call(frame, request.signal, until);
      }
    } catch (error) {
      return { type: "network", message: describe(error) };
    }
  }

  async #frame({ body, type }: ExportRequest): Promise<Frame> {
    const zlib = this.#gzip ? nodeModule("node:zlib") : undefined;
    const compressed = zlib && (await new Promise<Uint8Array | undefined>((resolve) => {
      zlib.gzip(body, (error, result) => resolve(error ? undefined : result));
    }));
    const message = compressed ?? body;
    const bytes = new Uint8Array(PREFIX_BYTES + message.length);
    bytes[0] = compressed === undefined ? 0 : 1;
    new DataView(bytes.buffer).setUint32(1, message.length);
    bytes.set(message, PREFIX_BYTES);
    return { path: PATHS[type === "metrics" ? type : "logs"], bytes, gzipped: compressed !== undefined };
  }

  async #call(frame: Frame, signal: AbortSignal, until: number): Promise<ExportResult> {
    if (this.#closed || signal.aborted) throw new Error("aborted");
    if (this.#connection?.session.destroyed) this.#connection = undefined;
    const connection = (this.#connection ??= this.#connect());
    const { session } = connection;
    connection.calls++;
    session.ref();
    try {
      return await this.#exchange(session, frame, signal, until);
    } catch (error) {
      // Whatever it was, the next call is better off with a new connection.
      this.#forget(session);
      if (session.connecting) session.destroy();
      else session.close();
      throw error;
    } finally {
      // An idle connection does not hold the process.
      if (--connection.calls === 0 && !session.destroyed) session.unref();
    }
  }

  #exchange(
    session: ClientHttp2Session,
    frame: Frame,
    signal: AbortSignal,
    until: number,
  ): Promise<ExportResult> {
    return new Promise((resolve, reject) => {
      let stream: ClientHttp2Stream;
      let failure: Error | undefined;
      let headers: IncomingHttpHeaders | undefined;
      let trailers: IncomingHttpHeaders = {};
      const chunks: Uint8Array[] = [];
      let length = 0;

      const onSessionError = (error: Error) => {
        failure ??= error;
      };
      const onAbort = () => {
        settle();
        // A stream that waits for its connection would not close before there is one.
        reject(new Error("aborted"));
        stream.close(CANCEL);
      };
      session.on("error", onSessionError);
      const settle = () => {
        session.off("error", onSessionError);
        signal.removeEventListener("abort", onAbort);
      };

      const encoding = frame.gzipped ? { "grpc-encoding": "gzip" } : {};
      try {
        const timeout = { "grpc-timeout": grpcTimeout(until - performance.now()) };
        stream = session.request({ ...this.#headers, ":path": frame.path, ...encoding, ...timeout });
      } catch (error) {
        // The session was closed or told to go away a moment ago.
        settle();
        return reject(new Unprocessed((error as Error).message));
      }
      signal.addEventListener("abort", onAbort);
      stream.on("response", (received) => {
        headers = received;
      });
      stream.on("trailers", (received) => {
        trailers = received;
      });
      stream.on("data", (chunk: Uint8Array) => {
        length += chunk.length;
        if (length <= PREFIX_BYTES + MAX_RESPONSE_BYTES) return void chunks.push(chunk);
        chunks.length = 0;
        // Its status comes last, so some more is passed over; but there may be no end of it.
        if (length <= 4 * MAX_RESPONSE_BYTES) return;
        failure ??= new Error("the answer is larger than 16 MiB");
        stream.close(CANCEL);
      });
      stream.on("error", (error: Error) => {
        failure ??= error;
      });
      stream.on("close", () => {
        settle();
        const status = trailers["grpc-status"] ?? headers?.["grpc-status"];
        if (headers !== undefined) {
          const message = length <= PREFIX_BYTES + MAX_RESPONSE_BYTES ? unframed(joined(chunks, length)) : EMPTY;
          // A status is an answer, whatever happened to the stream after it. Without one, a clean end is one too.
          if (status !== undefined) return resolve(withStatus({ ...headers, ...trailers }, String(status), message));
          if (failure === undefined && stream.rstCode === 0) return resolve(withoutStatus(Number(headers[":status"])));
        }
        const code = RESET_CODES[stream.rstCode ?? 0];
        if (code !== undefined && !session.destroyed) {
          const message = `stream reset (${stream.rstCode})`;
          return resolve({ type: "grpc", code, message, details: EMPTY, body: EMPTY });
        }
        const error = failure ?? new Error("the connection was closed before the answer");
        const { code: name } = error as { code?: string };
        const unprocessed = stream.rstCode === REFUSED_STREAM || name === "ERR_HTTP2_GOAWAY_SESSION";
        reject(unprocessed ? new Unprocessed(error.message) : error);
      });
      stream.end(frame.bytes);
    });
  }

  #connect(): Connection {
    const session = this.#http2.connect(this.#authority, { ...this.#tls, settings: { enablePush: false } });
    // Calls under way hear of it themselves.
    session.on("error", () => this.#forget(session));
    session.on("close", () => this.#forget(session));
    session.on("goaway", () => this.#forget(session));
    return { session, calls: 0 };
  }

  /** The next call opens a new connection. */
  #forget(session: ClientHttp2Session): void {
    if (this.#connection?.session === session) this.#connection = undefined;
  }
}

const EMPTY = new Uint8Array(0);

function withStatus(headers: IncomingHttpHeaders, status: string, body: Uint8Array): ExportResult {
  const code = /^\d{1,3}$/.test(status) ? Number(status) : 2;
  const message = percentDecoded(String(headers["grpc-message"] ?? ""));
  // Of several, Node makes one text.
  const details = String(headers["grpc-status-details-bin"] ?? "").split(",", 1)[0]!;
  return { type: "grpc", code, message, details: base64Decoded(details), body };
}

/** Something that is no gRPC server answered: a proxy, a web server. */
function withoutStatus(httpStatus: number): ExportResult {
  const code = HTTP_CODES[httpStatus] ?? 2;
  return { type: "grpc", code, message: `HTTP ${httpStatus} without a gRPC status`, details: EMPTY, body: EMPTY };
}

/** The message of a frame; none if it is cut off or compressed (which was not asked for). */
function unframed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < PREFIX_BYTES || bytes[0] !== 0) return EMPTY;
  const end = PREFIX_BYTES + new DataView(bytes.buffer).getUint32(1);
  return end <= bytes.length ? bytes.subarray(PREFIX_BYTES, end) : EMPTY;
}

/** At most eight digits and a unit. */
function grpcTimeout(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms));
  return whole < 1e8 ? `${whole}m` : `${Math.ceil(whole / 1000)}S`;
}

/** Percent-encoded UTF-8; what is not stays as it is. */
function percentDecoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    const bytes = encoded.slice(1).split("%").map((digits) => Number.parseInt(digits, 16));
    return new TextDecoder().decode(new Uint8Array(bytes));
  });
}

function base64Decoded(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  } catch {
    return EMPTY;
  }
}

/** @param isSecret it is not shown: it may be the key itself, in another form than PEM. */
function pem({ path, value }: Certificate, isSecret = false): string {
  if (value.includes("-----BEGIN ")) return value;
  try {
    return nodeModule("node:fs")!.readFileSync(value, "utf8");
  } catch (error) {
    const { code = "it failed" } = error as { code?: string };
    // No `cause`: that has the path, too.
    throw new StreamError("bad_option", `${path}: can not read the file${isSecret ? "" : ` ${JSON.stringify(value)}`}: ${code}`);
  }
}
