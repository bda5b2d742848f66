//! Telemetry for JavaScript: makes the records, holds the queue, performs no IO. The facade's driver owns
//! `fetch`, `http2` and the one timer; see `pkg/src/telemetry/driver.ts`.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Date;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use super::aggregator::error_json;
use super::clock;
use super::telemetry_shapes::{
    JsApiRequest, JsConversationStarts, JsOutput, JsSettings, JsToolDecision, JsToolResult, whole,
};
use super::telemetry_values;
use crate::error::{Error, ErrorCode};
use crate::otlp::queue::Overhead;
use crate::otlp::retry::{Outcome, classify_grpc, classify_http, classify_network, classify_sink};
use crate::otlp::worker::Worker;
use crate::otlp::{Envelope, ExportId, Format, Limits, Resource, Scope};
use crate::telemetry::{
    ApiRequest, AttributeTypes, ContentPolicy, Event, Observation, Recorder, Session, SseEvents,
    StreamCounts, ToolDecision, ToolResult, TraceParent,
};

/// The instrumentation scope's name.
const SCOPE: &str = "streamgauge";

/// What the streams and the facade share.
#[derive(Debug)]
pub(super) struct Shared {
    recorder: Recorder,
    envelope: Envelope,
    worker: Worker,
    exports: bool,
}

impl Shared {
    fn record(&mut self, event: &impl Event) {
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
        build(settings).map_err(|error| JsValue::from(error_json(&error)))
    }

    /// Records `codex.conversation_starts`.
    ///
    /// # Errors
    /// An event of the wrong shape, as JSON text; so for the others.
    #[wasm_bindgen(js_name = conversationStarts)]
    pub fn conversation_starts(&self, event: JsValue) -> Result<(), JsValue> {
        let event: JsConversationStarts = read(event)?;
        self.shared.borrow_mut().record(&event.into_event());
        Ok(())
    }

    /// Records `codex.api_request`.
    #[wasm_bindgen(js_name = apiRequest)]
    pub fn api_request(&self, event: JsValue) -> Result<(), JsValue> {
        let JsApiRequest { attempt, duration_ms, status, error_message, cf_ray } = read(event)?;
        let (attempt, duration_ms) = (whole(attempt), whole(duration_ms));
        self.shared.borrow_mut().record(&ApiRequest { duration_ms, status, error_message, attempt, cf_ray });
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
        let JsToolDecision { tool_name, call_id, decision, source } = read(event)?;
        one_of("decision", &decision, &ToolDecision::DECISIONS)?;
        one_of("source", &source, &ToolDecision::SOURCES)?;
        self.shared.borrow_mut().record(&ToolDecision { tool_name, call_id, decision, source });
        Ok(())
    }

    /// Records `codex.tool_result`.
    #[wasm_bindgen(js_name = toolResult)]
    pub fn tool_result(&self, event: JsValue) -> Result<(), JsValue> {
        let JsToolResult { tool_name, call_id, arguments, duration_ms, success, output } = read(event)?;
        let duration_ms = whole(duration_ms);
        let mut shared = self.shared.borrow_mut();
        let result = ToolResult { tool_name, call_id, arguments, duration_ms, success, output };
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
        Some(json_text(&JsOutput::from(output)))
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
        #[derive(Serialize)]
        struct Js {
            id: u32,
            records: usize,
            body_len: usize,
        }
        let budget = budget_bytes.max(0.0) as usize;
        let batches =
            self.shared.borrow_mut().worker.take_for_unload(budget, resend_in_flight, clock::now_ms());
        let js = batches.iter().map(|batch| Js {
            id: batch.id.0,
            records: batch.records,
            body_len: batch.body_len,
        });
        json_text(&js.collect::<Vec<_>>())
    }

    /// Gives up what still waits.
    pub fn abandon(&self) {
        self.shared.borrow_mut().worker.abandon(clock::now_ms());
    }

