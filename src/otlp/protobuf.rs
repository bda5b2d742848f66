//! OTLP in binary protobuf: fields in the order of their numbers, as protobuf's own encoders write them.
//!
//! What is at its default is left out, except in `AnyValue`, where the field that is there says the type. Unlike
//! in JSON, an empty value in an array stays empty, and doubles that are not finite stay doubles.

use std::iter;

use super::record::{LogRecord, Resource, Scope};
use super::value::{AnyValue, Attributes};
use super::{ExportResponse, Status};

// Wire types.
pub(super) const VARINT: u8 = 0;
pub(super) const FIXED64: u8 = 1;
pub(super) const LEN: u8 = 2;
const GROUP: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

/// The field `LogRecord.attributes`.
const ATTRIBUTES: u8 = 6;

/// How many bytes the length of a message takes at most, as messages are smaller than 2 GiB.
const MAX_LEN_LEN: usize = 5;

/// Appends one record to `out`: the message `LogRecord`, without the length before it.
pub fn encode_record(record: &LogRecord<'_>, out: &mut Vec<u8>) {
    write_head(record, out);
    write_attributes(out, ATTRIBUTES, &record.attributes);
    write_tail(record, out);
}

/// Writes what comes before the attributes.
pub(super) fn write_head(record: &LogRecord<'_>, out: &mut Vec<u8>) {
    write_nanos(out, 1, record.time_unix_nano);
    write_uint(out, 2, record.severity_number.number().into());
    write_text(out, 3, &record.severity_text);
    if let Some(body) = record.sent_body() {
        write_message(out, 5, |out| write_value(out, body, 1));
    }
}

/// Writes one of a record's attributes.
pub(super) fn write_attribute(out: &mut Vec<u8>, key: &str, value: &AnyValue<'_>) {
    write_message(out, ATTRIBUTES, |out| write_key_value(out, key, value, 1));
}

/// The same of a text, whose lengths are known before.
pub(super) fn write_text_attribute(out: &mut Vec<u8>, key: &str, text: &str) {
    let value_len = field_len(text.len());
    write_tag(out, ATTRIBUTES, LEN);
    write_varint(out, field_len(key.len()).saturating_add(field_len(value_len)) as u64);
    write_bytes(out, 1, key.as_bytes());
    write_tag(out, 2, LEN);
    write_varint(out, value_len as u64);
    write_bytes(out, 1, text.as_bytes());
}

/// Writes what comes after the attributes.
pub(super) fn write_tail(record: &LogRecord<'_>, out: &mut Vec<u8>) {
    write_uint(out, 7, record.dropped_attributes_count);
    if record.trace_flags() != 0 {
        write_tag(out, 8, FIXED32);
        out.extend_from_slice(&record.trace_flags().to_le_bytes());
    }
    if let Some(id) = record.valid_trace_id() {
        write_bytes(out, 9, id);
    }
    if let Some(id) = record.valid_span_id() {
        write_bytes(out, 10, id);
    }
    write_nanos(out, 11, record.observed_time_unix_nano);
    write_text(out, 12, &record.event_name);
}

/// Assembles request bodies from records that [`encode_record`] wrote. A request of metrics has the same numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The field `ResourceLogs.resource`.
    resource: Vec<u8>,
    /// The field `ResourceLogs.schema_url`, or nothing.
    resource_schema: Vec<u8>,
    /// The field `ScopeLogs.scope`.
    scope: Vec<u8>,
    /// The field `ScopeLogs.schema_url`, or nothing.
    scope_schema: Vec<u8>,
}

impl Envelope {
    /// Encodes what all requests have in common.
    pub fn new(resource: &Resource<'_>, scope: &Scope<'_>) -> Self {
        Self {
            resource: written(|out| {
                write_message(out, 1, |out| write_attributes(out, 1, &resource.attributes))
            }),
            resource_schema: written(|out| write_text(out, 3, &resource.schema_url)),
            scope: written(|out| {
                write_message(out, 1, |out| {
                    write_text(out, 1, &scope.name);
                    write_text(out, 2, &scope.version);
                    write_attributes(out, 3, &scope.attributes);
                });
            }),
            scope_schema: written(|out| write_text(out, 3, &scope.schema_url)),
        }
    }

