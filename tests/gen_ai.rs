//! The conventions for generative AI: what requests become, as a table and as golden records, through
//! `opentelemetry-proto`, a decoder that is not ours.
//!
//! After a change: first the tables, by hand; then `BLESS=1 cargo test --test gen_ai` writes the goldens anew.
#![cfg(all(not(target_arch = "wasm32"), feature = "otel"))]

use std::cell::RefCell;
use std::path::Path;
use std::{env, fs};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue as ProtoValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord as ProtoRecord;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, metric};
use prost::Message;
use serde_json::{Value, json};
use streamgauge::otlp::metrics::{CARDINALITY_LIMIT, Histogram, Histograms};
use streamgauge::otlp::{AnyValue, Attributes, Envelope, Format, Limits, Resource, Scope, Signal};
use streamgauge::telemetry::gen_ai::{GenAi, Names, Request};
use streamgauge::telemetry::{
    AttributeTypes, ContentPolicy, Recorder, Session, SseEvents, StreamCounts, TraceParent,
};
use streamgauge::{Aggregator, Error, ErrorCode, Options};

const FORMATS: [Format; 2] = [Format::Json, Format::Protobuf];
/// 2026-01-01T00:00:00Z
const AT: u64 = 1_767_225_600_000_000_000;
const TRACEPARENT: &str = "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01";

// ----------------------------------------------------------------------------------------------------------
// Tools

fn session() -> Session {
    Session {
        conversation_id: "conversation-1".into(),
        app_version: "1.4.0".into(),
        auth_mode: None,
        account_id: None,
        terminal_type: "web-ide".into(),
        model: "gpt-5".into(),
        slug: "gpt-5".into(),
        attribute_types: AttributeTypes::Codex,
        prompts: ContentPolicy::Redacted,
        tool_arguments: ContentPolicy::Full,
        tool_output: ContentPolicy::Full,
        trace: TraceParent::parse(TRACEPARENT).ok(),
    }
}

fn gen_ai() -> GenAi {
    GenAi { names: &Names::V1_41, provider: None, content: ContentPolicy::Redacted }
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Clean,
    Idle,
    Transport,
    Aborted,
    Http(u16),
}

/// A request, and its answer as it comes in.
#[derive(Debug, Clone)]
struct Scenario {
    name: &'static str,
    request: Request,
    /// Each at its time, in milliseconds; the stream is opened at 100.
    chunks: Vec<(f64, String)>,
    end: (f64, End),
}

/// What one scenario gave.
#[derive(Debug, Default)]
struct Told {
    records: Vec<Vec<u8>>,
    values: Vec<(&'static str, Attributes<'static>, Histogram)>,
    metrics: Vec<Vec<u8>>,
}

fn tell(scenario: &Scenario, gen_ai: &GenAi, codex: bool, format: Format) -> Told {
    let mut recorder = Recorder::new(session(), SseEvents::All, format, Limits::default())
        .with_gen_ai(gen_ai.clone(), codex);
    let mut aggregator = Aggregator::new(Options::default(), 100.0);
    aggregator.observe();
    let mut operation = recorder.operation(scenario.request.clone(), 100.0).unwrap();
    let mut counts = StreamCounts::default();
    let told = RefCell::new(Told::default());
    let mut observe = |aggregator: &mut Aggregator, at: f64| {
        let observations = aggregator.take_observations();
        recorder.follow(&mut operation, &observations, at);
        for observation in observations {
            recorder.observe(observation, &mut counts, AT, |record| {
                told.borrow_mut().records.push(record.to_vec());
            });
        }
    };
    for (at, chunk) in &scenario.chunks {
        aggregator.handle_bytes(chunk.as_bytes(), *at);
        observe(&mut aggregator, *at);
    }
    let (at, end) = scenario.end;
    match end {
        End::Clean => aggregator.handle_end(at),
        End::Idle => aggregator.handle_idle_timeout(at),
        End::Transport => aggregator.handle_transport_error("connection reset", at),
        End::Aborted => {
            aggregator.handle_failure(Error::new(ErrorCode::Aborted, "the stream was aborted"), at);
        }
        End::Http(status) => {
            let body = "{\"error\":{\"message\":\"busy\",\"code\":\"rate_limit_exceeded\"}}";
            let provider = streamgauge::provider_error_from_body(status, body);
            aggregator.handle_failure(Error::provider(ErrorCode::HttpStatus, provider), at);
        }
    }
    observe(&mut aggregator, at);
    let mut histograms = Histograms::new(format, CARDINALITY_LIMIT, AT);
    for _ in 0..2 {
        // The second time, it is over already.
        recorder.end(
            &mut operation,
            Some(&aggregator),
            None,
            (at, AT),
            &mut |record| told.borrow_mut().records.push(record.to_vec()),
            &mut |instrument, attributes, values| {
                histograms.add(instrument, attributes, values);
                let attributes = attributes.iter().map(|pair| (pair.key.to_string(), owned(&pair.value)));
                told.borrow_mut().values.push((instrument.name, attributes.collect(), values.clone()));
            },
        );
    }
    let mut told = told.into_inner();
    histograms.collect(AT + 5_000_000_000, &mut |metric| told.metrics.push(metric));
    assert!(histograms.is_empty());
    told
}

