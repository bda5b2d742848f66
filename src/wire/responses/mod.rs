//! The OpenAI Responses API: events -> events and items.
//!
//! Source: the API reference's streaming events, the reference implementation's reading of them, and what
//! other providers make of it. An item is passed on as the API sent it, field by field; what this module
//! adds is to know which delta belongs to which item, and to lose none when a server leaves events out.

mod error;
mod event;
mod item;
mod output;
mod repeat;
mod think;
mod usage;
pub(super) mod verbatim;

use std::sync::Arc;

pub(super) use self::error::{from_event as reported_error, note_retry_delay};
pub(super) use self::event::is_response;
use self::event::{Event, Target};
use self::item::{Names, OutputItem};
pub(super) use self::repeat::{Delta, find as find_repetition};
use super::Flow;
use super::chat::ChoiceSummary;
use crate::error::{Error, ErrorCode};
use crate::event::{Completion, Created, EndedBy};
use crate::event_queue::EventQueue;
use crate::item::{Item, Provider, Status, TokenUsage};
use crate::json::{self, JsonText, Raw};
use crate::options::Options;
use crate::places::{self, Places};
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

/// Places by an item's type, oldest first.
#[derive(Debug, Default)]
struct ByKind {
    kinds: Places,
    places: Vec<Vec<usize>>,
}

impl ByKind {
    fn push(&mut self, kind: &str, at: usize) {
        match self.of_mut(kind) {
            Some(places) => places.push(at),
            None => {
                self.kinds.set_name(kind, self.places.len());
                self.places.push(vec![at]);
            }
        }
    }

    fn of_mut(&mut self, kind: &str) -> Option<&mut Vec<usize>> {
        self.places.get_mut(self.kinds.of_name(kind)?)
    }
}

/// What the terminal event said.
#[derive(Debug)]
struct Terminal {
    /// `completed`, or why the response is incomplete.
    reason: String,
    is_incomplete: bool,
    provider: Provider,
}

