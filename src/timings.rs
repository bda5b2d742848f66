//! When things happened in one stream, in milliseconds since it was opened.

use crate::histogram::Histogram;
use crate::item::TokenUsage;
use crate::json::{Object, ToJson};
use crate::serialize::serialize_by_json;

serialize_by_json!(Timings);

/// The timings of a stream. The core has no clock: each `handle_*` call is told the time.
///
/// Tokens are seen as they arrive: all deltas of one moment (one `handle_bytes` call, or several that are told the same
/// time) are one arrival. What the caller does between two calls is part of the time between them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timings {
    /// From opening to the first byte of the body; `null` when none came.
    pub time_to_first_byte_ms: Option<f64>,
    /// To the first delta of any kind: text, reasoning, refusal or tool call.
    pub time_to_first_token_ms: Option<f64>,
    /// To the first delta of visible text.
    pub time_to_first_text_ms: Option<f64>,
    /// To the end of the stream.
    pub duration_ms: Option<f64>,
    /// The times between arrivals.
    pub gaps: Gaps,
    /// The gaps of at least [`crate::Options::stall_ms`]; of a stream that failed also the silence at its end.
    pub stalls: Stalls,
    /// Output tokens, as the provider counts them, per second from the first arrival to the last; `null` when it
    /// counted none or all came at once. Reasoning that is counted but not streamed makes it too high.
    pub tokens_per_second: Option<f64>,
}

/// The times between one arrival of deltas and the next. Keep-alives, and events without a delta, are no arrivals.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gaps {
    /// How many: arrivals but the first.
    pub count: u64,
    /// The median, to 3.2 % (below 0.0625 ms: to 0.07 ms); `null` without a gap.
    pub p50_ms: Option<f64>,
    /// The 95th percentile, to the same.
    pub p95_ms: Option<f64>,
    /// The longest, exactly.
    pub max_ms: Option<f64>,
}

/// Gaps that a reader notices.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stalls {
    /// How many.
    pub count: u64,
    /// How long in all.
    pub total_ms: f64,
}

impl ToJson for Timings {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        object.optional_millis("time_to_first_byte_ms", self.time_to_first_byte_ms);
        object.optional_millis("time_to_first_token_ms", self.time_to_first_token_ms);
        object.optional_millis("time_to_first_text_ms", self.time_to_first_text_ms);
        object.optional_millis("duration_ms", self.duration_ms);
        let mut gaps = Object::begin(object.key("gaps"));
        gaps.number("count", self.gaps.count);
        gaps.optional_millis("p50_ms", self.gaps.p50_ms);
        gaps.optional_millis("p95_ms", self.gaps.p95_ms);
        gaps.optional_millis("max_ms", self.gaps.max_ms);
        gaps.end();
        let mut stalls = Object::begin(object.key("stalls"));
        stalls.number("count", self.stalls.count);
        stalls.optional_millis("total_ms", Some(self.stalls.total_ms));
        stalls.end();
        object.optional_millis("tokens_per_second", self.tokens_per_second);
        object.end();
    }
}

/// Notes the moments as they come.
#[derive(Debug, Clone)]
pub(crate) struct Stopwatch {
    opened_at_ms: f64,
    stall_ms: f64,
    /// The arrival of the last deltas, since opening.
    last_token_ms: f64,
    gaps: Histogram,
    /// All but the gaps and what needs the usage.
    timings: Timings,
}

impl Stopwatch {
    pub(crate) fn start(now_ms: f64, stall_ms: u32) -> Self {
        Self {
            opened_at_ms: now_ms,
            stall_ms: stall_ms.into(),
            last_token_ms: 0.0,
            gaps: Histogram::default(),
            timings: Timings::default(),
        }
    }

    pub(crate) fn byte(&mut self, now_ms: f64) {
        if self.timings.time_to_first_byte_ms.is_none() {
            self.timings.time_to_first_byte_ms = Some(self.elapsed(now_ms));
        }
    }

    /// Deltas arrived, of visible text among them or not.
    pub(crate) fn tokens(&mut self, has_text: bool, now_ms: f64) {
        let elapsed = self.elapsed(now_ms);
        match self.timings.time_to_first_token_ms {
            None => self.timings.time_to_first_token_ms = Some(elapsed),
            // What comes in one moment came together, however it was cut; a clock may also go backwards.
            Some(_) if elapsed <= self.last_token_ms => {}
            Some(_) => {
                let gap = elapsed - self.last_token_ms;
                self.gaps.note(gap);
                self.note_stall(gap);
            }
        }
        self.last_token_ms = elapsed.max(self.last_token_ms);
        if has_text {
            self.timings.time_to_first_text_ms.get_or_insert(elapsed);
        }
    }

    pub(crate) fn end(&mut self, has_failed: bool, now_ms: f64) {
        let elapsed = self.elapsed(now_ms);
        self.timings.duration_ms = Some(elapsed);
        if has_failed && self.timings.time_to_first_token_ms.is_some() {
            self.note_stall(elapsed - self.last_token_ms);
        }
    }

    /// The timings so far; `usage` has the tokens.
    pub(crate) fn timings(&self, usage: Option<&TokenUsage>) -> Timings {
        let micros = |millis: f64| (millis * 1000.0).round() / 1000.0;
        let mut timings = self.timings;
        timings.gaps = Gaps {
            count: self.gaps.count(),
            p50_ms: self.gaps.quantile_ms(50).map(micros),
            p95_ms: self.gaps.quantile_ms(95).map(micros),
            max_ms: self.gaps.max_ms().map(micros),
        };
        timings.stalls.total_ms = micros(timings.stalls.total_ms);
        if let (Some(first), Some(tokens)) =
            (timings.time_to_first_token_ms, usage.and_then(|usage| usage.output_tokens))
            && self.last_token_ms > first
        {
            timings.tokens_per_second = Some(micros(tokens as f64 * 1000.0 / (self.last_token_ms - first)));
        }
        timings
    }

    fn note_stall(&mut self, gap_ms: f64) {
        if gap_ms >= self.stall_ms {
            self.timings.stalls.count += 1;
            self.timings.stalls.total_ms += gap_ms;
        }
    }

    /// To a microsecond; a clock that went backwards counts as no time.
    fn elapsed(&self, now_ms: f64) -> f64 {
        ((now_ms - self.opened_at_ms).max(0.0) * 1000.0).round() / 1000.0
    }
}
