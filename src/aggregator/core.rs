//! Everything of a stream but its framer: frames in, events in the queue, and how it ends.

use std::mem;

use super::counts::Counts;
use super::foreign::ahead_of_stream;
use crate::body::{BodyKind, BodySniffer};
use crate::diagnostics::diagnostic;
use crate::error::{Error, ErrorCode};
use crate::event::{Completion, EndedBy, RawFrame};
use crate::event_queue::EventQueue;
use crate::item::Status;
use crate::json::{Raw, Tape};
use crate::options::{InvalidUtf8, Options};
use crate::pattern::{LastEvent, Repeated};
use crate::sse::Frame;
use crate::telemetry::{self, Observer};
use crate::timings::Stopwatch;
use crate::wire::ChoiceSummary;
use crate::wire::provider_error;
use crate::wire::{self, Flow, FrameData, Repeat, Wire};

/// Everything but the framer, whose frames borrow it while they are handled.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) options: Options,
    pub(super) wire: Wire,
    pub(super) sniffer: BodySniffer,
    pub(super) queue: EventQueue,
    pub(super) stopwatch: Stopwatch,
    pub(super) observer: Observer,
    pub(super) state: State,
    pub(super) counts: Counts,
    /// What the last event was like.
    pub(super) last_event: LastEvent<Repeat>,
    /// Reused from frame to frame.
    pub(super) tape: Tape,
    /// The choices with their items, once the stream ended.
    pub(super) finished: Vec<ChoiceSummary>,
}

#[derive(Debug)]
pub(super) enum State {
    Open,
    Completed(EndedBy),
    Failed(Error),
}

impl Core {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Handles the event at the beginning of `input`, if it repeats an earlier one but for its text. Returns how
    /// many bytes and field lines it has.
    pub(super) fn handle_repeated(&mut self, input: &[u8], now_ms: f64) -> Option<(usize, u64)> {
        let Self { last_event, wire, options, queue, observer, counts, .. } = self;
        let repeated = last_event.find(input, options.max_event_bytes)?;
        let taken = (repeated.len, repeated.fields);
        counts.frames = counts.frames.saturating_add(1);
        if let Err(error) = repeat(&repeated, wire, options, queue, observer, now_ms) {
            self.fail(error, now_ms);
        }
        Some(taken)
    }

    /// Handles a frame. `event` is the event as it came, where that was in one piece.
    pub(super) fn handle_frame(&mut self, frame: &Frame<'_>, event: Option<&[u8]>, now_ms: f64) {
        self.counts.frames = self.counts.frames.saturating_add(1);
        let Self { last_event, wire, options, queue, observer, .. } = self;
        if let Some(repeated) = last_event.find_frame(frame, event) {
            if let Err(error) = repeat(&repeated, wire, options, queue, observer, now_ms) {
                self.fail(error, now_ms);
            }
            return;
        }
        let mut tape = mem::take(&mut self.tape);
        let data = wire::read(frame.data, &mut tape);
        self.handle_data_of(frame, &data, now_ms);
        // Whoever wants the raw frames gets each as it came.
        if self.last_event.forget()
            && let FrameData::Json(raw) = data
            && frame.utf8_error.is_none()
            && !telemetry::is_judged(frame.event)
            && self.is_open()
            && !self.options.include.raw
            && let Some(repetition) = self.wire.repetition(raw, &self.options)
        {
            self.last_event.learn(event, frame, repetition);
        }
        self.tape = tape;
    }

    pub(super) fn handle_data_of(&mut self, frame: &Frame<'_>, data: &FrameData<'_>, now_ms: f64) {
        let utf8_error = frame.utf8_error.map(|error| format!("UTF8 error: {error}"));
        let data_error = first_error(data);
        let json = match data {
            FrameData::Json(raw) => Some(*raw),
            _ => None,
        };
        self.observer.frame(frame, json, data_error.as_deref(), now_ms);
        let error = utf8_error.clone().or(data_error);
        if error.is_some() {
            self.counts.bad_frames = self.counts.bad_frames.saturating_add(1);
            diagnostic!(debug, error = error.as_deref(), "a frame that cannot be used");
        }
        if self.options.include.raw {
            self.queue.raw(RawFrame {
                event: frame.event.to_owned(),
                id: frame.id.to_owned(),
                data: frame.data.to_owned(),
                error,
            });
        }
        if let (Some(message), InvalidUtf8::Error) = (utf8_error, self.options.invalid_utf8) {
            return self.fail(Error::new(ErrorCode::InvalidUtf8, message), now_ms);
        }
        let result = match (frame.event, data) {
            ("error", data) => Err(self.error_event(data, frame.data)),
            _ => self.handle_data(data),
        };
        match result {
            Ok(Flow::More) => {}
            Ok(Flow::Complete(EndedBy::Done)) => self.handle_done(now_ms),
            Ok(Flow::Complete(ended_by)) => self.complete(ended_by, now_ms),
            Err(error) => self.fail(error, now_ms),
        }
    }

    pub(super) fn handle_data(&mut self, data: &FrameData<'_>) -> Result<Flow, Error> {
        match data {
            FrameData::Json(raw) => self.handle_json(*raw),
            FrameData::Done if self.wire.ends_at_done() || !self.wire.has_content() => {
                Ok(Flow::Complete(EndedBy::Done))
            }
            FrameData::Done => Ok(Flow::More),
            FrameData::Blank | FrameData::Bad(_) => Ok(Flow::More),
            FrameData::Lines(lines) => {
                for line in lines {
                    let flow = self.handle_data(line)?;
                    if let Flow::Complete(_) = flow {
                        return Ok(flow);
                    }
                }
                Ok(Flow::More)
            }
        }
    }

