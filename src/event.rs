//! What every wire becomes: [`StreamEvent`].

use crate::item::{Item, Provider, TokenUsage};
use crate::json::{Object, ToJson};
use crate::serialize::serialize_by_json;
use crate::timings::Timings;

serialize_by_json!(Created, RawFrame, Completion);

/// One event of the stream, borrowed from the aggregator that made it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum StreamEvent<'a> {
    /// The response began (chat: only with `include`).
    Created(&'a Created),
    /// An item began (only with `include`).
    OutputItemAdded {
        /// The item's place in the order of appearance, from 0.
        index: u32,
        /// The item, still empty.
        item: &'a Item,
    },
    /// Visible text; never empty.
    OutputTextDelta {
        /// The choice's index.
        choice: u32,
        /// The new text.
        delta: &'a str,
    },
    /// Raw reasoning; never empty.
    ReasoningDelta {
        /// The choice's index.
        choice: u32,
        /// The new text.
        delta: &'a str,
    },
    /// The text of a summary of the reasoning (Responses API); never empty.
    ReasoningSummaryDelta {
        /// The part of the summary that grows.
        summary_index: u32,
        /// The new text.
        delta: &'a str,
    },
    /// A refusal's text; never empty.
    RefusalDelta {
        /// The choice's index.
        choice: u32,
        /// The new text.
        delta: &'a str,
    },
    /// A piece of a tool call's arguments, or its first sign (only with `include`).
    ToolCallDelta {
        /// The choice's index.
        choice: u32,
        /// The call's place among the choice's calls, from 0, in order of appearance.
        index: u32,
        /// The call's id as far as known.
        call_id: &'a str,
        /// The tool's name as far as known.
        name: &'a str,
        /// The new piece of the arguments; empty when only id or name came.
        delta: &'a str,
    },
    /// An item is finished, or is all that arrived of it (then it has a status).
    OutputItemDone {
        /// The item.
        item: &'a Item,
    },
    /// An SSE frame as it came (only with `include`).
    Raw(&'a RawFrame),
    /// The response is complete; always the last event.
    Completed(&'a Completion),
}

/// The beginning of a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Created {
    /// The response's id, as far as known.
    pub response_id: String,
    /// The model, as far as known.
    pub model: String,
}

/// An SSE frame, and what was wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawFrame {
    /// The event's name; `message` without an `event:` line.
    pub event: String,
    /// The last event id, when there is one.
    pub id: String,
    /// The data.
    pub data: String,
    /// Why the frame could not be used: the UTF-8 error or the JSON parser's words.
    pub error: Option<String>,
}

/// Why a stream counts as complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// `data: [DONE]`.
    Done,
    /// `response.completed`, `response.incomplete` or `message_stop`.
    TerminalEvent,
    /// The stream ended after a `finish_reason` (or after a chunk that carries only usage).
    EndOfStream,
    /// Nothing more came after a `finish_reason`, until the idle timeout.
    IdleTimeout,
    /// The connection broke after a `finish_reason`.
    TransportError,
    /// The body was one JSON document instead of a stream.
    JsonBody,
}

/// The end of a response.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The response's id; empty when the provider sent none.
    pub response_id: String,
    /// The model that answered; empty when the provider sent none.
    pub model: String,
    /// The last reason that choice 0 gave, as sent; `null` when it gave none. Responses API: why the response
    /// is incomplete, else `completed`. Anthropic: the `stop_reason`.
    pub finish_reason: Option<String>,
    /// The same in OpenAI's words: `stop`, `length`, `tool_calls`, `content_filter`, ..
    pub finish_reason_normalized: Option<String>,
    /// Token counts; `null` when the provider sent none.
    pub token_usage: Option<TokenUsage>,
    /// Why the stream counts as complete.
    pub ended_by: EndedBy,
    /// When things happened.
    pub timings: Timings,
    /// Fields of the provider's chunks that have no place elsewhere, each with its last value.
    pub provider: Provider,
}

impl ToJson for Created {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        object.string("response_id", &self.response_id);
        object.string("model", &self.model);
        object.end();
    }
}

impl ToJson for RawFrame {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        object.string("event", &self.event);
        if !self.id.is_empty() {
            object.string("id", &self.id);
        }
        object.string("data", &self.data);
        if let Some(error) = &self.error {
            object.string("error", error);
        }
        object.end();
    }
}

impl EndedBy {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::TerminalEvent => "terminal_event",
            Self::EndOfStream => "end_of_stream",
            Self::IdleTimeout => "idle_timeout",
            Self::TransportError => "transport_error",
            Self::JsonBody => "json_body",
        }
    }
}

impl Completion {
    /// Writes the fields into an object that may have others beside them.
    pub(crate) fn write_fields(&self, object: &mut Object<'_>) {
        object.string("response_id", &self.response_id);
        object.string("model", &self.model);
        object.optional_string("finish_reason", self.finish_reason.as_deref());
        object.optional_string("finish_reason_normalized", self.finish_reason_normalized.as_deref());
        match &self.token_usage {
            Some(usage) => usage.write_json(object.key("token_usage")),
            None => object.raw("token_usage", "null"),
        }
        object.string("ended_by", self.ended_by.as_str());
        self.timings.write_json(object.key("timings"));
        if !self.provider.is_empty() {
            self.provider.write_json(object.key("provider"));
        }
    }
}

impl ToJson for Completion {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        self.write_fields(&mut object);
        object.end();
    }
}
