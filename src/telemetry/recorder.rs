//! Events in, encoded records out.

use super::catalog::{
    Event, SseCompleted, SseEvent, SseFrame, SseSummary, StreamTimings, ToolResult, UserPrompt,
};
use super::gen_ai::{GenAi, Operation, Request, Told};
use super::observe::Observation;
use super::session::Session;
use super::template::Templates;
use crate::aggregator::Aggregator;
use crate::error::Error;
use crate::otlp::metrics::{Histogram, Instrument};
use crate::otlp::{AnyValue, Attributes, Format, Limits, LogRecord};
use crate::timings::Timings;

/// A buffer of this size is kept from record to record; what one huge record needed is given back.
const KEPT_BYTES: usize = 64 << 10;

/// How many records the frames of a stream become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SseEvents {
    /// One for each, as the reference has it.
    #[default]
    All,
    /// One for each bad frame, and one in all for the others.
    Summary,
    /// None; the completion and failures still have theirs.
    Off,
}

/// Makes the records of a run and encodes each once.
#[derive(Debug)]
pub struct Recorder {
    session: Session,
    sse_events: SseEvents,
    has_timings: bool,
    format: Format,
    limits: Limits,
    /// Whether the events of the catalog are recorded.
    codex: bool,
    gen_ai: Option<GenAi>,
    /// `None` where limits may cut records of the catalog.
    templates: Option<Templates>,
    buffer: Vec<u8>,
}

/// The counts of one stream, for its summary.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamCounts {
    events: u64,
    failed: u64,
}

impl Recorder {
    /// A recorder for one run.
    pub fn new(session: Session, sse_events: SseEvents, format: Format, limits: Limits) -> Self {
        let templates = Templates::new(&session, format, &limits);
        Self {
            session,
            sse_events,
            has_timings: false,
            format,
            limits,
            codex: true,
            gen_ai: None,
            templates,
            buffer: Vec::new(),
        }
    }

    /// Follows the conventions for generative AI, too, or (without `codex`) instead of recording the catalog's events.
    #[must_use]
    pub fn with_gen_ai(self, gen_ai: GenAi, codex: bool) -> Self {
        Self { gen_ai: Some(gen_ai), codex, ..self }
    }

    /// Whether the events of the catalog are recorded.
    pub fn records_catalog(&self) -> bool {
        self.codex
    }

    /// An operation to be followed, if any are; see [`Recorder::follow`] and [`Recorder::end`].
    pub fn operation(&self, request: Request, now_ms: f64) -> Option<Operation> {
        self.gen_ai.as_ref().map(|_| Operation::new(request, now_ms))
    }

    /// Notes for an operation what was observed at `now_ms`, of one chunk.
    pub fn follow(&self, operation: &mut Operation, observations: &[Observation], now_ms: f64) {
        let is_event =
            |observation: &Observation| matches!(observation, Observation::Event { kind: Some(_), .. });
        if let Some(gen_ai) = &self.gen_ai
            && observations.iter().any(is_event)
        {
            operation.chunk(gen_ai.names.time_per_output_chunk.bounds, now_ms);
        }
    }

    /// Ends an operation, once: hands its records to `push`, its values to `add`. Either its stream is at its end, or it
    /// failed before there was one. The times are that of the operation's clock and the wall clock's, in nanoseconds.
    pub fn end(
        &mut self,
        operation: &mut Operation,
        aggregator: Option<&Aggregator>,
        error: Option<&Error>,
        times: (f64, u64),
        push: &mut dyn FnMut(&[u8]),
        add: &mut dyn FnMut(&'static Instrument, &Attributes<'_>, &Histogram),
    ) {
        let Self { session, gen_ai, limits, format, buffer, .. } = self;
        let told =
            gen_ai.as_ref().and_then(|gen_ai| gen_ai.tell(session, operation, aggregator, error, times));
        let Some(Told { records, values }) = told else { return };
        for record in records {
            push(encoded(record, limits, *format, buffer));
        }
        for (instrument, attributes, values) in &values {
            add(instrument, attributes, values);
        }
    }

    /// Whether each stream has a record of its timings ([`StreamTimings`]) at its end.
    pub fn record_timings(&mut self, wanted: bool) {
        self.has_timings = wanted;
    }

