//! The OpenAI Responses API: events -> events and items.
//!
//! Source: the API reference's streaming events, the reference implementation's reading of them, and what
//! other providers make of it. An item is passed on as the API sent it, field by field; what this module
//! adds is to know which delta belongs to which item, and to lose none when a server leaves events out.

mod ending;
mod error;
mod event;
mod growing;
mod item;
mod items;
mod names;
mod output;
mod part;
mod repeat;
mod think;
mod usage;
mod written;

use std::sync::Arc;

use self::ending::{Ending, Terminal};
pub(super) use self::error::{from_event as reported_error, note_retry_delay};
pub(super) use self::event::is_response;
use self::event::{Event, Target};
use self::item::OutputItem;
use self::items::ByKind;
use self::names::Names;
pub(super) use self::repeat::{Delta, find as find_repetition};
use super::{ChoiceSummary, Flow, verbatim};
use crate::error::{Error, ErrorCode};
use crate::event::{Completion, Created, EndedBy};
use crate::event_queue::EventQueue;
use crate::item::{Item, Provider, Status, TokenUsage};
use crate::json::{self, JsonText, Raw};
use crate::options::Options;
use crate::places::Places;
use crate::timings::Timings;

/// The state of one Responses stream.
#[derive(Debug, Default)]
pub(crate) struct ResponsesStream {
    id: String,
    model: String,
    usage: Option<TokenUsage>,
    /// In order of appearance.
    items: Vec<OutputItem>,
    /// The newest item of each `output_index`. Item ids are no key: Copilot sends another with each event.
    by_index: Places,
    /// The newest item of each id, for servers that send no `output_index`.
    by_id: Places,
    /// By type, the items without `output_index` that may still be open.
    loose: ByKind,
    calls: u32,
    /// Whether `created` was emitted.
    created: bool,
    /// Whether anything of this API was seen.
    seen: bool,
    terminal: Option<Terminal>,
    unknown_events: u64,
    largest_item: usize,
}

impl ResponsesStream {
    /// Handles the JSON value of one event, or a whole response.
    ///
    /// # Errors
    /// `provider_error` when it reports an error, `event_too_large` when an item outgrew its limit.
    pub(crate) fn handle_event(
        &mut self,
        raw: Raw<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        let event = Event::read(raw);
        let Some(kind) = event.kind.as_deref() else {
            if event.is_response() {
                return self.whole_response(raw, options, out);
            }
            // A gateway's error, in the shape of its other wires.
            if event.error.is_some_and(|error| !error.is_blank()) {
                return Err(error::from_event(raw));
            }
            self.note_unknown();
            return Ok(Flow::More);
        };
        // An error says nothing of a response; it may be the answer to a request that never began.
        self.seen |= kind != "error";
        match kind {
            "response.created" | "response.queued" | "response.in_progress" => {
                if let Some(response) = event.response_object() {
                    self.note_response(response);
                    self.announce(out);
                }
            }
            "response.output_item.added" => self.item_added(&event, options, out),
            "response.output_item.done" => self.item_done(&event, options, out)?,
            "response.content_part.added"
            | "response.content_part.done"
            | "response.reasoning_part.added"
            | "response.reasoning_part.done"
            | "response.reasoning_summary_part.added"
            | "response.reasoning_summary_part.done" => self.part(kind, &event, options, out),
            "response.output_text.annotation.added" => self.annotation(&event, options, out),
            "response.completed" => return self.ending(Ending::Completed, raw, &event, options, out),
            "response.incomplete" => return self.ending(Ending::Incomplete, raw, &event, options, out),
            "response.failed" => return self.ending(Ending::Failed, raw, &event, options, out),
            "error" => return Err(error::from_event(raw)),
            _ => self.text(kind, &event, options, out),
        }
        self.check_size(options)?;
        Ok(Flow::More)
    }

    /// Whether anything of this API was seen.
    pub(crate) fn has_content(&self) -> bool {
        self.seen
    }

    /// Whether the event came that ends a response.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// Events of types that are passed over: the progress of server-side tools, and new ones.
    pub(crate) fn unknown_events(&self) -> u64 {
        self.unknown_events
    }

    /// Settles the texts of items that have not ended. Ending twice does nothing more.
    pub(crate) fn end(&mut self, options: &Options, out: &mut EventQueue) {
        for item in &mut self.items {
            item.settle(options.include, out);
        }
    }

