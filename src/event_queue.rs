//! The events of one feed, until they are polled or cross as a batch (`src/flat.rs`).

use std::sync::Arc;

use crate::event::{Completion, Created, RawFrame, StreamEvent};
use crate::item::Item;
use crate::think::Think;

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
    /// Whether a delta of any kind, and one of visible text, was queued since somebody looked.
    pub(crate) saw_token: bool,
    pub(crate) saw_text: bool,
    /// How many items were announced.
    added: u32,
    /// Set where thoughts between tags are looked for.
    pub(crate) think: Option<Box<Think>>,
    /// Whether a call's names went to somebody who polls: batches that are taken all the same may lack them.
    pub(crate) names_were_polled: bool,
}

/// An arena that one huge feed made larger than this is given back.
const KEPT_CAPACITY: usize = 256 * 1024;

impl EventQueue {
    /// A queue that looks for thoughts between tags, or not.
    pub(crate) fn new(think: Option<Box<Think>>) -> Self {
        Self { think, ..Self::default() }
    }

    pub(crate) fn created(&mut self, created: Created) {
        self.push_payload(Kind::Created, 0, 0, Payload::Created(created));
    }

    pub(crate) fn item_added(&mut self, choice: u32, item: Item) {
        self.push_payload(Kind::OutputItemAdded, choice, self.added, Payload::Item(Arc::new(item)));
        self.added = self.added.saturating_add(1);
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
