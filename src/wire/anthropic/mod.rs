//! The Anthropic Messages API: events -> events and items.
//!
//! Source: the API reference's streaming events, what its SDKs make of them, recordings, and what gateways change. Every
//! content block becomes one item, in the order of the blocks (`block.rs`), so that a turn can be put together again
//! from its items, signatures included.

mod block;
mod event;
mod repeat;
mod usage;

use std::sync::Arc;

use self::block::Block;
pub(super) use self::event::is_message;
use self::event::{Delta, Event};
pub(crate) use self::repeat::{BlockDelta, find as find_repetition};
use self::usage::Usage;
use super::Flow;
use super::extras::Extras;
use super::finish::FinishReason;
use super::responses::reported_error;
use super::{ChoiceSummary, verbatim};
use crate::error::{Error, ErrorCode};
use crate::event::{Completion, Created, EndedBy};
use crate::event_queue::EventQueue;
use crate::item::{Provider, Status};
use crate::json::{self, JsonText, Raw};
use crate::options::Options;
use crate::places::Places;
use crate::timings::Timings;

/// The state of one stream of messages events.
#[derive(Debug, Default)]
pub(crate) struct AnthropicStream {
    id: String,
    model: String,
    role: String,
    usage: Usage,
    stop_reason: FinishReason,
    /// What the message says beyond: the stop sequence, the container, context management.
    extras: Extras,
    /// In order of appearance.
    blocks: Vec<Block>,
    /// The newest block of each index.
    by_index: Places,
    calls: u32,
    /// Whether `message_start` came.
    is_started: bool,
    /// Whether `message_stop` came, or the message as a whole.
    is_stopped: bool,
    /// Whether anything of this API was seen.
    seen: bool,
    unknown_events: u64,
    largest_block: usize,
}

impl AnthropicStream {
    /// Handles the JSON value of one event, or a whole message.
    ///
    /// # Errors
    /// `provider_error` when it reports an error, `event_too_large` when an item outgrew its limit,
    /// `stream_incomplete` when another message begins before the end of this one.
    pub(crate) fn handle_event(
        &mut self,
        raw: Raw<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        let event = Event::read(raw, |_, _| {});
        let Some(kind) = event.kind.as_deref() else {
            // A gateway's error, in the shape of its other wires.
            if event.error.is_some() {
                return Err(reported_error(raw));
            }
            self.note_unknown();
            return Ok(Flow::More);
        };
        // An error says nothing of a message; it may be the answer to a request that never began.
        self.seen |= !matches!(kind, "error" | "ping");
        match kind {
            "message_start" => self.message_start(&event, options, out)?,
            "content_block_start" => match event.content_block {
                Some(block) => {
                    self.start(event.index, block, options, out);
                }
                None => self.note_unknown(),
            },
            "content_block_delta" => self.delta(&event, options, out),
            "content_block_stop" => {
                if let Some(at) = self.open_block(event.index) {
                    self.stop(at, None, options, out);
                }
            }
            "message_delta" => {
                if let Some(delta) = event.delta {
                    self.note_message(delta, true);
                }
                if let Some(usage) = event.usage {
                    self.usage.note(usage);
                }
                self.note_extras(raw);
            }
            "message_stop" => {
                self.note_extras(raw);
                self.is_stopped = true;
            }
            "message" => self.whole_message(raw, options, out)?,
            "ping" => {}
            "error" => return Err(reported_error(raw)),
            _ => self.note_unknown(),
        }
        self.check_size(options)?;
        Ok(if self.is_stopped { Flow::Complete(EndedBy::TerminalEvent) } else { Flow::More })
    }

