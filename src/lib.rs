//! streamgauge reads the streamed answer of a large language model: server-sent events come in, typed
//! events and finished items come out.
//!
//! The core performs no IO, reads no clock and calls nobody back. The loop is feed, drain, feed:
//!
//! ```
//! use streamgauge::{Aggregator, Options, StreamEvent};
//!
//! let chunks: [&[u8]; 2] = [
//!     b"data: {\"choices\":[{\"delta\":{\"content\":\"Hel",
//!     b"lo\"}}]}\n\ndata: [DONE]\n\n",
//! ];
//! let mut aggregator = Aggregator::new(Options::default(), 0.0);
//! let mut text = String::new();
//! for chunk in chunks {
//!     aggregator.handle_bytes(chunk, 0.0);
//!     while let Some(event) = aggregator.poll_event() {
//!         if let StreamEvent::OutputTextDelta { delta, .. } = event {
//!             text.push_str(delta);
//!         }
//!     }
//! }
//! aggregator.handle_end(0.0);
//! assert_eq!(text, "Hello");
//! assert!(aggregator.error().is_none());
//! ```
//!
//! The same core is compiled to WebAssembly; `src/wasm/` (only on wasm32) knows JavaScript, nothing else does.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod aggregator;
mod body;
mod diagnostics;
pub mod error;
mod event;
mod event_queue;
mod field_map;
pub mod flat;
mod histogram;
pub mod item;
pub mod options;
#[cfg(feature = "otel")]
pub mod otlp;
mod places;
mod serialize;
#[cfg(feature = "otel")]
pub mod telemetry;
#[cfg(not(feature = "otel"))]
#[path = "telemetry/off.rs"]
pub mod telemetry;
mod think;
mod timings;
mod wire;

#[cfg(target_arch = "wasm32")]
mod wasm;

pub use streamgauge_scan::{json, sse};
use streamgauge_scan::{pattern, text};

pub use self::aggregator::{Aggregator, Counts};
pub use self::error::{Error, ErrorCode, ProviderError};
pub use self::event::{Completion, Created, EndedBy, RawFrame, StreamEvent};
pub use self::item::{Item, TokenUsage};
pub use self::options::{Include, InvalidUtf8, Options, WireChoice};
pub use self::think::ThinkTags;
pub use self::timings::{Gaps, Stalls, Timings};
#[cfg(all(target_arch = "wasm32", feature = "console"))]
#[doc(hidden)]
pub use self::wasm::start_console;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub use self::wasm::{PushAggregator, StreamReader, TelemetryCore};
pub use self::wire::ChoiceSummary;
pub use self::wire::provider_error::from_body as provider_error_from_body;
