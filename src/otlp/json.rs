//! OTLP JSON, written so that every known decoder takes it.
//!
//! The rules, beyond proto3 JSON in lowerCamelCase:
//!
//! - 64-bit integers are decimal strings, 32-bit ones and enums are numbers. Ids are lowercase hex, bytes are
//!   padded standard base64.
//! - `null` is never written, nor `{}` as a value: an empty value is left out with its key, and in an array it is
//!   the empty string, as the specification advises for formats without null.
//! - Arrays and maps always have their `values`.
//! - Doubles that are not finite are strings, as `doubleValue` has no spelling for them that all decoders read.
//! - Fields at their default are left out.
//!
//! Text comes out without line breaks, so that a body is a line of a `.jsonl` file.

use super::digits::Digits;
use super::record::{LogRecord, Resource, Scope};
use super::value::{AnyValue, Attributes};
use super::{ExportResponse, Signal, Status};
use crate::json;

/// Appends one record to `out`.
pub fn encode_record(record: &LogRecord<'_>, out: &mut Vec<u8>) {
    write_head(record, out);
    if !record.attributes.is_empty() {
        write_attributes(out, &record.attributes);
    }
    write_tail(record, out);
}

/// Writes what comes before the attributes.
pub(super) fn write_head(record: &LogRecord<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    write_nanos(out, b"\"timeUnixNano\":\"", record.time_unix_nano);
    write_nanos(out, b"\"observedTimeUnixNano\":\"", record.observed_time_unix_nano);
    write_number(out, b"\"severityNumber\":", record.severity_number.number().into());
    write_text(out, b"\"severityText\":\"", &record.severity_text);
    write_text(out, b"\"eventName\":\"", &record.event_name);
    if let Some(body) = record.sent_body() {
        out.extend_from_slice(b"\"body\":");
        write_value(out, body, 1);
        out.push(b',');
    }
}

/// Writes what comes after the attributes.
pub(super) fn write_tail(record: &LogRecord<'_>, out: &mut Vec<u8>) {
    write_number(out, b"\"droppedAttributesCount\":", record.dropped_attributes_count);
    write_number(out, b"\"flags\":", record.trace_flags());
    write_id(out, b"\"traceId\":\"", record.valid_trace_id());
    write_id(out, b"\"spanId\":\"", record.valid_span_id());
    close(out, b'}');
}

/// Assembles request bodies from records that [`encode_record`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// All that comes before the first record.
    head: Vec<u8>,
    /// All that comes after the last.
    tail: Vec<u8>,
}

impl Envelope {
    /// Encodes what all requests of log records have in common.
    pub fn new(resource: &Resource<'_>, scope: &Scope<'_>) -> Self {
        Self::of(Signal::Logs, resource, scope)
    }

    pub(super) fn of(signal: Signal, resource: &Resource<'_>, scope: &Scope<'_>) -> Self {
        let [resources, scopes, records]: [&[u8]; 3] = match signal {
            Signal::Logs => [b"resourceLogs", b"scopeLogs", b"logRecords"],
            Signal::Metrics => [b"resourceMetrics", b"scopeMetrics", b"metrics"],
        };
        let mut head = b"{\"".to_vec();
        head.extend_from_slice(resources);
        head.extend_from_slice(b"\":[{\"resource\":{");
        write_attributes(&mut head, &resource.attributes);
        close(&mut head, b'}');
        head.extend_from_slice(b",\"");
        head.extend_from_slice(scopes);
        head.extend_from_slice(b"\":[{\"scope\":{\"name\":\"");
        write_escaped(&mut head, &scope.name);
        head.extend_from_slice(b"\",");
        write_text(&mut head, b"\"version\":\"", &scope.version);
        if !scope.attributes.is_empty() {
            write_attributes(&mut head, &scope.attributes);
        }
        close(&mut head, b'}');
        head.extend_from_slice(b",\"");
        head.extend_from_slice(records);
        head.extend_from_slice(b"\":[");

        let mut tail = b"],".to_vec();
        write_text(&mut tail, b"\"schemaUrl\":\"", &scope.schema_url);
        close(&mut tail, b'}');
        tail.extend_from_slice(b"],");
        write_text(&mut tail, b"\"schemaUrl\":\"", &resource.schema_url);
        close(&mut tail, b'}');
        tail.extend_from_slice(b"]}");
        Self { head, tail }
    }

