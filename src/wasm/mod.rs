//! The JavaScript boundary: everything that knows wasm-bindgen, and nothing that knows a wire.
//!
//! The classes here are raw material for the facade in `pkg/src`, which owns the public API. Rules:
//! batches cross as one text and one table (see [`crate::flat`]), errors and snapshots as JSON text, options
//! as a plain object; JavaScript is never called while a `RefCell` of ours is borrowed.

mod aggregator;
mod clock;
#[cfg(feature = "console")]
mod console;
mod object;
mod options;
mod reader;
mod source;
#[cfg(feature = "otel")]
mod telemetry;
#[cfg(not(feature = "otel"))]
#[path = "telemetry_off.rs"]
mod telemetry;
#[cfg(feature = "otel")]
mod telemetry_events;
#[cfg(feature = "otel")]
mod telemetry_object;
#[cfg(feature = "otel")]
mod telemetry_shapes;
#[cfg(feature = "otel")]
mod telemetry_values;

pub use self::aggregator::PushAggregator;
#[cfg(feature = "console")]
pub use self::console::start_console;
pub use self::reader::StreamReader;
pub use self::telemetry::TelemetryCore;
