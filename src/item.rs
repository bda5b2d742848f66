//! The vocabulary: what a finished response is made of.
//!
//! An item serialises as the OpenAI Responses API writes its output items, so that it can go into the
//! next request as it is. What such an item cannot say is kept, as it came, in its `provider` field.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::field_map::FieldMap;

/// One finished (or, with a status, unfinished) piece of the response.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    /// Visible text, or a refusal.
    Message(Message),
    /// What the model thought.
    Reasoning(Reasoning),
    /// A call of a function tool.
    FunctionCall(FunctionCall),
    /// A call of a tool with free-form input.
    CustomToolCall(CustomToolCall),
    /// An item as the Responses API sent it, of any type.
    #[serde(untagged)]
    Verbatim(Verbatim),
}

impl Item {
    /// The item's type: `message`, `reasoning`, `function_call`, ..
    pub fn kind(&self) -> &str {
        match self {
            Self::Message(_) => "message",
            Self::Reasoning(_) => "reasoning",
            Self::FunctionCall(_) => "function_call",
            Self::CustomToolCall(_) => "custom_tool_call",
            Self::Verbatim(item) => item.kind(),
        }
    }
}

/// An item in the words of the API that sent it: every field in its spelling, ids, encrypted content and
/// types that this version has never heard of included. It goes into the next request as it is.
#[derive(Debug, Clone)]
pub struct Verbatim {
    kind: String,
    json: Box<RawValue>,
}

impl Verbatim {
    /// `None` when the text is not JSON.
    pub(crate) fn new(kind: String, json: String) -> Option<Self> {
        RawValue::from_string(json).ok().map(|json| Self { kind, json })
    }

    /// The item's `type`; empty when it has none.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The item as JSON text.
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// The JSON text of one field; [`crate::json`] reads it.
    pub fn field(&self, name: &str) -> Option<&str> {
        let raw = crate::json::Raw::from_text(self.json.get());
        crate::json::field(raw, name.as_bytes()).map(crate::json::Raw::as_str)
    }
}

impl Serialize for Verbatim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

/// `{"type":"message","role":..,"content":[..]}`
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// The first role that came; `assistant` when none did.
    pub role: String,
    /// The text, then the refusal; empty for a message that has only provider fields (audio, images).
    pub content: Vec<ContentPart>,
    /// Status, choice and provider fields.
    #[serde(flatten)]
    pub common: Common,
}

/// `{"type":"reasoning","summary":[],"content":[..]}`
#[derive(Debug, Clone, Serialize)]
pub struct Reasoning {
    /// Summaries; empty on the chat wire.
    pub summary: Vec<SummaryPart>,
    /// Raw reasoning, one part.
    pub content: Vec<ReasoningPart>,
    /// Status, choice and provider fields.
    #[serde(flatten)]
    pub common: Common,
}

/// `{"type":"function_call","name":..,"arguments":"..","call_id":".."}`
#[derive(Debug, Clone, Serialize)]
pub struct FunctionCall {
    /// The function's name; empty when the provider lost it.
    pub name: String,
    /// The arguments as JSON text, exactly as sent; empty when none were. When it is not valid JSON,
    /// `provider.arguments_error` says why.
    pub arguments: String,
    /// The call's id; empty when the provider sent none.
    pub call_id: String,
    /// Status, choice and provider fields.
    #[serde(flatten)]
    pub common: Common,
}

/// `{"type":"custom_tool_call","name":..,"input":"..","call_id":".."}`
#[derive(Debug, Clone, Serialize)]
pub struct CustomToolCall {
    /// The tool's name.
    pub name: String,
    /// The free-form input.
    pub input: String,
    /// The call's id; empty when the provider sent none.
    pub call_id: String,
    /// Status, choice and provider fields.
    #[serde(flatten)]
    pub common: Common,
}

/// What every kind of item may carry.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Common {
    /// Absent on a finished item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The choice's index, when it is not 0 (`n` > 1).
    #[serde(skip_serializing_if = "is_zero")]
    pub choice: u32,
    /// Fields of the provider that the item's shape has no place for, as they came.
    #[serde(skip_serializing_if = "Provider::is_empty")]
    pub provider: Provider,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// How far an unfinished item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The stream is still running.
    InProgress,
    /// The stream failed or was cut off; this is what had arrived.
    Incomplete,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentPart {
    /// Visible text.
    OutputText {
        /// The text.
        text: String,
    },
    /// The model's refusal.
    Refusal {
        /// Its words.
        refusal: String,
    },
}

/// A part of a reasoning item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReasoningPart {
    /// Raw reasoning.
    ReasoningText {
        /// The text.
        text: String,
    },
}

/// A part of a reasoning item's summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SummaryPart {
    /// Summary text.
    SummaryText {
        /// The text.
        text: String,
    },
}

/// Provider fields by name, each as the JSON that came; a JSON object.
#[derive(Debug, Clone, Default)]
pub struct Provider(FieldMap<Box<RawValue>>);

impl Provider {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON text of one field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.get())
    }

    /// Adds a field; text that is not JSON is kept as a JSON string. The first of a name stays.
    pub(crate) fn insert(&mut self, name: &str, json: String) {
        if self.get(name).is_some() {
            return;
        }
        let json = crate::json::paired(&json).unwrap_or(json);
        let value = RawValue::from_string(json.clone()).or_else(|_| {
            let mut quoted = String::new();
            crate::json::write_string(&mut quoted, &json);
            RawValue::from_string(quoted)
        });
        if let Ok(value) = value {
            self.0.insert(name, value);
        }
    }

    /// Adds a field whose value is a string.
    pub(crate) fn insert_str(&mut self, name: &str, value: &str) {
        let mut json = String::new();
        crate::json::write_string(&mut json, value);
        self.insert(name, json);
    }
}

impl Serialize for Provider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

/// Token counts, as the provider reported them; `None` (JSON `null`) for what it did not report.
///
/// Totals are never recomputed: some providers count reasoning outside of `output_tokens`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TokenUsage {
    /// Prompt tokens, cached ones included.
    pub input_tokens: Option<u64>,
    /// Prompt tokens that came from a cache.
    pub cached_input_tokens: Option<u64>,
    /// Completion tokens.
    pub output_tokens: Option<u64>,
    /// Reasoning tokens.
    pub reasoning_output_tokens: Option<u64>,
    /// The total, as sent.
    pub total_tokens: Option<u64>,
}
