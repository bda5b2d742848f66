//! What all records of a run have in common.

use super::catalog::{AttributeTypes, Event, Fields};
use super::redact::ContentPolicy;
use super::timestamp::rfc3339_millis;
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
    pub fn record<'a>(&'a self, event: &'a impl Event, unix_nanos: u64) -> LogRecord<'a> {
        let mut record = self.begin(event_name(event), event.kind(), unix_nanos);
        event.write(&mut Fields { record: &mut record, types: self.attribute_types });
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
        let mut record = LogRecord::event(name, unix_nanos);
        record.severity_number = Severity::INFO;
        record.severity_text = "INFO".into();
        if let Some(trace) = &self.trace {
            record.trace_id = Some(trace.trace_id);
            record.span_id = Some(trace.span_id);
            record.flags = trace.flags.into();
        }
        record.set("event.name", name);
        record.set("event.timestamp", rfc3339_millis(unix_nanos));
        record.set_some("event.kind", kind);
        record.set("conversation.id", self.conversation_id.as_str());
        record.set("app.version", self.app_version.as_str());
        record.set_some("auth_mode", self.auth_mode.as_deref());
        record.set_some("user.account_id", self.account_id.as_deref());
        record.set("terminal.type", self.terminal_type.as_str());
        record.set("model", self.model.as_str());
        record.set("slug", self.slug.as_str());
        record
    }
}

fn event_name<E: Event>(_: &E) -> &'static str {
    E::NAME
}
