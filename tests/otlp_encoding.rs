//! OTLP: the encoders against tables, the official fixtures' bytes, and decoders that are not ours.
//!
//! `opentelemetry-proto` (tonic's and prost's view of it) decodes everything here; `tests/otlp/oracle.py` does it
//! again with Python's protobuf, which installs one pinned package below `target/` on first use.

#![cfg(feature = "otel")]
#![cfg(not(target_arch = "wasm32"))]

#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/otlp_request.rs"]
mod otlp_request;
#[path = "support/splits.rs"]
mod splits;

use std::borrow::Cow;
use std::path::Path;
use std::{fs, iter};

use opentelemetry_proto::tonic::collector::logs::v1 as collector;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use otlp_request::{Request, lint};
use prost::Message;
use serde_json::{Value, json};
use splits::Rng;
use streamgauge::otlp::{
    AnyValue, Attributes, Envelope, Format, Limits, LogRecord, MAX_DEPTH, Resource, Scope, Severity,
};

const FORMATS: [Format; 2] = [Format::Json, Format::Protobuf];

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp").join(name)).unwrap()
}

fn kitchen_sink() -> Request<'static> {
    let mut record = LogRecord::event("codex.sse_event", 1_767_225_600_123_456_789);
    record.severity_number = Severity::INFO;
    record.severity_text = "INFO".into();
    record.body = Some("codex.sse_event".into());
    record.set("event.name", "codex.sse_event");
    record.set("event.timestamp", "2026-01-01T00:00:00.123Z");
    record.set("conversation.id", "0199c1a2-0000-7000-8000-000000000001");
    record.set("event.kind", "response.completed");
    record.set("duration_ms", 42);
    record.set("input_token_count", 9_007_199_254_740_993_i64);
    record.set("ratio", 0.5);
    record.set("ok", true);
    record.set("raw", vec![0, 1, 2, 255_u8]);
    record.set("list", vec![AnyValue::from("a"), 1.into()]);
    record.set("map", Attributes::from_iter([("k", "v")]));
    record.dropped_attributes_count = 2;
    record.flags = 1;
    record.trace_id = Some(0x5b8e_fff7_9803_8103_d269_b633_813f_c60c_u128.to_be_bytes());
    record.span_id = Some(0xeee1_9b7e_c3c1_b174_u64.to_be_bytes());
    let attributes = [("service.name", "codex-cli"), ("service.version", "0.1.0"), ("env", "dev")];
    Request {
        resource: Resource { attributes: attributes.into_iter().collect(), ..Resource::default() },
        scope: Scope { name: "codex_otel".into(), version: "0.1.0".into(), ..Scope::default() },
        records: vec![record],
    }
}

fn nested(depth: usize, mut layer: impl FnMut(AnyValue<'static>) -> AnyValue<'static>) -> AnyValue<'static> {
    (0..depth).fold(AnyValue::from("leaf"), |inner, _| layer(inner))
}