    /// Handles a delta that came before, now with another text.
    ///
    /// # Errors
    /// `event_too_large`.
    pub(crate) fn handle_repeated(
        &mut self,
        delta: BlockDelta,
        text: &JsonText<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<(), Error> {
        if let Some(block) = self.blocks.get_mut(delta.at) {
            block.push(text, options.include, out);
        }
        self.note_size(delta.at);
        self.check_size(options)
    }

    /// Whether anything of this API was seen.
    pub(crate) fn has_content(&self) -> bool {
        self.seen
    }

    /// Whether the end of the stream may count as the message's end. Gateways leave `message_stop` out, and add `[DONE]`.
    pub(crate) fn may_complete(&self) -> bool {
        self.is_stopped || self.stop_reason.raw().is_some()
    }

    /// Events of types that are passed over.
    pub(crate) fn unknown_events(&self) -> u64 {
        self.unknown_events
    }

    /// Settles the texts of blocks that have not stopped. Ending twice does nothing more.
    pub(crate) fn end(&mut self, options: &Options, out: &mut EventQueue) {
        let is_finished = self.may_complete() && !self.is_cut_short();
        for block in &mut self.blocks {
            block.settle(is_finished, options.include, out);
        }
    }

    /// Emits the blocks that have not stopped as what there is of them, and returns all.
    pub(crate) fn flush(&mut self, status: Option<Status>, out: &mut EventQueue) -> Vec<ChoiceSummary> {
        let status = if self.is_cut_short() { Some(Status::Incomplete) } else { status };
        for at in 0..self.blocks.len() {
            self.finish(at, status, out);
        }
        self.choices(status)
    }

    /// The items as they are now, as one choice.
    pub(crate) fn choices(&self, status: Option<Status>) -> Vec<ChoiceSummary> {
        if !self.seen {
            return Vec::new();
        }
        let mut items = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            block.push_items(self.role(), status, &mut items);
        }
        vec![ChoiceSummary {
            index: 0,
            finish_reason: self.finish_reason(),
            finish_reason_normalized: self.finish_normalized(),
            items,
            provider: Provider::default(),
        }]
    }

    /// The message's end (or, of an unfinished one, what is known so far).
    pub(crate) fn completion(&self, ended_by: EndedBy) -> Completion {
        let mut provider = Provider::default();
        self.extras.write_to(&mut provider);
        self.usage.write_to(&mut provider);
        Completion {
            response_id: self.id.clone(),
            model: self.model.clone(),
            finish_reason: self.finish_reason(),
            finish_reason_normalized: self.finish_normalized(),
            token_usage: self.usage.counts(),
            ended_by,
            timings: Timings::default(),
            provider,
        }
    }

    /// The place of the open block with this index; of the newest one when there is no index.
    fn open_block(&self, index: Option<u64>) -> Option<usize> {
        let at = match index {
            Some(index) => self.by_index.of_number(index)?,
            None => self.blocks.len().checked_sub(1)?,
        };
        self.blocks.get(at)?.is_open().then_some(at)
    }

