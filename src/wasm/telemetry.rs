//! Telemetry for JavaScript: makes the records, holds the queue, performs no IO. The facade's driver owns
//! `fetch`, `http2` and the one timer; see `pkg/src/telemetry/driver.ts`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Date;
use wasm_bindgen::prelude::*;

use super::aggregator::error_json;
use super::clock;
use super::telemetry_events::{self, Texts, whole};
use super::telemetry_shapes::{self, JsSettings, SCOPE};
use super::telemetry_values;
use crate::aggregator::Aggregator;
use crate::error::{Error, ErrorCode, ProviderError};
use crate::otlp::queue::Stats;
use crate::otlp::retry::{Outcome, classify_grpc, classify_http, classify_network, classify_sink};
use crate::otlp::signals::{Now, Signals};
use crate::otlp::{Envelope, ExportId, Format, Output, Scope, Signal};
use crate::telemetry::gen_ai::{Operation, Request};
use crate::telemetry::{ApiRequest, Event, Recorder, StreamCounts, ToolDecision, ToolResult};

/// What the streams and the facade share.
#[derive(Debug)]
pub(super) struct Shared {
    recorder: Recorder,
    signals: Signals,
    /// What the worker wants next, if it was asked.
    output: Option<Output>,
    exports: bool,
}

impl Shared {
    /// Returns whether there is something to [`TelemetryCore::poll`].
    fn record(&mut self, event: &dyn Event) -> bool {
        if !(self.exports && self.recorder.records_catalog()) {
            return false;
        }
        let Now { ms, unix_nanos } = now();
        self.signals.push(self.recorder.encode(event, unix_nanos), ms);
        self.has_output()
    }

    fn has_output(&mut self) -> bool {
        if self.output.is_none() {
            self.output = self.signals.poll_output();
        }
        self.output.is_some()
    }

    /// What the conventions for generative AI follow of a stream, if they do.
    pub(super) fn operation(&self, request: Request) -> Option<Operation> {
        self.recorder.operation(request, clock::now_ms()).filter(|_| self.exports)
    }

    /// Records what was observed of a stream; see [`Stream`].
    pub(super) fn observe(&mut self, stream: &mut Stream, aggregator: &mut Aggregator) {
        let observations = aggregator.take_observations();
        if !self.exports {
            return;
        }
        let is_over = aggregator.is_finished();
        if observations.is_empty() && !is_over {
            return;
        }
        let now = now();
        if let Some(operation) = &mut stream.operation {
            self.recorder.follow(operation, &observations, now.ms);
        }
        let Self { recorder, signals, .. } = self;
        for observation in observations {
            recorder.observe(observation, &mut stream.counts, now.unix_nanos, |record| {
                signals.push(record, now.ms);
            });
        }
        if let (true, Some(operation)) = (is_over, &mut stream.operation) {
            self.end(operation, Some(aggregator), None, now);
            stream.operation = None;
        }
    }

    fn end(
        &mut self,
        operation: &mut Operation,
        aggregator: Option<&Aggregator>,
        error: Option<&Error>,
        now: Now,
    ) {
        let signals = RefCell::new(&mut self.signals);
        self.recorder.end(
            operation,
            aggregator,
            error,
            (now.ms, now.unix_nanos),
            &mut |record| signals.borrow_mut().push(record, now.ms),
            &mut |instrument, attributes, values| {
                signals.borrow_mut().add(instrument, attributes, values, now);
            },
        );
    }
}

/// What is known of a stream that is observed.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) shared: Rc<RefCell<Shared>>,
    counts: StreamCounts,
    operation: Option<Operation>,
}

impl Stream {
    pub(super) fn record(&mut self, aggregator: &mut Aggregator) {
        let shared = Rc::clone(&self.shared);
        shared.borrow_mut().observe(self, aggregator);
    }
}