fn in_array(inner: AnyValue<'static>) -> AnyValue<'static> {
    AnyValue::Array(vec![inner])
}

fn in_map(inner: AnyValue<'static>) -> AnyValue<'static> {
    AnyValue::KvList([("k", inner)].into_iter().collect())
}

fn record_with(value: impl Into<AnyValue<'static>>) -> LogRecord<'static> {
    let mut record = LogRecord::default();
    record.set("k", value);
    record
}

/// Values with their JSON and their protobuf, in hex; an empty one leaves its key without value.
fn edge_values() -> Vec<(AnyValue<'static>, &'static str, &'static str)> {
    let map = |pairs: Vec<(&'static str, AnyValue<'static>)>| AnyValue::KvList(pairs.into_iter().collect());
    vec![
        (AnyValue::Empty, "", ""),
        ("".into(), r#"{"stringValue":""}"#, "0a00"),
        ("é\u{2028}😀".into(), "{\"stringValue\":\"é\u{2028}😀\"}", "0a09c3a9e280a8f09f9880"),
        (
            "\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}".into(),
            "{\"stringValue\":\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}\"}",
            "0a0d000108090a0b0c0d1f225c2f7f",
        ),
        (false.into(), r#"{"boolValue":false}"#, "1000"),
        (true.into(), r#"{"boolValue":true}"#, "1001"),
        (0.into(), r#"{"intValue":"0"}"#, "1800"),
        (AnyValue::Int(-1), r#"{"intValue":"-1"}"#, "18ffffffffffffffffff01"),
        (i64::MAX.into(), r#"{"intValue":"9223372036854775807"}"#, "18ffffffffffffffff7f"),
        (i64::MIN.into(), r#"{"intValue":"-9223372036854775808"}"#, "1880808080808080808001"),
        (((1_i64 << 53) + 1).into(), r#"{"intValue":"9007199254740993"}"#, "188180808080808010"),
        (
            u64::MAX.into(),
            r#"{"stringValue":"18446744073709551615"}"#,
            "0a143138343436373434303733373039353531363135",
        ),
        (0.0.into(), r#"{"doubleValue":0.0}"#, "210000000000000000"),
        ((-0.0).into(), r#"{"doubleValue":-0.0}"#, "210000000000000080"),
        (1.0.into(), r#"{"doubleValue":1.0}"#, "21000000000000f03f"),
        (0.1.into(), r#"{"doubleValue":0.1}"#, "219a9999999999b93f"),
        (1e300.into(), r#"{"doubleValue":1e+300}"#, "219c7500883ce4377e"),
        (5e-324.into(), r#"{"doubleValue":5e-324}"#, "210100000000000000"),
        (f64::MAX.into(), r#"{"doubleValue":1.7976931348623157e+308}"#, "21ffffffffffffef7f"),
        (f64::NAN.into(), r#"{"stringValue":"NaN"}"#, "21000000000000f87f"),
        ((-f64::NAN).into(), r#"{"stringValue":"NaN"}"#, "21000000000000f8ff"),
        (f64::INFINITY.into(), r#"{"stringValue":"Infinity"}"#, "21000000000000f07f"),
        (f64::NEG_INFINITY.into(), r#"{"stringValue":"-Infinity"}"#, "21000000000000f0ff"),
        (Vec::<u8>::new().into(), r#"{"bytesValue":""}"#, "3a00"),
        (vec![0xFB_u8].into(), r#"{"bytesValue":"+w=="}"#, "3a01fb"),
        (vec![0xFB_u8, 0xFF].into(), r#"{"bytesValue":"+/8="}"#, "3a02fbff"),
        (vec![0_u8, 1, 2].into(), r#"{"bytesValue":"AAEC"}"#, "3a03000102"),
        (Vec::<AnyValue<'_>>::new().into(), r#"{"arrayValue":{"values":[]}}"#, "2a00"),
        (in_array(AnyValue::Empty), r#"{"arrayValue":{"values":[{"stringValue":""}]}}"#, "2a020a00"),
        (
            AnyValue::Array(vec![false.into(), AnyValue::Empty, "".into()]),
            r#"{"arrayValue":{"values":[{"boolValue":false},{"stringValue":""},{"stringValue":""}]}}"#,
            "2a0a0a0210000a000a020a00",
        ),
        (map(vec![]), r#"{"kvlistValue":{"values":[]}}"#, "3200"),
        (map(vec![("e", AnyValue::Empty)]), r#"{"kvlistValue":{"values":[{"key":"e"}]}}"#, "32050a030a0165"),
        (
            map(vec![("", 1.into()), ("a", 2.into()), ("", 3.into())]),
            r#"{"kvlistValue":{"values":[{"key":"","value":{"intValue":"3"}},{"key":"a","value":{"intValue":"2"}}]}}"#,
            "320f0a04120218030a070a016112021802",
        ),
        (
            in_map(in_array(map(vec![]))),
            r#"{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"kvlistValue":{"values":[]}}]}}}]}}"#,
            "320d0a0b0a016b12062a040a023200",
        ),
    ]
}

/// Records with edges in their own fields, and the JSON that they become.
fn edge_records() -> Vec<(LogRecord<'static>, &'static str)> {
    let record = LogRecord::default;
    vec![
        (record(), "{}"),
        (LogRecord { time_unix_nano: u64::MAX, ..record() }, r#"{"timeUnixNano":"18446744073709551615"}"#),
        (LogRecord { observed_time_unix_nano: 1, ..record() }, r#"{"observedTimeUnixNano":"1"}"#),
        (LogRecord { severity_number: Severity::new(255), ..record() }, r#"{"severityNumber":24}"#),
        (LogRecord { severity_number: Severity::TRACE, ..record() }, r#"{"severityNumber":1}"#),
        (LogRecord { severity_text: "\"".into(), ..record() }, r#"{"severityText":"\""}"#),
        (LogRecord { body: Some(AnyValue::Empty), ..record() }, "{}"),
        (
            LogRecord { body: Some(AnyValue::Array(vec![])), ..record() },
            r#"{"body":{"arrayValue":{"values":[]}}}"#,
        ),
        (
            LogRecord { dropped_attributes_count: u32::MAX, ..record() },
            r#"{"droppedAttributesCount":4294967295}"#,
        ),
        (LogRecord { flags: 0xFFFF_FF00, ..record() }, "{}"),
        (LogRecord { flags: u32::MAX, ..record() }, r#"{"flags":255}"#),
        (LogRecord { trace_id: Some([0; 16]), span_id: Some([0; 8]), ..record() }, "{}"),
        (LogRecord { span_id: Some(255_u64.to_be_bytes()), ..record() }, r#"{"spanId":"00000000000000ff"}"#),
        (
            LogRecord { trace_id: Some([0xAB; 16]), ..record() },
            r#"{"traceId":"abababababababababababababababab"}"#,
        ),
        (
            LogRecord { attributes: [("", 1), ("a", 2)].into_iter().collect(), ..record() },
            r#"{"attributes":[{"key":"a","value":{"intValue":"2"}}]}"#,
        ),
        (LogRecord { attributes: [("", 1)].into_iter().collect(), ..record() }, r#"{"attributes":[]}"#),
        (
            LogRecord { attributes: [("e", AnyValue::Empty)].into_iter().collect(), ..record() },
            r#"{"attributes":[{"key":"e"}]}"#,
        ),
    ]
}

#[test]
fn the_kitchen_sink_is_what_the_official_encoders_write() {
    let request = kitchen_sink();
    let expected: Value = serde_json::from_slice(&fixture("kitchen_sink_log.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&request.json()).unwrap(), expected);
    assert!(request.encoded(Format::Protobuf) == fixture("kitchen_sink_log.pb"));
    request.check();
}

#[test]
fn edge_values_are_written_as_the_table_says() {
    for (value, json, proto) in edge_values() {
        let body = LogRecord { body: Some(value.clone()), ..LogRecord::default() };
        let attribute = record_with(value);
        let encoded = |record: &LogRecord<'_>, format: Format| {
            let mut out = Vec::new();
            format.encode_record(record, &mut out);
            out
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let text = |record| String::from_utf8(encoded(record, Format::Json)).unwrap();
        let bytes = |record| hex(&encoded(record, Format::Protobuf));
        let len = proto.len() / 2;
        if json.is_empty() {
            assert_eq!((text(&body), bytes(&body)), ("{}".into(), String::new()));
            assert_eq!(
                (text(&attribute), bytes(&attribute)),
                (r#"{"attributes":[{"key":"k"}]}"#.into(), "32030a016b".into())
            );
        } else {
            assert_eq!(text(&body), format!("{{\"body\":{json}}}"));
            assert_eq!(bytes(&body), format!("2a{len:02x}{proto}"), "{json}");
            assert_eq!(text(&attribute), format!("{{\"attributes\":[{{\"key\":\"k\",\"value\":{json}}}]}}"));
            assert_eq!(bytes(&attribute), format!("32{:02x}0a016b12{len:02x}{proto}", len + 5), "{json}");
        }
        Request::of(body).check();
        Request::of(attribute).check();
    }
}

#[test]
fn edge_records_are_written_as_the_table_says() {
    for (record, json) in edge_records() {
        let mut out = Vec::new();
        Format::Json.encode_record(&record, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), json);
        Request::of(record).check();
    }
}

#[test]
fn envelopes_hold_any_number_of_records() {
    let schema = "https://opentelemetry.io/schemas/1.40.0";
    for count in [0, 1, 2, 3, 512] {
        // Sizes around those at which a length takes one byte more.
        for size in [0, 100, 110, 120, 130, 16_200, 16_300] {
            for schema_url in ["", schema] {
                let mut request = kitchen_sink();
                request.resource.schema_url = schema_url.into();
                request.scope.schema_url = schema_url.into();
                request.scope.attributes = [("", "no name"), ("kind", schema_url)].into_iter().collect();
                let body = Some("x".repeat(if count > 3 { size / 100 } else { size }).into());
                let record = LogRecord { body, ..LogRecord::default() };
                request.records = iter::repeat_n(record, count).collect();
                request.check();
            }
        }
    }
    Request::default().check();
    let empty = Request { scope: Scope { name: "\"".into(), ..Scope::default() }, ..Request::default() };
    assert_eq!(
        empty.json(),
        r#"{"resourceLogs":[{"resource":{"attributes":[]},"scopeLogs":[{"scope":{"name":"\""},"logRecords":[]}]}]}"#
    );
    let envelope = Envelope::new(Format::Protobuf, &Resource::default(), &Scope::default());
    assert_eq!(envelope.body_len([usize::MAX, 1].into_iter()), usize::MAX, "sizes do not overflow");
}

#[test]
fn what_is_nested_too_deep_never_costs_the_batch() {
    let mut flip = false;
    let mut either = move |inner| {
        flip = !flip;
        if flip { in_array(inner) } else { in_map(inner) }
    };
    for depth in [1, 2, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, MAX_DEPTH + 2, 64, 1000] {
        for value in [nested(depth, in_array), nested(depth, in_map), nested(depth, &mut either)] {
            let mut record = LogRecord { body: Some(value.clone()), ..LogRecord::default() };
            record.set("deep", value);
            Request::of(record.clone()).check();
            // Cutting at the limit and not writing beyond it are the same.
            let mut cut = record.clone();
            assert_eq!(Limits::default().apply(&mut cut), depth > MAX_DEPTH);
            assert_eq!(Request::of(cut).json(), Request::of(record).json());
        }
    }

    // Why the limit is not 64, as the specification suggests: both are well-formed, and refused as a whole.
    let map = |levels: usize, leaf: &str| {
        r#"{"kvlistValue":{"values":[{"key":"k","value":"#.repeat(levels) + leaf + &"}]}}".repeat(levels)
    };
    let leaf = r#"{"stringValue":"leaf"}"#;
    let shallow = Request::of(record_with("leaf"));
    let read = |json: String| serde_json::from_str::<collector::ExportLogsServiceRequest>(&json);
    assert!(read(shallow.json().replace(leaf, &map(29, leaf))).is_ok());
    assert!(read(shallow.json().replace(leaf, &map(30, leaf))).is_err());

    let with_levels = |levels: usize| {
        let mut request = shallow.expected(Format::Protobuf);
        let value = &mut request.resource_logs[0].scope_logs[0].log_records[0].attributes[0].value;
        for _ in 0..levels {
            let pair = common::KeyValue { key: "k".into(), value: value.take(), ..Default::default() };
            let map = Kind::KvlistValue(common::KeyValueList { values: vec![pair] });
            *value = Some(common::AnyValue { value: Some(map) });
        }
        request.encode_to_vec()
    };
    assert!(collector::ExportLogsServiceRequest::decode(&*with_levels(31)).is_ok());
    assert!(collector::ExportLogsServiceRequest::decode(&*with_levels(32)).is_err());
}

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    /// Which of five decoders and linters refused it, or read it as something else.
    refused_by: Vec<String>,
    body: String,
}

fn vectors() -> Vec<Vector> {
    let text = String::from_utf8(fixture("vectors.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn nothing_that_a_decoder_refuses_can_be_written() {
    // `Request::check` lints all that the tests here encode; this shows that the lint sees every such shape.
    let vectors = vectors();
    assert_eq!(vectors.len(), 44);
    for Vector { name, refused_by, body } in vectors {
        let faults = lint(&body);
        assert!(refused_by.is_empty() || !faults.is_empty(), "{name}: {refused_by:?}");
        if matches!(
            &*name,
            "minimal" | "intValue string" | "missing value" | "body map" | "array values []" | "eventName"
        ) {
            assert_eq!(faults, Vec::<String>::new(), "{name}");
        }
    }
}

const TEXTS: [&str; 12] = [
    "",
    "a",
    "key.of.something",
    "\0",
    "\"\\/",
    "\u{7f}\u{80}\u{2028}\u{2029}",
    "\r\n\t\u{8}\u{c}\u{1b}",
    "😀 \u{d7ff}\u{e000}\u{10ffff}",
    "null",
    "e\u{301}",
    "{\"a\":1}",
    "0123456789abcdef0123456789abcdef",
];

fn random_text(rng: &mut Rng) -> Cow<'static, str> {
    match rng.below(5) {
        0 => TEXTS.map(|text| text.repeat(rng.below(8))).concat().into(),
        1 => (0..rng.below(40))
            .filter_map(|_| char::from_u32((rng.next() >> (32 + rng.below(32))) as u32))
            .collect(),
        _ => (*rng.pick(&TEXTS)).into(),
    }
}

fn random_value(rng: &mut Rng, depth: usize) -> AnyValue<'static> {
    // Sometimes a deep chain, otherwise a bush.
    match rng.below(if depth > 4 { 16 } else { 22 }) {
        0 => AnyValue::Empty,
        1 => AnyValue::Bool(rng.below(2) == 0),
        2..=4 => AnyValue::Int((rng.next() as i64) >> rng.below(64)),
        5 => AnyValue::Int(*rng.pick(&[0, -1, i64::MIN, i64::MAX, 127, 128, 1 << 53])),
        6 => rng.next().into(),
        7 | 8 => AnyValue::Double(f64::from_bits(rng.next())),
        9 => AnyValue::Double(*rng.pick(&[
            0.0,
            -0.0,
            1e300,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            5e-324,
            1e16,
        ])),
        10 => AnyValue::Double((rng.below(1000) as f64) / 8.0),
        11 => AnyValue::Bytes((0..rng.below(200)).map(|_| rng.next() as u8).collect()),
        12..=15 => AnyValue::String(random_text(rng)),
        16..=18 => AnyValue::Array((0..rng.below(5)).map(|_| random_value(rng, depth + 1)).collect()),
        19 => {
            let levels = rng.below(MAX_DEPTH + 4);
            let leaf = random_value(rng, depth + 5);
            (0..levels).fold(leaf, |inner, _| if rng.below(2) == 0 { in_array(inner) } else { in_map(inner) })
        }
        _ => AnyValue::KvList(random_attributes(rng, depth + 1)),
    }
}

fn random_attributes(rng: &mut Rng, depth: usize) -> Attributes<'static> {
    (0..rng.below(6)).map(|_| (random_text(rng), random_value(rng, depth))).collect()
}

fn random_record(rng: &mut Rng) -> LogRecord<'static> {
    LogRecord {
        time_unix_nano: rng.next() >> rng.below(64),
        observed_time_unix_nano: rng.next() >> rng.below(64),
        severity_number: Severity::new(rng.below(30) as u8),
        severity_text: random_text(rng),
        event_name: random_text(rng),
        body: (rng.below(2) == 0).then(|| random_value(rng, 1)),
        attributes: random_attributes(rng, 1),
        dropped_attributes_count: (rng.next() as u32) >> rng.below(32),
        flags: (rng.next() as u32) >> rng.below(32),
        trace_id: (rng.below(2) == 0).then(|| (u128::from(rng.next()) << rng.below(120)).to_be_bytes()),
        span_id: (rng.below(2) == 0).then(|| (rng.next() << rng.below(64)).to_be_bytes()),
    }
}

fn random_request(seed: u64) -> Request<'static> {
    let rng = &mut Rng::new(seed);
    Request {
        resource: Resource { attributes: random_attributes(rng, 2), schema_url: random_text(rng) },
        scope: Scope {
            name: random_text(rng),
            version: random_text(rng),
            attributes: random_attributes(rng, 2),
            schema_url: random_text(rng),
        },
        records: (0..rng.below(4)).map(|_| random_record(rng)).collect(),
    }
}

#[test]
fn random_requests_are_read_back_in_both_formats() {
    for seed in 0..3000 {
        let mut request = random_request(seed);
        request.check();
        let limits = Limits {
            attribute_count: seed as usize % 5,
            value_length: Some(seed as usize % 7),
            depth: 1 + seed as usize % 3,
        };
        for record in &mut request.records {
            limits.apply(record);
            assert!(!limits.apply(record), "seed {seed}: a second time changes nothing");
        }
        request.check();
    }
}

#[test]
fn pythons_protobuf_reads_the_same_from_both_formats() {
    let mut cases = String::new();
    let mut add = |name: String, request: &Request<'_>| {
        let proto: String =
            request.encoded(Format::Protobuf).iter().map(|byte| format!("{byte:02x}")).collect();
        cases += &format!("{}\n", json!({ "name": name, "json": request.json(), "proto": proto }));
    };
    add("kitchen sink".into(), &kitchen_sink());
    for (record, json) in edge_records() {
        add(json.into(), &Request::of(record));
    }
    for (value, json, _) in edge_values() {
        add(json.into(), &Request::of(record_with(value)));
    }
    for deep in [nested(100, in_array), nested(100, in_map)] {
        add("deep".into(), &Request::of(LogRecord { body: Some(deep), ..LogRecord::default() }));
    }
    for seed in 0..1000 {
        add(format!("seed {seed}"), &random_request(seed));
    }
    for Vector { name, body, .. } in vectors().into_iter().filter(|vector| !vector.refused_by.is_empty()) {
        cases += &format!("{}\n", json!({ "name": name, "json": body, "refuse": true }));
    }
    oracle::check(&cases);
}

#[test]
fn formats_are_known_by_content_type() {
    for format in FORMATS {
        assert_eq!(Format::from_content_type(format.content_type()), Some(format));
    }
    assert_eq!(Format::from_content_type("Application/JSON; charset=utf-8"), Some(Format::Json));
    assert_eq!(Format::from_content_type(" application/x-protobuf ;x"), Some(Format::Protobuf));
    assert_eq!(Format::from_content_type("text/html"), None);
    assert_eq!(Format::from_content_type(""), None);
}

#[test]
fn responses_of_prost_are_read() {
    for (rejected, message) in [(0, ""), (3, ""), (0, "a warning"), (i64::MAX, "all")] {
        let partial = collector::ExportLogsPartialSuccess {
            rejected_log_records: rejected,
            error_message: message.into(),
        };
        let response = collector::ExportLogsServiceResponse { partial_success: Some(partial) };
        let json = serde_json::to_vec(&response).unwrap();
        for read in
            [Format::Protobuf.decode_response(&response.encode_to_vec()), Format::Json.decode_response(&json)]
        {
            // JSON numbers are only exact up to 2^53; more records than that do not fit a request.
            if rejected < 1 << 53 {
                assert_eq!(read.rejected_log_records, rejected as u64);
            }
            assert_eq!(read.error_message, message);
        }
    }
}

#[test]
fn decoders_of_responses_never_fail() {
    let rng = &mut Rng::new(7);
    for _ in 0..20_000 {
        let mut body: Vec<u8> = match rng.below(3) {
            0 => (0..rng.below(40)).map(|_| rng.next() as u8).collect(),
            1 => fixture("kitchen_sink_log.pb").into_iter().skip(rng.below(500)).collect(),
            _ => br#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"m"},"code":1,"message":""}"#
                .to_vec(),
        };
        for _ in 0..rng.below(4) {
            let at = rng.below(body.len().max(1));
            if let Some(byte) = body.get_mut(at) {
                *byte = rng.next() as u8;
            }
        }
        for format in FORMATS {
            format.decode_response(&body);
            format.decode_status(&body);
        }
    }
}
