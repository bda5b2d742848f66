//! The telemetry without the feature `otel`: the same class, which does nothing. Flushes and shutdowns are done
//! at once, because there is nothing to wait for.

use std::cell::RefCell;
use std::collections::VecDeque;

use wasm_bindgen::prelude::*;

/// See `pkg/src/core.d.ts`.
#[wasm_bindgen(skip_typescript)]
#[derive(Debug, Default)]
pub struct TelemetryCore {
    outputs: RefCell<VecDeque<String>>,
    flushes: std::cell::Cell<u32>,
}

#[wasm_bindgen]
#[allow(clippy::missing_errors_doc, reason = "nothing fails")]
impl TelemetryCore {
    /// Any settings will do.
    #[wasm_bindgen(constructor)]
    pub fn new(_settings: JsValue) -> TelemetryCore {
        Self::default()
    }

    /// Does nothing; so for all that follow.
    #[wasm_bindgen(js_name = conversationStarts)]
    pub fn conversation_starts(&self, _event: JsValue) {}

    /// Nothing.
    #[wasm_bindgen(js_name = apiRequest)]
    pub fn api_request(
        &self,
        _attempt: f64,
        _duration_ms: f64,
        _status: Option<u16>,
        _error_message: Option<String>,
        _cf_ray: Option<String>,
    ) -> bool {
        false
    }

    /// Nothing.
    #[wasm_bindgen(js_name = userPrompt)]
    pub fn user_prompt(&self, _prompt: &str) -> bool {
        false
    }

    /// Nothing.
    #[wasm_bindgen(js_name = toolDecision)]
    pub fn tool_decision(&self, _texts: &str, _tool_name: u32, _call_id: u32, _decision: u32) -> bool {
        false
    }

    /// Nothing.
    #[wasm_bindgen(js_name = toolResult)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cross as text, which costs more than the record"
    )]
    pub fn tool_result(
        &self,
        _texts: &str,
        _tool_name: u32,
        _call_id: i32,
        _has_arguments: bool,
        _output: &str,
        _duration_ms: f64,
        _success: bool,
    ) -> bool {
        false
    }

    /// Nothing.
    #[wasm_bindgen(js_name = requestFailed)]
    pub fn request_failed(&self, _request: &JsValue, _status: Option<u16>, _message: &str, _aborted: bool) {}

    /// Nothing.
    pub fn log(&self, _name: &str, _attributes: &JsValue) {}

    /// Whether a flush or the shutdown is done.
    #[wasm_bindgen(js_name = hasOutput)]
    pub fn has_output(&self) -> bool {
        !self.outputs.borrow().is_empty()
    }

    /// The ends of flushes and of the shutdown.
    pub fn poll(&self) -> Option<String> {
        self.outputs.borrow_mut().pop_front()
    }

    /// Nothing was ever asked for.
    pub fn body(&self, _id: u32) -> Vec<u8> {
        Vec::new()
    }

    /// Nothing.
    pub fn tick(&self, _random: f64) {}

    /// Nothing.
    #[wasm_bindgen(js_name = httpResponse)]
    pub fn http_response(
        &self,
        _id: u32,
        _status: u16,
        _retry_after: Option<String>,
        _content_type: &str,
        _body: &[u8],
        _random: f64,
    ) {
    }

    /// Nothing.
    #[wasm_bindgen(js_name = grpcResponse)]
    pub fn grpc_response(
        &self,
        _id: u32,
        _code: u32,
        _message: &str,
        _details: &[u8],
        _body: &[u8],
        _random: f64,
    ) {
    }

    /// Nothing.
    #[wasm_bindgen(js_name = networkError)]
    pub fn network_error(&self, _id: u32, _message: &str, _random: f64) {}

    /// Nothing.
    pub fn exported(&self, _id: u32, _random: f64) {}

    /// Nothing.
    #[wasm_bindgen(js_name = sinkFailed)]
    pub fn sink_failed(&self, _id: u32, _message: &str, _retryable: bool, _random: f64) {}

    /// Done at once.
    pub fn flush(&self, _timeout_ms: Option<f64>) -> u32 {
        let id = self.flushes.get().wrapping_add(1);
        self.flushes.set(id);
        let done = format!("{{\"type\":\"flush_done\",\"ids\":[{id}],\"result\":\"ok\"}}");
        self.outputs.borrow_mut().push_back(done);
        id
    }

    /// Done at once.
    pub fn shutdown(&self, _timeout_ms: Option<f64>) {
        let done = "{\"type\":\"shutdown_done\",\"result\":\"ok\"}".to_owned();
        self.outputs.borrow_mut().push_back(done);
    }

    /// Nothing waits.
    #[wasm_bindgen(js_name = takeForUnload)]
    pub fn take_for_unload(&self, _budget_bytes: f64, _resend_in_flight: bool) -> String {
        "[]".to_owned()
    }

    /// Nothing.
    pub fn abandon(&self) {}

    /// None.
    pub fn losses(&self) -> f64 {
        0.0
    }

    /// All zeros.
    pub fn stats(&self) -> String {
        concat!(
            r#"{"queued":0,"queued_bytes":0,"in_flight":0,"exported":0,"rejected":0,"#,
            r#""dropped":{"fatal":0,"queue_full":0,"retries_exhausted":0,"shutdown":0,"too_large":0,"unload":0},"#,
            r#""requests":0,"retried":0,"last_error":null,"last_warning":null,"last_export_ms":null}"#
        )
        .to_owned()
    }
}