    fn message_start(
        &mut self,
        event: &Event<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<(), Error> {
        let Some(message) = event.message else {
            self.note_unknown();
            return Ok(());
        };
        if self.is_started {
            // Sent again by some gateways; two streams in one by others.
            let id = json::field(message, b"id").and_then(json::nonempty_string);
            return match id.filter(|id| *id != self.id) {
                Some(_) => {
                    let message = "another message began before the end of this one";
                    Err(Error::new(ErrorCode::StreamIncomplete, message))
                }
                None => Ok(()),
            };
        }
        self.open_message(message, false, out);
        for block in json::field(message, b"content").into_iter().flat_map(json::elements) {
            self.start(None, block, options, out);
        }
        Ok(())
    }

    /// A message as the whole body.
    fn whole_message(&mut self, raw: Raw<'_>, options: &Options, out: &mut EventQueue) -> Result<(), Error> {
        self.open_message(raw, true, out);
        for block in json::field(raw, b"content").into_iter().flat_map(json::elements) {
            if let Some(at) = self.start(None, block, options, out) {
                self.check_size(options)?;
                self.stop(at, None, options, out);
            }
        }
        self.is_stopped = true;
        Ok(())
    }

    fn open_message(&mut self, message: Raw<'_>, is_whole: bool, out: &mut EventQueue) {
        self.note_message(message, is_whole);
        if !self.is_started {
            self.is_started = true;
            out.created(Created { response_id: self.id.clone(), model: self.model.clone() });
        }
    }

    /// A message object, or what `message_delta` says of it. Why it stopped counts only once it did.
    fn note_message(&mut self, message: Raw<'_>, has_stopped: bool) {
        json::each_field(message, |key, value| {
            let slot = match key {
                b"id" => &mut self.id,
                b"model" => &mut self.model,
                b"role" => &mut self.role,
                b"type" | b"content" => return,
                b"usage" => return self.usage.note(value),
                b"stop_reason" => {
                    if has_stopped {
                        self.stop_reason.note(value);
                    }
                    return;
                }
                _ => return self.extras.replace(key, Raw::from_text(&verbatim::clean(value))),
            };
            if slot.is_empty() {
                *slot = json::nonempty_string(value).unwrap_or_default().into_owned();
            }
        });
    }

    /// What an event says beside the message.
    fn note_extras(&mut self, raw: Raw<'_>) {
        json::each_field(raw, |key, value| {
            if !matches!(key, b"type" | b"delta" | b"usage") {
                self.extras.replace(key, Raw::from_text(&verbatim::clean(value)));
            }
        });
    }

    /// Begins a block and announces it. One that is open at its index has been forgotten to be stopped.
    fn start(
        &mut self,
        index: Option<u64>,
        raw: Raw<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Option<usize> {
        if !raw.is_object() {
            self.note_unknown();
            return None;
        }
        let at = self.blocks.len();
        let place = u64::try_from(at).unwrap_or(u64::MAX);
        let index = index.unwrap_or(place);
        if let Some(open) = self.open_block(Some(index)) {
            if self.blocks.get(open).is_some_and(|block| block.is_announced_by(raw)) {
                return Some(open);
            }
            self.stop(open, None, options, out);
        }
        self.by_index.set_number(index, at);
        let mut block = Block::announced(raw, (index != place).then_some(index));
        if options.include.output_item_added {
            out.item_added(0, Arc::unwrap_or_clone(block.announcement(self.role())));
        }
        block.begin(&mut self.calls, options.include, out);
        self.blocks.push(block);
        self.note_size(at);
        Some(at)
    }

    fn delta(&mut self, event: &Event<'_>, options: &Options, out: &mut EventQueue) {
        let Some(raw) = event.delta else { return self.note_unknown() };
        let delta = Delta::read(raw);
        let mut at = self.open_block(event.index);
        let fits = at.and_then(|at| self.blocks.get(at)).is_some_and(|block| block.takes(delta.kind));
        if !fits {
            // Its block was not announced, nor the end of the one before.
            if let Some(open) = at {
                self.stop(open, None, options, out);
            }
            let described = Block::described_by(delta.kind);
            at = described.and_then(|described| self.start(event.index, described, options, out));
        }
        let block = at.and_then(|at| self.blocks.get_mut(at));
        let is_known = block.is_some_and(|block| block.apply(&delta, raw, options.include, out));
        if let Some(at) = at {
            self.note_size(at);
        }
        if !is_known {
            self.note_unknown();
        }
    }

    fn stop(&mut self, at: usize, status: Option<Status>, options: &Options, out: &mut EventQueue) {
        if let Some(block) = self.blocks.get_mut(at) {
            block.settle(true, options.include, out);
        }
        self.note_size(at);
        self.finish(at, status, out);
    }

    fn finish(&mut self, at: usize, status: Option<Status>, out: &mut EventQueue) {
        let role = if self.role.is_empty() { DEFAULT_ROLE } else { &self.role };
        if let Some(block) = self.blocks.get_mut(at).filter(|block| block.is_open()) {
            let mut items = Vec::new();
            block.push_items(role, status, &mut items);
            block.finish(items.clone());
            for item in items {
                out.item_done(0, item);
            }
        }
    }

    fn role(&self) -> &str {
        if self.role.is_empty() { DEFAULT_ROLE } else { &self.role }
    }

    fn finish_reason(&self) -> Option<String> {
        self.stop_reason.raw().map(ToOwned::to_owned)
    }

    /// The reason in the words of the chat wire, which every wire shares.
    fn finish_normalized(&self) -> Option<String> {
        let reason = match self.stop_reason.raw()? {
            "refusal" => "content_filter",
            "model_context_window_exceeded" => "length",
            _ => return self.stop_reason.normalized(self.blocks.iter().any(Block::is_call)),
        };
        Some(reason.to_owned())
    }

    /// Whether the model was stopped in the middle: a block that has not stopped is not whole.
    fn is_cut_short(&self) -> bool {
        self.finish_normalized().is_some_and(|reason| reason == "length")
    }

    fn note_unknown(&mut self) {
        self.unknown_events = self.unknown_events.saturating_add(1);
    }

    fn note_size(&mut self, at: usize) {
        let size = self.blocks.get(at).map_or(0, Block::size);
        self.largest_block = self.largest_block.max(size);
    }

    fn check_size(&self, options: &Options) -> Result<(), Error> {
        let limit = options.max_item_bytes;
        if self.largest_block.max(self.extras.len()) > limit {
            let message = format!("item larger than {limit} bytes (maxItemBytes)");
            return Err(Error::new(ErrorCode::EventTooLarge, message));
        }
        Ok(())
    }
}

const DEFAULT_ROLE: &str = "assistant";
