//! The conventions for generative AI, of any request and any stream: both formats say the same; beside the catalog's
//! records they are what they are alone; of content there is nothing unless it was asked for, and no more than allowed.

use std::cell::RefCell;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue as Value, KeyValue, any_value};
use prost::Message;
use serde_json::Value as Json;
use streamgauge::otlp::metrics::{CARDINALITY_LIMIT, Histograms};
use streamgauge::otlp::{AnyValue, Attributes, Envelope, Format, Limits, Resource, Scope, Signal};
use streamgauge::telemetry::gen_ai::{GenAi, Names, Request};
use streamgauge::telemetry::{ContentPolicy, Recorder, SseEvents, StreamCounts};
use streamgauge::{Aggregator, Error, ErrorCode, Options, WireChoice, json};

use crate::sequences;
use crate::telemetry::{body, logs, session};

/// Where content stands.
const CONTENT: [&str; 3] = ["gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages"];
/// What is in the prompt, and a text of `sequences`.
const CANARIES: [&str; 2] = ["a canary in the prompt", "thoughts and more of them"];
/// Names whose values are no content.
const STRUCTURE: [&str; 5] = ["type", "role", "id", "name", "finish_reason"];

/// What is told, and how.
struct Scenario<'a> {
    flags: u8,
    text: String,
    wire: WireChoice,
    stream: &'a [u8],
    policy: ContentPolicy,
}

/// What a run gave.
#[derive(PartialEq)]
struct Told {
    records: Vec<Vec<u8>>,
    metrics: Vec<Vec<u8>>,
    failed: bool,
}

/// Input: options, where the stream is from, how much of the rest is texts, texts, and what the stream is made of.
pub fn check(input: &[u8]) {
    let Some(([flags, source, texts], rest)) = input.split_first_chunk::<3>() else { return };
    let (texts, rest) = rest.split_at_checked(usize::from(*texts)).unwrap_or((rest, &[]));
    let made;
    let (wire, stream) = if source & 1 == 0 {
        made = sequences::stream(rest).unwrap_or_default();
        (made.0, made.1.get(2..).unwrap_or_default())
    } else {
        (WireChoice::Auto, rest)
    };
    let policy =
        [ContentPolicy::Redacted, ContentPolicy::Full, ContentPolicy::AtMost(5), ContentPolicy::AtMost(0)]
            [usize::from(source >> 1 & 3)];
    let text = String::from_utf8_lossy(texts).into_owned();
    let scenario = Scenario { flags: *flags, text, wire, stream, policy };

    let [json, binary] = [Format::Json, Format::Protobuf].map(|format| {
        let [catalog, alone, both] = [(true, false), (false, true), (true, true)]
            .map(|(has_catalog, has_gen_ai)| tell(&scenario, has_catalog, has_gen_ai, format));
        let joined = [&catalog.records[..], &alone.records].concat();
        assert!(
            joined == both.records && alone.metrics == both.metrics,
            "`both` is both, one after the other"
        );
        assert!(catalog.metrics.is_empty());
        alone
    });
    let from_json = logs(Format::Json, &body(Format::Json, &json.records));
    let from_binary = logs(Format::Protobuf, &body(Format::Protobuf, &binary.records));
    same(&serde_json::to_value(&from_json).unwrap(), &serde_json::to_value(&from_binary).unwrap());
    let metrics_json: ExportMetricsServiceRequest =
        serde_json::from_slice(&metrics(Format::Json, &json.metrics)).expect("JSON");
    let metrics_binary =
        ExportMetricsServiceRequest::decode(&*metrics(Format::Protobuf, &binary.metrics)).expect("protobuf");
    same(&serde_json::to_value(&metrics_json).unwrap(), &serde_json::to_value(&metrics_binary).unwrap());
    check_content(&scenario, &from_binary, &binary);
}

fn metrics(format: Format, metrics: &[Vec<u8>]) -> Vec<u8> {
    Envelope::of(Signal::Metrics, format, &Resource::default(), &Scope::default())
        .body(metrics.iter().map(Vec::as_slice))
}