    /// Returns the request body that holds `records`.
    pub fn body<'r>(&self, records: impl Iterator<Item = &'r [u8]> + Clone) -> Vec<u8> {
        let lens = records.clone().map(<[u8]>::len);
        let framed = framed_len(lens.clone());
        let mut body = Vec::with_capacity(self.body_len(lens));
        write_tag(&mut body, 1, LEN);
        write_varint(&mut body, self.resource_logs_len(framed) as u64);
        body.extend_from_slice(&self.resource);
        write_tag(&mut body, 2, LEN);
        write_varint(&mut body, self.scope_logs_len(framed) as u64);
        body.extend_from_slice(&self.scope);
        for record in records {
            write_bytes(&mut body, 2, record);
        }
        body.extend_from_slice(&self.scope_schema);
        body.extend_from_slice(&self.resource_schema);
        body
    }

    /// Returns the exact length of the body for records of these lengths.
    pub fn body_len(&self, record_lens: impl Iterator<Item = usize>) -> usize {
        field_len(self.resource_logs_len(framed_len(record_lens)))
    }

    pub(super) fn request_overhead(&self) -> usize {
        // Both lengths around the records take a byte when there are none, and five at most.
        self.body_len(iter::empty()) + 2 * (MAX_LEN_LEN - 1)
    }

    pub(super) fn record_overhead(&self) -> usize {
        1 + MAX_LEN_LEN
    }

    fn resource_logs_len(&self, framed: usize) -> usize {
        field_len(self.scope_logs_len(framed))
            .saturating_add(self.resource.len() + self.resource_schema.len())
    }

    fn scope_logs_len(&self, framed: usize) -> usize {
        framed.saturating_add(self.scope.len() + self.scope_schema.len())
    }
}

pub(super) fn decode_response(body: &[u8]) -> ExportResponse {
    let mut response = ExportResponse::default();
    let partial_success = Fields(body).filter_map(|(number, field)| (number == 1).then(|| field.bytes()));
    for (number, field) in partial_success.flat_map(Fields) {
        match number {
            // An int64; a negative count says nothing.
            1 => response.rejected_log_records = u64::try_from(field.varint() as i64).unwrap_or(0),
            2 => response.error_message = field.text(),
            _ => {}
        }
    }
    response
}

pub(super) fn decode_status(body: &[u8]) -> Status {
    let mut status = Status::default();
    for (number, field) in Fields(body) {
        match number {
            1 => status.code = field.varint() as i32,
            2 => status.message = field.text(),
            3 => status.retry_delay_ms = retry_delay_ms(field.bytes()).or(status.retry_delay_ms),
            _ => {}
        }
    }
    status
}

/// Reads a detail (`google.protobuf.Any`), if it is a `google.rpc.RetryInfo`.
fn retry_delay_ms(detail: &[u8]) -> Option<u64> {
    let (mut is_retry_info, mut info): (bool, &[u8]) = (false, &[]);
    for (number, field) in Fields(detail) {
        match number {
            // What is before the slash is whoever serves the type's definition.
            1 => is_retry_info = field.bytes().ends_with(b"/google.rpc.RetryInfo"),
            2 => info = field.bytes(),
            _ => {}
        }
    }
    let (mut seconds, mut nanos) = (0_i64, 0_i32);
    let delay = Fields(info).filter_map(|(number, field)| (number == 1).then(|| field.bytes()));
    for (number, field) in delay.flat_map(Fields) {
        match number {
            1 => seconds = field.varint() as i64,
            2 => nanos = field.varint() as i32,
            _ => {}
        }
    }
    let millis = |seconds: u64, nanos: u32| {
        seconds.saturating_mul(1000).saturating_add(nanos.div_ceil(1_000_000).into())
    };
    // In a negative duration both parts are negative, or 0.
    is_retry_info.then(|| millis(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0)))
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

