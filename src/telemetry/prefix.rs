//! What records have in common, encoded once.

use std::mem;

use super::fields::{Encoder, Sink};
use super::session::Session;
use super::timestamp::Timestamp;
use crate::otlp::{Format, Limits};

/// No event of the catalog has more attributes.
const MOST_ATTRIBUTES: usize = 24;

/// All that comes before a record's own attributes, as bytes. What is the same in all records of a run is encoded when
/// it begins; the whole is kept for as long as the moment and the kind of event stay the same: in a stream, for all
/// events of a chunk.
#[derive(Debug)]
pub(super) struct Prefix {
    format: Format,
    /// The attributes that all records have.
    common: Vec<u8>,
    /// Of the last record; empty before the first.
    bytes: Vec<u8>,
    unix_nanos: u64,
    name: &'static str,
    kind: Option<String>,
}

impl Prefix {
    /// `None` if the limits may change a record of the catalog: it then takes the long way.
    pub(super) fn new(session: &Session, format: Format, limits: &Limits) -> Option<Self> {
        if limits.attribute_count < MOST_ATTRIBUTES || limits.value_length.is_some() {
            return None;
        }
        let mut common = Vec::new();
        let mut encoder = Encoder { format, out: &mut common };
        session.each_common(&mut |key, value| encoder.set(key, value.into()));
        Some(Self { format, common, bytes: Vec::new(), unix_nanos: 0, name: "", kind: None })
    }

    /// The beginning of a record.
    pub(super) fn of(
        &mut self,
        session: &Session,
        name: &'static str,
        kind: Option<&str>,
        unix_nanos: u64,
    ) -> &[u8] {
        let is_same = self.unix_nanos == unix_nanos && self.name == name && self.kind.as_deref() == kind;
        if !is_same || self.bytes.is_empty() {
            self.make(session, name, kind, unix_nanos);
        }
        &self.bytes
    }

    fn make(&mut self, session: &Session, name: &'static str, kind: Option<&str>, unix_nanos: u64) {
        self.bytes.clear();
        self.format.begin_record(&session.bare(name, unix_nanos), &mut self.bytes);
        let mut encoder = Encoder { format: self.format, out: &mut self.bytes };
        encoder.set("event.name", name.into());
        encoder.set("event.timestamp", Timestamp::of(unix_nanos).as_str().into());
        if let Some(kind) = kind {
            encoder.set("event.kind", kind.into());
        }
        self.bytes.extend_from_slice(&self.common);
        (self.unix_nanos, self.name) = (unix_nanos, name);
        self.kind = kind.map(|kind| {
            let mut text = mem::take(&mut self.kind).unwrap_or_default();
            text.clear();
            text.push_str(kind);
            text
        });
    }
}
