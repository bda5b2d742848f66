//! Bytes in, events out: the state machine that joins framing, a wire and the event queue.

use std::mem;

use crate::body::{BodyKind, BodySniffer};
use crate::diagnostics::diagnostic;
use crate::error::{Error, ErrorCode, ProviderError};
use crate::event::{Completion, EndedBy, RawFrame, StreamEvent};
use crate::event_queue::EventQueue;
use crate::flat::FlatBatch;
use crate::item::{Item, Status};
use crate::json::{self, Object, Raw, Tape, ToJson, serialize_by_json};
use crate::options::{InvalidUtf8, Options, WireChoice};
use crate::pattern::{LastEvent, Repeated};
use crate::sse::{Frame, Framer};
use crate::telemetry::{self, Observation, Observer};
use crate::think::Think;
use crate::timings::{Stopwatch, Timings};
use crate::wire::chat::ChoiceSummary;
use crate::wire::provider_error;
use crate::wire::{self, Flow, FrameData, Repeat, Wire};

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

/// Everything but the framer, whose frames borrow it while they are handled.
#[derive(Debug)]
struct Core {
    options: Options,
    wire: Wire,
    sniffer: BodySniffer,
    queue: EventQueue,
    stopwatch: Stopwatch,
    observer: Observer,
    state: State,
    counts: Counts,
    /// What the last event was like.
    last_event: LastEvent<Repeat>,
    /// Reused from frame to frame.
    tape: Tape,
    /// The choices with their items, once the stream ended.
    finished: Vec<ChoiceSummary>,
}

#[derive(Debug)]
enum State {
    Open,
    Completed(EndedBy),
    Failed(Error),
}

/// What went through, for people who look after a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of the body.
    pub bytes: u64,
    /// SSE frames.
    pub frames: u64,
    /// Frames whose data could not be used.
    pub bad_frames: u64,
    /// Comment lines (keep-alives).
    pub comments: u64,
    /// Events of the Responses and Anthropic APIs of types that are passed over: the progress of server-side
    /// tools, and those that this version has never heard of.
    pub unknown_events: u64,
}

serialize_by_json!(Counts);

impl ToJson for Counts {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        object.number("bytes", self.bytes);
        object.number("frames", self.frames);
        object.number("bad_frames", self.bad_frames);
        object.number("comments", self.comments);
        object.number("unknown_events", self.unknown_events);
        object.end();
    }
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

