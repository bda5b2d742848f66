//! What every wire becomes: [`StreamEvent`], and the queue that holds the events of one feed.

use std::sync::Arc;

use crate::item::{Item, Provider, TokenUsage};
use crate::json::{Object, ToJson, serialize_by_json};
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

/// The number of an event's kind in the flat table. The same numbers are in `pkg/src/decode.ts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Created = 0,
    OutputItemAdded = 1,
    OutputTextDelta = 2,
    ReasoningDelta = 3,
    RefusalDelta = 4,
    ToolCallNamed = 5,
    ToolCallDelta = 6,
    OutputItemDone = 7,
    Raw = 8,
    Completed = 9,
    ReasoningSummaryDelta = 10,
}

/// A queued event: its text ends at `text_end` of the queue's arena, its payload is by number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) choice: u32,
    /// The item's, call's or summary part's index.
    pub(crate) aux: u32,
    pub(crate) text_end: usize,
    payload: usize,
}

/// A tool call's id and name, as its deltas go with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallNames {
    pub(crate) call_id: String,
    pub(crate) name: String,
}

/// Where a tool call's id and name stand in the queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    /// The feed, and the payload's number in it.
    place: Option<(u32, usize)>,
    /// The names since they changed last.
    names: Option<Arc<CallNames>>,
}

impl Named {
    /// To be called when the id or the name changed.
    pub(crate) fn changed(&mut self) {
        *self = Self::default();
    }
}

/// What an event carries beyond text.
#[derive(Debug)]
pub(crate) enum Payload {
    Created(Created),
    Item(Arc<Item>),
    /// `is_news`: for the first time since they changed.
    Call {
        names: Arc<CallNames>,
        is_news: bool,
    },
    Raw(RawFrame),
    Completed(Box<Completion>),
}

/// The events of one feed, in order. Deltas share one arena: no allocation per event.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    text: String,
    rows: Vec<Row>,
    payloads: Vec<Payload>,
    /// The next row that `poll` returns, and where its text begins.
    next_row: usize,
    next_text: usize,
    /// Counts the feeds: payload numbers hold only within the feed that made them.
    feed: u32,
    /// Whether a delta of any kind, and one of visible text, was ever queued.
    pub(crate) saw_token: bool,
    pub(crate) saw_text: bool,
    /// Whether a call's names went to somebody who polls: batches that are taken all the same may lack them.
    pub(crate) names_were_polled: bool,
}

/// An arena that one huge feed made larger than this is given back.
const KEPT_CAPACITY: usize = 256 * 1024;

impl EventQueue {
    pub(crate) fn created(&mut self, created: Created) {
        self.push_payload(Kind::Created, 0, 0, Payload::Created(created));
    }

    pub(crate) fn item_added(&mut self, choice: u32, index: u32, item: Item) {
        self.push_payload(Kind::OutputItemAdded, choice, index, Payload::Item(Arc::new(item)));
    }

    pub(crate) fn text_delta(&mut self, choice: u32, delta: &str) {
        self.saw_text = true;
        self.push_delta(Kind::OutputTextDelta, choice, delta);
    }

    pub(crate) fn reasoning_delta(&mut self, choice: u32, delta: &str) {
        self.push_delta(Kind::ReasoningDelta, choice, delta);
    }

    pub(crate) fn reasoning_summary_delta(&mut self, summary_index: u32, delta: &str) {
        self.saw_token = true;
        self.text.push_str(delta);
        self.push_row(Kind::ReasoningSummaryDelta, 0, summary_index, usize::MAX);
    }

    pub(crate) fn refusal_delta(&mut self, choice: u32, delta: &str) {
        self.push_delta(Kind::RefusalDelta, choice, delta);
    }

    /// A piece of a call's arguments. The call's id and name go ahead of it, once per feed and whenever
    /// they changed (`named` remembers; start with its default and [`Named::changed`]).
    pub(crate) fn tool_call_delta(
        &mut self,
        (choice, index): (u32, u32),
        named: &mut Named,
        (call_id, name): (&str, &str),
        delta: &str,
    ) {
        self.saw_token = true;
        let payload = match named.place {
            Some((feed, payload)) if feed == self.feed => payload,
            _ => {
                let is_news = named.names.is_none();
                let names = named.names.get_or_insert_with(|| {
                    Arc::new(CallNames { call_id: call_id.to_owned(), name: name.to_owned() })
                });
                let call = Payload::Call { names: Arc::clone(names), is_news };
                self.push_payload(Kind::ToolCallNamed, choice, index, call);
                named.place = Some((self.feed, self.last_payload()));
                self.last_payload()
            }
        };
        self.text.push_str(delta);
        self.push_row(Kind::ToolCallDelta, choice, index, payload);
    }

