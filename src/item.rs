//! The vocabulary: what a finished response is made of.
//!
//! An item serialises as the OpenAI Responses API writes its output items, so that it can go into the
//! next request as it is. What such an item cannot say is kept, as it came, in its `provider` field.

use crate::field_map::FieldMap;
use crate::json::{self, Object, Raw, ToJson, write_list};
use crate::serialize::serialize_by_json;

serialize_by_json!(Item, Provider, TokenUsage, ContentPart, ReasoningPart, SummaryPart);

/// One finished (or, with a status, unfinished) piece of the response.
#[derive(Debug, Clone)]
pub enum Item {
    /// Visible text, or a refusal.
    Message(Message),
    /// What the model thought.
    Reasoning(Reasoning),
    /// A call of a function tool.
    FunctionCall(FunctionCall),
    /// A call of a tool with free-form input.
    CustomToolCall(CustomToolCall),
    /// An item as the Responses API sent it, of any type; a content block of the Anthropic API that has no other form.
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
    json: String,
}

impl Verbatim {
    /// An item from its JSON text.
    pub(crate) fn new(kind: String, json: String) -> Self {
        Self { kind, json }
    }

    /// The item's `type`; empty when it has none.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The item as JSON text.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The JSON text of one field; [`crate::json`] reads it.
    pub fn field(&self, name: &str) -> Option<&str> {
        json::field(Raw::from_text(&self.json), name.as_bytes()).map(Raw::as_str)
    }
}

/// `{"type":"message","role":..,"content":[..]}`
#[derive(Debug, Clone)]
pub struct Message {
    /// The first role that came; `assistant` when none did.
    pub role: String,
    /// The text, then the refusal; empty for a message that has only provider fields (audio, images).
    pub content: Vec<ContentPart>,
    /// Status, choice and provider fields.
    pub common: Common,
}

/// `{"type":"reasoning","summary":[],"content":[..]}`
#[derive(Debug, Clone)]
pub struct Reasoning {
    /// Summaries; empty on the chat wire.
    pub summary: Vec<SummaryPart>,
    /// Raw reasoning, one part.
    pub content: Vec<ReasoningPart>,
    /// Status, choice and provider fields.
    pub common: Common,
}

/// `{"type":"function_call","name":..,"arguments":"..","call_id":".."}`
#[derive(Debug, Clone)]
pub struct FunctionCall {
    /// The function's name; empty when the provider lost it.
    pub name: String,
    /// The arguments as JSON text, exactly as sent; empty when none were. When it is not valid JSON,
    /// `provider.arguments_error` says why.
    pub arguments: String,
    /// The call's id; empty when the provider sent none.
    pub call_id: String,
    /// Status, choice and provider fields.
    pub common: Common,
}

/// `{"type":"custom_tool_call","name":..,"input":"..","call_id":".."}`
#[derive(Debug, Clone)]
pub struct CustomToolCall {
    /// The tool's name.
    pub name: String,
    /// The free-form input.
    pub input: String,
    /// The call's id; empty when the provider sent none.
    pub call_id: String,
    /// Status, choice and provider fields.
    pub common: Common,
}

/// What every kind of item may carry.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// Absent on a finished item.
    pub status: Option<Status>,
    /// The choice's index, when it is not 0 (`n` > 1).
    pub choice: u32,
    /// Fields of the provider that the item's shape has no place for, as they came.
    pub provider: Provider,
}

/// How far an unfinished item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The stream is still running.
    InProgress,
    /// The stream failed or was cut off; this is what had arrived.
    Incomplete,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Incomplete => "incomplete",
        }
    }
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReasoningPart {
    /// Raw reasoning.
    ReasoningText {
        /// The text.
        text: String,
    },
}

/// A part of a reasoning item's summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SummaryPart {
    /// Summary text.
    SummaryText {
        /// The text.
        text: String,
    },
}

/// Provider fields by name, each as the JSON that came; a JSON object.
#[derive(Debug, Clone, Default)]
pub struct Provider(FieldMap<String>);

impl Provider {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON text of one field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds a field; text that is not JSON is kept as a JSON string. The first of a name stays.
    pub(crate) fn insert(&mut self, name: &str, json: String) {
        if self.get(name).is_some() {
            return;
        }
        let json = json::paired(&json).unwrap_or(json);
        match json::check(&json) {
            Ok(()) => self.0.insert(name, json),
            Err(_) => self.insert_str(name, &json),
        }
    }

    /// Adds a field whose value is a string.
    pub(crate) fn insert_str(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            let mut json = String::new();
            json::write_string(&mut json, value);
            self.0.insert(name, json);
        }
    }
}

impl ToJson for Provider {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        for (name, json) in self.0.iter() {
            object.raw(name, json);
        }
        object.end();
    }
}

/// Token counts, as the provider reported them; `None` (JSON `null`) for what it did not report.
///
/// Totals are never recomputed: some providers count reasoning outside of `output_tokens`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Prompt tokens, cached ones included; on the Anthropic API without them, as it counts.
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

impl ToJson for TokenUsage {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        object.optional_number("input_tokens", self.input_tokens);
        object.optional_number("cached_input_tokens", self.cached_input_tokens);
        object.optional_number("output_tokens", self.output_tokens);
        object.optional_number("reasoning_output_tokens", self.reasoning_output_tokens);
        object.optional_number("total_tokens", self.total_tokens);
        object.end();
    }
}

impl ToJson for Item {
    fn write_json(&self, out: &mut String) {
        if let Self::Verbatim(item) = self {
            return out.push_str(&item.json);
        }
        let mut object = Object::begin(out);
        object.string("type", self.kind());
        let common = match self {
            Self::Message(Message { role, content, common }) => {
                object.string("role", role);
                write_parts(object.key("content"), content);
                common
            }
            Self::Reasoning(Reasoning { summary, content, common }) => {
                write_parts(object.key("summary"), summary);
                write_parts(object.key("content"), content);
                common
            }
            Self::FunctionCall(FunctionCall { name, arguments, call_id, common }) => {
                object.string("name", name);
                object.string("arguments", arguments);
                object.string("call_id", call_id);
                common
            }
            Self::CustomToolCall(CustomToolCall { name, input, call_id, common }) => {
                object.string("name", name);
                object.string("input", input);
                object.string("call_id", call_id);
                common
            }
            Self::Verbatim(_) => return,
        };
        if let Some(status) = common.status {
            object.string("status", status.as_str());
        }
        if common.choice != 0 {
            object.number("choice", common.choice.into());
        }
        if !common.provider.is_empty() {
            common.provider.write_json(object.key("provider"));
        }
        object.end();
    }
}

impl ToJson for ContentPart {
    fn write_json(&self, out: &mut String) {
        match self {
            Self::OutputText { text } => write_part(out, "output_text", "text", text),
            Self::Refusal { refusal } => write_part(out, "refusal", "refusal", refusal),
        }
    }
}

impl ToJson for ReasoningPart {
    fn write_json(&self, out: &mut String) {
        let Self::ReasoningText { text } = self;
        write_part(out, "reasoning_text", "text", text);
    }
}

impl ToJson for SummaryPart {
    fn write_json(&self, out: &mut String) {
        let Self::SummaryText { text } = self;
        write_part(out, "summary_text", "text", text);
    }
}

fn write_parts<T: ToJson>(out: &mut String, parts: &[T]) {
    write_list(out, parts, &mut |part, out| part.write_json(out));
}

fn write_part(out: &mut String, kind: &str, name: &str, text: &str) {
    let mut object = Object::begin(out);
    object.string("type", kind);
    object.string(name, text);
    object.end();
}
