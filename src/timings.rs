//! When things happened in one stream, in milliseconds since it was opened.

use crate::json::{Object, ToJson, serialize_by_json};

serialize_by_json!(Timings);

/// The timings of a stream. The core has no clock: each `handle_*` call is told the time.
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
}

impl ToJson for Timings {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        object.optional_millis("time_to_first_byte_ms", self.time_to_first_byte_ms);
        object.optional_millis("time_to_first_token_ms", self.time_to_first_token_ms);
        object.optional_millis("time_to_first_text_ms", self.time_to_first_text_ms);
        object.optional_millis("duration_ms", self.duration_ms);
        object.end();
    }
}

/// Notes the moments as they come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    opened_at_ms: f64,
    timings: Timings,
}

impl Stopwatch {
    pub(crate) fn start(now_ms: f64) -> Self {
        Self { opened_at_ms: now_ms, timings: Timings::default() }
    }

    pub(crate) fn byte(&mut self, now_ms: f64) {
        let elapsed = self.elapsed(now_ms);
        self.timings.time_to_first_byte_ms.get_or_insert(elapsed);
    }

    pub(crate) fn token(&mut self, now_ms: f64) {
        let elapsed = self.elapsed(now_ms);
        self.timings.time_to_first_token_ms.get_or_insert(elapsed);
    }

    pub(crate) fn text(&mut self, now_ms: f64) {
        let elapsed = self.elapsed(now_ms);
        self.timings.time_to_first_text_ms.get_or_insert(elapsed);
    }

    pub(crate) fn end(&mut self, now_ms: f64) -> Timings {
        self.timings.duration_ms = Some(self.elapsed(now_ms));
        self.timings
    }

    pub(crate) fn timings(&self) -> Timings {
        self.timings
    }

    /// To a microsecond; a clock that went backwards counts as no time.
    fn elapsed(&self, now_ms: f64) -> f64 {
        ((now_ms - self.opened_at_ms).max(0.0) * 1000.0).round() / 1000.0
    }
}
