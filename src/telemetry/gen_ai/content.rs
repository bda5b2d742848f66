//! Messages as the conventions' structured values, with what of them may leave.

use super::{set, set_text};
use crate::item::Item;
use crate::json::{self, JsonText, Raw, ToJson};
use crate::otlp::{AnyValue, Attributes, MAX_DEPTH};
use crate::telemetry::ContentPolicy;
use crate::wire::ChoiceSummary;

/// How many bytes of texts one record carries at most, so that no answer is too large to be told of.
const MOST_BYTES: usize = 1 << 20;

/// Names whose values are structure, not content.
const STRUCTURE: [&str; 5] = ["type", "role", "id", "name", "finish_reason"];

/// What is left for the content of a record.
#[derive(Debug)]
pub(super) struct Budget {
    policy: ContentPolicy,
    left: usize,
}

impl Budget {
    pub(super) fn new(policy: ContentPolicy) -> Self {
        Self { policy, left: MOST_BYTES }
    }

    /// The part of a text that may leave.
    fn cut(&mut self, text: &str) -> String {
        let cut = ContentPolicy::AtMost(self.left).apply(self.policy.apply(text));
        self.left = self.left.saturating_sub(cut.len());
        cut.to_owned()
    }

    /// The same for all texts in a value.
    pub(super) fn cut_value(&mut self, value: &mut AnyValue<'_>) {
        match value {
            AnyValue::String(text) => *value = self.cut(text).into(),
            AnyValue::Array(values) => values.iter_mut().for_each(|value| self.cut_value(value)),
            AnyValue::KvList(map) => map.each_mut(&mut |key, value| {
                if !STRUCTURE.contains(&key) {
                    self.cut_value(value);
                }
            }),
            _ => {}
        }
    }
}

/// `gen_ai.output.messages`: a message for each choice.
pub(super) fn output_messages(
    choices: &[ChoiceSummary],
    reasons: &[AnyValue<'static>],
    budget: &mut Budget,
) -> AnyValue<'static> {
    let mut messages = Vec::new();
    for (at, choice) in choices.iter().enumerate() {
        let mut parts = Vec::new();
        for item in &choice.items {
            item_parts(item, budget, &mut parts);
        }
        let mut message = Attributes::new();
        set_text(&mut message, "role", "assistant");
        set(&mut message, "parts".into(), AnyValue::Array(parts));
        let reason = match reasons.get(at) {
            // The schema has its own word for this one.
            Some(AnyValue::String(reason)) if reason == "tool_calls" => "tool_call",
            Some(AnyValue::String(reason)) => reason,
            _ => "",
        };
        set_text(&mut message, "finish_reason", reason);
        messages.push(AnyValue::KvList(message));
    }
    AnyValue::Array(messages)
}

/// By the item's JSON, which all wires have in common.
fn item_parts(item: &Item, budget: &mut Budget, parts: &mut Vec<AnyValue<'static>>) {
    let mut json = String::new();
    item.write_json(&mut json);
    let item = Raw::from_text(json.trim());
    let kind = text(item, "type");
    match kind.as_str() {
        "message" | "reasoning" => {
            for list in ["summary", "content"] {
                let Some(list) = json::field(item, list.as_bytes()) else { continue };
                json::each_element(list, |part| {
                    let part_kind = text(part, "type");
                    let (name, kind) = match (part_kind.as_str(), kind.as_str()) {
                        (_, "reasoning") => ("text", "reasoning"),
                        ("output_text", _) => ("text", "text"),
                        (other, _) => (other, other),
                    };
                    let content = budget.cut(&text(part, name)).into();
                    parts.push(of_kind(kind, "content", content));
                });
            }
        }
        "function_call" | "custom_tool_call" => {
            let arguments = text(item, if kind == "function_call" { "arguments" } else { "input" });
            let arguments = arguments_value(&arguments, budget);
            let mut part = of_kind("tool_call", "arguments", arguments);
            if let AnyValue::KvList(part) = &mut part {
                set_text(part, "id", &text(item, "call_id"));
                set_text(part, "name", &text(item, "name"));
            }
            parts.push(part);
        }
        kind => parts.push(of_kind(kind, "id", text(item, "id").into())),
    }
}

#[inline(never)]
fn of_kind(kind: &str, name: &'static str, value: AnyValue<'static>) -> AnyValue<'static> {
    let mut part = Attributes::new();
    set_text(&mut part, "type", kind);
    set(&mut part, name.into(), value);
    part.into()
}

#[inline(never)]
fn text(object: Raw<'_>, name: &str) -> String {
    json::field(object, name.as_bytes()).and_then(json::text).map(JsonText::into_lossy).unwrap_or_default()
}

/// Arguments that are an object, of a sensible size, and may leave whole, as a structure; others as the text that they are.
fn arguments_value(arguments: &str, budget: &mut Budget) -> AnyValue<'static> {
    let cut = budget.cut(arguments);
    let is_whole = cut.len() == arguments.len();
    match json::document(arguments) {
        Ok(raw) if raw.is_object() && is_whole && is_small(arguments) => value(raw, 1),
        _ => cut.into(),
    }
}

/// Whether there are at most as many values as an event of one's own may have: keys of maps are compared one by one.
fn is_small(json: &str) -> bool {
    json.bytes().filter(|byte| *byte == b',').count() < 2000
}

/// What a JSON value is in OpenTelemetry's data model.
fn value(raw: Raw<'_>, depth: usize) -> AnyValue<'static> {
    let json = raw.as_str();
    if let Some(text) = json::text(raw) {
        return text.into_lossy().into();
    }
    match json {
        "null" => AnyValue::Empty,
        "true" | "false" => AnyValue::Bool(json == "true"),
        _ if depth > MAX_DEPTH => AnyValue::Empty,
        _ if raw.is_array() => {
            AnyValue::Array(json::elements(raw).map(|element| value(element, depth + 1)).collect())
        }
        _ if raw.is_object() => {
            let mut map = Attributes::new();
            json::each_field(raw, |key, raw| {
                map.set(String::from_utf8_lossy(key).into_owned(), value(raw, depth + 1));
            });
            AnyValue::KvList(map)
        }
        _ => match json.parse() {
            Ok(integer) => AnyValue::Int(integer),
            Err(_) => json::number(raw).map_or_else(|| json.to_owned().into(), AnyValue::Double),
        },
    }
}
