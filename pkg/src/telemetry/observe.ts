import { guarded } from "../bindings.js";
import type { PushAggregator, StreamReader, TelemetryCore } from "../core.js";
import { StreamError } from "../errors.js";
import type { Telemetry } from "./telemetry.js";

/** How streams reach into a `Telemetry`; not public. In a file of its own, so that a stream does not bring the exporters. */
const OBSERVERS = new WeakMap<object, { core: TelemetryCore; drain: () => void }>();

/** Makes a telemetry known to {@link observeWith}. */
export function letObserve(telemetry: Telemetry, core: TelemetryCore, drain: () => void): void {
  OBSERVERS.set(telemetry, { core, drain });
}

/** Lets the core record a stream's frames; returns what to call after each read. */
export function observeWith(telemetry: Telemetry, reader: StreamReader | PushAggregator): () => void {
  const observer = OBSERVERS.get(telemetry);
  if (observer === undefined) {
    throw new StreamError("bad_option", 'telemetry must be a Telemetry ("streamgauge/aggregate" has none)');
  }
  guarded(() => reader.observe(observer.core));
  return observer.drain;
}