    /// Emits the items that have not ended as what there is of them, and returns all.
    pub(crate) fn flush(&mut self, status: Option<Status>, out: &mut EventQueue) -> Vec<ChoiceSummary> {
        let status = match &self.terminal {
            Some(terminal) if terminal.is_incomplete => Some(Status::Incomplete),
            _ => status,
        };
        for at in self.in_order() {
            if let Some(item) = self.items.get_mut(at).filter(|item| item.is_open()) {
                let mut built = Vec::new();
                item.push_items(status, &mut built);
                item.finish(built.clone());
                for item in built {
                    out.item_done(0, item);
                }
            }
        }
        self.choices(status)
    }

    /// The items as they are now, as one choice.
    pub(crate) fn choices(&self, status: Option<Status>) -> Vec<ChoiceSummary> {
        if !self.seen {
            return Vec::new();
        }
        let mut items = Vec::with_capacity(self.items.len());
        for item in self.in_order().into_iter().filter_map(|at| self.items.get(at)) {
            item.push_items(status, &mut items);
        }
        vec![ChoiceSummary {
            index: 0,
            finish_reason: self.finish_reason(),
            finish_reason_normalized: self.finish_normalized(),
            items,
            provider: Provider::default(),
        }]
    }

    /// The response's end (or, of an unfinished one, what is known so far).
    pub(crate) fn completion(&self, ended_by: EndedBy) -> Completion {
        Completion {
            response_id: self.id.clone(),
            model: self.model.clone(),
            finish_reason: self.finish_reason(),
            finish_reason_normalized: self.finish_normalized(),
            token_usage: self.usage,
            ended_by,
            timings: Timings::default(),
            provider: self.terminal.as_ref().map(|terminal| terminal.provider.clone()).unwrap_or_default(),
        }
    }

    fn item_added(&mut self, event: &Event<'_>, options: &Options, out: &mut EventQueue) {
        let Some(raw) = event.item.filter(|item| is_item(*item)) else { return self.note_unknown() };
        let names = Names::read(raw);
        let known = self.known(event.output_index, &names.id, &names.kind);
        match known.and_then(|at| self.items.get_mut(at)) {
            // Announced again.
            Some(item) if item.is_open() && item.may_be(&names) => {
                item.describe(raw);
                item.number_call(&mut self.calls, options.include, out);
                self.largest_item = self.largest_item.max(item.size());
            }
            _ => {
                self.begin(OutputItem::announced(raw, event.output_index), options, out);
            }
        }
    }

    fn item_done(&mut self, event: &Event<'_>, options: &Options, out: &mut EventQueue) -> Result<(), Error> {
        let Some(raw) = event.item.filter(|item| is_item(*item)) else {
            self.note_unknown();
            return Ok(());
        };
        let names = Names::read(raw);
        let known = self.known(event.output_index, &names.id, &names.kind);
        let at = match known.and_then(|at| Some((at, self.items.get(at)?))) {
            Some((at, item)) if item.is_open() && item.may_be(&names) => at,
            Some((_, item)) if event.output_index.is_some() && is_same(item, raw, out) => return Ok(()),
            _ => self.place(OutputItem::announced(raw, event.output_index)),
        };
        self.finish(at, raw, options, out)
    }

