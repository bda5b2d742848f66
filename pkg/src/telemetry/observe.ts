import { guarded } from "../bindings.js";
import type { Core } from "../bindings.js";
import type { PushAggregator, StreamReader, TelemetryCore, TelemetryCoreRequest } from "../core.js";
import { StreamError } from "../errors.js";
import type { Telemetry } from "./telemetry.js";
import type { TelemetryRequest } from "./types.js";

/** What a stream, and a request, knows of a `Telemetry`; not public. */
export interface Observer {
  readonly core: TelemetryCore;
  readonly drain: () => void;
  readonly traceparent: string | undefined;
  /** Whether requests are followed, for the conventions for generative AI. */
  readonly follows: boolean;
}

/** In a file of its own, so that a stream does not bring the exporters. */
const OBSERVERS = new WeakMap<object, Observer>();

/** Makes a telemetry known to {@link observerOf}. */
export function letObserve(telemetry: Telemetry, observer: Observer): void {
  OBSERVERS.set(telemetry, observer);
}

/** The requests whose answers are known, by response and body; `null` for what is recorded already. */
const REQUESTS = new WeakMap<object, TelemetryCoreRequest | null>();

/** Remembers what a source of bytes answers. */
export function noteRequest(source: object | null, request: TelemetryCoreRequest | null): void {
  if (typeof source === "object" && source !== null) REQUESTS.set(source, request);
}

/**
 * How to reach into a telemetry.
 * @throws {@link StreamError} `bad_option` for what is none.
 */
export function observerOf(telemetry: Telemetry): Observer {
  const observer = OBSERVERS.get(telemetry);
  if (observer !== undefined) return observer;
  throw new StreamError("bad_option", 'telemetry must be a Telemetry ("streamgauge/aggregate" has none)');
}

/**
 * Lets the core record a stream's frames; returns what to call after each read. A telemetry of another core stopped when
 * that one came to its end: the stream goes on without it.
 */
export function observeWith(
  { core, drain }: Observer,
  reader: StreamReader | PushAggregator,
  live: Core,
  given: TelemetryRequest | undefined,
  source?: unknown,
): () => void {
  const known = typeof source === "object" && source !== null ? REQUESTS.get(source) : undefined;
  const request = given === undefined || known === null ? known : { ...known, ...coreRequest(given) };
  const content = given && { input_messages: given.inputMessages, system_instructions: given.systemInstructions };
  if (core instanceof live.TelemetryCore) guarded(() => reader.observe(core, request, content));
  return drain;
}

/** The fields that are given. */
function coreRequest({ model, parameters, serverAddress, serverPort }: TelemetryRequest): TelemetryCoreRequest {
  return {
    ...(model === undefined ? {} : { model }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(serverAddress === undefined ? {} : { server_address: serverAddress }),
    ...(serverPort === undefined ? {} : { server_port: serverPort }),
  };
}