    /// Returns the request body that holds `records`.
    pub fn body<'r>(&self, records: impl Iterator<Item = &'r [u8]> + Clone) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.body_len(records.clone().map(<[u8]>::len)));
        body.extend_from_slice(&self.head);
        for (i, record) in records.enumerate() {
            if i > 0 {
                body.push(b',');
            }
            body.extend_from_slice(record);
        }
        body.extend_from_slice(&self.tail);
        body
    }

    /// Returns the exact length of the body for records of these lengths.
    pub fn body_len(&self, record_lens: impl Iterator<Item = usize>) -> usize {
        // A comma behind each record but the last.
        let records = record_lens.fold(0, |sum: usize, len| sum.saturating_add(len).saturating_add(1));
        self.request_overhead().saturating_add(records.saturating_sub(1))
    }

    pub(super) fn request_overhead(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    pub(super) fn record_overhead(&self) -> usize {
        1
    }
}

pub(super) fn decode_response(body: &[u8]) -> ExportResponse {
    let body = String::from_utf8_lossy(body);
    let partial_success =
        json::document(&body).ok().and_then(|body| either(body, b"partialSuccess", b"partial_success"));
    let Some(partial_success) = partial_success else { return ExportResponse::default() };
    let rejected = either(partial_success, b"rejectedLogRecords", b"rejected_log_records")
        .or_else(|| either(partial_success, b"rejectedDataPoints", b"rejected_data_points"));
    ExportResponse {
        rejected_log_records: rejected.and_then(json::unsigned).unwrap_or(0),
        error_message: either(partial_success, b"errorMessage", b"error_message")
            .map(text)
            .unwrap_or_default(),
    }
}

pub(super) fn decode_status(body: &[u8]) -> Status {
    let body = String::from_utf8_lossy(body);
    let Ok(body) = json::document(&body) else { return Status::default() };
    Status {
        code: json::field(body, b"code").and_then(|code| code.as_str().parse().ok()).unwrap_or(0),
        message: json::field(body, b"message").map(text).unwrap_or_default(),
        // No details: over HTTP the delay is in the header `retry-after`.
        retry_delay_ms: None,
    }
}

/// A field by the name that the standard has, or that some receivers' have.
fn either<'a>(raw: json::Raw<'a>, name: &[u8], other: &[u8]) -> Option<json::Raw<'a>> {
    json::field(raw, name).or_else(|| json::field(raw, other))
}

fn text(value: json::Raw<'_>) -> String {
    json::text(value).map(json::JsonText::into_lossy).unwrap_or_default()
}

// Members and elements are written with a comma behind each; `close` turns the last one into the bracket.

pub(super) fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(last @ b',') => *last = bracket,
        _ => out.push(bracket),
    }
}

pub(super) fn write_attributes(out: &mut Vec<u8>, attributes: &Attributes<'_>) {
    begin_attributes(out);
    for attribute in attributes.named() {
        write_key_value(out, &attribute.key, &attribute.value, 1);
    }
    end_attributes(out);
}

pub(super) fn begin_attributes(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"attributes\":[");
}

/// Writes one of the attributes that [`begin_attributes`] began.
pub(super) fn write_attribute(out: &mut Vec<u8>, key: &str, value: &AnyValue<'_>) {
    write_key_value(out, key, value, 1);
}

/// The same of a text; nothing in the `key` is to be escaped.
pub(super) fn write_text_attribute(out: &mut Vec<u8>, key: &str, text: &str) {
    out.extend_from_slice(b"{\"key\":\"");
    out.extend_from_slice(key.as_bytes());
    write_text_end(out, text);
}

pub(super) fn end_attributes(out: &mut Vec<u8>) {
    close(out, b']');
    out.push(b',');
}

fn write_key_value(out: &mut Vec<u8>, key: &str, value: &AnyValue<'_>, depth: usize) {
    out.extend_from_slice(b"{\"key\":\"");
    write_escaped(out, key);
    match value.at_depth(depth) {
        AnyValue::Empty => out.extend_from_slice(b"\"},"),
        // Nearly all are texts: few pieces.
        AnyValue::String(text) => write_text_end(out, text),
        value => {
            out.extend_from_slice(b"\",\"value\":");
            write_value(out, value, depth);
            out.extend_from_slice(b"},");
        }
    }
}

/// Writes what comes after the name of a text attribute.
fn write_text_end(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"\",\"value\":{\"stringValue\":\"");
    write_escaped(out, text);
    out.extend_from_slice(b"\"}},");
}

