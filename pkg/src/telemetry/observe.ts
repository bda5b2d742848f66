import { guarded } from "../bindings.js";
import type { PushAggregator, StreamReader, TelemetryCore } from "../core.js";
import { StreamError } from "../errors.js";
import type { Telemetry } from "./telemetry.js";

/** How streams reach into a `Telemetry`; not public. In a file of its own, so that a stream does not bring the exporters. */
const OBSERVERS = new WeakMap<object, Observer>();

/** What a stream, and a request, knows of a `Telemetry`. */
interface Observer {
  core: TelemetryCore;
  drain: () => void;
  traceparent: string | undefined;
}

/** Makes a telemetry known to {@link observeWith} and {@link observerOf}. */
export function letObserve(telemetry: Telemetry, observer: Observer): void {
  OBSERVERS.set(telemetry, observer);
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
export function observeWith(telemetry: Telemetry, reader: StreamReader | PushAggregator): () => void {
  const observer = observerOf(telemetry);
  guarded(() => reader.observe(observer.core));
  return observer.drain;
}
