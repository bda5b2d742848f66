//! What records have in common, encoded once.

use std::ops::Range;

use super::catalog::Event;
use super::fields::{Encoder, Fields, Sink};
use super::session::Session;
use super::timestamp::Timestamp;
use crate::otlp::{Digits, Format, Limits};

/// No event of the catalog has more attributes.
const MOST_ATTRIBUTES: usize = 24;

/// The moment that a template is made for, before it is given another: what spells it is found by looking for it. It
/// has as many digits as all moments from 2001 to 2286, and as bytes it is no text.
const MOMENT: u64 = 1_111_111_111_111_111_111;
const DIGITS: Range<u64> = 1_000_000_000_000_000_000..10_000_000_000_000_000_000;

/// Encodes records of the catalog's events. What is the same in all records of a run, or of an event, is encoded once;
/// of the moment the digits are exchanged, when it is another one.
#[derive(Debug)]
pub(super) struct Templates {
    format: Format,
    /// The attributes that all records have.
    common: Vec<u8>,
    /// One per event: there are few.
    events: Vec<Template>,
}

#[derive(Debug)]
struct Template {
    name: &'static str,
    unix_nanos: u64,
    /// What comes before an event's kind, and what comes after the last attribute.
    bytes: Vec<u8>,
    /// Where the one ends and the other begins.
    tail: usize,
    /// Where the moment is spelled; how, the length says.
    moments: Vec<Range<usize>>,
}

impl Templates {
    /// `None` if the limits may change a record of the catalog: it then takes the long way.
    pub(super) fn new(session: &Session, format: Format, limits: &Limits) -> Option<Self> {
        if limits.attribute_count < MOST_ATTRIBUTES || limits.value_length.is_some() {
            return None;
        }
        let mut common = Vec::new();
        let mut encoder = Encoder { format, out: &mut common };
        session.each_common(&mut |key, value| encoder.text(key, value));
        Some(Self { format, common, events: Vec::new() })
    }

    /// Appends the record of an event. Returns whether it did: a moment that is spelled otherwise takes the long way.
    pub(super) fn encode(
        &mut self,
        session: &Session,
        event: &dyn Event,
        unix_nanos: u64,
        out: &mut Vec<u8>,
    ) -> bool {
        let Self { format, common, events } = self;
        let (format, name) = (*format, event.name());
        if !DIGITS.contains(&unix_nanos) {
            return false;
        }
        let at = events.iter().position(|template| template.name == name).unwrap_or_else(|| {
            events.push(Template::new(session, name, format));
            events.len() - 1
        });
        // Three, or a trace has an id that spells a moment.
        let Some(template) = events.get_mut(at).filter(|template| template.moments.len() == 3) else {
            return false;
        };
        if template.unix_nanos != unix_nanos {
            template.set_moment(unix_nanos);
        }
        let (head, tail) = template.bytes.split_at(template.tail);
        out.extend_from_slice(head);
        let mut encoder = Encoder { format, out };
        if let Some(kind) = event.kind() {
            encoder.text("event.kind", kind);
        }
        encoder.out.extend_from_slice(common);
        event.write(&mut Fields::new(&mut encoder, session.attribute_types));
        if format == Format::Json {
            // The comma: the tail has the bracket in its place.
            out.pop();
        }
        out.extend_from_slice(tail);
        true
    }
}

impl Template {
    fn new(session: &Session, name: &'static str, format: Format) -> Self {
        let record = session.bare(name, MOMENT);
        let mut bytes = Vec::new();
        format.begin_record(&record, &mut bytes);
        let mut encoder = Encoder { format, out: &mut bytes };
        encoder.text("event.name", name);
        encoder.text("event.timestamp", Timestamp::of(MOMENT).as_str());
        let tail = bytes.len();
        if format == Format::Json {
            bytes.push(b',');
        }
        format.end_record(&record, &mut bytes);
        let mut moments = Vec::new();
        each_spelling(MOMENT, &mut |spelling| {
            let len = spelling.len();
            let places = bytes.windows(len).enumerate().filter(|(_, window)| *window == spelling);
            moments.extend(places.map(|(at, _)| at..at + len));
        });
        Self { name, unix_nanos: MOMENT, bytes, tail, moments }
    }

    fn set_moment(&mut self, unix_nanos: u64) {
        let Self { bytes, moments, .. } = self;
        each_spelling(unix_nanos, &mut |spelling| {
            for place in moments.iter().filter(|place| place.len() == spelling.len()) {
                if let Some(place) = bytes.get_mut(place.clone()) {
                    place.copy_from_slice(spelling);
                }
            }
        });
        self.unix_nanos = unix_nanos;
    }
}

/// How a moment is spelled in records, in either format: 19 digits, 8 bytes, the 24 of a timestamp.
fn each_spelling(unix_nanos: u64, each: &mut dyn FnMut(&[u8])) {
    each(Digits::of(unix_nanos).as_bytes());
    each(&unix_nanos.to_le_bytes());
    each(Timestamp::of(unix_nanos).as_str().as_bytes());
}