/// Both clocks. That of the wall, hosts give in milliseconds.
fn now() -> Now {
    let unix_nanos = (Date::now().max(0.0) as u64).saturating_mul(1_000_000);
    Now { ms: clock::now_ms(), unix_nanos }
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

    /// Records `codex.api_request`; returns, as those that follow, whether there is something to [`TelemetryCore::poll`].
    #[wasm_bindgen(js_name = apiRequest)]
    pub fn api_request(
        &self,
        attempt: f64,
        duration_ms: f64,
        status: Option<u16>,
        error_message: Option<String>,
        cf_ray: Option<String>,
    ) -> bool {
        let (attempt, duration_ms) = (whole(attempt), whole(duration_ms));
        let event = ApiRequest { duration_ms, status, error_message, attempt, cf_ray };
        self.shared.borrow_mut().record(&event)
    }

    /// Records `codex.user_prompt`.
    #[wasm_bindgen(js_name = userPrompt)]
    pub fn user_prompt(&self, prompt: &str) -> bool {
        let mut shared = self.shared.borrow_mut();
        let event = shared.recorder.user_prompt(prompt);
        shared.record(&event)
    }

    /// Records `codex.tool_decision`; of its texts and their lengths see [`Texts`].
    #[wasm_bindgen(js_name = toolDecision)]
    pub fn tool_decision(&self, texts: &str, tool_name: u32, call_id: u32, decision: u32) -> bool {
        let mut texts = Texts(texts);
        let event = ToolDecision {
            tool_name: texts.next(tool_name).into(),
            call_id: texts.next(call_id).into(),
            decision: texts.next(decision).into(),
            source: texts.0.into(),
        };
        self.shared.borrow_mut().record(&event)
    }

    /// Records `codex.tool_result`; -1 is the length of a call's id that there is none of.
    #[wasm_bindgen(js_name = toolResult)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cross as text, which costs more than the record"
    )]
    pub fn tool_result(
        &self,
        texts: &str,
        tool_name: u32,
        call_id: i32,
        has_arguments: bool,
        output: &str,
        duration_ms: f64,
        success: bool,
    ) -> bool {
        let mut texts = Texts(texts);
        let mut shared = self.shared.borrow_mut();
        let event = shared.recorder.tool_result(ToolResult {
            tool_name: texts.next(tool_name).into(),
            call_id: texts.next_some(call_id).map(Cow::Borrowed),
            arguments: has_arguments.then_some(Cow::Borrowed(texts.0)),
            duration_ms: whole(duration_ms),
            success,
            output: output.into(),
        });
        shared.record(&event)
    }

    /// Records an event of the caller's own.
    pub fn log(&self, name: &str, attributes: &JsValue) {
        if !self.shared.borrow().exports {
            return;
        }
        // Getters of the caller's run here, so nothing is borrowed.
        let attributes = telemetry_values::attributes(attributes);
        let Shared { recorder, signals, .. } = &mut *self.shared.borrow_mut();
        let Now { ms, unix_nanos } = now();
        signals.push(recorder.encode_own(name, attributes, unix_nanos), ms);
    }

    /// Records that a request failed before there was a stream.
    #[wasm_bindgen(js_name = requestFailed)]
    pub fn request_failed(&self, request: &JsValue, status: Option<u16>, message: &str, aborted: bool) {
        let request = telemetry_events::request(request, &JsValue::UNDEFINED);
        let error = match status {
            Some(_) => {
                let provider = ProviderError { status, message: message.to_owned(), ..Default::default() };
                Error::provider(ErrorCode::HttpStatus, provider)
            }
            None => Error::new(if aborted { ErrorCode::Aborted } else { ErrorCode::Transport }, message),
        };
        let mut shared = self.shared.borrow_mut();
        if let Some(mut operation) = shared.operation(request) {
            shared.end(&mut operation, None, Some(&error), now());
        }
    }

    /// Whether there is something to [`TelemetryCore::poll`]: mostly there is not, and this is cheaper to learn.
    #[wasm_bindgen(js_name = hasOutput)]
    pub fn has_output(&self) -> bool {
        self.shared.borrow_mut().has_output()
    }

    /// The next thing that the worker wants, as JSON text.
    pub fn poll(&self) -> Option<String> {
        let mut shared = self.shared.borrow_mut();
        let output = shared.output.take().or_else(|| shared.signals.poll_output())?;
        Some(telemetry_shapes::output_json(&output))
    }

    /// The request body of an export.
    pub fn body(&self, id: u32) -> Vec<u8> {
        self.shared.borrow().signals.body(ExportId(id))
    }

    /// The timer fired.
    pub fn tick(&self, random: f64) {
        self.shared.borrow_mut().signals.handle_tick(now(), random);
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
        self.shared.borrow_mut().signals.flush(timeout_ms, now()).0
    }

    /// Exports everything and ends.
    pub fn shutdown(&self, timeout_ms: Option<f64>) {
        self.shared.borrow_mut().signals.shutdown(timeout_ms, now());
    }

    /// The requests to send at once because the page goes away, as JSON text.
    #[wasm_bindgen(js_name = takeForUnload)]
    pub fn take_for_unload(&self, budget_bytes: f64, resend_in_flight: bool) -> String {
        let budget = budget_bytes.max(0.0) as usize;
        let batches = self.shared.borrow_mut().signals.take_for_unload(budget, resend_in_flight, now());
        telemetry_shapes::unload_json(&batches)
    }

    /// Gives up what still waits.
    pub fn abandon(&self) {
        self.shared.borrow_mut().signals.abandon(clock::now_ms());
    }

    /// How many records, and metrics, are lost so far: a number that changes when there is something new to tell.
    pub fn losses(&self) -> f64 {
        let shared = self.shared.borrow();
        let of = |stats: &Stats| stats.dropped.total().saturating_add(stats.rejected) as f64;
        of(&shared.signals.stats()) + shared.signals.metrics_stats().as_ref().map_or(0.0, of)
    }

    /// What became of the records, as JSON text.
    pub fn stats(&self) -> String {
        let shared = self.shared.borrow();
        telemetry_shapes::stats_json(&shared.signals.stats(), shared.signals.metrics_stats().as_ref())
    }
}

