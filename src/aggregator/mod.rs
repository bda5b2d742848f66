//! Bytes in, events out: the state machine that joins framing, a wire and the event queue.

mod core;
mod counts;
mod foreign;

use self::core::{Core, State};
pub use self::counts::Counts;
use crate::body::BodySniffer;
use crate::error::{Error, ErrorCode};
use crate::event::{Completion, EndedBy, StreamEvent};
use crate::event_queue::EventQueue;
use crate::flat::FlatBatch;
use crate::item::{Item, Status};
use crate::json::Tape;
use crate::options::{Options, WireChoice};
use crate::pattern::LastEvent;
use crate::sse::Framer;
use crate::telemetry::{Observation, Observer};
use crate::think::Think;
use crate::timings::{Stopwatch, Timings};
use crate::wire::ChoiceSummary;
use crate::wire::Wire;

/// Aggregates one stream.
///
/// Feed it (`handle_*`), drain it (`poll_event` until `None`), feed it again. It performs no IO and has no
/// clock: every call is told the time, in milliseconds of any clock that does not go backwards.
///
/// The end comes once: [`StreamEvent::Completed`] as the last event, or [`Aggregator::error`] after the
/// events of everything that was received. Input after the end is ignored.
#[derive(Debug)]
pub struct Aggregator {
    core: Core,
    framer: Framer,
}
impl Aggregator {
    /// Opens a stream at `now_ms`.
    #[must_use]
    pub fn new(options: Options, now_ms: f64) -> Self {
        let limit = options.max_event_bytes;
        let think = options.think_tags.as_ref().map(|tags| Box::new(Think::new(tags)));
        let core = Core {
            wire: Wire::new(options.wire),
            stopwatch: Stopwatch::start(now_ms, options.stall_ms),
            options,
            sniffer: BodySniffer::new(limit),
            queue: EventQueue::new(think),
            observer: Observer::new(now_ms),
            state: State::Open,
            counts: Counts::default(),
            last_event: LastEvent::default(),
            tape: Tape::default(),
            finished: Vec::new(),
        };
        Self { core, framer: Framer::new(limit) }
    }

    /// Takes the next bytes of the body, split anywhere.
    pub fn handle_bytes(&mut self, bytes: &[u8], now_ms: f64) {
        let Self { core, framer } = self;
        if !core.is_open() || bytes.is_empty() {
            return;
        }
        core.stopwatch.byte(now_ms);
        core.counts.bytes = core.counts.bytes.saturating_add(bytes.len() as u64);
        core.sniffer.note(bytes);
        let mut input = bytes;
        while core.is_open() {
            let rest = input;
            let is_whole = framer.is_between_events();
            if let Some((len, fields)) = is_whole.then(|| core.handle_repeated(rest, now_ms)).flatten() {
                framer.note_event(fields);
                input = rest.get(len..).unwrap_or_default();
                continue;
            }
            match framer.poll_frame(&mut input) {
                Ok(Some(frame)) => {
                    let event = rest.get(..rest.len() - input.len()).filter(|_| is_whole);
                    core.handle_frame(&frame, event, now_ms);
                }
                Ok(None) => break,
                Err(error) => {
                    // So many lines, and none of an event stream's: it will not become one, and may have no end.
                    let is_foreign =
                        framer.fields() == 0 && framer.comments() == 0 && framer.ignored_lines() > 0;
                    if !is_foreign || !core.handle_foreign_body(true, now_ms) {
                        core.fail(Error::new(ErrorCode::EventTooLarge, error.to_string()), now_ms);
                    }
                }
            }
        }
        core.note_moments(now_ms);
        core.counts.comments = framer.comments();
        core.counts.unknown_events = core.wire.unknown_events();
    }