    /// The run's metadata and policies.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Encodes an event that happened at `unix_nanos`; valid until the next call.
    pub fn encode(&mut self, event: &dyn Event, unix_nanos: u64) -> &[u8] {
        let Self { session, templates, format, limits, buffer, .. } = self;
        empty(buffer);
        let is_encoded =
            templates.as_mut().is_some_and(|templates| templates.encode(session, event, unix_nanos, buffer));
        if is_encoded {
            return buffer;
        }
        encoded(session.record(event, unix_nanos), limits, *format, buffer)
    }

    /// Encodes an event that is not of the catalog; see [`Session::own_record`].
    pub fn encode_own<'a>(
        &'a mut self,
        name: &'a str,
        attributes: impl IntoIterator<Item = (String, AnyValue<'a>)>,
        unix_nanos: u64,
    ) -> &'a [u8] {
        let record = self.session.own_record(name, attributes, unix_nanos);
        encoded(record, &self.limits, self.format, &mut self.buffer)
    }

    /// The event of a prompt: its length, and of its text what may leave.
    pub fn user_prompt<'t>(&self, prompt: &'t str) -> UserPrompt<'t> {
        UserPrompt {
            prompt_length: prompt.chars().count() as u64,
            prompt: self.session.prompts.apply(prompt).into(),
        }
    }

    /// The event of a tool's result, with what of its arguments and output may leave.
    pub fn tool_result<'t>(&self, result: ToolResult<'t>) -> ToolResult<'t> {
        ToolResult {
            arguments: result.arguments.map(|text| self.session.tool_arguments.apply_to(text)),
            output: self.session.tool_output.apply_to(result.output),
            ..result
        }
    }

    /// Encodes what an observation becomes, and hands each record to `push`.
    pub fn observe(
        &mut self,
        observation: Observation,
        counts: &mut StreamCounts,
        unix_nanos: u64,
        mut push: impl FnMut(&[u8]),
    ) {
        if !self.codex {
            return;
        }
        match observation {
            Observation::Event { kind, error, waited_ms } => {
                counts.events += 1;
                counts.failed += u64::from(error.is_some());
                let wanted = match self.sse_events {
                    SseEvents::All => true,
                    SseEvents::Summary | SseEvents::Off => error.is_some(),
                };
                if wanted {
                    let frame = SseFrame {
                        kind: kind.as_deref(),
                        duration_ms: Some(millis(waited_ms)),
                        error_message: error.as_deref(),
                    };
                    push(self.encode(&frame, unix_nanos));
                }
            }
            Observation::Completed { usage, duration_ms, timings } => {
                self.summarize(counts, (true, duration_ms), &timings, unix_nanos, &mut push);
                if let Some(usage) = usage {
                    push(self.encode(&SseCompleted { usage }, unix_nanos));
                }
            }
            Observation::Failed { message, duration_ms, timings } => {
                self.summarize(counts, (false, duration_ms), &timings, unix_nanos, &mut push);
                if let Some(message) = message {
                    push(self.encode(&SseEvent::stream_failed(message), unix_nanos));
                }
            }
        }
    }

    fn summarize(
        &mut self,
        counts: &StreamCounts,
        (success, duration_ms): (bool, f64),
        timings: &Timings,
        unix_nanos: u64,
        push: &mut impl FnMut(&[u8]),
    ) {
        let (duration_ms, timings) = (millis(duration_ms), *timings);
        if self.sse_events == SseEvents::Summary {
            let StreamCounts { events, failed } = *counts;
            push(self.encode(&SseSummary { events, failed, duration_ms, timings }, unix_nanos));
        }
        if self.has_timings {
            push(self.encode(&StreamTimings { duration_ms, success, timings }, unix_nanos));
        }
    }
}

fn encoded<'b>(
    mut record: LogRecord<'_>,
    limits: &Limits,
    format: Format,
    buffer: &'b mut Vec<u8>,
) -> &'b [u8] {
    limits.apply(&mut record);
    empty(buffer);
    format.encode_record(&record, buffer);
    buffer
}

fn empty(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    }
    buffer.clear();
}

/// Whole milliseconds.
fn millis(value: f64) -> u64 {
    value.max(0.0) as u64
}