fn owned(value: &AnyValue<'_>) -> AnyValue<'static> {
    match value {
        AnyValue::String(text) => text.to_string().into(),
        AnyValue::Int(number) => AnyValue::Int(*number),
        other => panic!("{other:?} in a metric"),
    }
}

fn body(signal: Signal, format: Format, records: &[Vec<u8>]) -> Vec<u8> {
    let scope = Scope { name: "streamgauge".into(), schema_url: "x".into(), ..Scope::default() };
    let envelope = Envelope::of(signal, format, &Resource::default(), &scope);
    let body = envelope.body(records.iter().map(Vec::as_slice));
    assert_eq!(body.len(), envelope.body_len(records.iter().map(Vec::len)));
    body
}

/// As the decoder of others reads them.
fn decode(format: Format, records: &[Vec<u8>]) -> Vec<ProtoRecord> {
    let body = body(Signal::Logs, format, records);
    let request: ExportLogsServiceRequest = match format {
        Format::Json => serde_json::from_slice(&body).unwrap(),
        Format::Protobuf => ExportLogsServiceRequest::decode(&*body).unwrap(),
    };
    if format == Format::Protobuf {
        assert!(request.encode_to_vec() == body, "byte for byte as prost");
    }
    request.resource_logs[0].scope_logs[0].log_records.clone()
}

fn decode_metrics(format: Format, metrics: &[Vec<u8>]) -> Vec<Metric> {
    let body = body(Signal::Metrics, format, metrics);
    let request: ExportMetricsServiceRequest = match format {
        Format::Json => serde_json::from_slice(&body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&body))),
        Format::Protobuf => ExportMetricsServiceRequest::decode(&*body).unwrap(),
    };
    if format == Format::Protobuf {
        assert!(request.encode_to_vec() == body, "byte for byte as prost");
    }
    assert_eq!(request.resource_metrics[0].scope_metrics[0].schema_url, "x");
    request.resource_metrics[0].scope_metrics[0].metrics.clone()
}

fn points(metric: &Metric) -> &[HistogramDataPoint] {
    let Some(metric::Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    assert_eq!(histogram.aggregation_temporality, 1, "delta");
    &histogram.data_points
}

/// Attributes as plain JSON, in order.
fn plain(pairs: &[KeyValue]) -> Value {
    let entry = |pair: &KeyValue| (pair.key.clone(), plain_value(pair.value.as_ref()));
    Value::Object(pairs.iter().map(entry).collect())
}

fn plain_value(value: Option<&ProtoValue>) -> Value {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Kind::StringValue(text)) => json!(text),
        Some(Kind::BoolValue(flag)) => json!(flag),
        Some(Kind::IntValue(number)) => json!(number),
        Some(Kind::DoubleValue(number)) => json!(number),
        Some(Kind::ArrayValue(array)) => array.values.iter().map(|value| plain_value(Some(value))).collect(),
        Some(Kind::KvlistValue(list)) => plain(&list.values),
        Some(other) => panic!("{other:?}"),
        None => Value::Null,
    }
}

