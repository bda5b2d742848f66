//! The push side: bytes are handed in, a batch is left to be read.

#[cfg(feature = "otel")]
use std::cell::RefCell;
#[cfg(feature = "otel")]
use std::rc::Rc;

use serde::Serialize;
use serde_json::value::RawValue;
use wasm_bindgen::prelude::*;

#[cfg(feature = "otel")]
use super::telemetry::Shared;
use super::telemetry::TelemetryCore;
use super::{clock, options};
use crate::aggregator::{Aggregator, Counts};
use crate::error::Error;
use crate::event::Completion;
use crate::flat::FlatBatch;
use crate::item::Provider;
#[cfg(feature = "otel")]
use crate::telemetry::StreamCounts;

/// Where JavaScript finds the last batch: eight numbers at an address that never changes for an
/// aggregator, so that reading a batch needs no further call. See `pkg/src/core.ts`.
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
    telemetry: Option<(Rc<RefCell<Shared>>, StreamCounts)>,
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
    pub(super) fn observe(&mut self, telemetry: &TelemetryCore) {
        self.aggregator.observe();
        self.telemetry = Some((telemetry.shared(), StreamCounts::default()));
    }

    /// Without the feature `otel` there is nothing to record.
    #[cfg(not(feature = "otel"))]
    #[allow(clippy::unused_self, reason = "the hook is there all the same")]
    pub(super) fn observe(&mut self, _: &TelemetryCore) {}

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
        if let Some((telemetry, counts)) = &mut self.telemetry {
            let observations = self.aggregator.take_observations();
            if !observations.is_empty() {
                telemetry.borrow_mut().observe(observations, counts);
            }
        }
    }

    pub(super) fn control(&self) -> u32 {
        address(self.control.numbers.as_ptr())
    }

    pub(super) fn error_json(&self) -> Option<String> {
        self.aggregator.error().map(error_json)
    }

    pub(super) fn items_json(&self) -> String {
        json_text(&self.aggregator.items())
    }

    /// What is known at the end beside the items, which have crossed as events: the completion, the
    /// choices' finish reasons, the counts.
    pub(super) fn snapshot_json(&self) -> String {
        #[derive(Serialize)]
        struct Snapshot {
            #[serde(flatten)]
            completion: Completion,
            choices: Vec<Choice>,
            counts: Counts,
        }
        #[derive(Serialize)]
        struct Choice {
            index: u32,
            finish_reason: Option<String>,
            finish_reason_normalized: Option<String>,
            #[serde(skip_serializing_if = "Provider::is_empty")]
            provider: Provider,
        }
        let choices = self.aggregator.choices().into_iter().map(|choice| Choice {
            index: choice.index,
            finish_reason: choice.finish_reason,
            finish_reason_normalized: choice.finish_reason_normalized,
            provider: choice.provider,
        });
        json_text(&Snapshot {
            completion: self.aggregator.summary(),
            choices: choices.collect(),
            counts: self.aggregator.counts(),
        })
    }
}

/// Linear memory is 32-bit.
fn address<T>(pointer: *const T) -> u32 {
    pointer as usize as u32
}

pub(super) fn json_text(value: &impl Serialize) -> String {
    // These types serialise without fail: string keys, no errors of their own.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// An error as JSON text for the facade.
pub(super) fn error_json(error: &Error) -> String {
    #[derive(Serialize)]
    struct Js<'a> {
        code: &'a str,
        message: &'a str,
        provider: Option<JsProvider<'a>>,
    }
    #[derive(Serialize)]
    struct JsProvider<'a> {
        status: Option<u16>,
        message: &'a str,
        #[serde(rename = "type")]
        kind: Option<&'a str>,
        code: Option<Box<RawValue>>,
        param: Option<&'a str>,
        retry_after_ms: Option<u64>,
        raw: &'a str,
    }
    let provider = error.provider.as_deref().map(|provider| JsProvider {
        status: provider.status,
        message: &provider.message,
        kind: provider.kind.as_deref(),
        code: provider.code.clone().and_then(|code| RawValue::from_string(code).ok()),
        param: provider.param.as_deref(),
        retry_after_ms: provider.retry_after_ms,
        raw: &provider.raw,
    });
    json_text(&Js { code: error.code.as_str(), message: &error.message, provider })
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
        let (options, _) = options::read(options).map_err(|error| JsValue::from(error_json(&error)))?;
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
    pub fn observe(&mut self, telemetry: &TelemetryCore) {
        self.inner.observe(telemetry);
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
