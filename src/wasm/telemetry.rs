//! Telemetry for JavaScript: makes the records, holds the queue, performs no IO. The facade's driver owns
//! `fetch`, `http2` and the one timer; see `pkg/src/telemetry/driver.ts`.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Date;
use wasm_bindgen::prelude::*;

use super::aggregator::error_json;
use super::clock;
use super::telemetry_events;
use super::telemetry_shapes::{self, JsSettings, SCOPE};
use super::telemetry_values;
use crate::error::Error;
use crate::otlp::queue::Overhead;
use crate::otlp::retry::{Outcome, classify_grpc, classify_http, classify_network, classify_sink};
use crate::otlp::worker::Worker;
use crate::otlp::{Envelope, ExportId, Format, Scope, WorkerOptions};
use crate::telemetry::{Event, Observation, Recorder, StreamCounts};

/// What the streams and the facade share.
#[derive(Debug)]
pub(super) struct Shared {
    recorder: Recorder,
    envelope: Envelope,
    worker: Worker,
    exports: bool,
}

impl Shared {
    fn record(&mut self, event: &dyn Event) {
        if self.exports {
            let record = self.recorder.encode(event, unix_nanos());
            // What has no room is counted in the worker's stats.
            let _ = self.worker.push(record, clock::now_ms());
        }
    }

    pub(super) fn observe(&mut self, observations: Vec<Observation>, counts: &mut StreamCounts) {
        if !self.exports {
            return;
        }
        let (now, unix_nanos) = (clock::now_ms(), unix_nanos());
        let Self { recorder, worker, .. } = self;
        for observation in observations {
            recorder.observe(observation, counts, unix_nanos, |record| {
                let _ = worker.push(record, now);
            });
        }
    }
}

/// The wall clock. Hosts give it in milliseconds.
fn unix_nanos() -> u64 {
    (Date::now().max(0.0) as u64).saturating_mul(1_000_000)
}

/// See `pkg/src/core.d.ts`.
#[wasm_bindgen(skip_typescript)]
#[derive(Debug)]
pub struct TelemetryCore {
    shared: Rc<RefCell<Shared>>,
}

#[wasm_bindgen]
impl TelemetryCore {
    /// Checks the settings.
    ///
    /// # Errors
    /// A bad setting, as JSON text.
    #[wasm_bindgen(constructor)]
    pub fn new(settings: JsValue) -> Result<TelemetryCore, JsValue> {
        build(&settings).map_err(thrown)
    }

    /// Records `codex.conversation_starts`.
    ///
    /// # Errors
    /// An event of the wrong shape, as JSON text; so for the others.
    #[wasm_bindgen(js_name = conversationStarts)]
    pub fn conversation_starts(&self, event: JsValue) -> Result<(), JsValue> {
        let event = telemetry_events::conversation_starts(&event).map_err(thrown)?;
        self.shared.borrow_mut().record(&event);
        Ok(())
    }

    /// Records `codex.api_request`.
    #[wasm_bindgen(js_name = apiRequest)]
    pub fn api_request(&self, event: JsValue) -> Result<(), JsValue> {
        let event = telemetry_events::api_request(&event).map_err(thrown)?;
        self.shared.borrow_mut().record(&event);
        Ok(())
    }

    /// Records `codex.user_prompt`.
    #[wasm_bindgen(js_name = userPrompt)]
    pub fn user_prompt(&self, prompt: &str) {
        let mut shared = self.shared.borrow_mut();
        let event = shared.recorder.user_prompt(prompt);
        shared.record(&event);
    }

    /// Records `codex.tool_decision`.
    #[wasm_bindgen(js_name = toolDecision)]
    pub fn tool_decision(&self, event: JsValue) -> Result<(), JsValue> {
        let event = telemetry_events::tool_decision(&event).map_err(thrown)?;
        self.shared.borrow_mut().record(&event);
        Ok(())
    }

    /// Records `codex.tool_result`.
    #[wasm_bindgen(js_name = toolResult)]
    pub fn tool_result(&self, event: JsValue) -> Result<(), JsValue> {
        let result = telemetry_events::tool_result(&event).map_err(thrown)?;
        let mut shared = self.shared.borrow_mut();
        let event = shared.recorder.tool_result(result);
        shared.record(&event);
        Ok(())
    }

    /// Records an event of the caller's own.
    pub fn log(&self, name: &str, attributes: &JsValue) {
        if !self.shared.borrow().exports {
            return;
        }
        // Getters of the caller's run here, so nothing is borrowed.
        let attributes = telemetry_values::attributes(attributes);
        let Shared { recorder, worker, .. } = &mut *self.shared.borrow_mut();
        let _ = worker.push(recorder.encode_own(name, attributes, unix_nanos()), clock::now_ms());
    }

    /// The next thing that the worker wants, as JSON text.
    pub fn poll(&self) -> Option<String> {
        let output = self.shared.borrow_mut().worker.poll_output()?;
        Some(telemetry_shapes::output_json(&output))
    }