fn chat(choices: &str, more: &str) -> String {
    format!("data: {{\"id\":\"chatcmpl-1\",\"model\":\"gpt-5-2026\",\"choices\":{choices}{more}}}\n\n")
}

fn chunks(parts: &[(f64, &str)]) -> Vec<(f64, String)> {
    parts.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
}

/// A request with all that is known of one.
fn full_request() -> Request {
    let parameters = json!({
        "model": "gpt-5-mini", "stream": true, "max_completion_tokens": 400, "temperature": 0.5, "top_p": 1,
        "seed": 7, "n": 1, "stop": ["\n", "END"], "frequency_penalty": "x", "messages": [],
    })
    .to_string();
    Request {
        started_ms: Some(0.0),
        model: Some("gpt-5-mini".into()),
        server_address: Some("api.openai.com".into()),
        server_port: Some(443),
        parameters: Request::parameters_of(streamgauge::json::document(&parameters).unwrap()),
        input_messages: messages(
            &json!([{"role": "user", "parts": [{"type": "text", "content": "Hi there"}]}]),
        ),
        system_instructions: messages(&json!([{"type": "text", "content": "Be brief"}])),
    }
}

/// A JSON value in OpenTelemetry's data model.
fn messages(value: &Value) -> AnyValue<'static> {
    match value {
        Value::Array(values) => AnyValue::Array(values.iter().map(messages).collect()),
        Value::Object(map) => {
            AnyValue::KvList(map.iter().map(|(key, value)| (key.clone(), messages(value))).collect())
        }
        Value::String(text) => text.clone().into(),
        other => panic!("{other}"),
    }
}

const ANTHROPIC: &str = concat!(
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\",\"role\":\"assistant\",",
    "\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":30,\"cache_creation_input_tokens\":5,\"output_tokens\":1}}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hmm\"}}\n\n",
    "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Yes\"}}\n\n",
    "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":20}}\n\n",
    "data: {\"type\":\"message_stop\"}\n\n",
);

const RESPONSES: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-5-x\"}}\n\n",
    "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":",
    "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"Sum\"}]}}\n\n",
    "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"output_index\":1,\"item\":",
    "{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Done\",",
    "\"annotations\":[]},{\"type\":\"refusal\",\"refusal\":\"No\"}]}}\n\n",
    "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"output_index\":2,\"item\":",
    "{\"type\":\"web_search_call\",\"id\":\"ws_1\",\"status\":\"completed\"}}\n\n",
    "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"output_index\":3,\"item\":",
    "{\"type\":\"custom_tool_call\",\"call_id\":\"c_2\",\"name\":\"patch\",\"input\":\"*** Begin\"}}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-5-x\",",
    "\"usage\":{\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":64},\"output_tokens\":50,",
    "\"output_tokens_details\":{\"reasoning_tokens\":32},\"total_tokens\":150}}}\n\n",
);

