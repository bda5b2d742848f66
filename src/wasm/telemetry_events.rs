//! The events that JavaScript hands over, as objects.
//!
//! An object crosses as its JSON text: one call, where each field would be three, and as many texts.

use std::borrow::Cow;

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;

use super::source::describe;
use super::telemetry_shapes::unknown;
use crate::error::{Error, ErrorCode};
use crate::json::{self, JsonText, Raw};
use crate::telemetry::{ApiRequest, ConversationStarts, ToolDecision, ToolResult};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = JSON)]
    fn stringify(value: &JsValue) -> Result<Option<String>, JsValue>;
}

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
    let json = json_of(value, NAMES)?;
    let fields = Fields::of(&json);
    Ok(ConversationStarts {
        provider_name: fields.text_some("provider_name")?,
        reasoning_effort: fields.text_some("reasoning_effort")?,
        reasoning_summary: fields.text_some("reasoning_summary")?,
        context_window: fields.count_some("context_window")?,
        max_output_tokens: fields.count_some("max_output_tokens")?,
        auto_compact_token_limit: fields.count_some("auto_compact_token_limit")?,
        approval_policy: fields.text_some("approval_policy")?,
        sandbox_policy: fields.text_some("sandbox_policy")?,
        mcp_servers: fields.list_some("mcp_servers")?,
        active_profile: fields.text_some("active_profile")?,
    })
}

pub(super) fn api_request(value: &JsValue) -> Result<ApiRequest, Error> {
    let json = json_of(value, &["duration_ms", "status", "error_message", "attempt", "cf_ray"])?;
    let fields = Fields::of(&json);
    Ok(ApiRequest {
        duration_ms: fields.whole("duration_ms")?,
        status: fields.count_some("status")?.map(|status| status as u16),
        error_message: fields.text_some("error_message")?,
        attempt: fields.whole("attempt")?,
        cf_ray: fields.text_some("cf_ray")?,
    })
}

pub(super) fn tool_decision(value: &JsValue) -> Result<ToolDecision, Error> {
    let json = json_of(value, &["tool_name", "call_id", "decision", "source"])?;
    let fields = Fields::of(&json);
    let event = ToolDecision {
        tool_name: fields.text("tool_name")?,
        call_id: fields.text("call_id")?,
        decision: fields.text("decision")?,
        source: fields.text("source")?,
    };
    one_of("decision", &event.decision, &ToolDecision::DECISIONS)?;
    one_of("source", &event.source, &ToolDecision::SOURCES)?;
    Ok(event)
}

pub(super) fn tool_result(value: &JsValue) -> Result<ToolResult, Error> {
    let names = ["tool_name", "call_id", "arguments", "duration_ms", "success", "output"];
    let json = json_of(value, &names)?;
    let fields = Fields::of(&json);
    Ok(ToolResult {
        tool_name: fields.text("tool_name")?,
        call_id: fields.text_some("call_id")?,
        arguments: fields.text_some("arguments")?,
        duration_ms: fields.whole("duration_ms")?,
        success: fields.flag("success")?,
        output: fields.text("output")?,
    })
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<(), Error> {
    if known.contains(&value) {
        return Ok(());
    }
    let mut list = "one of ".to_owned();
    push_list(&mut list, known.iter().copied());
    Err(unknown(name, value, &list))
}

fn push_list<T: AsRef<str>>(out: &mut String, texts: impl Iterator<Item = T>) {
    for (at, text) in texts.enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(text.as_ref());
    }
}

/// An object's JSON text. When something in it has none, the text of its fields of these `names`.
fn json_of(object: &JsValue, names: &[&str]) -> Result<String, Error> {
    if !object.is_object() {
        return Err(bad("it", "an object"));
    }
    if let Ok(Some(json)) = stringify(object) {
        return Ok(json);
    }
    let known = Object::new();
    for name in names {
        let name = JsValue::from_str(name);
        let value = Reflect::get(object, &name).map_err(refused)?;
        Reflect::set(&known, &name, &value).map_err(refused)?;
    }
    stringify(&known).map(Option::unwrap_or_default).map_err(refused)
}

/// In the words of who refused it: a getter that throws, a value that has no JSON.
fn refused(error: JsValue) -> Error {
    Error::new(ErrorCode::BadOption, describe(&error))
}

fn bad(name: &str, kind: &str) -> Error {
    Error::new(ErrorCode::BadOption, format!("telemetry event: {name} must be {kind}"))
}

/// The fields of an event's object.
struct Fields<'j>(Vec<(Cow<'j, [u8]>, Raw<'j>)>);

impl<'j> Fields<'j> {
    fn of(json: &'j str) -> Self {
        Self(json::fields(Raw::from_text(json)).collect())
    }

    fn get(&self, name: &str) -> Option<Raw<'j>> {
        self.0.iter().find(|(key, _)| **key == *name.as_bytes()).map(|(_, value)| *value)
    }

    /// What is `null` is absent. So is a number that is none: JSON has no other word for it.
    fn some<T>(&self, name: &str, kind: &str, read: fn(Raw<'j>) -> Option<T>) -> Result<Option<T>, Error> {
        match self.get(name).filter(|value| !value.is_null()) {
            Some(value) => read(value).map(Some).ok_or_else(|| bad(name, kind)),
            None => Ok(None),
        }
    }

    fn text_some(&self, name: &str) -> Result<Option<String>, Error> {
        self.some(name, "a string", |value| json::text(value).map(JsonText::into_lossy))
    }

    fn text(&self, name: &str) -> Result<String, Error> {
        self.text_some(name)?.ok_or_else(|| bad(name, "a string"))
    }

    fn number_some(&self, name: &str) -> Result<Option<f64>, Error> {
        self.some(name, "a number", |value| json::decimal(value.as_str()))
    }

    /// A number where a whole one is meant; one that is none counts as 0.
    fn whole(&self, name: &str) -> Result<u64, Error> {
        match (self.number_some(name)?, self.get(name)) {
            (Some(value), _) => Ok(value.max(0.0) as u64),
            (None, Some(_)) => Ok(0),
            (None, None) => Err(bad(name, "a number")),
        }
    }

    /// A count that makes sense; -1, 1e300 and the like are as good as absent.
    fn count_some(&self, name: &str) -> Result<Option<u64>, Error> {
        let value = self.number_some(name)?;
        Ok(value
            .filter(|value| (0.0..18_446_744_073_709_551_615.0).contains(value))
            .map(|value| value as u64))
    }

    fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.get(name).map(Raw::as_str) {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            _ => Err(bad(name, "true or false")),
        }
    }

    /// A list of strings, as one text.
    fn list_some(&self, name: &str) -> Result<Option<String>, Error> {
        self.some(name, "an array of strings", |value| {
            let texts: Option<Vec<_>> = json::elements(value).map(json::text).collect();
            let mut list = String::new();
            push_list(&mut list, texts?.into_iter().map(JsonText::into_lossy));
            value.is_array().then_some(list)
        })
    }
}