    /// The request body of an export.
    pub fn body(&self, id: u32) -> Vec<u8> {
        let shared = self.shared.borrow();
        shared.envelope.body(shared.worker.records(ExportId(id)))
    }

    /// The timer fired.
    pub fn tick(&self, random: f64) {
        self.shared.borrow_mut().worker.handle_tick(clock::now_ms(), random);
    }

    /// How an HTTP export ended.
    #[wasm_bindgen(js_name = httpResponse)]
    pub fn http_response(
        &self,
        id: u32,
        status: u16,
        retry_after: Option<String>,
        content_type: &str,
        body: &[u8],
        random: f64,
    ) {
        // Some receivers answer in another format than they were asked in.
        let format = Format::from_content_type(content_type).unwrap_or(Format::Json);
        let outcome = if (200..300).contains(&status) {
            partial_or_success(format, body)
        } else {
            let message = format.decode_status(body).message;
            classify_http(status, retry_after.as_deref(), &message, Date::now())
        };
        self.respond(id, outcome, random);
    }

    /// How a gRPC export ended.
    #[wasm_bindgen(js_name = grpcResponse)]
    pub fn grpc_response(&self, id: u32, code: u32, message: &str, details: &[u8], body: &[u8], random: f64) {
        let outcome = if code == 0 {
            partial_or_success(Format::Protobuf, body)
        } else {
            let status = Format::Protobuf.decode_status(details);
            classify_grpc(code, message, status.retry_delay_ms.map(|delay| delay as f64))
        };
        self.respond(id, outcome, random);
    }

    /// The export could not be sent, or its answer not be read.
    #[wasm_bindgen(js_name = networkError)]
    pub fn network_error(&self, id: u32, message: &str, random: f64) {
        self.respond(id, classify_network(message), random);
    }

    /// A sink took the batch.
    pub fn exported(&self, id: u32, random: f64) {
        self.respond(id, Outcome::Success, random);
    }

    /// A sink failed; `retryable`: it wants the batch again.
    #[wasm_bindgen(js_name = sinkFailed)]
    pub fn sink_failed(&self, id: u32, message: &str, retryable: bool, random: f64) {
        self.respond(id, classify_sink(message, retryable), random);
    }

    /// Exports everything recorded so far; returns the flush's id.
    pub fn flush(&self, timeout_ms: Option<f64>) -> u32 {
        self.shared.borrow_mut().worker.flush(timeout_ms, clock::now_ms()).0
    }

    /// Exports everything and ends.
    pub fn shutdown(&self, timeout_ms: Option<f64>) {
        self.shared.borrow_mut().worker.shutdown(timeout_ms, clock::now_ms());
    }

    /// The requests to send at once because the page goes away, as JSON text.
    #[wasm_bindgen(js_name = takeForUnload)]
    pub fn take_for_unload(&self, budget_bytes: f64, resend_in_flight: bool) -> String {
        let budget = budget_bytes.max(0.0) as usize;
        let batches =
            self.shared.borrow_mut().worker.take_for_unload(budget, resend_in_flight, clock::now_ms());
        telemetry_shapes::unload_json(&batches)
    }

    /// Gives up what still waits.
    pub fn abandon(&self) {
        self.shared.borrow_mut().worker.abandon(clock::now_ms());
    }

    /// What became of the records, as JSON text.
    pub fn stats(&self) -> String {
        telemetry_shapes::stats_json(&self.shared.borrow().worker.stats())
    }
}

impl TelemetryCore {
    pub(super) fn shared(&self) -> Rc<RefCell<Shared>> {
        Rc::clone(&self.shared)
    }

    fn respond(&self, id: u32, outcome: Outcome, random: f64) {
        self.shared.borrow_mut().worker.handle_response(ExportId(id), outcome, clock::now_ms(), random);
    }
}

fn build(settings: &JsValue) -> Result<TelemetryCore, Error> {
    let js = JsSettings::read(settings)?;
    let version = env!("CARGO_PKG_VERSION");
    let scope = Scope { name: SCOPE.into(), version: version.into(), ..Scope::default() };
    let envelope = Envelope::new(js.format, &js.resource, &scope);
    let overhead = Overhead {
        request: envelope.request_overhead() + js.frame_overhead,
        record: envelope.record_overhead(),
    };
    let worker = Worker::new(WorkerOptions { overhead, ..js.worker })?;
    let mut recorder = Recorder::new(js.session, js.sse_events, js.format, js.limits);
    recorder.record_timings(js.stream_timings);
    let shared = Rc::new(RefCell::new(Shared { recorder, envelope, worker, exports: js.exports }));
    Ok(TelemetryCore { shared })
}

fn partial_or_success(format: Format, body: &[u8]) -> Outcome {
    let response = format.decode_response(body);
    if response.rejected_log_records == 0 && response.error_message.is_empty() {
        return Outcome::Success;
    }
    Outcome::PartialSuccess { rejected: response.rejected_log_records, message: response.error_message }
}

fn thrown(error: Error) -> JsValue {
    JsValue::from(error_json(&error))
}