    /// What became of the records, as JSON text.
    pub fn stats(&self) -> String {
        json_text(&self.shared.borrow().worker.stats())
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

fn build(settings: JsValue) -> Result<TelemetryCore, Error> {
    let js: JsSettings = serde_wasm_bindgen::from_value(settings)
        .map_err(|error| Error::new(ErrorCode::BadOption, format!("telemetry: {error}")))?;
    let attribute_types = match js.attribute_types.as_str() {
        "codex" => AttributeTypes::Codex,
        "typed" => AttributeTypes::Typed,
        other => return Err(unknown("attributeTypes", other, "\"codex\" or \"typed\"")),
    };
    let sse_events = match js.sse_events.as_str() {
        "all" => SseEvents::All,
        "summary" => SseEvents::Summary,
        "off" => SseEvents::Off,
        other => return Err(unknown("sseEvents", other, "\"all\", \"summary\" or \"off\"")),
    };
    let format = match js.format.as_str() {
        "json" => Format::Json,
        "protobuf" => Format::Protobuf,
        other => return Err(unknown("format", other, "\"json\" or \"protobuf\"")),
    };
    let envelope = envelope(&js, format);
    let overhead = Overhead {
        request: envelope.request_overhead() + js.frame_overhead,
        record: envelope.record_overhead(),
    };
    let worker = Worker::new(js.worker.options(overhead))?;
    let limits = Limits {
        attribute_count: js.attribute_count_limit.unwrap_or(Limits::default().attribute_count),
        value_length: js.attribute_value_length_limit,
        ..Limits::default()
    };
    let exports = js.exports;
    let session = Session {
        conversation_id: js.conversation_id,
        app_version: js.app_version,
        auth_mode: js.auth_mode,
        account_id: js.account_id,
        terminal_type: js.terminal_type,
        model: js.model,
        slug: js.slug,
        attribute_types,
        prompts: if js.log_user_prompt { ContentPolicy::Full } else { ContentPolicy::Redacted },
        tool_arguments: js.log_tool_arguments.policy(),
        tool_output: js.log_tool_output.policy(),
        trace: js.traceparent.as_deref().map(TraceParent::parse).transpose()?,
    };
    let recorder = Recorder::new(session, sse_events, format, limits);
    let shared = Rc::new(RefCell::new(Shared { recorder, envelope, worker, exports }));
    Ok(TelemetryCore { shared })
}

fn envelope(js: &JsSettings, format: Format) -> Envelope {
    let mut resource = Resource::default();
    resource.attributes.set("service.name", js.service_name.as_str());
    resource.attributes.set("service.version", js.service_version.as_str());
    resource.attributes.set("env", js.environment.as_str());
    resource.attributes.set("telemetry.sdk.name", SCOPE);
    resource.attributes.set("telemetry.sdk.language", "webjs");
    resource.attributes.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    for (key, value) in &js.resource_attributes {
        resource.attributes.set(key.as_str(), value.as_str());
    }
    let scope = Scope { name: SCOPE.into(), version: env!("CARGO_PKG_VERSION").into(), ..Scope::default() };
    Envelope::new(format, &resource, &scope)
}

fn partial_or_success(format: Format, body: &[u8]) -> Outcome {
    let response = format.decode_response(body);
    if response.rejected_log_records == 0 && response.error_message.is_empty() {
        return Outcome::Success;
    }
    Outcome::PartialSuccess { rejected: response.rejected_log_records, message: response.error_message }
}

fn unknown(name: &str, value: &str, known: &str) -> Error {
    Error::new(ErrorCode::BadOption, format!("{name} must be {known}, not \"{value}\""))
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<(), JsValue> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(JsValue::from(error_json(&unknown(name, value, &format!("one of {}", known.join(", "))))))
}

fn read<T: for<'de> Deserialize<'de>>(value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|error| {
        JsValue::from(error_json(&Error::new(ErrorCode::BadOption, format!("telemetry event: {error}"))))
    })
}

fn json_text(value: &impl Serialize) -> String {
    // These types serialise without fail: string keys, no errors of their own.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