    /// A tool call's first sign or progress when nobody asked for its deltas: only the clock wants it.
    pub(crate) fn note_token(&mut self) {
        self.saw_token = true;
    }

    pub(crate) fn item_done(&mut self, choice: u32, item: Arc<Item>) {
        self.push_payload(Kind::OutputItemDone, choice, 0, Payload::Item(item));
    }

    pub(crate) fn raw(&mut self, frame: RawFrame) {
        self.push_payload(Kind::Raw, 0, 0, Payload::Raw(frame));
    }

    pub(crate) fn completed(&mut self, completion: Completion) {
        self.push_payload(Kind::Completed, 0, 0, Payload::Completed(Box::new(completion)));
    }

    /// Whether every event was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.next_row >= self.rows.len()
    }

    /// Forgets what was read, keeping the buffers for the next feed.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.payloads.clear();
        self.text.clear();
        self.text.shrink_to(KEPT_CAPACITY);
        self.next_row = 0;
        self.next_text = 0;
        self.feed = self.feed.wrapping_add(1);
    }

    /// The next event. Naming rows are for the flat table only and are passed over.
    pub(crate) fn poll(&mut self) -> Option<StreamEvent<'_>> {
        loop {
            let row = *self.rows.get(self.next_row)?;
            let start = self.next_text;
            self.next_row += 1;
            self.next_text = row.text_end;
            if row.kind == Kind::ToolCallNamed {
                self.names_were_polled = true;
            } else {
                let delta = self.text.get(start..row.text_end).unwrap_or_default();
                return view(row, delta, self.payloads.get(row.payload));
            }
        }
    }

    /// Whether all events are deltas without names, and none was read: the text is theirs, one after the other.
    pub(crate) fn has_only_text(&self) -> bool {
        self.payloads.is_empty() && self.next_row == 0
    }

    /// Exchanges the text for another one, whose content does not matter: what is left is to be cleared.
    pub(crate) fn swap_text(&mut self, text: &mut String) {
        std::mem::swap(&mut self.text, text);
    }

    /// The rows of a queue that has only text.
    pub(crate) fn text_rows(&self) -> &[Row] {
        &self.rows
    }

    /// Every queued event as row, text and payload, for the flat table.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Row, &str, Option<&Payload>)> {
        let mut start = self.next_text;
        self.rows.iter().skip(self.next_row).map(move |row| {
            let text = self.text.get(start..row.text_end).unwrap_or_default();
            start = row.text_end;
            (*row, text, self.payloads.get(row.payload))
        })
    }

    fn last_payload(&self) -> usize {
        self.payloads.len().saturating_sub(1)
    }

    fn push_delta(&mut self, kind: Kind, choice: u32, delta: &str) {
        self.saw_token = true;
        self.text.push_str(delta);
        self.push_row(kind, choice, 0, usize::MAX);
    }

    fn push_payload(&mut self, kind: Kind, choice: u32, aux: u32, payload: Payload) {
        self.payloads.push(payload);
        self.push_row(kind, choice, aux, self.last_payload());
    }

    fn push_row(&mut self, kind: Kind, choice: u32, aux: u32, payload: usize) {
        self.rows.push(Row { kind, choice, aux, text_end: self.text.len(), payload });
    }
}

fn view<'a>(row: Row, delta: &'a str, payload: Option<&'a Payload>) -> Option<StreamEvent<'a>> {
    let choice = row.choice;
    Some(match (row.kind, payload) {
        (Kind::OutputTextDelta, _) => StreamEvent::OutputTextDelta { choice, delta },
        (Kind::ReasoningDelta, _) => StreamEvent::ReasoningDelta { choice, delta },
        (Kind::ReasoningSummaryDelta, _) => {
            StreamEvent::ReasoningSummaryDelta { summary_index: row.aux, delta }
        }
        (Kind::RefusalDelta, _) => StreamEvent::RefusalDelta { choice, delta },
        (Kind::ToolCallDelta, Some(Payload::Call { names, .. })) => {
            let CallNames { call_id, name } = names.as_ref();
            StreamEvent::ToolCallDelta { choice, index: row.aux, call_id, name, delta }
        }
        (Kind::OutputItemAdded, Some(Payload::Item(item))) => {
            StreamEvent::OutputItemAdded { index: row.aux, item }
        }
        (Kind::OutputItemDone, Some(Payload::Item(item))) => StreamEvent::OutputItemDone { item },
        (Kind::Created, Some(Payload::Created(created))) => StreamEvent::Created(created),
        (Kind::Raw, Some(Payload::Raw(frame))) => StreamEvent::Raw(frame),
        (Kind::Completed, Some(Payload::Completed(completion))) => StreamEvent::Completed(completion),
        _ => return None,
    })
}
