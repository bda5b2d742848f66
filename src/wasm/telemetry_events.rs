//! The events that JavaScript hands over; `pkg/src/core.d.ts` has them in TypeScript.

use std::borrow::Cow;

use wasm_bindgen::JsValue;

use super::telemetry_object::{Fields, json_of, push_list};
use super::telemetry_values;
use crate::error::Error;
use crate::json::{self, JsonText};
use crate::telemetry::ConversationStarts;
use crate::telemetry::gen_ai::Request;

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

/// Texts that came as one: a call with four of them would have been four copies. There is a character between each and
/// the next, so that halves of surrogate pairs do not meet.
#[derive(Debug)]
pub(super) struct Texts<'t>(pub(super) &'t str);

impl<'t> Texts<'t> {
    /// The next text, of a length in UTF-16 code units; the last is what is left.
    pub(super) fn next(&mut self, units: u32) -> &'t str {
        let mut left = units as usize;
        let end = match self.0.as_bytes().get(..left) {
            Some(text) if text.is_ascii() => left,
            _ => {
                let is_next = |(_, next): &(usize, char)| {
                    let is_next = left == 0;
                    left = left.saturating_sub(next.len_utf16());
                    is_next
                };
                self.0.char_indices().find(is_next).map_or(self.0.len(), |(at, _)| at)
            }
        };
        let text = self.0.get(..end).unwrap_or_default();
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        text
    }

    /// The next text, if its length is none that is negative.
    pub(super) fn next_some(&mut self, units: i32) -> Option<&'t str> {
        u32::try_from(units).ok().map(|units| self.next(units))
    }
}

/// A request, of `TelemetryRequest`, and its content. What can not be read is as good as absent: the facade has made the
/// one and checked the other.
pub(super) fn request(request: &JsValue, content: &JsValue) -> Request {
    let mut read = Request::default();
    let names = ["started_ms", "model", "server_address", "server_port", "parameters"];
    if request.is_object()
        && let Ok(json) = json_of(request, EVENT, &names)
    {
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
pub(super) fn whole(value: f64) -> u64 {
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