pub(super) fn write_attributes(out: &mut Vec<u8>, number: u8, attributes: &Attributes<'_>) {
    for attribute in attributes.named() {
        write_message(out, number, |out| write_key_value(out, &attribute.key, &attribute.value, 1));
    }
}

fn write_key_value(out: &mut Vec<u8>, key: &str, value: &AnyValue<'_>, depth: usize) {
    write_text(out, 1, key);
    let value = value.at_depth(depth);
    if !value.is_empty() {
        write_message(out, 2, |out| write_value(out, value, depth));
    }
}

/// Writes the one field of an `AnyValue`, at its default too.
fn write_value(out: &mut Vec<u8>, value: &AnyValue<'_>, depth: usize) {
    match value.at_depth(depth) {
        AnyValue::Array(values) => write_message(out, 5, |out| {
            for value in values {
                write_message(out, 1, |out| write_value(out, value, depth + 1));
            }
        }),
        AnyValue::Bool(value) => {
            write_tag(out, 2, VARINT);
            out.push((*value).into());
        }
        AnyValue::Bytes(bytes) => write_bytes(out, 7, bytes),
        AnyValue::Double(value) => {
            write_tag(out, 4, FIXED64);
            out.extend_from_slice(&value.to_le_bytes());
        }
        AnyValue::Empty => {}
        AnyValue::Int(value) => {
            write_tag(out, 3, VARINT);
            // Not zigzag: a negative number takes ten bytes.
            write_varint(out, *value as u64);
        }
        AnyValue::KvList(map) => write_message(out, 6, |out| {
            for entry in map {
                write_message(out, 1, |out| write_key_value(out, &entry.key, &entry.value, depth + 1));
            }
        }),
        AnyValue::String(text) => write_bytes(out, 1, text.as_bytes()),
    }
}

