//! An event as a borrowed view: which field is where, nothing decided yet.

use std::borrow::Cow;

use crate::json::{self, Raw};

/// The fields of all events that are read. Dispatch is on `type`; the SSE `event:` line, which some
/// gateways leave out, plays no part.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) response: Option<Raw<'a>>,
    pub(super) item: Option<Raw<'a>>,
    pub(super) part: Option<Raw<'a>>,
    pub(super) annotation: Option<Raw<'a>>,
    pub(super) delta: Option<Raw<'a>>,
    /// What a `.done` event repeats as a whole: `text`, `refusal`, `arguments`, `input` or `code`.
    pub(super) whole: Option<Raw<'a>>,
    pub(super) error: Option<Raw<'a>>,
    pub(super) output_index: Option<u64>,
    pub(super) content_index: Option<u64>,
    pub(super) summary_index: Option<u64>,
    pub(super) item_id: Option<Raw<'a>>,
    pub(super) call_id: Option<Raw<'a>>,
    object: Option<Raw<'a>>,
    output: Option<Raw<'a>>,
}

impl<'a> Event<'a> {
    pub(super) fn read(raw: Raw<'a>) -> Self {
        let names = [
            "type",
            "output_index",
            "content_index",
            "summary_index",
            "response",
            "item",
            "part",
            "annotation",
            "delta",
            "error",
            "item_id",
            "call_id",
            "object",
            "output",
        ];
        let mut whole = None;
        let [
            kind,
            output_index,
            content_index,
            summary_index,
            response,
            item,
            part,
            annotation,
            delta,
            error,
            item_id,
            call_id,
            object,
            output,
        ] = json::pick(raw, names, |key, value| {
            if matches!(key, b"text" | b"refusal" | b"arguments" | b"input" | b"code") {
                whole = Some(value);
            }
        });
        Self {
            kind: kind.and_then(json::nonempty_string),
            response,
            item,
            part,
            annotation,
            delta,
            whole,
            error,
            output_index: output_index.and_then(json::unsigned),
            content_index: content_index.and_then(json::unsigned),
            summary_index: summary_index.and_then(json::unsigned),
            item_id,
            call_id,
            object,
            output,
        }
    }

    /// Whether this is no event but the response itself: the body of a server that does not stream.
    pub(super) fn is_response(&self) -> bool {
        self.kind.is_none() && is_response(self.object, self.output)
    }

    pub(super) fn response_object(&self) -> Option<Raw<'a>> {
        self.response.filter(|response| response.is_object())
    }
}

/// Whether an object with these fields is a response.
pub(in crate::wire) fn is_response(object: Option<Raw<'_>>, output: Option<Raw<'_>>) -> bool {
    object.is_some_and(|object| object.as_str() == "\"response\"") || output.is_some_and(Raw::is_array)
}

/// A text that grows by deltas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A part of a message or of a reasoning item.
    Part(PartKind),
    /// A string field of an item of this type.
    Field(&'static str, &'static str),
}

/// The parts whose text is streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    OutputText,
    Refusal,
    ReasoningText,
    SummaryText,
}

impl Target {
    /// What the events `{stem}.delta` and `{stem}.done` are about.
    pub(super) fn of_stem(stem: &str) -> Option<Self> {
        Some(match stem {
            "response.output_text" => Self::Part(PartKind::OutputText),
            "response.refusal" => Self::Part(PartKind::Refusal),
            "response.reasoning_text" => Self::Part(PartKind::ReasoningText),
            "response.reasoning_summary_text" => Self::Part(PartKind::SummaryText),
            "response.function_call_arguments" => Self::Field("function_call", "arguments"),
            "response.custom_tool_call_input" => Self::Field("custom_tool_call", "input"),
            // Tools that the server runs: no deltas for them, but what came of a cut off one is kept.
            "response.mcp_call_arguments" => Self::Field("mcp_call", "arguments"),
            "response.code_interpreter_call_code" => Self::Field("code_interpreter_call", "code"),
            _ => return None,
        })
    }

    /// The type of the item that such a text belongs to.
    pub(super) fn item_kind(self) -> &'static str {
        match self {
            Self::Part(PartKind::OutputText | PartKind::Refusal) => "message",
            Self::Part(PartKind::ReasoningText | PartKind::SummaryText) => "reasoning",
            Self::Field(kind, _) => kind,
        }
    }
}

impl PartKind {
    pub(super) fn of_type(name: &str) -> Option<Self> {
        Some(match name {
            "output_text" => Self::OutputText,
            "refusal" => Self::Refusal,
            // Some servers' raw reasoning.
            "reasoning_text" | "text" => Self::ReasoningText,
            "summary_text" => Self::SummaryText,
            _ => return None,
        })
    }

    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::OutputText => "output_text",
            Self::Refusal => "refusal",
            Self::ReasoningText => "reasoning_text",
            Self::SummaryText => "summary_text",
        }
    }

    /// The part's field that holds the text.
    pub(super) fn text_field(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::OutputText | Self::ReasoningText | Self::SummaryText => "text",
        }
    }
}