impl TelemetryCore {
    /// A stream to be observed; `request` and `content` are `TelemetryRequest` and `TelemetryContent` of
    /// `pkg/src/core.d.ts`, or `undefined`.
    pub(super) fn stream(&self, request: &JsValue, content: &JsValue) -> Stream {
        // Getters of the caller's may run here, so nothing is borrowed.
        let is_told = request.is_null();
        let request = telemetry_events::request(request, content);
        let operation = self.shared.borrow().operation(request).filter(|_| !is_told);
        Stream { shared: Rc::clone(&self.shared), counts: StreamCounts::default(), operation }
    }

    fn respond(&self, id: u32, outcome: Outcome, random: f64) {
        self.shared.borrow_mut().signals.handle_response(ExportId(id), outcome, clock::now_ms(), random);
    }
}

fn build(settings: &JsValue) -> Result<TelemetryCore, Error> {
    let js = JsSettings::read(settings)?;
    let version = env!("CARGO_PKG_VERSION");
    let scope = Scope { name: SCOPE.into(), version: version.into(), ..Scope::default() };
    let envelope = Envelope::new(js.format, &js.resource, &scope);
    let mut recorder = Recorder::new(js.session, js.sse_events, js.format, js.limits);
    recorder.record_timings(js.stream_timings);
    let mut signals = Signals::new(envelope, js.worker.clone(), js.frame_overhead)?;
    if let Some((gen_ai, codex)) = js.gen_ai {
        if let Some(interval_ms) = js.metrics_interval_ms {
            let scope = Scope { schema_url: gen_ai.names.schema_url.into(), ..scope };
            let envelope = Envelope::of(Signal::Metrics, js.format, &js.resource, &scope);
            signals.add_metrics(envelope, js.worker, js.frame_overhead, interval_ms, now().unix_nanos)?;
        }
        recorder = recorder.with_gen_ai(gen_ai, codex);
    }
    let shared = Rc::new(RefCell::new(Shared { recorder, signals, output: None, exports: js.exports }));
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