    pub(super) fn handle_json(&mut self, raw: Raw<'_>) -> Result<Flow, Error> {
        let flow = self.wire.handle_json(raw, &self.options, &mut self.queue)?;
        if self.wire.has_content() {
            self.sniffer.settle();
        }
        Ok(flow)
    }

    /// `event: error`, whatever its data looks like. Payload beside the error is taken first.
    pub(super) fn error_event(&mut self, data: &FrameData<'_>, text: &str) -> Error {
        if let Err(error) = self.handle_data(data) {
            return error;
        }
        let first_json = match data {
            FrameData::Json(raw) => Some(*raw),
            FrameData::Lines(lines) => lines.iter().find_map(|line| match line {
                FrameData::Json(raw) => Some(*raw),
                _ => None,
            }),
            FrameData::Done | FrameData::Blank | FrameData::Bad(_) => None,
        };
        let mut provider = first_json.map(provider_error::from_json).unwrap_or_default();
        if provider.message.is_empty() {
            provider_error::quote(&mut provider, text);
        }
        Error::provider(ErrorCode::ProviderError, provider)
    }

    /// `[DONE]`. A whole JSON body with a `[DONE]` after it (some gateways' idea of a stream) is invisible
    /// to an event stream parser, so it is looked at now.
    pub(super) fn handle_done(&mut self, now_ms: f64) {
        if !self.wire.has_content()
            && let Some((BodyKind::Json, body)) = self.sniffer.foreign()
            && let Some(ahead) = ahead_of_stream(&String::from_utf8_lossy(body))
            && let Err(error) = self.handle_json_text(&ahead)
        {
            return self.fail(error, now_ms);
        }
        if self.wire.ends_at_done() {
            self.complete(EndedBy::Done, now_ms);
        }
    }

    pub(super) fn handle_end(&mut self, looks_like_stream: bool, now_ms: f64) {
        if !self.wire.has_content()
            && !looks_like_stream
            && self.handle_foreign_body(self.sniffer.is_cut(), now_ms)
        {
            return;
        }
        if self.wire.may_complete() {
            return self.complete(EndedBy::EndOfStream, now_ms);
        }
        let message = if self.sniffer.is_blank() {
            "the stream ended without a single event: the body is empty".to_owned()
        } else if self.counts.frames == 0 {
            format!("the stream ended without a single event, after {} comment(s)", self.counts.comments)
        } else {
            self.wire.incomplete_message().to_owned()
        };
        self.fail(Error::new(ErrorCode::StreamIncomplete, message), now_ms);
    }

    pub(super) fn end_early(&mut self, ended_by: EndedBy, error: Error, now_ms: f64) {
        if !self.is_open() {
            return;
        }
        if self.wire.may_complete() { self.complete(ended_by, now_ms) } else { self.fail(error, now_ms) }
    }

    pub(super) fn complete(&mut self, ended_by: EndedBy, now_ms: f64) {
        if let Err(error) = self.wire.end(&self.options, &mut self.queue) {
            return self.fail(error, now_ms);
        }
        self.note_moments(now_ms);
        self.stopwatch.end(false, now_ms);
        self.flush_items(None);
        let completion = self.completion(ended_by);
        self.observer.completed(completion.token_usage, completion.timings, now_ms);
        diagnostic!(debug, ?ended_by, "the response is complete");
        self.queue.completed(completion);
        self.state = State::Completed(ended_by);
    }

    pub(super) fn fail(&mut self, error: Error, now_ms: f64) {
        // It fails already, whatever the end finds.
        let _ = self.wire.end(&self.options, &mut self.queue);
        self.note_moments(now_ms);
        self.stopwatch.end(true, now_ms);
        self.flush_items(Some(Status::Incomplete));
        let timings = self.completion(EndedBy::EndOfStream).timings;
        self.observer.failed(&error, timings, now_ms);
        diagnostic!(warn, %error, "the stream failed");
        self.state = State::Failed(error);
    }

    pub(super) fn flush_items(&mut self, status: Option<Status>) {
        self.finished = self.wire.flush(status, &mut self.queue);
    }

    pub(super) fn completion(&self, ended_by: EndedBy) -> Completion {
        let mut completion = self.wire.completion(ended_by);
        completion.timings = self.stopwatch.timings(completion.token_usage.as_ref());
        completion
    }

    /// All that came with one call is one arrival.
    pub(super) fn note_moments(&mut self, now_ms: f64) {
        if mem::take(&mut self.queue.saw_token) {
            self.stopwatch.tokens(mem::take(&mut self.queue.saw_text), now_ms);
        }
    }
}

fn first_error(data: &FrameData<'_>) -> Option<String> {
    match data {
        FrameData::Bad(error) => Some(error.clone()),
        FrameData::Lines(lines) => lines.iter().find_map(first_error),
        FrameData::Json(_) | FrameData::Done | FrameData::Blank => None,
    }
}

/// Does what a repeated event says, the last one's way.
fn repeat(
    repeated: &Repeated<'_, '_, Repeat>,
    wire: &mut Wire,
    options: &Options,
    queue: &mut EventQueue,
    observer: &mut Observer,
    now_ms: f64,
) -> Result<(), Error> {
    observer.repeated(repeated.event, now_ms);
    wire.handle_repeated(repeated.meaning, &repeated.text, options, queue)
}
