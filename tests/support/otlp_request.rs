//! A request, encoded, and what decoders that are not ours must see of it.
#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use opentelemetry_proto::tonic::collector::logs::v1 as collector;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::resource::v1 as resource;
use prost::Message;
use serde_json::Value;
use streamgauge::otlp::{AnyValue, Envelope, Format, LogRecord, MAX_DEPTH, Resource, Scope};

/// A request, before it is encoded.
#[derive(Debug, Default)]
pub struct Request<'a> {
    pub resource: Resource<'a>,
    pub scope: Scope<'a>,
    pub records: Vec<LogRecord<'a>>,
}

impl Request<'_> {
    pub fn of(record: LogRecord<'_>) -> Request<'_> {
        Request {
            scope: Scope { name: "test".into(), ..Scope::default() },
            records: vec![record],
            ..Request::default()
        }
    }

    /// Encodes, and checks what the envelope says about sizes.
    pub fn encoded(&self, format: Format) -> Vec<u8> {
        let envelope = Envelope::new(format, &self.resource, &self.scope);
        assert_eq!(envelope.format(), format);
        let records: Vec<Vec<u8>> = self
            .records
            .iter()
            .map(|record| {
                let mut out = b"kept".to_vec();
                format.encode_record(record, &mut out);
                out.split_off(4)
            })
            .collect();
        let body = envelope.body(records.iter().map(Vec::as_slice));
        assert_eq!(body.len(), envelope.body_len(records.iter().map(Vec::len)));
        assert_eq!(body.capacity(), body.len(), "one allocation, of the right size");
        let bytes: usize = records.iter().map(Vec::len).sum();
        let bound = envelope.request_overhead() + records.len() * envelope.record_overhead() + bytes;
        assert!(body.len() <= bound && bound <= body.len() + 10 + 5 * records.len());
        body
    }

    pub fn json(&self) -> String {
        String::from_utf8(self.encoded(Format::Json)).unwrap()
    }

    /// What a decoder must see.
    pub fn expected(&self, format: Format) -> collector::ExportLogsServiceRequest {
        collector::ExportLogsServiceRequest {
            resource_logs: vec![logs::ResourceLogs {
                resource: Some(resource::Resource {
                    attributes: expected_pairs(self.resource.attributes.iter(), format, 1),
                    ..Default::default()
                }),
                scope_logs: vec![logs::ScopeLogs {
                    scope: Some(common::InstrumentationScope {
                        name: self.scope.name.to_string(),
                        version: self.scope.version.to_string(),
                        attributes: expected_pairs(self.scope.attributes.iter(), format, 1),
                        dropped_attributes_count: 0,
                    }),
                    log_records: self.records.iter().map(|record| expected_record(record, format)).collect(),
                    schema_url: self.scope.schema_url.to_string(),
                }],
                schema_url: self.resource.schema_url.to_string(),
            }],
        }
    }

    pub fn check(&self) {
        let json = self.json();
        assert_eq!(lint(&json), Vec::<String>::new(), "{json}");
        let from_json: collector::ExportLogsServiceRequest = serde_json::from_str(&json).unwrap();
        // As bytes, because NaN is not equal to itself.
        assert!(
            from_json.encode_to_vec() == self.expected(Format::Json).encode_to_vec(),
            "{json}\n{from_json:?}"
        );
        let bytes = self.encoded(Format::Protobuf);
        let from_bytes = collector::ExportLogsServiceRequest::decode(&*bytes).unwrap();
        let expected = self.expected(Format::Protobuf);
        assert!(from_bytes.encode_to_vec() == expected.encode_to_vec(), "{from_bytes:?}\n{expected:?}");
        assert!(bytes == expected.encode_to_vec(), "byte for byte as prost");
        if self.expected(Format::Json) == expected {
            assert_eq!(from_json, from_bytes, "both formats say the same");
        }
    }
}

fn expected_record(record: &LogRecord<'_>, format: Format) -> logs::LogRecord {
    let id = |id: &[u8]| if id.iter().all(|byte| *byte == 0) { Vec::new() } else { id.to_vec() };
    logs::LogRecord {
        time_unix_nano: record.time_unix_nano,
        observed_time_unix_nano: record.observed_time_unix_nano,
        severity_number: record.severity_number.number().into(),
        severity_text: record.severity_text.to_string(),
        body: record
            .body
            .as_ref()
            .map(|body| expected_value(body, format, 1))
            .filter(|body| body.value.is_some()),
        attributes: expected_pairs(record.attributes.iter(), format, 1),
        dropped_attributes_count: record.dropped_attributes_count,
        flags: record.flags & 0xFF,
        trace_id: record.trace_id.as_ref().map_or(Vec::new(), |bytes| id(bytes)),
        span_id: record.span_id.as_ref().map_or(Vec::new(), |bytes| id(bytes)),
        event_name: record.event_name.to_string(),
    }
}

fn expected_pairs<'l, 'a: 'l>(
    pairs: impl Iterator<Item = &'l streamgauge::otlp::KeyValue<'a>>,
    format: Format,
    depth: usize,
) -> Vec<common::KeyValue> {
    pairs
        .filter(|pair| depth > 1 || !pair.key.is_empty())
        .map(|pair| common::KeyValue {
            key: pair.key.to_string(),
            value: Some(expected_value(&pair.value, format, depth)).filter(|value| value.value.is_some()),
            ..Default::default()
        })
        .collect()
}