pub(super) fn write_nanos(out: &mut Vec<u8>, number: u8, value: u64) {
    if value != 0 {
        write_tag(out, number, FIXED64);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn write_uint(out: &mut Vec<u8>, number: u8, value: u32) {
    if value != 0 {
        write_tag(out, number, VARINT);
        write_varint(out, value.into());
    }
}

pub(super) fn write_text(out: &mut Vec<u8>, number: u8, text: &str) {
    if !text.is_empty() {
        write_bytes(out, number, text.as_bytes());
    }
}

fn write_bytes(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    write_tag(out, number, LEN);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a message, whose length is known only behind it: one byte is kept free for it, which is nearly always
/// enough. Otherwise the message moves; at most once for each level, of which there are few.
pub(super) fn write_message(out: &mut Vec<u8>, number: u8, write: impl FnOnce(&mut Vec<u8>)) {
    write_tag(out, number, LEN);
    let start = out.len();
    out.push(0);
    write(out);
    write_len(out, start);
}

/// Writes how long what is behind the byte at `start` is, there.
fn write_len(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start - 1;
    let more = varint_len(len) - 1;
    if more > 0 {
        out.resize(out.len() + more, 0);
        out.copy_within(start + 1..start + 1 + len, start + 1 + more);
    }
    let mut rest = len;
    for byte in out.iter_mut().skip(start).take(more) {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    if let Some(last) = out.get_mut(start + more) {
        *last = rest as u8;
    }
}

/// All field numbers here are below 16, so that a tag is one byte.
pub(super) fn write_tag(out: &mut Vec<u8>, number: u8, wire_type: u8) {
    out.push(number << 3 | wire_type);
}

pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The length of the fields that hold records of these lengths.
fn framed_len(record_lens: impl Iterator<Item = usize>) -> usize {
    record_lens.map(field_len).fold(0, usize::saturating_add)
}

/// The length of a field with a one-byte tag and this many bytes of content.
fn field_len(content: usize) -> usize {
    content.saturating_add(1 + varint_len(content))
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// The fields of a message; ends where it is malformed, which receivers' answers may be.
struct Fields<'m>(&'m [u8]);

impl<'m> Iterator for Fields<'m> {
    type Item = (u64, Field<'m>);

    fn next(&mut self) -> Option<Self::Item> {
        // No message here has groups, so what is in one is not known either.
        let mut groups = 0_usize;
        loop {
            let tag = self.varint()?;
            let field = match tag as u8 & 7 {
                VARINT => Field::Varint(self.varint()?),
                FIXED64 => Field::Bytes(self.take(8)?),
                LEN => {
                    let len = usize::try_from(self.varint()?).ok()?;
                    Field::Bytes(self.take(len)?)
                }
                GROUP => {
                    groups = groups.saturating_add(1);
                    continue;
                }
                GROUP_END => {
                    groups = groups.checked_sub(1)?;
                    continue;
                }
                FIXED32 => Field::Bytes(self.take(4)?),
                _ => return None,
            };
            if groups == 0 {
                return Some((tag >> 3, field));
            }
        }
    }
}

impl<'m> Fields<'m> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: usize) -> Option<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }
}

/// A field's content; one of another type than expected reads as its default.
enum Field<'m> {
    Bytes(&'m [u8]),
    Varint(u64),
}

impl<'m> Field<'m> {
    fn bytes(&self) -> &'m [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Varint(_) => &[],
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn varint(&self) -> u64 {
        match self {
            Self::Bytes(_) => 0,
            Self::Varint(value) => *value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_any_size_come_before_the_message() {
        for len in [0, 1, 0x7E, 0x7F, 0x80, 0x81, 0x3FFF, 0x4000, 0x4001, 0x1F_FFFF, 0x20_0000] {
            let content: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let (mut message, mut bytes) = (b"before".to_vec(), b"before".to_vec());
            write_message(&mut message, 7, |out| out.extend_from_slice(&content));
            write_bytes(&mut bytes, 7, &content);
            assert!(message == bytes, "{len}");
            assert_eq!(message.len(), 6 + field_len(len));
        }
        assert_eq!(field_len(usize::MAX), usize::MAX);
    }

    #[test]
    fn varints() {
        let table: &[(u64, &[u8])] = &[
            (0, &[0]),
            (127, &[0x7F]),
            (128, &[0x80, 1]),
            (300, &[0xAC, 2]),
            (i64::MIN as u64, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
            (u64::MAX, &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]),
        ];
        for (value, bytes) in table {
            assert_eq!(&written(|out| write_varint(out, *value)), bytes);
            assert_eq!(Fields(bytes).varint(), Some(*value));
        }
        assert_eq!(Fields(&[0x80; 11]).varint(), None, "a varint ends within ten bytes");
    }

    fn status(code: i32, message: &str, retry_delay_ms: Option<u64>) -> Status {
        Status { code, message: message.into(), retry_delay_ms }
    }

    #[test]
    fn the_details_of_grpc_errors_are_read() {
        let hex = |text: &str| -> Vec<u8> {
            let digits: Vec<u8> = text.trim().chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
            digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
        };
        let table = [
            (
                include_str!("../../tests/fixtures/otlp/grpc_status_unavailable_retryinfo_1s.hex"),
                status(14, "throttled", Some(1000)),
            ),
            (
                include_str!("../../tests/fixtures/otlp/grpc_status_resource_exhausted_retryinfo_250ms.hex"),
                status(8, "throttled", Some(250)),
            ),
            (
                include_str!("../../tests/fixtures/otlp/grpc_status_resource_exhausted_no_details.hex"),
                status(8, "quota", None),
            ),
        ];
        for (text, expected) in table {
            let bytes = hex(text);
            assert_eq!(decode_status(&bytes), expected);
            for len in 0..bytes.len() {
                // Cut anywhere, what was there counts and nothing breaks.
                let read = decode_status(&bytes[..len]);
                assert!(
                    read.retry_delay_ms.is_none() && expected.message.starts_with(&read.message),
                    "{len}"
                );
            }
        }
    }

    #[test]
    fn what_is_in_a_group_is_skipped() {
        let table: [(&[u8], Status); 4] = [
            // code 7; a group 11 with a code 8 and a group 12 in it; message.
            (b"\x08\x07\x5b\x08\x08\x63\x64\x5c\x12\x01m", status(7, "m", None)),
            (b"\x08\x07\x5b\x5c\x08\x09", status(9, "", None)),
            // Without an end, and an end without a beginning.
            (b"\x08\x07\x5b\x08\x08", status(7, "", None)),
            (b"\x08\x07\x5c\x08\x08", status(7, "", None)),
        ];
        for (bytes, expected) in table {
            assert_eq!(decode_status(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn retry_delays_are_rounded_up_and_never_negative() {
        let minus = |value: i64| value as u64;
        let table: &[(u64, u64, Option<u64>)] = &[
            (0, 0, Some(0)),
            (1, 0, Some(1000)),
            (0, 1, Some(1)),
            (2, 1_500_000, Some(2002)),
            (minus(-1), minus(-1), Some(0)),
            (i64::MAX as u64, 999_999_999, Some(u64::MAX)),
        ];
        for &(seconds, nanos, expected) in table {
            for url in
                ["type.googleapis.com/google.rpc.RetryInfo", "/google.rpc.RetryInfo", "x/google.rpc.Help"]
            {
                let bytes = written(|out| {
                    write_message(out, 3, |out| {
                        write_text(out, 1, "type.googleapis.com/google.rpc.DebugInfo")
                    });
                    write_message(out, 3, |out| {
                        write_text(out, 1, url);
                        write_message(out, 2, |out| {
                            write_message(out, 1, |out| {
                                write_tag(out, 1, VARINT);
                                write_varint(out, seconds);
                                write_tag(out, 2, VARINT);
                                write_varint(out, nanos);
                            });
                        });
                    });
                    write_message(out, 3, |out| write_text(out, 1, "type.googleapis.com/google.rpc.Help"));
                });
                let expected = if url.ends_with("Help") { None } else { expected };
                assert_eq!(decode_status(&bytes), status(0, "", expected), "{url} {seconds} {nanos}");
            }
        }
    }

    #[test]
    fn responses_are_read_whatever_they_are() {
        let rejected = |count, message: &str| ExportResponse {
            rejected_log_records: count,
            error_message: message.into(),
        };
        let table: &[(&[u8], ExportResponse)] = &[
            (b"", rejected(0, "")),
            (b"\x0a\x00", rejected(0, "")),
            (b"\x0a\x02\x08\x03", rejected(3, "")),
            (b"\x0a\x07\x08\xac\x02\x12\x02no", rejected(300, "no")),
            (b"\x0a\x02\x08\x03\x0a\x04\x12\x02no", rejected(3, "no")),
            (b"\x0a\x04\x12\x02\xff!", rejected(0, "\u{fffd}!")),
            (b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", rejected(0, "")),
            // Unknown fields of every type, before and after.
            (b"\x10\x07\x19........\x25....\x0a\x02\x08\x03\x82\x01\x01x", rejected(3, "")),
            // A group, a field of another type than expected, a length beyond the end, JSON.
            (b"\x0a\x02\x08\x03\x13\x14", rejected(3, "")),
            (b"\x08\x03", rejected(0, "")),
            (b"\x0a\x04\x0a\x02\x08\x03", rejected(0, "")),
            (b"\x0a\x7f\x08\x03", rejected(0, "")),
            (b"{\"partialSuccess\":{}}", rejected(0, "")),
        ];
        for (body, expected) in table {
            assert_eq!(&decode_response(body), expected, "{}", body.escape_ascii());
        }
    }
}
