//! The log record, and what all records of a producer have in common.

use std::borrow::Cow;

use super::value::{AnyValue, Attributes};

/// A severity number of OpenTelemetry, 0 (unspecified) to 24.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Severity(u8);

impl Severity {
    /// Not said.
    pub const UNSPECIFIED: Self = Self(0);
    /// The lowest of the four steps of `TRACE`.
    pub const TRACE: Self = Self(1);
    /// The lowest of the four steps of `DEBUG`.
    pub const DEBUG: Self = Self(5);
    /// The lowest of the four steps of `INFO`.
    pub const INFO: Self = Self(9);
    /// The lowest of the four steps of `WARN`.
    pub const WARN: Self = Self(13);
    /// The lowest of the four steps of `ERROR`.
    pub const ERROR: Self = Self(17);
    /// The lowest of the four steps of `FATAL`.
    pub const FATAL: Self = Self(21);

    /// Returns the severity of this number; what is above 24 is 24.
    pub const fn new(number: u8) -> Self {
        // A decoder that reads the enum strictly refuses 25, and the batch with it.
        Self(if number > 24 { 24 } else { number })
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A log record. With an event name it is an event.
///
/// ```
/// use streamgauge::otlp::{Format, LogRecord, Severity};
///
/// let mut record = LogRecord::event("codex.user_prompt", 1_767_225_600_123_456_789);
/// record.severity_number = Severity::INFO;
/// record.set("prompt_length", 11_u32);
/// record.set_some("auth_mode", None::<&str>);
/// let mut json = Vec::new();
/// Format::Json.encode_record(&record, &mut json);
/// assert!(json.ends_with(br#""attributes":[{"key":"prompt_length","value":{"intValue":"11"}}]}"#));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogRecord<'a> {
    /// When it happened, in nanoseconds since 1970; 0 when that is not known.
    pub time_unix_nano: u64,
    /// When it was observed; the same, where a record is made as it happens.
    pub observed_time_unix_nano: u64,
    /// How severe it is.
    pub severity_number: Severity,
    /// The severity as text, as the source calls it.
    pub severity_text: Cow<'a, str>,
    /// The name of the event's kind; empty when it is no event.
    pub event_name: Cow<'a, str>,
    /// The body.
    pub body: Option<AnyValue<'a>>,
    /// The attributes.
    pub attributes: Attributes<'a>,
    /// How many attributes were left out.
    pub dropped_attributes_count: u32,
    /// The W3C trace flags in the lowest eight bits. The others are reserved and are encoded as 0.
    pub flags: u32,
    /// The trace it belongs to. All zeros mean none.
    pub trace_id: Option<[u8; 16]>,
    /// The span it belongs to. All zeros mean none.
    pub span_id: Option<[u8; 8]>,
}

impl<'a> LogRecord<'a> {
    /// Returns an event that happened, and was observed, at `unix_nanos`.
    pub fn event(name: impl Into<Cow<'a, str>>, unix_nanos: u64) -> Self {
        Self {
            time_unix_nano: unix_nanos,
            observed_time_unix_nano: unix_nanos,
            event_name: name.into(),
            ..Self::default()
        }
    }

    /// Sets an attribute, or replaces its value.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<AnyValue<'a>>) {
        self.attributes.set(key, value);
    }

    /// Sets an attribute if there is a value.
    pub fn set_some(&mut self, key: impl Into<Cow<'a, str>>, value: Option<impl Into<AnyValue<'a>>>) {
        if let Some(value) = value {
            self.attributes.set(key, value);
        }
    }

    /// The flags as they are sent.
    pub(super) fn trace_flags(&self) -> u32 {
        self.flags & 0xFF
    }

    /// The body, if there is something to send.
    pub(super) fn sent_body(&self) -> Option<&AnyValue<'a>> {
        self.body.as_ref().filter(|body| !body.is_empty())
    }

    /// The trace id, if it is valid.
    pub(super) fn valid_trace_id(&self) -> Option<&[u8]> {
        self.trace_id.as_ref().map(<[u8; 16]>::as_slice).filter(is_valid_id)
    }

    /// The span id, if it is valid.
    pub(super) fn valid_span_id(&self) -> Option<&[u8]> {
        self.span_id.as_ref().map(<[u8; 8]>::as_slice).filter(is_valid_id)
    }
}

/// What produces the records: `service.name` and the like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resource<'a> {
    /// The attributes.
    pub attributes: Attributes<'a>,
    /// The schema that the resource's attributes follow; usually empty.
    pub schema_url: Cow<'a, str>,
}

/// The library that emits the records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its version; may be empty.
    pub version: Cow<'a, str>,
    /// Its attributes.
    pub attributes: Attributes<'a>,
    /// The schema that the records follow; usually empty.
    pub schema_url: Cow<'a, str>,
}

fn is_valid_id(id: &&[u8]) -> bool {
    id.iter().any(|byte| *byte != 0)
}