fn scenarios() -> Vec<Scenario> {
    let text = |delta: &str| chat(&format!("[{{\"index\":0,\"delta\":{{\"content\":\"{delta}\"}}}}]"), "");
    let usage = concat!(
        ",\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":64,\"total_tokens\":1064,",
        "\"prompt_tokens_details\":{\"cached_tokens\":512},\"completion_tokens_details\":{\"reasoning_tokens\":16}}",
    );
    let call = concat!(
        "[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"function\":{\"name\":\"ls\",",
        "\"arguments\":\"{\\\"path\\\":\\\"/tmp\\\",\\\"depth\\\":2,\\\"all\\\":true,\\\"none\\\":null,\\\"r\\\":[0.5,{}]}\"}}]},",
        "\"finish_reason\":\"tool_calls\"}]",
    );
    let two = concat!(
        "[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"},",
        "{\"index\":1,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"length\"}]",
    );
    let scenario = |name, request, chunks, end| Scenario { name, request, chunks, end };
    let none = Request::default;
    vec![
        scenario(
            "a chat, all that is known",
            full_request(),
            vec![
                (150.0, text("Hel")),
                (170.0, text("lo") + &text("!")),
                (250.0, chat(call, "")),
                (1250.0, chat("[]", usage) + "data: [DONE]\n\n"),
            ],
            (1250.0, End::Clean),
        ),
        scenario("anthropic", none(), chunks(&[(110.0, ANTHROPIC)]), (110.0, End::Clean)),
        scenario("responses", none(), chunks(&[(110.0, RESPONSES)]), (110.0, End::Clean)),
        scenario(
            "two choices",
            none(),
            vec![(110.0, chat(two, "") + "data: [DONE]\n\n")],
            (110.0, End::Clean),
        ),
        scenario(
            "a JSON body is no stream",
            none(),
            chunks(&[(110.0, "{\"id\":\"c\",\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}")]),
            (120.0, End::Clean),
        ),
        scenario("idle", none(), vec![(110.0, text("Hel"))], (400.0, End::Idle)),
        scenario("a broken connection", none(), vec![(110.0, text("Hel"))], (200.0, End::Transport)),
        scenario("aborted", none(), vec![(110.0, text("Hel"))], (200.0, End::Aborted)),
        scenario("nothing came", none(), vec![], (200.0, End::Clean)),
        scenario("a status", full_request(), vec![], (200.0, End::Http(429))),
        scenario(
            "the provider's error",
            none(),
            vec![(110.0, text("Hel")), (120.0, "data: {\"error\":{\"message\":\"too much\",\"type\":\"server_error\",\"code\":\"overloaded\"}}\n\n".into())],
            (120.0, End::Clean),
        ),
        scenario(
            "an error without words",
            none(),
            chunks(&[(110.0, "data: {\"error\":{\"message\":\"no\",\"code\":\"a b c\"}}\n\n")]),
            (110.0, End::Clean),
        ),
    ]
}

