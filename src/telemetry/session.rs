//! What all records of a run have in common.

use super::catalog::Event;
use super::fields::{AttributeTypes, Fields};
use super::redact::ContentPolicy;
use super::timestamp::Timestamp;
use super::traceparent::TraceParent;
use crate::otlp::{AnyValue, LogRecord, Severity};

/// Common attributes that no event of one's own may replace.
pub const RESERVED: [&str; 2] = ["event.name", "event.timestamp"];

/// The common metadata and the policies of a run.
#[derive(Debug, Clone)]
pub struct Session {
    /// `conversation.id`.
    pub conversation_id: String,
    /// `app.version`.
    pub app_version: String,
    /// `auth_mode`, when there is one.
    pub auth_mode: Option<String>,
    /// `user.account_id`, when there is one.
    pub account_id: Option<String>,
    /// `terminal.type`.
    pub terminal_type: String,
    /// `model`.
    pub model: String,
    /// `slug`.
    pub slug: String,
    /// How counts and flags are typed.
    pub attribute_types: AttributeTypes,
    /// What of prompts may leave.
    pub prompts: ContentPolicy,
    /// What of tool arguments may leave.
    pub tool_arguments: ContentPolicy,
    /// What of tool output may leave.
    pub tool_output: ContentPolicy,
    /// The trace that the run belongs to.
    pub trace: Option<TraceParent>,
}

impl Session {
    /// The record of an event that happened at `unix_nanos`.
    pub fn record<'a>(&'a self, event: &'a dyn Event, unix_nanos: u64) -> LogRecord<'a> {
        let mut record = self.begin(event.name(), event.kind(), unix_nanos);
        event.write(&mut Fields::new(&mut record, self.attribute_types));
        record
    }

    /// The record of an event that is not of the catalog, with attributes of any types, which stay as they are.
    ///
    /// One of the name of a common attribute replaces it. [`RESERVED`] ones say what the record itself says; they are
    /// left out, and counted as dropped.
    pub fn own_record<'a>(
        &'a self,
        name: &'a str,
        attributes: impl IntoIterator<Item = (String, AnyValue<'a>)>,
        unix_nanos: u64,
    ) -> LogRecord<'a> {
        let mut record = self.begin(name, None, unix_nanos);
        for (key, value) in attributes {
            if RESERVED.contains(&key.as_str()) {
                record.dropped_attributes_count = record.dropped_attributes_count.saturating_add(1);
            } else {
                record.set(key, value);
            }
        }
        record
    }

    fn begin<'a>(&'a self, name: &'a str, kind: Option<&'a str>, unix_nanos: u64) -> LogRecord<'a> {
        let mut record = self.bare(name, unix_nanos);
        record.set("event.name", name);
        record.set("event.timestamp", Timestamp::of(unix_nanos).as_str().to_owned());
        record.set_some("event.kind", kind);
        self.each_common(&mut |key, value| record.set(key, value));
        record
    }

    /// The record of an event without its attributes.
    pub(super) fn bare<'a>(&self, name: &'a str, unix_nanos: u64) -> LogRecord<'a> {
        let mut record = LogRecord::event(name, unix_nanos);
        record.severity_number = Severity::INFO;
        record.severity_text = "INFO".into();
        if let Some(trace) = &self.trace {
            record.trace_id = Some(trace.trace_id);
            record.span_id = Some(trace.span_id);
            record.flags = trace.flags.into();
        }
        record
    }

    /// The attributes that are the same in every record, in order.
    pub(super) fn each_common<'a>(&'a self, each: &mut dyn FnMut(&'static str, &'a str)) {
        each("conversation.id", &self.conversation_id);
        each("app.version", &self.app_version);
        for (key, value) in [("auth_mode", &self.auth_mode), ("user.account_id", &self.account_id)] {
            if let Some(value) = value {
                each(key, value);
            }
        }
        each("terminal.type", &self.terminal_type);
        each("model", &self.model);
        each("slug", &self.slug);
    }
}