fn tell(scenario: &Scenario<'_>, has_catalog: bool, has_gen_ai: bool, format: Format) -> Told {
    let Scenario { flags, text, wire, stream, policy } = scenario;
    let mut recorder = Recorder::new(session(*flags, text), SseEvents::All, format, Limits::default());
    if has_gen_ai {
        let names = if flags & 16 == 0 { &Names::V1_41 } else { &Names::LATEST };
        let provider = (flags & 32 != 0).then(|| text.clone());
        recorder = recorder.with_gen_ai(GenAi { names, provider, content: *policy }, has_catalog);
    }
    let nanos = 1_767_225_600_000_000_000;
    let mut aggregator = Aggregator::new(Options { wire: *wire, ..Options::default() }, 0.0);
    aggregator.observe();
    let mut operation = recorder.operation(request(*flags, text), 0.0);
    let mut counts = StreamCounts::default();
    let mut records = Vec::new();
    let mut now = 0.0;
    for chunk in stream.chunks(100).map(Some).chain([None]) {
        now += 7.5;
        match chunk {
            Some(chunk) => aggregator.handle_bytes(chunk, now),
            None if flags & 128 == 0 => aggregator.handle_end(now),
            None => aggregator.handle_failure(Error::new(ErrorCode::Aborted, "the stream was aborted"), now),
        }
        aggregator.discard_events();
        let observations = aggregator.take_observations();
        if let Some(operation) = &mut operation {
            recorder.follow(operation, &observations, now);
        }
        if has_catalog {
            for observation in observations {
                recorder.observe(observation, &mut counts, nanos, |record| records.push(record.to_vec()));
            }
        }
    }
    let records = RefCell::new(records);
    let mut histograms = Histograms::new(format, CARDINALITY_LIMIT, nanos);
    let mut told = Told { records: Vec::new(), metrics: Vec::new(), failed: aggregator.error().is_some() };
    if let Some(operation) = &mut operation {
        let mut end = |expected: bool| {
            let before = records.borrow().len();
            recorder.end(
                operation,
                Some(&aggregator),
                None,
                (now, nanos),
                &mut |record| records.borrow_mut().push(record.to_vec()),
                &mut |instrument, attributes, values| histograms.add(instrument, attributes, values),
            );
            assert_eq!(records.borrow().len() > before, expected, "it ends once");
        };
        end(true);
        end(false);
    }
    histograms.collect(nanos, &mut |metric| told.metrics.push(metric));
    told.records = records.into_inner();
    told
}

fn request(flags: u8, text: &str) -> Request {
    let pieces: Vec<&str> = text.splitn(4, ' ').collect();
    let piece = |at: usize| pieces.get(at).map(|piece| (*piece).to_owned());
    let parameters = piece(2).unwrap_or_default();
    let message = |kind: &str, text: String| {
        let part: Attributes<'static> =
            [("type", "text".to_owned()), ("content", text)].into_iter().collect();
        let part = AnyValue::KvList(part);
        if kind.is_empty() {
            return AnyValue::Array(vec![part]);
        }
        let mut message = Attributes::new();
        message.set("role", kind.to_owned());
        message.set("parts", AnyValue::Array(vec![part]));
        AnyValue::Array(vec![AnyValue::KvList(message)])
    };
    Request {
        started_ms: (flags & 8 != 0).then_some(-3.0),
        model: piece(0),
        server_address: piece(1),
        server_port: (flags & 4 != 0).then_some(443),
        parameters: json::document(&parameters).map(Request::parameters_of).unwrap_or_default(),
        input_messages: message("user", [CANARIES[0], &piece(3).unwrap_or_default()].concat()),
        system_instructions: message("", CANARIES[0].to_owned()),
    }
}

fn check_content(scenario: &Scenario<'_>, told: &ExportLogsServiceRequest, raw: &Told) {
    let records = told.resource_logs.iter().flat_map(|of| &of.scope_logs).flat_map(|of| &of.log_records);
    let attributes = records.flat_map(|record| &record.attributes);
    let mut content = attributes.filter(|pair| CONTENT.contains(&pair.key.as_str())).peekable();
    match scenario.policy {
        ContentPolicy::Redacted => {
            assert!(content.peek().is_none(), "content that nobody asked for");
            for (at, canary) in CANARIES.iter().enumerate() {
                // Words of an error's own may be anything; the texts of the scenario are everywhere.
                let may = scenario.text.contains(canary) || (at == 1 && raw.failed);
                let has = |record: &Vec<u8>| String::from_utf8_lossy(record).contains(canary);
                assert!(
                    may || !raw.records.iter().chain(&raw.metrics).any(has),
                    "{canary}, although nobody asked"
                );
            }
        }
        ContentPolicy::Full => assert!(content.peek().is_some(), "the prompt was asked for"),
        ContentPolicy::AtMost(most) => content.for_each(|pair| within(pair, most)),
    }
}

/// Texts in content are at most so long.
fn within(pair: &KeyValue, most: usize) {
    if !STRUCTURE.contains(&pair.key.as_str()) {
        value_within(pair.value.as_ref(), most);
    }
}

fn value_within(value: Option<&Value>, most: usize) {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => assert!(text.len() <= most, "{text:?} for {most}"),
        Some(any_value::Value::ArrayValue(list)) => {
            list.values.iter().for_each(|value| value_within(Some(value), most));
        }
        Some(any_value::Value::KvlistValue(map)) => map.values.iter().for_each(|pair| within(pair, most)),
        _ => {}
    }
}

/// Both are the same, but for the last digit of a double, where `serde_json` may be off when it reads.
fn same(one: &Json, other: &Json) {
    match (one, other) {
        (Json::Array(one), Json::Array(other)) => {
            assert_eq!(one.len(), other.len(), "both formats say the same");
            one.iter().zip(other).for_each(|(one, other)| same(one, other));
        }
        (Json::Object(one), Json::Object(other)) => {
            assert!(one.keys().eq(other.keys()), "both formats say the same");
            one.values().zip(other.values()).for_each(|(one, other)| same(one, other));
        }
        (Json::Number(one), Json::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            assert!((one - other).abs() <= one.abs() * 1e-14, "both formats say the same: {one}, {other}");
        }
        _ => assert_eq!(one, other, "both formats say the same"),
    }
}
