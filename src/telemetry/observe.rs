//! What a stream's frames become: the decision rules of the reference's `log_sse_event`.

use std::sync::Arc;

use crate::error::{Error, ErrorCode};
use crate::item::TokenUsage;
use crate::json::{self, Raw};
use crate::sse::Frame;
use crate::timings::Timings;

/// Something that telemetry wants to know about a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// An SSE event came, or getting one failed.
    Event {
        /// The event's name; `None` when there was none to get.
        kind: Option<Arc<str>>,
        /// What was wrong with it.
        error: Option<String>,
        /// How long it was waited for, in milliseconds.
        waited_ms: f64,
    },
    /// The response is complete.
    Completed {
        /// The token counts, when the provider sent any.
        usage: Option<TokenUsage>,
        /// From opening to the end, in milliseconds.
        duration_ms: f64,
        /// When things happened.
        timings: Box<Timings>,
    },
    /// The stream failed.
    Failed {
        /// Why; `None` when a record says so already.
        message: Option<String>,
        /// From opening to the end, in milliseconds.
        duration_ms: f64,
        /// When things happened, until then.
        timings: Box<Timings>,
    },
}

/// Notes observations until they are taken; does nothing until it is switched on.
#[derive(Debug)]
pub(crate) struct Observer {
    is_on: bool,
    opened_at_ms: f64,
    last_at_ms: f64,
    noted: Vec<Observation>,
    events: u64,
    /// Of the last event: most are of the same.
    last_kind: Option<Arc<str>>,
}

impl Observer {
    pub(crate) fn new(now_ms: f64) -> Self {
        Self {
            is_on: false,
            opened_at_ms: now_ms,
            last_at_ms: now_ms,
            noted: Vec::new(),
            events: 0,
            last_kind: None,
        }
    }

    pub(crate) fn switch_on(&mut self) {
        self.is_on = true;
    }

    pub(crate) fn take(&mut self) -> Vec<Observation> {
        std::mem::take(&mut self.noted)
    }

    /// A frame that came before, with another text.
    pub(crate) fn repeated(&mut self, event: &str, now_ms: f64) {
        if self.is_on {
            self.events += 1;
            let waited_ms = self.waited(now_ms);
            let kind = Some(self.kind(event));
            self.noted.push(Observation::Event { kind, error: None, waited_ms });
        }
    }

    /// A frame, what its data is if it is JSON, and the parser's words if it is not.
    pub(crate) fn frame(
        &mut self,
        frame: &Frame<'_>,
        data: Option<Raw<'_>>,
        error: Option<&str>,
        now_ms: f64,
    ) {
        if !self.is_on {
            return;
        }
        self.events += 1;
        let waited_ms = self.waited(now_ms);
        let (kind, error) = match (frame.utf8_error, error) {
            // Below the level of events: there is no kind.
            (Some(error), _) => (None, Some(format!("UTF8 error: {error}"))),
            (None, Some(error)) => (Some(self.kind(frame.event)), Some(error.to_owned())),
            (None, None) => (Some(self.kind(frame.event)), data.and_then(|data| judge(frame.event, data))),
        };
        self.noted.push(Observation::Event { kind, error, waited_ms });
    }

    pub(crate) fn completed(&mut self, usage: Option<TokenUsage>, timings: Timings, now_ms: f64) {
        if self.is_on {
            let duration_ms = (now_ms - self.opened_at_ms).max(0.0);
            self.noted.push(Observation::Completed { usage, duration_ms, timings: Box::new(timings) });
        }
    }

    pub(crate) fn failed(&mut self, error: &Error, timings: Timings, now_ms: f64) {
        // The request's record tells of a bad status, and there was no stream.
        if !self.is_on || error.code == ErrorCode::HttpStatus {
            return;
        }
        let waited_ms = self.waited(now_ms);
        let message = match error.code {
            // Nothing came where an event was waited for.
            ErrorCode::IdleTimeout => {
                let error = Some(error.message.clone());
                self.noted.push(Observation::Event { kind: None, error, waited_ms });
                None
            }
            ErrorCode::Transport => {
                let error = Some(format!("Transport error: {}", error.message));
                self.noted.push(Observation::Event { kind: None, error, waited_ms });
                None
            }
            // The frame's own record says it already.
            ErrorCode::InvalidUtf8 if self.events > 0 => None,
            _ => Some(error.message.clone()),
        };
        let duration_ms = (now_ms - self.opened_at_ms).max(0.0);
        self.noted.push(Observation::Failed { message, duration_ms, timings: Box::new(timings) });
    }

    fn kind(&mut self, event: &str) -> Arc<str> {
        match &self.last_kind {
            Some(kind) if **kind == *event => Arc::clone(kind),
            _ => Arc::clone(self.last_kind.insert(event.into())),
        }
    }

    fn waited(&mut self, now_ms: f64) -> f64 {
        let waited = (now_ms - self.last_at_ms).max(0.0);
        self.last_at_ms = now_ms;
        waited
    }
}

/// Whether events of this name are told what is wrong with their data, so that each must be looked at.
pub(crate) fn is_judged(event: &str) -> bool {
    matches!(event, "response.failed" | "response.output_item.done" | "response.completed")
}

/// What is wrong with an event whose data is JSON, by its name.
fn judge(event: &str, data: Raw<'_>) -> Option<String> {
    match event {
        "response.failed" => Some(failure(data)),
        "response.output_item.done" => {
            // Any object with a type passes: the reference reads the envelope as the item.
            let kind = json::field(data, b"type").and_then(json::text);
            kind.is_none().then(|| "failed to parse response.output_item.done".to_owned())
        }
        "response.completed" => completed_error(data),
        _ => None,
    }
}

/// The whole event, as the reference has it, but for the response's content: the request (instructions, tools, ..) is
/// repeated in it, and what came of the answer.
fn failure(data: Raw<'_>) -> String {
    if !data.is_object() {
        return json::compact(data.as_str());
    }
    let mut out = String::new();
    write_fields(data, &mut out, false);
    out
}

fn write_fields(object: Raw<'_>, out: &mut String, is_response: bool) {
    let mut fields = json::Object::begin(out);
    json::each_field(object, |key, value| {
        let told = matches!(
            key,
            b"created_at"
                | b"error"
                | b"id"
                | b"incomplete_details"
                | b"model"
                | b"object"
                | b"service_tier"
                | b"status"
                | b"usage"
        );
        if is_response && !told {
            return;
        }
        let out = fields.key(&String::from_utf8_lossy(key));
        if !is_response && key == b"response" && value.is_object() {
            write_fields(value, out, true);
        } else {
            out.push_str(&json::compact(value.as_str()));
        }
    });
    fields.end();
}

/// A completion without an id is not usable, and the reference says so at the stream's end.
fn completed_error(data: Raw<'_>) -> Option<String> {
    let response = json::field(data, b"response").filter(|response| response.is_object())?;
    let has_id = json::field(response, b"id").and_then(json::text).is_some();
    (!has_id).then(|| "failed to parse ResponseCompleted: missing field `id`".to_owned())
}
