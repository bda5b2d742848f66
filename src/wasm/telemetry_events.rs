//! The events that JavaScript hands over; `pkg/src/core.d.ts` has them in TypeScript.

use std::borrow::Cow;

use wasm_bindgen::JsValue;

use super::telemetry_object::{Fields, json_of, push_list};
use super::telemetry_values;
use crate::error::Error;
use crate::json::{self, JsonText};
use crate::telemetry::gen_ai::Request;
use crate::telemetry::{ApiRequest, ConversationStarts, ToolDecision, ToolResult};

/// What an event's object is called in messages.
const EVENT: &str = "telemetry event";

pub(super) fn conversation_starts(value: &JsValue) -> Result<ConversationStarts, Error> {
    const NAMES: &[&str] = &[
        "provider_name",
        "reasoning_effort",
        "reasoning_summary",
        "context_window",
        "max_output_tokens",
        "auto_compact_token_limit",
        "approval_policy",
        "sandbox_policy",
        "mcp_servers",
        "active_profile",
    ];
    let json = json_of(value, EVENT, NAMES)?;
    let js = Fields::of(&json, EVENT);
    let event = ConversationStarts {
        provider_name: js.text_some("provider_name"),
        reasoning_effort: js.text_some("reasoning_effort"),
        reasoning_summary: js.text_some("reasoning_summary"),
        context_window: count(&js, "context_window"),
        max_output_tokens: count(&js, "max_output_tokens"),
        auto_compact_token_limit: count(&js, "auto_compact_token_limit"),
        approval_policy: js.text_some("approval_policy"),
        sandbox_policy: js.text_some("sandbox_policy"),
        mcp_servers: list(&js, "mcp_servers"),
        active_profile: js.text_some("active_profile"),
    };
    js.finish(event)
}

pub(super) fn api_request(value: &JsValue) -> Result<ApiRequest, Error> {
    let names = ["duration_ms", "status", "error_message", "attempt", "cf_ray"];
    let json = json_of(value, EVENT, &names)?;
    let js = Fields::of(&json, EVENT);
    let event = ApiRequest {
        duration_ms: whole(js.number("duration_ms")),
        status: js.number_some("status").map(|status| status as u16),
        error_message: js.text_some("error_message"),
        attempt: whole(js.number("attempt")),
        cf_ray: js.text_some("cf_ray"),
    };
    js.finish(event)
}

pub(super) fn tool_decision(value: &JsValue) -> Result<ToolDecision, Error> {
    let json = json_of(value, EVENT, &["tool_name", "call_id", "decision", "source"])?;
    let js = Fields::of(&json, EVENT);
    let event = ToolDecision {
        tool_name: js.text("tool_name"),
        call_id: js.text("call_id"),
        decision: js.text("decision"),
        source: js.text("source"),
    };
    js.place_of("decision", &event.decision, &ToolDecision::DECISIONS);
    js.place_of("source", &event.source, &ToolDecision::SOURCES);
    js.finish(event)
}

pub(super) fn tool_result(value: &JsValue) -> Result<ToolResult, Error> {
    let names = ["tool_name", "call_id", "arguments", "duration_ms", "success", "output"];
    let json = json_of(value, EVENT, &names)?;
    let js = Fields::of(&json, EVENT);
    let event = ToolResult {
        tool_name: js.text("tool_name"),
        call_id: js.text_some("call_id"),
        arguments: js.text_some("arguments"),
        duration_ms: whole(js.number("duration_ms")),
        success: js.flag("success"),
        output: js.text("output"),
    };
    js.finish(event)
}

/// A request, of `TelemetryRequest`, and its content. What can not be read is as good as absent: the facade has made the
/// one and checked the other.
pub(super) fn request(request: &JsValue, content: &JsValue) -> Request {
    let mut read = Request::default();
    let names = ["started_ms", "model", "server_address", "server_port", "parameters"];
    if let Ok(json) = json_of(request, EVENT, &names) {
        let js = Fields::of(&json, EVENT);
        read = Request {
            started_ms: js.number_some("started_ms"),
            model: js.text_some("model"),
            server_address: js.text_some("server_address"),
            server_port: js.number_some("server_port").map(|port| port as u16),
            parameters: js.get("parameters").map(Request::parameters_of).unwrap_or_default(),
            ..read
        };
    }
    if content.is_object() {
        for (name, value) in telemetry_values::attributes(content) {
            match name.as_str() {
                "input_messages" => read.input_messages = value,
                "system_instructions" => read.system_instructions = value,
                _ => {}
            }
        }
    }
    read
}

/// JavaScript's numbers, where whole ones are meant.
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

/// A count that makes sense; -1, 1e300 and the like are as good as absent.
fn count(js: &Fields<'_>, name: &str) -> Option<u64> {
    js.number_some(name).filter(|value| (0.0..18_446_744_073_709_551_615.0).contains(value)).map(whole)
}

/// A list of strings, as one text.
fn list(js: &Fields<'_>, name: &str) -> Option<String> {
    let value = js.get(name)?;
    let is_list = value.is_array() && json::elements(value).all(|element| json::text(element).is_some());
    if !is_list {
        js.is_bad(name, "an array of strings");
    }
    let mut list = String::new();
    let texts = json::elements(value).filter_map(json::text).map(JsonText::into_lossy);
    push_list(&mut list, &mut texts.map(Cow::Owned));
    Some(list)
}