/// How a response ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Completed,
    Incomplete,
    Failed,
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

    /// A response object as the whole body.
    fn whole_response(
        &mut self,
        raw: Raw<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        self.seen = true;
        self.note_response(raw);
        self.announce(out);
        let status = json::field(raw, b"status").and_then(json::nonempty_string);
        let ending = match status.as_deref() {
            Some("failed" | "cancelled") => Ending::Failed,
            Some("incomplete") => Ending::Incomplete,
            // It runs in the background; the items so far are all there is.
            Some("queued" | "in_progress") => {
                self.take_output(raw, true, options, out)?;
                return Ok(Flow::More);
            }
            _ => Ending::Completed,
        };
        self.end_with(ending, Some(raw), Provider::default(), options, out)
    }

    fn ending(
        &mut self,
        ending: Ending,
        raw: Raw<'_>,
        event: &Event<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        let mut provider = Provider::default();
        json::each_field(raw, |key, value| {
            let known = matches!(key, b"type" | b"response" | b"sequence_number" | b"obfuscation");
            if !known && !value.is_blank() {
                provider.insert(&String::from_utf8_lossy(key), verbatim::clean(value).into_owned());
            }
        });
        let response = event.response_object();
        if let Some(response) = response {
            self.note_response(response);
        }
        self.end_with(ending, response, provider, options, out)
    }

    fn end_with(
        &mut self,
        ending: Ending,
        response: Option<Raw<'_>>,
        mut provider: Provider,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        let taken = response.map_or(Ok(()), |response| self.take_output(response, false, options, out));
        let incomplete = response.and_then(|response| json::field(response, b"incomplete_details"));
        let why = incomplete.and_then(|details| json::field(details, b"reason"));
        if let Some(response) = response {
            note_provider(response, &mut provider);
        }
        let name = if ending == Ending::Incomplete { "incomplete" } else { "completed" };
        let reason = match why.and_then(json::nonempty_string) {
            Some(why) if ending == Ending::Incomplete => why.into_owned(),
            _ => name.to_owned(),
        };
        if ending == Ending::Failed {
            return Err(error::from_response(response));
        }
        taken?;
        let is_incomplete = ending == Ending::Incomplete;
        self.terminal = Some(Terminal { reason, is_incomplete, provider });
        self.check_size(options)?;
        Ok(Flow::Complete(EndedBy::TerminalEvent))
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
        item.settle(options.include, out);
        let taken = item.take_thoughts(raw, out);
        let raw = taken.as_deref().map_or(raw, Raw::from_text);
        let finished = Arc::new(verbatim::item(raw));
        if item.is_call() {
            // A call without deltas, or with some missing: what is left of it is streamed now.
            item.number_call(&mut self.calls, options.include, out);
            let name = if item.kind == "function_call" { "arguments" } else { "input" };
            if let Some(text) = json::field(raw, name.as_bytes()).and_then(json::text) {
                item.complete((Target::Field("", name), 0), &text, options.include, out);
                item.settle(options.include, out);
            }
        }
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

    /// Applies `change` to the item that an event is about; an item that was not announced begins with it.
    /// After an item's end only a delta begins another: the rest repeats what the item has.
    fn with_item(
        &mut self,
        target: Target,
        event: &Event<'_>,
        is_delta: bool,
        options: &Options,
        out: &mut EventQueue,
        change: impl FnOnce(&mut OutputItem, &mut EventQueue),
    ) {
        let string = |raw: Option<Raw<'_>>| {
            raw.and_then(json::nonempty_string).map(|text| text.into_owned()).unwrap_or_default()
        };
        let id = string(event.item_id);
        let known = self.known(event.output_index, &id, target.item_kind());
        let at = match known.and_then(|at| Some((at, self.items.get(at)?))) {
            Some((at, item)) if item.is_open() => at,
            Some(_) if !is_delta => return,
            _ => {
                let call_id = string(event.call_id);
                self.begin(OutputItem::begun(target, event.output_index, &id, &call_id), options, out)
            }
        };
        if let Some(item) = self.items.get_mut(at) {
            if let Some(call_id) = event.call_id.and_then(json::nonempty_string) {
                item.note_call_id(&call_id);
            }
            change(item, out);
            self.largest_item = self.largest_item.max(item.size());
        }
    }

    /// Which item an event is about: the newest at its index; without one that of its id; without that one
    /// the last open item of its type that has no index either.
    fn known(&mut self, index: Option<u64>, id: &str, kind: &str) -> Option<usize> {
        if let Some(index) = index {
            return self.by_index.of_number(index);
        }
        if let Some(at) = self.by_id.of_name(id).filter(|_| !id.is_empty()) {
            return Some(at);
        }
        let stack = self.loose.of_mut(kind)?;
        while let Some(at) = stack.last() {
            match self.items.get(*at) {
                Some(item) if item.is_open() => {
                    return Some(*at).filter(|_| id.is_empty() || item.id.is_empty());
                }
                _ => stack.pop(),
            };
        }
        None
    }

    /// Adds an item and announces it.
    fn begin(&mut self, item: OutputItem, options: &Options, out: &mut EventQueue) -> usize {
        let at = self.place(item);
        if let Some(item) = self.items.get_mut(at) {
            if options.include.output_item_added {
                out.item_added(0, Arc::unwrap_or_clone(item.announcement()));
            }
            item.number_call(&mut self.calls, options.include, out);
            self.largest_item = self.largest_item.max(item.size());
        }
        at
    }

    fn place(&mut self, item: OutputItem) -> usize {
        let at = self.items.len();
        match item.index {
            Some(index) => self.by_index.set_number(index, at),
            None => self.loose.push(&item.kind, at),
        }
        if !item.id.is_empty() {
            self.by_id.set_name(&item.id, at);
        }
        self.items.push(item);
        at
    }

    /// The places of the items, by `output_index`; one without goes where it appeared.
    fn in_order(&self) -> Vec<usize> {
        let mut last = 0;
        places::sorted(self.items.iter().map(|item| {
            last = item.index.unwrap_or(last);
            last
        }))
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

    fn finish_reason(&self) -> Option<String> {
        self.terminal.as_ref().map(|terminal| terminal.reason.clone())
    }

    /// The reason in the words of the chat wire, which every wire shares.
    fn finish_normalized(&self) -> Option<String> {
        let terminal = self.terminal.as_ref()?;
        let reason = match (terminal.is_incomplete, terminal.reason.as_str()) {
            (true, "max_output_tokens" | "max_tokens") => "length",
            (true, other) => other,
            (false, _) if self.waits_for_tools() => "tool_calls",
            (false, _) => "stop",
        };
        Some(reason.to_owned())
    }

    /// Whether the caller has to answer calls. A custom call with a message after it was answered by the
    /// server (xAI's searches).
    fn waits_for_tools(&self) -> bool {
        let mut waits = false;
        for at in self.in_order() {
            match self.items.get(at).map(|item| item.kind.as_str()) {
                Some("function_call") => return true,
                Some("custom_tool_call") => waits = true,
                Some("message") => waits = false,
                _ => {}
            }
        }
        waits
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

/// What a response object says beyond id, model, output and the counts of its usage.
fn note_provider(response: Raw<'_>, provider: &mut Provider) {
    json::each_field(response, |key, value| {
        let known = match key {
            b"id" | b"model" | b"output" | b"object" | b"created_at" => true,
            b"usage" => !usage::has_more(value),
            _ => value.is_blank(),
        };
        if !known {
            provider.insert(&String::from_utf8_lossy(key), verbatim::clean(value).into_owned());
        }
    });
}