fn scenario(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

// ----------------------------------------------------------------------------------------------------------
// What requests become

type Expected = (&'static str, Value, Option<(&'static str, &'static str)>);

/// The details of each scenario beside operation, request model and conversation; the exception's type and message.
fn expected() -> Vec<Expected> {
    let cut = |error: &str, chunk: f64| {
        json!({
            "gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-5-2026", "error.type": error,
            "gen_ai.response.id": "chatcmpl-1", "gen_ai.response.finish_reasons": ["error"],
            "gen_ai.response.time_to_first_chunk": chunk, "openai.api.type": "chat_completions",
        })
    };
    vec![
        (
            "a chat, all that is known",
            json!({
                "gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-5-2026",
                "server.address": "api.openai.com", "server.port": 443,
                "gen_ai.request.stream": true, "gen_ai.request.max_tokens": 400, "gen_ai.request.temperature": 0.5,
                "gen_ai.request.top_p": 1.0, "gen_ai.request.seed": 7, "gen_ai.request.stop_sequences": ["\n", "END"],
                "gen_ai.response.id": "chatcmpl-1", "gen_ai.response.finish_reasons": ["tool_calls"],
                "gen_ai.response.time_to_first_chunk": 0.15, "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.cache_read.input_tokens": 512, "gen_ai.usage.output_tokens": 64,
                "gen_ai.usage.reasoning.output_tokens": 16, "openai.api.type": "chat_completions",
            }),
            None,
        ),
        (
            "anthropic",
            json!({
                "gen_ai.provider.name": "anthropic", "gen_ai.response.model": "claude-x", "gen_ai.response.id": "msg_1",
                "gen_ai.response.finish_reasons": ["stop"], "gen_ai.response.time_to_first_chunk": 0.01,
                // With what came from the cache and went there.
                "gen_ai.usage.input_tokens": 45, "gen_ai.usage.cache_read.input_tokens": 30,
                "gen_ai.usage.cache_creation.input_tokens": 5, "gen_ai.usage.output_tokens": 20,
            }),
            None,
        ),
        (
            "responses",
            json!({
                "gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-5-x", "gen_ai.response.id": "resp_1",
                "gen_ai.response.finish_reasons": ["tool_calls"], "gen_ai.response.time_to_first_chunk": 0.01,
                "gen_ai.usage.input_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 64,
                "gen_ai.usage.output_tokens": 50, "gen_ai.usage.reasoning.output_tokens": 32,
                "openai.api.type": "responses",
            }),
            None,
        ),
        (
            "two choices",
            json!({
                "gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-5-2026",
                "gen_ai.response.id": "chatcmpl-1", "gen_ai.response.finish_reasons": ["stop", "length"],
                "gen_ai.response.time_to_first_chunk": 0.01, "openai.api.type": "chat_completions",
            }),
            None,
        ),
        (
            "a JSON body is no stream",
            json!({
                "gen_ai.provider.name": "openai", "gen_ai.response.id": "c",
                "gen_ai.response.finish_reasons": ["stop"], "openai.api.type": "chat_completions",
            }),
            None,
        ),
        ("idle", cut("timeout", 0.01), Some(("idle_timeout", "idle timeout waiting for SSE"))),
        ("a broken connection", cut("transport", 0.01), Some(("transport", "connection reset"))),
        ("aborted", cut("aborted", 0.01), None),
        (
            "nothing came",
            json!({
                "gen_ai.provider.name": "unknown", "error.type": "stream_incomplete",
                "gen_ai.response.finish_reasons": ["error"],
            }),
            Some(("stream_incomplete", "the stream ended without a single event: the body is empty")),
        ),
        (
            "a status",
            json!({
                "gen_ai.provider.name": "openai", "server.address": "api.openai.com", "server.port": 443,
                "error.type": "429", "gen_ai.request.stream": true, "gen_ai.request.max_tokens": 400,
                "gen_ai.request.temperature": 0.5, "gen_ai.request.top_p": 1.0, "gen_ai.request.seed": 7,
                "gen_ai.request.stop_sequences": ["\n", "END"], "gen_ai.response.finish_reasons": ["error"],
            }),
            Some(("http_status", "HTTP 429: busy")),
        ),
        ("the provider's error", cut("overloaded", 0.01), Some(("provider_error", "too much"))),
        (
            "an error without words",
            json!({
                "gen_ai.provider.name": "unknown", "error.type": "provider_error",
                "gen_ai.response.finish_reasons": ["error"], "gen_ai.response.time_to_first_chunk": 0.01,
            }),
            Some(("provider_error", "no")),
        ),
    ]
}

#[test]
fn requests_become_what_the_table_says() {
    for (scenario, (name, details, exception)) in scenarios().iter().zip(expected()) {
        assert_eq!(scenario.name, name);
        for format in FORMATS {
            let told = tell(scenario, &gen_ai(), false, format);
            let records = decode(format, &told.records);
            assert_eq!(records.len(), 1 + usize::from(exception.is_some()), "{name}");
            let record = &records[0];
            assert_eq!(record.event_name, "gen_ai.client.inference.operation.details");
            assert_eq!((record.severity_number, record.severity_text.as_str()), (9, "INFO"));
            assert_eq!((record.time_unix_nano, record.observed_time_unix_nano, record.flags), (AT, AT, 1));
            let mut all = plain(&record.attributes);
            let map = all.as_object_mut().unwrap();
            let model = scenario.request.model.as_deref().unwrap_or("gpt-5");
            for (key, value) in [
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", model),
                ("gen_ai.conversation.id", "conversation-1"),
            ] {
                assert_eq!(map.remove(key), Some(json!(value)), "{name}: {key}");
            }
            assert_eq!(all, details, "{name}");
            if let Some((kind, message)) = exception {
                let record = &records[1];
                assert_eq!(record.event_name, "gen_ai.client.operation.exception");
                assert_eq!((record.severity_number, record.severity_text.as_str()), (13, "WARN"));
                let all = plain(&record.attributes);
                assert_eq!(all["exception.type"], kind, "{name}");
                assert_eq!(all["exception.message"], message, "{name}");
                assert_eq!(all["error.type"], details["error.type"], "{name}");
            }
        }
    }
}

/// Sums of the values of a metric, by token type where it has one.
fn sums(told: &Told, format: Format) -> Value {
    let mut sums = serde_json::Map::new();
    for metric in decode_metrics(format, &told.metrics) {
        for point in points(&metric) {
            let attributes = plain(&point.attributes);
            let mut key = metric.name.replace("gen_ai.client.", "");
            if let Some(kind) = attributes["gen_ai.token.type"].as_str() {
                key += &format!(" {kind}");
            }
            if let Some(error) = attributes["error.type"].as_str() {
                key += &format!(" {error}");
            }
            assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
            assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (AT, AT + 5_000_000_000));
            sums.insert(key, json!([point.count, (point.sum() * 1e6).round() / 1e6]));
        }
    }
    Value::Object(sums)
}

#[test]
fn metrics_are_recorded_whatever_the_end() {
    let table = [
        (
            "a chat, all that is known",
            // From the request on, which was sent before the stream was opened. The gaps are 20, 80 and 1000 ms.
            json!({
                "operation.duration": [1, 1.25], "operation.time_to_first_chunk": [1, 0.15],
                "operation.time_per_output_chunk": [3, 1.1], "token.usage input": [1, 1000.0], "token.usage output": [1, 64.0],
            }),
        ),
        (
            "anthropic",
            json!({
                "operation.duration": [1, 0.01], "operation.time_to_first_chunk": [1, 0.01],
                "token.usage input": [1, 45.0], "token.usage output": [1, 20.0],
            }),
        ),
        ("a JSON body is no stream", json!({"operation.duration": [1, 0.02]})),
        ("idle", json!({"operation.duration timeout": [1, 0.3], "operation.time_to_first_chunk": [1, 0.01]})),
        (
            "aborted",
            json!({"operation.duration aborted": [1, 0.1], "operation.time_to_first_chunk": [1, 0.01]}),
        ),
        ("a status", json!({"operation.duration 429": [1, 0.2]})),
        (
            "the provider's error",
            json!({
                "operation.duration overloaded": [1, 0.02], "operation.time_to_first_chunk": [1, 0.01],
                "operation.time_per_output_chunk": [1, 0.01],
            }),
        ),
    ];
    for (name, expected) in table {
        for format in FORMATS {
            assert_eq!(sums(&tell(&scenario(name), &gen_ai(), false, format), format), expected, "{name}");
        }
    }
}

#[test]
fn the_newest_names_are_a_table_away() {
    let newest = GenAi { names: &Names::LATEST, ..gen_ai() };
    let told = tell(&scenario("anthropic"), &newest, false, Format::Json);
    let record = &decode(Format::Json, &told.records)[0];
    assert_eq!((record.severity_number, record.severity_text.as_str()), (5, "DEBUG"));
    let all = plain(&record.attributes);
    assert_eq!(all["gen_ai.usage.cache_write.input_tokens"], 5);
    assert_eq!(all["gen_ai.usage.cache_creation.input_tokens"], Value::Null);
    let expected = json!({
        "inference.duration": [1, 0.01], "inference.time_to_first_chunk": [1, 0.01],
        "inference.operation.input_tokens": [1, 45.0], "inference.operation.output_tokens": [1, 20.0],
    });
    assert_eq!(sums(&told, Format::Json), expected);
}

#[test]
fn providers_are_told_by_the_server_or_the_api() {
    let table = [
        ("api.openai.com", "openai"),
        ("x.openai.azure.com", "azure.ai.openai"),
        ("x.services.ai.azure.com", "azure.ai.inference"),
        ("bedrock-runtime.eu-central-1.amazonaws.com", "aws.bedrock"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("api.x.ai", "x_ai"),
        ("api.mistral.ai", "mistral_ai"),
        // Not by any end of a name, and then by the API.
        ("notopenai.com", "openai"),
        ("llama.ai", "openai"),
        ("localhost", "openai"),
        ("", "openai"),
    ];
    let mut scenario = scenario("two choices");
    for (address, expected) in table {
        scenario.request.server_address = Some(address.into());
        let told = tell(&scenario, &gen_ai(), false, Format::Json);
        let all = plain(&decode(Format::Json, &told.records)[0].attributes);
        assert_eq!(all["gen_ai.provider.name"], expected, "{address}");
        let own = GenAi { provider: Some("my.gateway".into()), ..gen_ai() };
        let told = tell(&scenario, &own, false, Format::Json);
        let all = plain(&decode(Format::Json, &told.records)[0].attributes);
        assert_eq!(all["gen_ai.provider.name"], "my.gateway");
        assert_eq!(all.get("openai.api.type"), None);
    }
}

// ----------------------------------------------------------------------------------------------------------
// Content

fn content(scenario: &Scenario, policy: ContentPolicy, format: Format) -> Value {
    let told = tell(scenario, &GenAi { content: policy, ..gen_ai() }, false, format);
    plain(&decode(format, &told.records)[0].attributes)
}

#[test]
fn no_content_leaves_by_default() {
    for scenario in scenarios() {
        let all = content(&scenario, ContentPolicy::Redacted, Format::Json);
        for key in ["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"] {
            assert_eq!(all.get(key), None, "{}", scenario.name);
        }
        assert!(!all.to_string().contains("Hi there") && !all.to_string().contains("Hel"));
    }
}

#[test]
fn content_is_structured_values() {
    let arguments =
        |none: Value| json!({"path": "/tmp", "depth": 2, "all": true, "none": none, "r": [0.5, {}]});
    let call =
        |arguments: Value| json!({"type": "tool_call", "arguments": arguments, "id": "call_1", "name": "ls"});
    let text = |text: &str| json!({"type": "text", "content": text});
    let message =
        |parts: Value, reason: &str| json!({"role": "assistant", "parts": parts, "finish_reason": reason});
    for format in FORMATS {
        let all = content(&scenario("a chat, all that is known"), ContentPolicy::Full, format);
        let expected = json!([message(json!([text("Hello!"), call(arguments(Value::Null))]), "tool_call")]);
        assert_eq!(all["gen_ai.output.messages"], expected);
        assert_eq!(all["gen_ai.input.messages"], json!([{"role": "user", "parts": [text("Hi there")]}]));
        assert_eq!(all["gen_ai.system_instructions"], json!([text("Be brief")]));

        let all = content(&scenario("anthropic"), ContentPolicy::Full, format);
        let parts = json!([{"type": "reasoning", "content": "Hmm"}, text("Yes")]);
        assert_eq!(all["gen_ai.output.messages"], json!([message(parts, "stop")]));

        let all = content(&scenario("responses"), ContentPolicy::Full, format);
        let parts = json!([
            {"type": "reasoning", "content": "Sum"}, text("Done"), {"type": "refusal", "content": "No"},
            {"type": "web_search_call", "id": "ws_1"},
            {"type": "tool_call", "arguments": "*** Begin", "id": "c_2", "name": "patch"},
        ]);
        assert_eq!(all["gen_ai.output.messages"], json!([message(parts, "tool_call")]));

        let all = content(&scenario("two choices"), ContentPolicy::Full, format);
        let both = json!([message(json!([text("a")]), "stop"), message(json!([text("b")]), "length")]);
        assert_eq!(all["gen_ai.output.messages"], both);

        let all = content(&scenario("idle"), ContentPolicy::Full, format);
        assert_eq!(all["gen_ai.output.messages"], json!([message(json!([text("Hel")]), "error")]));
        assert_eq!(
            content(&scenario("nothing came"), ContentPolicy::Full, format).get("gen_ai.output.messages"),
            None
        );
    }
}

#[test]
fn content_is_limited() {
    let chat = scenario("a chat, all that is known");
    let all = content(&chat, ContentPolicy::AtMost(2), Format::Protobuf);
    assert_eq!(
        all["gen_ai.input.messages"],
        json!([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}])
    );
    let parts = &all["gen_ai.output.messages"][0]["parts"];
    assert_eq!(parts[0]["content"], "He");
    // What may not leave whole is no structure any more.
    assert_eq!(parts[1], json!({"type": "tool_call", "arguments": "{\"", "id": "call_1", "name": "ls"}));

    // All of a record together: 1 MiB, so that it is never too large to be sent.
    let delta =
        |text: String| self::chat(&format!("[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]"), "");
    let long =
        Scenario { chunks: vec![(110.0, delta("é".repeat(700_000)) + "data: [DONE]\n\n")], ..chat.clone() };
    let all = content(&long, ContentPolicy::Full, Format::Protobuf);
    let text = all["gen_ai.output.messages"][0]["parts"][0]["content"].as_str().unwrap();
    assert!((1_048_000..=1_048_576).contains(&text.len()), "{}", text.len());

    // Arguments with very many values stay a text; deep ones end where every decoder still follows.
    let arguments = |arguments: String| {
        let quoted = serde_json::to_string(&arguments).unwrap();
        let call = format!(
            "[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":0,\"id\":\"c\",\"function\":{{\"name\":\"f\",\"arguments\":{quoted}}}}}]}},\"finish_reason\":\"tool_calls\"}}]"
        );
        let scenario =
            Scenario { chunks: vec![(110.0, self::chat(&call, "") + "data: [DONE]\n\n")], ..chat.clone() };
        content(&scenario, ContentPolicy::Full, Format::Json)["gen_ai.output.messages"][0]["parts"][0]["arguments"].clone()
    };
    let many = format!("{{\"a\":[{}1]}}", "1,".repeat(5000));
    assert_eq!(arguments(many.clone()), json!(many));
    assert_eq!(arguments("[1]".into()), json!("[1]"));
    assert_eq!(
        arguments("{\"n\":1e400,\"i\":18446744073709551616}".into())["i"],
        json!(18_446_744_073_709_551_616.0_f64)
    );
    assert!(arguments(format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100))).is_object());
}