fn expected_value(value: &AnyValue<'_>, format: Format, depth: usize) -> common::AnyValue {
    let kind = match value {
        AnyValue::Array(_) | AnyValue::KvList(_) if depth > MAX_DEPTH => None,
        AnyValue::Array(values) => {
            let values = values.iter().map(|value| {
                let value = expected_value(value, format, depth + 1);
                match (format, &value.value) {
                    (Format::Json, None) => {
                        common::AnyValue { value: Some(Kind::StringValue(String::new())) }
                    }
                    _ => value,
                }
            });
            Some(Kind::ArrayValue(common::ArrayValue { values: values.collect() }))
        }
        AnyValue::Bool(value) => Some(Kind::BoolValue(*value)),
        AnyValue::Bytes(bytes) => Some(Kind::BytesValue(bytes.to_vec())),
        AnyValue::Double(value) if format == Format::Json => Some(match value {
            _ if value.is_nan() => Kind::StringValue("NaN".into()),
            _ if value.is_infinite() && *value > 0.0 => Kind::StringValue("Infinity".into()),
            _ if value.is_infinite() => Kind::StringValue("-Infinity".into()),
            // serde_json may be off by one unit in the last place when it reads; that is not our error.
            // Exactness is a test in src/otlp/json.rs, and the oracle's.
            _ => Kind::DoubleValue(serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()),
        }),
        AnyValue::Double(value) => Some(Kind::DoubleValue(*value)),
        AnyValue::Empty => None,
        AnyValue::Int(value) => Some(Kind::IntValue(*value)),
        AnyValue::KvList(map) => {
            let values = expected_pairs(map.iter(), format, depth + 1);
            Some(Kind::KvlistValue(common::KeyValueList { values }))
        }
        AnyValue::String(text) => Some(Kind::StringValue(text.to_string())),
    };
    common::AnyValue { value: kind }
}

/// Finds everything that some known decoder refuses, or reads as something else.
pub fn lint(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    match serde_json::from_str::<Value>(text) {
        Ok(value) => lint_value(&value, "request", "$", &mut faults),
        Err(error) => faults.push(error.to_string()),
    }
    // A tree does not show a member that is there twice; nothing here would write one. Nor may a body break a line.
    if text.contains('\n') {
        faults.push("a line break".into());
    }
    faults
}

fn lint_value(value: &Value, name: &str, path: &str, faults: &mut Vec<String>) {
    let text = value.as_str().unwrap_or_default();
    let is_canonical = |digits: &str| digits == "0" || !digits.starts_with(['0', '+', '-']);
    let members = |names: &[&str]| {
        value.as_object().is_some_and(|object| object.keys().all(|key| names.contains(&key.as_str())))
    };
    let is_hex = |len: usize| {
        text.len() == len
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && text.contains(|c| c != '0')
    };
    let fine = match name {
        "request" => members(&["resourceLogs"]),
        "resourceLogs[]" => members(&["resource", "scopeLogs", "schemaUrl"]),
        "resource" => members(&["attributes"]),
        "scopeLogs[]" => members(&["scope", "logRecords", "schemaUrl"]),
        "scope" => members(&["name", "version", "attributes"]),
        "logRecords[]" => members(&[
            "timeUnixNano",
            "observedTimeUnixNano",
            "severityNumber",
            "severityText",
            "eventName",
            "body",
            "attributes",
            "droppedAttributesCount",
            "flags",
            "traceId",
            "spanId",
        ]),
        "attributes[]" | "kvlistValue.values[]" => members(&["key", "value"]) && value["key"].is_string(),
        "body" | "value" | "arrayValue.values[]" => {
            members(&[
                "stringValue",
                "boolValue",
                "intValue",
                "doubleValue",
                "arrayValue",
                "kvlistValue",
                "bytesValue",
            ]) && value.as_object().is_some_and(|object| object.len() == 1)
        }
        "arrayValue" | "kvlistValue" => members(&["values"]) && value["values"].is_array(),
        "resourceLogs" | "scopeLogs" | "logRecords" | "arrayValue.values" => value.is_array(),
        "attributes" | "kvlistValue.values" => value.as_array().is_some_and(|pairs| {
            let mut keys: Vec<_> = pairs.iter().map(|pair| pair["key"].to_string()).collect();
            keys.sort();
            let unique = keys.windows(2).all(|pair| pair[0] != pair[1]);
            unique && (name != "attributes" || !keys.contains(&"\"\"".into()))
        }),
        "timeUnixNano" | "observedTimeUnixNano" => text.parse::<u64>().is_ok_and(|_| is_canonical(text)),
        "intValue" => text.parse::<i64>().is_ok_and(|_| is_canonical(text.strip_prefix('-').unwrap_or(text))),
        "severityNumber" => value.as_u64().is_some_and(|number| (1..=24).contains(&number)),
        "droppedAttributesCount" => value.as_u64().is_some_and(|count| (1..1 << 32).contains(&count)),
        "flags" => value.as_u64().is_some_and(|flags| (1..0x100).contains(&flags)),
        "traceId" => is_hex(32),
        "spanId" => is_hex(16),
        "doubleValue" => value.is_f64(),
        "boolValue" => value.is_boolean(),
        "bytesValue" => {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.decode(text).is_ok() && value.is_string()
        }
        "name" | "version" | "schemaUrl" | "severityText" | "eventName" | "key" | "stringValue" => {
            value.is_string()
        }
        _ => false,
    };
    if !fine {
        faults.push(format!("{path}: {value}"));
    }
    match value {
        Value::Object(object) => {
            for (key, member) in object {
                let inner = if key == "values" { format!("{name}.values") } else { key.clone() };
                lint_value(member, &inner, &format!("{path}.{key}"), faults);
            }
        }
        Value::Array(elements) => {
            for (i, element) in elements.iter().enumerate() {
                lint_value(element, &format!("{name}[]"), &format!("{path}[{i}]"), faults);
            }
        }
        _ => {}
    }
}