    /// The body ended without an error. An event that no blank line ended is still taken.
    pub fn handle_end(&mut self, now_ms: f64) {
        let Self { core, framer } = self;
        if !core.is_open() {
            return;
        }
        match framer.finish() {
            Ok(Some(frame)) => core.handle_frame(&frame, None, now_ms),
            Ok(None) => {}
            Err(error) => core.fail(Error::new(ErrorCode::EventTooLarge, error.to_string()), now_ms),
        }
        core.counts.comments = framer.comments();
        if core.is_open() {
            let looks_like_stream =
                framer.fields() > 0 || (framer.comments() > 0 && framer.ignored_lines() == 0);
            core.handle_end(looks_like_stream, now_ms);
        }
        core.counts.unknown_events = core.wire.unknown_events();
        core.note_moments(now_ms);
    }

    /// Nothing arrived for the time that the caller allows.
    pub fn handle_idle_timeout(&mut self, now_ms: f64) {
        let error = Error::new(ErrorCode::IdleTimeout, "idle timeout waiting for SSE");
        self.core.end_early(EndedBy::IdleTimeout, error, now_ms);
    }

    /// Reading the body failed.
    pub fn handle_transport_error(&mut self, message: &str, now_ms: f64) {
        let error = Error::new(ErrorCode::Transport, message);
        self.core.end_early(EndedBy::TransportError, error, now_ms);
    }

    /// The stream failed for a reason outside of it: an abort, or an HTTP status.
    pub fn handle_failure(&mut self, error: Error, now_ms: f64) {
        if self.core.is_open() {
            self.core.fail(error, now_ms);
        }
    }

    /// Returns the next event, or `None` when all were read: feed again, or look at
    /// [`Aggregator::error`] and [`Aggregator::is_finished`].
    #[must_use]
    pub fn poll_event(&mut self) -> Option<StreamEvent<'_>> {
        let queue = &mut self.core.queue;
        if queue.is_empty() {
            queue.clear();
            return None;
        }
        queue.poll()
    }

    /// Takes all queued events as text and table; see [`crate::flat`].
    pub fn fill_batch(&mut self, batch: &mut FlatBatch) {
        batch.fill(&mut self.core.queue);
    }

    /// From here on, notes what telemetry wants to know; see [`Aggregator::take_observations`].
    pub fn observe(&mut self) {
        self.core.observer.switch_on();
    }

    /// Takes what was noted for telemetry since the last call.
    pub fn take_observations(&mut self) -> Vec<Observation> {
        self.core.observer.take()
    }

    /// Drops the events that were not read.
    pub fn discard_events(&mut self) {
        self.core.queue.clear();
    }

    /// Whether the stream is completed or failed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.core.is_open()
    }

    /// Why the stream failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match &self.core.state {
            State::Failed(error) => Some(error),
            State::Open | State::Completed(_) => None,
        }
    }

    /// The items: finished ones, or while the stream runs what there is of them, marked `in_progress`.
    #[must_use]
    pub fn items(&self) -> Vec<std::sync::Arc<Item>> {
        self.choices().into_iter().flat_map(|choice| choice.items).collect()
    }

    /// The choices with their items; see [`Aggregator::items`].
    #[must_use]
    pub fn choices(&self) -> Vec<ChoiceSummary> {
        match self.core.state {
            State::Open => self.core.wire.choices(Some(Status::InProgress)),
            State::Completed(_) | State::Failed(_) => self.core.finished.clone(),
        }
    }

    /// The response's end; `None` unless the stream completed.
    #[must_use]
    pub fn completion(&self) -> Option<Completion> {
        match self.core.state {
            State::Completed(ended_by) => Some(self.core.completion(ended_by)),
            State::Open | State::Failed(_) => None,
        }
    }

    /// What is known of the response now, complete or not: id, model, finish reason, usage. Its
    /// `ended_by` means something only once [`Aggregator::completion`] is there.
    #[must_use]
    pub fn summary(&self) -> Completion {
        let ended_by = match self.core.state {
            State::Completed(ended_by) => ended_by,
            State::Open | State::Failed(_) => EndedBy::EndOfStream,
        };
        self.core.completion(ended_by)
    }

    /// The API that the stream speaks; [`WireChoice::Auto`] while nothing told.
    #[must_use]
    pub fn wire(&self) -> WireChoice {
        self.core.wire.choice()
    }

    /// When things happened, so far.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.summary().timings
    }

    /// What went through, so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.core.counts
    }
}

#[cfg(test)]
mod tests;
