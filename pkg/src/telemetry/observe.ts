import { guarded } from "../bindings.js";
import type { PushAggregator, StreamReader, TelemetryCore, TelemetryCoreRequest } from "../core.js";
import { StreamError } from "../errors.js";
import type { Telemetry } from "./telemetry.js";
import type { TelemetryRequest } from "./types.js";

/** How streams reach into a `Telemetry`; not public. In a file of its own, so that a stream does not bring the exporters. */
const OBSERVERS = new WeakMap<object, Observer>();

/** The requests whose answers are known, by response and body; `null` for what is recorded already. */
const REQUESTS = new WeakMap<object, TelemetryCoreRequest | null>();

/** What a stream, and a request, knows of a `Telemetry`. */
interface Observer {
  core: TelemetryCore;
  drain: () => void;
  traceparent: string | undefined;
  /** Whether requests are followed, for the conventions for generative AI. */
  follows: boolean;
}

/** Makes a telemetry known to {@link observeWith} and {@link observerOf}. */
export function letObserve(telemetry: Telemetry, observer: Observer): void {
  OBSERVERS.set(telemetry, observer);
}

/** Remembers what a source of bytes answers. */
export function noteRequest(source: object | null, request: TelemetryCoreRequest | null): void {
  if (typeof source === "object" && source !== null) REQUESTS.set(source, request);
}

/** How to reach into a telemetry. */
export function observerOf(telemetry: Telemetry): Observer {
  const observer = OBSERVERS.get(telemetry);
  if (observer === undefined) {
    throw new StreamError("bad_option", 'telemetry must be a Telemetry ("streamgauge/aggregate" has none)');
  }
  return observer;
}

/** Lets the core record a stream's frames; returns what to call after each read. */
export function observeWith(
  telemetry: Telemetry,
  reader: StreamReader | PushAggregator,
  given: TelemetryRequest | undefined,
  source?: unknown,
): () => void {
  const observer = observerOf(telemetry);
  const known = typeof source === "object" && source !== null ? REQUESTS.get(source) : undefined;
  const request = given === undefined || known === null ? known : { ...known, ...coreRequest(given) };
  const content = given && { input_messages: given.inputMessages, system_instructions: given.systemInstructions };
  guarded(() => reader.observe(observer.core, request, content));
  return observer.drain;
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