fn write_value(out: &mut Vec<u8>, value: &AnyValue<'_>, depth: usize) {
    match value.at_depth(depth) {
        AnyValue::Array(values) => {
            out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
            for value in values {
                write_value(out, value, depth + 1);
                out.push(b',');
            }
            close(out, b']');
            out.push(b'}');
        }
        AnyValue::Bool(true) => out.extend_from_slice(b"{\"boolValue\":true"),
        AnyValue::Bool(false) => out.extend_from_slice(b"{\"boolValue\":false"),
        AnyValue::Bytes(bytes) => {
            out.extend_from_slice(b"{\"bytesValue\":\"");
            write_base64(out, bytes);
            out.push(b'"');
        }
        AnyValue::Double(value) if value.is_nan() => out.extend_from_slice(b"{\"stringValue\":\"NaN\""),
        AnyValue::Double(f64::INFINITY) => out.extend_from_slice(b"{\"stringValue\":\"Infinity\""),
        AnyValue::Double(f64::NEG_INFINITY) => out.extend_from_slice(b"{\"stringValue\":\"-Infinity\""),
        AnyValue::Double(value) => {
            out.extend_from_slice(b"{\"doubleValue\":");
            write_double(out, *value);
        }
        AnyValue::Empty => out.extend_from_slice(b"{\"stringValue\":\"\""),
        AnyValue::Int(value) => {
            out.extend_from_slice(b"{\"intValue\":\"");
            if *value < 0 {
                out.push(b'-');
            }
            write_u64(out, value.unsigned_abs());
            out.push(b'"');
        }
        AnyValue::KvList(map) => {
            out.extend_from_slice(b"{\"kvlistValue\":{\"values\":[");
            for entry in map {
                write_key_value(out, &entry.key, &entry.value, depth + 1);
            }
            close(out, b']');
            out.push(b'}');
        }
        AnyValue::String(text) => {
            out.extend_from_slice(b"{\"stringValue\":\"");
            write_escaped(out, text);
            out.push(b'"');
        }
    }
    out.push(b'}');
}

// Names of texts come with their colon and the opening quote.

pub(super) fn write_nanos(out: &mut Vec<u8>, name: &[u8], value: u64) {
    if value != 0 {
        out.extend_from_slice(name);
        write_u64(out, value);
        out.extend_from_slice(b"\",");
    }
}

fn write_number(out: &mut Vec<u8>, name: &[u8], value: u32) {
    if value != 0 {
        out.extend_from_slice(name);
        write_u64(out, value.into());
        out.push(b',');
    }
}

pub(super) fn write_text(out: &mut Vec<u8>, name: &[u8], value: &str) {
    if !value.is_empty() {
        out.extend_from_slice(name);
        write_escaped(out, value);
        out.extend_from_slice(b"\",");
    }
}

fn write_id(out: &mut Vec<u8>, name: &[u8], id: Option<&[u8]>) {
    if let Some(id) = id {
        out.extend_from_slice(name);
        for byte in id {
            out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 0xF)]);
        }
        out.extend_from_slice(b"\",");
    }
}

fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + (value - 10) }
}

/// Writes what is between the quotes of a string.
fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    while let Some(at) = json::next_special(bytes, copied) {
        out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        copied = at + 1;
        let special = bytes.get(at).copied().unwrap_or_default();
        let short = match special {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            0..=0x1F => {
                out.extend_from_slice(&[
                    b'\\',
                    b'u',
                    b'0',
                    b'0',
                    hex_digit(special >> 4),
                    hex_digit(special & 0xF),
                ]);
                continue;
            }
            _ => special,
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
}

pub(super) fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(Digits::of(value).as_bytes());
}

/// Writes the shortest digits that read back as the same finite double.
pub(super) fn write_double(out: &mut Vec<u8>, value: f64) {
    // Not with `core::fmt`, which would add 8 KB to the compressed download. Writing to a `Vec` cannot fail.
    let _ = serde_json::to_writer(out, &value);
}

fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    for group in bytes.chunks(3) {
        let (word, used) = match *group {
            [a, b, c] => ([0, a, b, c], 4),
            [a, b] => ([0, a, b, 0], 3),
            [a] => ([0, a, 0, 0], 2),
            _ => continue,
        };
        let word = u32::from_be_bytes(word);
        let digits = [18, 12, 6, 0].map(|shift| base64_digit((word >> shift & 0x3F) as u8));
        out.extend_from_slice(digits.get(..used).unwrap_or_default());
        out.extend_from_slice(b"==".get(..4 - used).unwrap_or_default());
    }
}