impl Core {
    fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Handles the event at the beginning of `input`, if it repeats an earlier one but for its text. Returns how
    /// many bytes and field lines it has.
    fn handle_repeated(&mut self, input: &[u8], now_ms: f64) -> Option<(usize, u64)> {
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
    fn handle_frame(&mut self, frame: &Frame<'_>, event: Option<&[u8]>, now_ms: f64) {
        self.counts.frames = self.counts.frames.saturating_add(1);
        let Self { last_event, wire, options, queue, observer, .. } = self;
        if let Some(repeated) = last_event.find_frame(frame) {
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
            && let (Some(event), FrameData::Json(raw)) = (event, data)
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

    fn handle_data_of(&mut self, frame: &Frame<'_>, data: &FrameData<'_>, now_ms: f64) {
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

    fn handle_data(&mut self, data: &FrameData<'_>) -> Result<Flow, Error> {
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

    fn handle_json(&mut self, raw: Raw<'_>) -> Result<Flow, Error> {
        let flow = self.wire.handle_json(raw, &self.options, &mut self.queue)?;
        if self.wire.has_content() {
            self.sniffer.settle();
        }
        Ok(flow)
    }

    /// `event: error`, whatever its data looks like. Payload beside the error is taken first.
    fn error_event(&mut self, data: &FrameData<'_>, text: &str) -> Error {
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
            provider.message = text.trim().to_owned();
            provider.raw = text.to_owned();
        }
        Error::provider(ErrorCode::ProviderError, provider)
    }

    /// `[DONE]`. A whole JSON body with a `[DONE]` after it (some gateways' idea of a stream) is invisible
    /// to an event stream parser, so it is looked at now.
    fn handle_done(&mut self, now_ms: f64) {
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

    fn handle_end(&mut self, looks_like_stream: bool, now_ms: f64) {
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

    /// What was kept of the body, if it is no event stream: all of it, unless it is cut. Returns whether it is that.
    fn handle_foreign_body(&mut self, is_cut: bool, now_ms: f64) -> bool {
        let Some((kind, body)) = self.sniffer.foreign() else { return false };
        if let (Err(error), InvalidUtf8::Error) = (std::str::from_utf8(body), self.options.invalid_utf8)
            // Not for what only the cut left in halves.
            && (error.error_len().is_some() || !is_cut)
        {
            self.fail(Error::new(ErrorCode::InvalidUtf8, format!("UTF8 error: {error}")), now_ms);
            return true;
        }
        let body = String::from_utf8_lossy(body).into_owned();
        self.handle_body(kind, &body, is_cut, now_ms);
        true
    }

    /// The body, when it is no event stream.
    fn handle_body(&mut self, kind: BodyKind, body: &str, is_cut: bool, now_ms: f64) {
        let name = match kind {
            BodyKind::Json if is_cut => {
                let limit = self.options.max_event_bytes;
                let message = format!("a body that is no event stream is larger than {limit} bytes");
                return self.fail(Error::new(ErrorCode::EventTooLarge, message), now_ms);
            }
            BodyKind::Json => match self.handle_json_text(body) {
                Ok(true) if self.wire.ends_at_done() => return self.complete(EndedBy::JsonBody, now_ms),
                Ok(true) => {
                    let message = self.wire.incomplete_message();
                    return self.fail(Error::new(ErrorCode::StreamIncomplete, message), now_ms);
                }
                Ok(false) => "json",
                Err(error) => return self.fail(error, now_ms),
            },
            BodyKind::Html => "html",
            BodyKind::Text => "text",
        };
        let mut message = format!("{name} body instead of an event stream");
        let excerpt = provider_error::excerpt(body);
        if !excerpt.is_empty() {
            message = format!("{message}: {excerpt}");
        }
        let kind = Some("body".to_owned());
        let provider = ProviderError { message, kind, raw: body.to_owned(), ..ProviderError::default() };
        self.fail(Error::provider(ErrorCode::ProviderError, provider), now_ms);
    }

    /// JSON where a stream was asked for: one document, or several, one per line. Returns whether it is.
    fn handle_json_text(&mut self, text: &str) -> Result<bool, Error> {
        match wire::read(text, &mut Tape::default()) {
            FrameData::Json(raw) => self.handle_body_json(raw).map(|()| true),
            data @ FrameData::Lines(_) => self.handle_data(&data).map(|_| self.wire.has_content()),
            FrameData::Bad(_) | FrameData::Blank | FrameData::Done => Ok(false),
        }
    }

    /// A JSON document: a completion, a list of chunks, or an error.
    fn handle_body_json(&mut self, raw: Raw<'_>) -> Result<(), Error> {
        let mut result = Ok(());
        if raw.is_array() {
            json::each_element(raw, |element| {
                if result.is_ok() {
                    result = self.handle_json(element).map(|_| ());
                }
            });
        } else {
            result = self.handle_json(raw).map(|_| ());
        }
        result?;
        if self.wire.has_content() {
            return Ok(());
        }
        let mut provider = provider_error::from_json(raw);
        if provider.message.is_empty() {
            provider.message =
                format!("json body instead of an event stream: {}", provider_error::excerpt(raw.as_str()));
        }
        Err(Error::provider(ErrorCode::ProviderError, provider))
    }

    fn end_early(&mut self, ended_by: EndedBy, error: Error, now_ms: f64) {
        if !self.is_open() {
            return;
        }
        if self.wire.may_complete() { self.complete(ended_by, now_ms) } else { self.fail(error, now_ms) }
    }

    fn complete(&mut self, ended_by: EndedBy, now_ms: f64) {
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

    fn fail(&mut self, error: Error, now_ms: f64) {
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

    fn flush_items(&mut self, status: Option<Status>) {
        self.finished = self.wire.flush(status, &mut self.queue);
    }

    fn completion(&self, ended_by: EndedBy) -> Completion {
        let mut completion = self.wire.completion(ended_by);
        completion.timings = self.stopwatch.timings(completion.token_usage.as_ref());
        completion
    }

    /// All that came with one call is one arrival.
    fn note_moments(&mut self, now_ms: f64) {
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

/// What a body begins with, when lines of an event stream follow it.
fn ahead_of_stream(body: &str) -> Option<String> {
    let end = body.find("\ndata:").or_else(|| body.find("\rdata:"))?;
    body.get(..end).map(ToOwned::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Which events of a stream are told by their bytes: `=`; and which are read by the book: `.`. The first one is never
    /// remembered, for there may be a BOM before it.
    fn told(events: &[String], options: Options) -> String {
        let mut aggregator = Aggregator::new(options, 0.0);
        let mut told = String::new();
        for event in events {
            let is_whole = aggregator.framer.is_between_events();
            let is_told = is_whole && aggregator.core.last_event.find(event.as_bytes(), usize::MAX).is_some();
            told.push(if is_told { '=' } else { '.' });
            aggregator.handle_bytes(event.as_bytes(), 0.0);
        }
        told
    }

    /// A chunk whose delta is `delta`, with what OpenAI puts around it.
    fn chunk(delta: &str, padding: &str) -> String {
        let ids =
            r#""id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","system_fingerprint":"fp_1""#;
        let choices = format!(r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}]"#);
        format!("data: {{{ids},\"created\":170{},\"choices\":{choices}{padding}}}\n\n", delta.len())
    }

    const TEXTS: [&str; 6] = ["Once", " upon", "", "\\n\\n", "\\ud83d", "a time é"];

    #[test]
    fn what_repeats_is_told_by_its_bytes() {
        let each = |delta: &str, padding: &str| {
            let event = |text| chunk(&delta.replace('$', text), &padding.replace('$', text));
            TEXTS.into_iter().map(event).collect::<Vec<_>>()
        };
        let fragment = r#"{"tool_calls":[{"index":0,"function":{"arguments":"$"}}]}"#;
        let crlf = |event: &String| event.replace('\n', "\r\n");
        let named = |event: &String| format!("event: message\n{event}");
        let table: [(&str, Vec<String>, &str); 12] = [
            ("text", each(r#"{"content":"$"}"#, ""), "..===="),
            ("padded text", each(r#"{"content":"$"}"#, r#","usage":null,"obfuscation":"$""#), "..===="),
            ("a role in each", each(r#"{"role":"assistant","content":"$"}"#, ""), "..===="),
            ("reasoning", each(r#"{"reasoning_content":"$","content":null}"#, ""), "..===="),
            ("arguments", each(fragment, ""), "..===="),
            ("usage in each", each(r#"{"content":"$"}"#, r#","usage":{"prompt_tokens":3}"#), "..===="),
            ("CRLF", each(r#"{"content":"$"}"#, "").iter().map(crlf).collect(), "..===="),
            ("event lines", each(r#"{"content":"$"}"#, "").iter().map(named).collect(), "..===="),
            // These add up, or say more than a text.
            ("mirrored", each(r#"{"reasoning":"$","reasoning_content":"$"}"#, ""), "......"),
            ("a list", each(r#"{"content":"$","annotations":[{}]}"#, ""), "......"),
            ("an id in each", each(&fragment.replace("\"index\"", "\"id\":\"a\",\"index\""), ""), "......"),
            ("Groq", each(r#"{"content":"$"}"#, r#","x_groq":{}"#), "......"),
        ];
        for (name, events, expected) in table {
            assert_eq!(told(&events, Options::default()), expected, "{name}");
            let include = crate::Include { raw: true, ..Default::default() };
            let by_the_book = Options { include, ..Options::default() };
            assert_eq!(told(&events, by_the_book), "......", "{name}, with raw frames");
        }
    }

    /// Tags are looked for in the text that was told.
    #[test]
    fn thoughts_between_tags_are_told_by_their_bytes() {
        let texts = ["<think>", "a", " b", "</thi", "nk>", "c", " d"];
        let events = texts.map(|text| chunk(&format!(r#"{{"content":"{text}"}}"#), ""));
        let options = Options { think_tags: Some(crate::ThinkTags::default()), ..Options::default() };
        assert_eq!(told(&events, options), "..=====");
    }

    #[test]
    fn a_long_stream_is_told_by_its_bytes() {
        let event = |at: usize| chunk(&format!(r#"{{"content":" word {at}"}}"#), "");
        let mut events: Vec<_> = (0..10_000).map(event).collect();
        // What comes in between is read, and so is the event after it.
        events.insert(5000, chunk(r#"{"content":"x","refusal":"no"}"#, ""));
        let told = told(&events, Options::default());
        assert_eq!(told.matches('=').count(), 9_997);
        assert!(told.starts_with("..=") && told.get(4999..5003) == Some("=..="));
    }

    /// Where no event ever comes again, remembering pauses; when some do again, they are told before long.
    #[test]
    fn remembering_pauses_and_goes_on() {
        let changing = |at: usize| chunk(r#"{"content":"x"}"#, &format!(r#","trace":{at}"#));
        let mut events: Vec<_> = (0..1000).map(changing).collect();
        events.extend((0..1000).map(|_| chunk(r#"{"content":"x"}"#, "")));
        let told = told(&events, Options::default());
        assert_eq!(told.get(..1000).map(|told| told.matches('=').count()), Some(0));
        assert!(told.get(1000..).is_some_and(|told| told.matches('=').count() > 930), "{told}");
    }
}
