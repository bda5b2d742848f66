//! The push side: bytes are handed in, a batch is left to be read.

use wasm_bindgen::prelude::*;

#[cfg(feature = "otel")]
use super::telemetry::Stream;
use super::telemetry::TelemetryCore;
use super::{clock, options};
use crate::aggregator::Aggregator;
use crate::error::{Error, ProviderError};
use crate::flat::FlatBatch;
use crate::json::{Object, ToJson, write_list};

/// Where JavaScript finds the last batch: eight numbers at an address that never changes for an
/// aggregator, so that reading a batch needs no further call. See `pkg/src/decode.ts`.
#[derive(Debug, Default)]
#[repr(C)]
struct ControlBlock {
    /// `rows, table address, text address, text bytes, is ascii, state (0 open, 1 completed, 2 failed)`,
    /// and two that are kept for later.
    numbers: [u32; 8],
}

/// An aggregator with the batch of its last feed.
#[derive(Debug)]
pub(super) struct BatchedAggregator {
    pub(super) aggregator: Aggregator,
    batch: FlatBatch,
    control: Box<ControlBlock>,
    #[cfg(feature = "otel")]
    telemetry: Option<Stream>,
}

impl BatchedAggregator {
    pub(super) fn new(aggregator: Aggregator) -> Self {
        Self {
            aggregator,
            batch: FlatBatch::default(),
            control: Box::default(),
            #[cfg(feature = "otel")]
            telemetry: None,
        }
    }

    /// Records every frame, and the end, from here on.
    #[cfg(feature = "otel")]
    pub(super) fn observe(&mut self, telemetry: &TelemetryCore, request: &JsValue, content: &JsValue) {
        self.aggregator.observe();
        self.telemetry = Some(telemetry.stream(request, content));
    }

    /// Without the feature `otel` there is nothing to record.
    #[cfg(not(feature = "otel"))]
    #[allow(clippy::unused_self, reason = "the hook is there all the same")]
    pub(super) fn observe(&mut self, _: &TelemetryCore, _: &JsValue, _: &JsValue) {}

    /// Moves the queued events into the batch, and what was observed into the records. Returns whether there
    /// are any events.
    pub(super) fn fill(&mut self) -> bool {
        self.record_observations();
        self.aggregator.fill_batch(&mut self.batch);
        let state = match (self.aggregator.is_finished(), self.aggregator.error()) {
            (false, _) => 0,
            (true, None) => 1,
            (true, Some(_)) => 2,
        };
        let (table, text) = (self.batch.table(), self.batch.text());
        self.control.numbers = [
            self.batch.len() as u32,
            address(table.as_ptr()),
            address(text.as_ptr()),
            text.len() as u32,
            u32::from(self.batch.is_ascii()),
            state,
            0,
            0,
        ];
        !self.batch.is_empty()
    }

    /// Moves what was observed into the records.
    pub(super) fn record_observations(&mut self) {
        #[cfg(feature = "otel")]
        if let Some(stream) = &mut self.telemetry {
            stream.record(&mut self.aggregator);
        }
    }

    pub(super) fn control(&self) -> u32 {
        address(self.control.numbers.as_ptr())
    }

    pub(super) fn error_json(&self) -> Option<String> {
        self.aggregator.error().map(error_json)
    }

    pub(super) fn items_json(&self) -> String {
        let mut out = String::new();
        write_list(&mut out, &self.aggregator.items(), &mut |item, out| item.write_json(out));
        out
    }

    /// What is known at the end beside the items, which have crossed as events: the completion, the
    /// choices' finish reasons, the counts.
    pub(super) fn snapshot_json(&self) -> String {
        let mut out = String::new();
        let mut object = Object::begin(&mut out);
        object.optional_string("wire", self.aggregator.wire().decided());
        self.aggregator.summary().write_fields(&mut object);
        write_list(object.key("choices"), &self.aggregator.choices(), &mut |choice, out| {
            let mut object = Object::begin(out);
            object.number("index", choice.index.into());
            object.optional_string("finish_reason", choice.finish_reason.as_deref());
            object.optional_string("finish_reason_normalized", choice.finish_reason_normalized.as_deref());
            if !choice.provider.is_empty() {
                choice.provider.write_json(object.key("provider"));
            }
            object.end();
        });
        self.aggregator.counts().write_json(object.key("counts"));
        object.end();
        out
    }
}

/// Linear memory is 32-bit.
fn address<T>(pointer: *const T) -> u32 {
    pointer as usize as u32
}

/// An error as JSON text for the facade.
pub(super) fn error_json(error: &Error) -> String {
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
    object.string("code", error.code.as_str());
    object.string("message", &error.message);
    match &error.provider {
        Some(provider) => write_provider_error(provider, object.key("provider")),
        None => object.raw("provider", "null"),
    }
    object.end();
    out
}

fn write_provider_error(error: &ProviderError, out: &mut String) {
    let mut object = Object::begin(out);
    object.optional_number("status", error.status.map(u64::from));
    object.string("message", &error.message);
    object.optional_string("type", error.kind.as_deref());
    object.raw("code", error.code.as_deref().unwrap_or("null"));
    object.optional_string("param", error.param.as_deref());
    object.optional_number("retry_after_ms", error.retry_after_ms);
    object.string("raw", &error.raw);
    object.end();
}

/// Aggregates bytes that JavaScript has already.
#[wasm_bindgen(skip_typescript)]
#[derive(Debug)]
pub struct PushAggregator {
    inner: BatchedAggregator,
}

#[wasm_bindgen]
impl PushAggregator {
    /// Opens a stream.
    ///
    /// # Errors
    /// A bad option, as JSON text.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue) -> Result<PushAggregator, JsValue> {
        let (options, _) = options::read(&options).map_err(|error| JsValue::from(error_json(&error)))?;
        let aggregator = Aggregator::new(options, clock::now_ms());
        Ok(Self { inner: BatchedAggregator::new(aggregator) })
    }

    /// The control block's address.
    pub fn control(&self) -> u32 {
        self.inner.control()
    }

    /// Takes bytes and leaves the batch.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.inner.aggregator.handle_bytes(bytes, clock::now_ms());
        self.inner.fill();
    }

    /// Ends the stream and leaves the batch.
    pub fn finish(&mut self) {
        self.inner.aggregator.handle_end(clock::now_ms());
        self.inner.fill();
    }

    /// Ends the stream for a reason outside of it: reading failed.
    pub fn fail(&mut self, message: &str) {
        self.inner.aggregator.handle_transport_error(message, clock::now_ms());
        self.inner.fill();
    }

    /// Records every frame, and the end, with this telemetry.
    pub fn observe(&mut self, telemetry: &TelemetryCore, request: &JsValue, content: &JsValue) {
        self.inner.observe(telemetry, request, content);
    }

    /// The failure as JSON text, if there is one.
    pub fn error(&self) -> Option<String> {
        self.inner.error_json()
    }

    /// The items so far, as JSON text.
    pub fn items(&self) -> String {
        self.inner.items_json()
    }

    /// Everything that is known, as JSON text.
    pub fn snapshot(&self) -> String {
        self.inner.snapshot_json()
    }
}
