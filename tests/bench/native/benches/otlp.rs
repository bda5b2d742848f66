//! 512 log records to a request body: streamgauge's encoders beside `opentelemetry-proto` with prost and serde_json.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use prost::Message;
use streamgauge::otlp::{Envelope, Format, LogRecord, Resource, Scope, Severity};

/// One batch.
const RECORDS: u64 = 512;

const RESOURCE: [(&str, &str); 3] =
    [("service.name", "codex-cli"), ("service.version", "0.1.0"), ("env", "dev")];

/// What every record says; the rest is numbers.
const TEXTS: [(&str, &str); 8] = [
    ("event.name", "codex.sse_event"),
    ("event.timestamp", "2026-01-01T00:00:00.123Z"),
    ("conversation.id", "0199c1a2-0000-7000-8000-000000000001"),
    ("app.version", "0.1.0"),
    ("terminal.type", "xterm-256color \"quoted\""),
    ("model", "gpt-5.1"),
    ("slug", "gpt-5.1"),
    ("event.kind", "response.output_text.delta"),
];

const START: u64 = 1_767_225_600_123_456_789;

fn by_streamgauge(format: Format) -> Vec<u8> {
    let resource = Resource { attributes: RESOURCE.into_iter().collect(), ..Resource::default() };
    let scope = Scope { name: "codex_otel".into(), version: "0.1.0".into(), ..Scope::default() };
    let envelope = Envelope::new(format, &resource, &scope);
    // As the worker keeps them: each record is encoded when it is made.
    let records: Vec<Vec<u8>> = (0..RECORDS)
        .map(|number| {
            let mut record = LogRecord::event("codex.sse_event", START + number);
            record.severity_number = Severity::INFO;
            record.severity_text = "INFO".into();
            for (key, value) in TEXTS {
                record.set(key, value);
            }
            record.set("duration_ms", number as i64);
            record.set("success", number % 2 == 0);
            let mut out = Vec::new();
            format.encode_record(&record, &mut out);
            out
        })
        .collect();
    envelope.body(records.iter().map(Vec::as_slice))
}

fn proto_request() -> ExportLogsServiceRequest {
    let pair = |key: &str, value: Kind| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let text = |(key, value): (&str, &str)| pair(key, Kind::StringValue(value.to_owned()));
    let log_records = (0..RECORDS).map(|number| {
        let mut attributes: Vec<KeyValue> = TEXTS.into_iter().map(text).collect();
        attributes.push(pair("duration_ms", Kind::IntValue(number as i64)));
        attributes.push(pair("success", Kind::BoolValue(number % 2 == 0)));
        logs::LogRecord {
            time_unix_nano: START + number,
            observed_time_unix_nano: START + number,
            severity_number: 9,
            severity_text: "INFO".to_owned(),
            event_name: "codex.sse_event".to_owned(),
            attributes,
            ..logs::LogRecord::default()
        }
    });
    let scope_logs = logs::ScopeLogs {
        scope: Some(InstrumentationScope {
            name: "codex_otel".to_owned(),
            version: "0.1.0".to_owned(),
            ..InstrumentationScope::default()
        }),
        log_records: log_records.collect(),
        ..logs::ScopeLogs::default()
    };
    let attributes = RESOURCE.into_iter().map(text).collect();
    let resource = Some(ProtoResource { attributes, ..ProtoResource::default() });
    let resource_logs =
        logs::ResourceLogs { resource, scope_logs: vec![scope_logs], ..logs::ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource_logs] }
}

fn otlp(criterion: &mut Criterion) {
    let request = proto_request();
    assert!(by_streamgauge(Format::Protobuf) == request.encode_to_vec(), "the same bytes");
    let read: ExportLogsServiceRequest = serde_json::from_slice(&by_streamgauge(Format::Json)).unwrap();
    assert!(read == request, "JSON that says the same");

    let mut group = criterion.benchmark_group("otlp");
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("protobuf/streamgauge", |bencher| {
        bencher.iter(|| by_streamgauge(black_box(Format::Protobuf)));
    });
    group.bench_function("protobuf/opentelemetry-proto, prost", |bencher| {
        bencher.iter(|| proto_request().encode_to_vec());
    });
    group.bench_function("json/streamgauge", |bencher| {
        bencher.iter(|| by_streamgauge(black_box(Format::Json)));
    });
    group.bench_function("json/opentelemetry-proto, serde_json", |bencher| {
        bencher.iter(|| serde_json::to_vec(&proto_request()).unwrap());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = otlp
}
criterion_main!(benches);