    /// An item's final form.
    fn finish(
        &mut self,
        at: usize,
        raw: Raw<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<(), Error> {
        self.check_item(raw.len(), options)?;
        let Some(item) = self.items.get_mut(at) else { return Ok(()) };
        if item.is_call() {
            // A call without deltas, or with some missing: what is left of it is streamed now.
            item.number_call(&mut self.calls, options.include, out);
            let name = if item.kind == "function_call" { "arguments" } else { "input" };
            if let Some(text) = json::field(raw, name.as_bytes()).and_then(json::text) {
                item.complete((Target::Field("", name), 0), &text, options.include, out);
            }
        }
        item.settle(options.include, out);
        let taken = item.take_thoughts(raw, out);
        let raw = taken.as_deref().map_or(raw, Raw::from_text);
        let finished = Arc::new(verbatim::item(raw));
        let mut items = Vec::new();
        item.push_thoughts(None, &mut items);
        items.push(finished);
        item.finish(items.clone());
        for item in items {
            out.item_done(0, item);
        }
        Ok(())
    }

    /// A delta of a text that is known, or such a text as a whole.
    fn text(&mut self, kind: &str, event: &Event<'_>, options: &Options, out: &mut EventQueue) {
        let delta = kind.strip_suffix(".delta");
        let stem = delta.or_else(|| kind.strip_suffix(".done"));
        let Some(target) = stem.and_then(Target::of_stem) else { return self.note_unknown() };
        let raw = if delta.is_some() { event.delta } else { event.whole };
        let Some(text) = raw.and_then(json::text) else { return self.note_unknown() };
        if text.is_empty() {
            return;
        }
        let place = (target, repeat::part_index(target, event));
        match delta {
            Some(_) => self.push_text(place, event, &text, options, out),
            None => self.with_item(target, event, false, options, out, |item, out| {
                item.complete(place, &text, options.include, out);
            }),
        }
    }

    /// A delta of a text.
    fn push_text(
        &mut self,
        place: (Target, u64),
        event: &Event<'_>,
        text: &JsonText<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) {
        self.with_item(place.0, event, true, options, out, |item, out| {
            item.push(place, text, options.include, out);
        });
    }

    fn part(&mut self, kind: &str, event: &Event<'_>, options: &Options, out: &mut EventQueue) {
        let Some(part) = event.part.filter(|part| part.is_object()) else { return self.note_unknown() };
        let is_summary = kind.starts_with("response.reasoning_summary_part");
        let target = match (is_summary, kind.starts_with("response.reasoning_part")) {
            (true, _) => Target::Part(event::PartKind::SummaryText),
            (_, true) => Target::Part(event::PartKind::ReasoningText),
            _ => Target::Part(event::PartKind::OutputText),
        };
        let at = if is_summary { event.summary_index } else { event.content_index }.unwrap_or(0);
        self.with_item(target, event, false, options, out, |item, out| {
            item.note_part((is_summary, at), part, options.include, out);
        });
    }

    fn annotation(&mut self, event: &Event<'_>, options: &Options, out: &mut EventQueue) {
        let Some(annotation) = event.annotation else { return self.note_unknown() };
        let target = Target::Part(event::PartKind::OutputText);
        self.with_item(target, event, false, options, out, |item, _| {
            item.note_annotation(event.content_index.unwrap_or(0), annotation);
        });
    }

    fn note_response(&mut self, response: Raw<'_>) {
        json::each_field(response, |key, value| {
            let slot = match key {
                b"id" => &mut self.id,
                b"model" => &mut self.model,
                b"usage" => return self.usage = usage::read(value).or(self.usage),
                _ => return,
            };
            // The first counts, as `created` told it: Copilot has another id with each event.
            if slot.is_empty() {
                *slot = json::nonempty_string(value).unwrap_or_default().into_owned();
            }
        });
    }

    fn announce(&mut self, out: &mut EventQueue) {
        if !self.created {
            self.created = true;
            out.created(Created { response_id: self.id.clone(), model: self.model.clone() });
        }
    }

    fn note_unknown(&mut self) {
        self.unknown_events = self.unknown_events.saturating_add(1);
    }

    fn check_size(&self, options: &Options) -> Result<(), Error> {
        self.check_item(self.largest_item, options)
    }

    fn check_item(&self, size: usize, options: &Options) -> Result<(), Error> {
        let limit = options.max_item_bytes;
        if size > limit {
            let message = format!("item larger than {limit} bytes (maxItemBytes)");
            return Err(Error::new(ErrorCode::EventTooLarge, message));
        }
        Ok(())
    }
}

/// An object that says something.
fn is_item(raw: Raw<'_>) -> bool {
    raw.is_object() && !raw.is_blank()
}

/// Whether a finished item is this one, sent again.
fn is_same(item: &OutputItem, raw: Raw<'_>, out: &EventQueue) -> bool {
    let taken = item.without_thoughts(raw, out);
    let raw = taken.as_ref().map_or(raw, |(json, _)| Raw::from_text(json));
    match item.done().map(AsRef::as_ref) {
        Some(Item::Verbatim(done)) => done.json() == verbatim::clean(raw),
        _ => false,
    }
}