// ----------------------------------------------------------------------------------------------------------
// Goldens

#[test]
fn the_goldens_are_what_is_written() {
    for (file, codex) in [("gen_ai.jsonl", false), ("both.jsonl", true)] {
        let mut lines = String::new();
        for scenario in scenarios() {
            for policy in [ContentPolicy::Redacted, ContentPolicy::Full] {
                let gen_ai = GenAi { content: policy, ..gen_ai() };
                let told = tell(&scenario, &gen_ai, codex, Format::Json);
                let mut all = told.records.clone();
                all.extend(told.metrics.clone());
                for line in all {
                    lines.push_str(std::str::from_utf8(&line).unwrap());
                    lines.push('\n');
                }
                let protobuf = tell(&scenario, &gen_ai, codex, Format::Protobuf);
                let from_json = decode_metrics(Format::Json, &told.metrics);
                assert_eq!(
                    from_json,
                    decode_metrics(Format::Protobuf, &protobuf.metrics),
                    "{}",
                    scenario.name
                );
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/telemetry").join(file);
        if env::var_os("BLESS").is_some() {
            fs::write(&path, &lines).unwrap();
        }
        let frozen = fs::read_to_string(&path).unwrap_or_default();
        for (at, (line, frozen)) in lines.lines().zip(frozen.lines()).enumerate() {
            assert_eq!(line, frozen, "{}, line {}", path.display(), at + 1);
        }
        assert!(lines == frozen, "{}: more or fewer lines; BLESS=1 writes it", path.display());
    }
}

#[test]
fn both_is_the_one_and_the_other() {
    for scenario in scenarios() {
        let names = |codex| -> Vec<String> {
            let told = tell(&scenario, &gen_ai(), codex, Format::Protobuf);
            decode(Format::Protobuf, &told.records).into_iter().map(|record| record.event_name).collect()
        };
        let (own, both) = (names(false), names(true));
        assert!(own.iter().all(|name| name.starts_with("gen_ai.")));
        let (codex, gen_ai): (Vec<_>, Vec<_>) = both.into_iter().partition(|name| name.starts_with("codex."));
        assert_eq!(gen_ai, own, "{}", scenario.name);
        // The catalog has nothing to say of a request without a stream.
        let is_no_stream = ["a status", "a JSON body is no stream"].contains(&scenario.name);
        assert_eq!(codex.is_empty(), is_no_stream, "{}", scenario.name);
    }
}