fn base64_digit(value: u8) -> u8 {
    match value {
        0..=25 => b'A' + value,
        26..=51 => b'a' + (value - 26),
        52..=61 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn write_string(out: &mut Vec<u8>, text: &str) {
        out.push(b'"');
        write_escaped(out, text);
        out.push(b'"');
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_at_every_place() {
        let all: String =
            (0..0x300).filter_map(char::from_u32).chain("\u{2028}\u{feff}\u{ffff}😀".chars()).collect();
        for (at, special) in all.char_indices() {
            for before in [0, 1, 15, 16, 31, 32, 33, 64, 100] {
                let text = format!("{}{special}{special}x{special}", "y".repeat(before));
                let json = written(|out| write_string(out, &text));
                assert_eq!(json, serde_json::to_string(&text).unwrap(), "{at} {before}");
            }
        }
        assert_eq!(written(|out| write_string(out, &all)), serde_json::to_string(&all).unwrap());
        assert_eq!(written(|out| write_string(out, "")), "\"\"");
    }

    #[test]
    fn base64_is_standard_and_padded() {
        let bytes: Vec<u8> = (0..=255).rev().collect();
        for len in (0..16).chain([254, 255, 256]) {
            assert_eq!(written(|out| write_base64(out, &bytes[..len])), STANDARD.encode(&bytes[..len]));
        }
    }

    #[test]
    fn doubles_are_short_and_read_back_exactly() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1.0, "1.0"),
            (1e300, "1e+300"),
            (-1e-300, "-1e-300"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(written(|out| write_double(out, value)), expected);
        }
        let mut bits = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                let json = written(|out| write_double(out, value));
                assert_eq!(json.parse::<f64>().unwrap().to_bits(), bits, "{json}");
                assert!(serde_json::from_str::<f64>(&json).is_ok(), "{json} is JSON");
                assert!(json.len() <= 24, "{json}");
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
            (b"{}", rejected(0, "")),
            (b"{\"partialSuccess\":null}", rejected(0, "")),
            (b"{\"partialSuccess\":{}}", rejected(0, "")),
            (b"{\"status\":\"success\"}", rejected(0, "")),
            (
                b" {\"partialSuccess\": {\"rejectedLogRecords\": \"3\", \"errorMessage\": \"a \\\"b\\\"\"}} ",
                rejected(3, "a \"b\""),
            ),
            (b"{\"partialSuccess\":{\"rejectedLogRecords\":3}}", rejected(3, "")),
            (
                b"{\"partial_success\":{\"rejected_log_records\":\"3\",\"error_message\":\"m\"}}",
                rejected(3, "m"),
            ),
            (b"{\"partialSuccess\":{\"errorMessage\":\"only a warning\"}}", rejected(0, "only a warning")),
            (b"{\"partialSuccess\":{\"rejectedLogRecords\":\"-1\",\"errorMessage\":7}}", rejected(0, "")),
            (
                b"{\"partialSuccess\":{\"rejectedLogRecords\":\"1\",\"errorMessage\":\"\\ud800\"}}",
                rejected(1, "\u{fffd}"),
            ),
            (b"{\"partialSuccess\":{\"rejectedLogRecords\":\"1\"", rejected(0, "")),
            (b"[\"partialSuccess\"]", rejected(0, "")),
            (b"<html>", rejected(0, "")),
            (
                b"{\"partialSuccess\":{\"rejectedLogRecords\":1,\"errorMessage\":\"\xff\"}}",
                rejected(1, "\u{fffd}"),
            ),
        ];
        for (body, expected) in table {
            assert_eq!(&decode_response(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_status_is_read_whatever_it_is() {
        let status = |code, message: &str| Status { code, message: message.into(), retry_delay_ms: None };
        let table: &[(&[u8], Status)] = &[
            (b"{\"code\":3,\"message\":\"bad\"}", status(3, "bad")),
            (b"{\"message\":\"bad\"}", status(0, "bad")),
            (b"{\"code\":\"x\",\"details\":[]}", status(0, "")),
            (b"", status(0, "")),
            (b"502 Bad Gateway", status(0, "")),
        ];
        for (body, expected) in table {
            assert_eq!(&decode_status(body), expected);
        }
    }
}
