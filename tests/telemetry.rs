//! Telemetry: the event catalog as golden records, the rules by which frames become `codex.sse_event`,
//! redaction, trace and time, and what must hold for any stream.
//!
//! Records are looked at through `opentelemetry-proto`, a decoder that is not ours. After a change of the
//! catalog: first the table `CATALOG` below, by hand; then `BLESS=1 cargo test --test telemetry` writes the
//! goldens anew.
#![cfg(all(not(target_arch = "wasm32"), feature = "otel"))]

#[path = "support/mutate.rs"]
mod mutate;
#[path = "support/splits.rs"]
mod splits;
#[path = "support/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::{env, fs};

use V::{B, D, I, S};
use mutate::Mutator;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::logs::v1 as logs;
use prost::Message;
use serde_json::Value;
use splits::Rng;
use streamgauge::otlp::{AnyValue, Envelope, Format, Limits, Resource, Scope};
use streamgauge::telemetry::{
    ApiRequest, AttributeTypes, ContentPolicy, ConversationStarts, Event, Observation, REDACTED, Recorder,
    Session, SseCompleted, SseEvent, SseEvents, SseSummary, StreamCounts, StreamTimings, ToolDecision,
    ToolResult, TraceParent, UserPrompt,
};
use streamgauge::{Aggregator, Error, ErrorCode, Gaps, InvalidUtf8, Options, Stalls, Timings, TokenUsage};

const FORMATS: [Format; 2] = [Format::Json, Format::Protobuf];
const TYPES: [AttributeTypes; 2] = [AttributeTypes::Codex, AttributeTypes::Typed];
const MODES: [SseEvents; 3] = [SseEvents::All, SseEvents::Summary, SseEvents::Off];

/// 2026-01-01T00:00:00.123456789Z
const AT: u64 = 1_767_225_600_123_456_789;
const TRACEPARENT: &str = "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01";

// ----------------------------------------------------------------------------------------------------------
// Tools

fn session(types: AttributeTypes, with_optional: bool) -> Session {
    let some = |text: &str| with_optional.then(|| text.to_owned());
    Session {
        conversation_id: "0199c1a2-0000-7000-8000-000000000001".into(),
        app_version: "1.4.0".into(),
        auth_mode: some("ChatGPT"),
        account_id: some("acct-1"),
        terminal_type: "web-ide".into(),
        model: "gpt-5".into(),
        slug: "gpt-5-slug".into(),
        attribute_types: types,
        prompts: ContentPolicy::Redacted,
        tool_arguments: ContentPolicy::Full,
        tool_output: ContentPolicy::Full,
        trace: with_optional.then(|| TraceParent::parse(TRACEPARENT).unwrap()),
    }
}

fn recorder(session: Session, mode: SseEvents, format: Format) -> Recorder {
    Recorder::new(session, mode, format, Limits::default())
}

/// The records, each as our encoder wrote it, as the decoder of others reads them.
fn decode(format: Format, records: &[Vec<u8>]) -> Vec<logs::LogRecord> {
    let envelope = Envelope::new(format, &Resource::default(), &Scope::default());
    let body = envelope.body(records.iter().map(Vec::as_slice));
    let request: ExportLogsServiceRequest = match format {
        Format::Json => serde_json::from_slice(&body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&body))),
        Format::Protobuf => ExportLogsServiceRequest::decode(&*body).unwrap(),
    };
    let mut scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    let decoded = scopes.next().map(|scope| scope.log_records).unwrap_or_default();
    assert!(scopes.next().is_none());
    assert_eq!(decoded.len(), records.len());
    decoded
}

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
enum V<'a> {
    S(&'a str),
    I(i64),
    B(bool),
    D(f64),
}

/// All attributes of a record, in order.
fn attributes(record: &logs::LogRecord) -> Vec<(&str, V<'_>)> {
    let pairs = record.attributes.iter().map(|pair| {
        let value = match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Kind::StringValue(text)) => S(text),
            Some(Kind::IntValue(number)) => I(*number),
            Some(Kind::BoolValue(flag)) => B(*flag),
            Some(Kind::DoubleValue(number)) => D(*number),
            other => panic!("{} is {other:?}", pair.key),
        };
        (pair.key.as_str(), value)
    });
    pairs.collect()
}

fn attribute<'a>(record: &'a logs::LogRecord, key: &str) -> Option<V<'a>> {
    attributes(record).into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

fn text<'a>(record: &'a logs::LogRecord, key: &str) -> Option<&'a str> {
    match attribute(record, key)? {
        S(text) => Some(text),
        other => panic!("{key} is {other:?}"),
    }
}

/// The attributes behind the common ones.
fn own_attributes(record: &logs::LogRecord) -> Vec<(&str, V<'_>)> {
    let all = attributes(record);
    let at = all.iter().position(|(key, _)| *key == "slug").expect("the last of the common attributes");
    all[at + 1..].to_vec()
}

/// How a stream ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Clean,
    Idle,
    Transport(&'static str),
    Aborted,
    /// Before any byte: the response's status was not 2xx.
    HttpStatus,
}

impl End {
    fn apply(self, aggregator: &mut Aggregator, now_ms: f64) {
        match self {
            Self::Clean => aggregator.handle_end(now_ms),
            Self::Idle => aggregator.handle_idle_timeout(now_ms),
            Self::Transport(message) => aggregator.handle_transport_error(message, now_ms),
            Self::Aborted => {
                aggregator.handle_failure(Error::new(ErrorCode::Aborted, "the stream was aborted"), now_ms)
            }
            Self::HttpStatus => {
                let error = Error::provider(
                    ErrorCode::HttpStatus,
                    streamgauge::provider_error_from_body(503, "{\"error\":{\"message\":\"busy\"}}"),
                );
                aggregator.handle_failure(error, now_ms);
            }
        }
    }
}

/// Everything that a stream gave.
#[derive(Debug)]
struct Run {
    /// As text, which shows all of an event, and takes what no JSON value takes (half a surrogate pair).
    events: Vec<String>,
    observations: Vec<Observation>,
    aggregator: Aggregator,
}

/// Feeds the chunks at time 0 and ends the stream; takes the observations after each step.
fn run<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, end: End, options: &Options, observe: bool) -> Run {
    let aggregator = Aggregator::new(options.clone(), 0.0);
    let mut run = Run { events: Vec::new(), observations: Vec::new(), aggregator };
    if observe {
        run.aggregator.observe();
    }
    for chunk in chunks {
        run.aggregator.handle_bytes(chunk, 0.0);
        run.drain();
    }
    end.apply(&mut run.aggregator, 0.0);
    run.drain();
    run
}

impl Run {
    fn drain(&mut self) {
        while let Some(event) = self.aggregator.poll_event() {
            self.events.push(format!("{event:?}"));
        }
        self.observations.extend(self.aggregator.take_observations());
    }
}

fn encoded(observations: &[Observation], mut recorder: Recorder) -> Vec<Vec<u8>> {
    let (mut counts, mut records) = (StreamCounts::default(), Vec::new());
    for observation in observations {
        recorder.observe(observation.clone(), &mut counts, AT, |record| records.push(record.to_vec()));
    }
    records
}

fn records_of(observations: &[Observation], mode: SseEvents) -> Vec<logs::LogRecord> {
    let recorder = recorder(session(AttributeTypes::Codex, false), mode, Format::Json);
    decode(Format::Json, &encoded(observations, recorder))
}

/// Panics with what is wrong, one line each, after saying how much is right.
fn report(what: &str, of: usize, wrong: &[String]) {
    println!("{} of {of} {what} right", of - wrong.len());
    assert!(wrong.is_empty(), "{} of {of} {what} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

// ----------------------------------------------------------------------------------------------------------
// The catalog

/// One of its own attributes: key, value with `"codex"` types, value with `"typed"`.
type Attribute = (&'static str, V<'static>, V<'static>);
/// The event's name, its kind, its own attributes. What ends in `?` is there only when the event has it.
type Row = (&'static str, Option<&'static str>, &'static [Attribute]);

/// What [`encode_catalog`] must give, written by hand from `spec/codex.md` 4.1 to 4.4 and the seed.
const CATALOG: &[Row] = &[
    (
        "codex.conversation_starts",
        None,
        &[
            ("provider_name?", S("OpenAI"), S("OpenAI")),
            ("reasoning_effort?", S("high"), S("high")),
            ("reasoning_summary?", S("auto"), S("auto")),
            ("context_window?", I(272_000), I(272_000)),
            ("max_output_tokens?", I(128_000), I(128_000)),
            ("auto_compact_token_limit?", I(220_000), I(220_000)),
            ("approval_policy?", S("on-request"), S("on-request")),
            ("sandbox_policy?", S("read-only"), S("read-only")),
            ("mcp_servers?", S("files, search"), S("files, search")),
            ("active_profile?", S("work"), S("work")),
        ],
    ),
    (
        "codex.api_request",
        None,
        &[
            ("duration_ms", S("42"), I(42)),
            ("http.response.status_code?", I(503), I(503)),
            ("error.message?", S("connection reset"), S("connection reset")),
            ("attempt", I(2), I(2)),
            ("cf_ray?", S("8f00ba4-AMS"), S("8f00ba4-AMS")),
        ],
    ),
    (
        "codex.sse_event",
        Some("response.output_text.delta?"),
        &[("duration_ms?", S("7"), I(7)), ("error.message?", S("not so good"), S("not so good"))],
    ),
    (
        "codex.sse_event",
        Some("response.completed"),
        &[
            ("input_token_count?", S("3"), I(3)),
            ("output_token_count?", S("5"), I(5)),
            ("cached_token_count?", I(1), I(1)),
            ("reasoning_token_count?", I(2), I(2)),
            ("tool_token_count?", S("9"), I(9)),
        ],
    ),
    (
        "codex.sse_event",
        Some("summary"),
        &[
            ("duration_ms", S("1234"), I(1234)),
            ("sse_event_count", I(100), I(100)),
            ("sse_event_failed_count", I(4), I(4)),
        ],
    ),
    (
        "codex.user_prompt",
        None,
        &[("prompt_length", S("21"), I(21)), ("prompt", S("[REDACTED]"), S("[REDACTED]"))],
    ),
    (
        "codex.tool_decision",
        None,
        &[
            ("tool_name", S("shell"), S("shell")),
            ("call_id", S("call_1"), S("call_1")),
            ("decision", S("approved_for_session"), S("approved_for_session")),
            ("source", S("user"), S("user")),
        ],
    ),
    (
        "codex.tool_result",
        None,
        &[
            ("tool_name", S("shell"), S("shell")),
            ("call_id?", S("call_1"), S("call_1")),
            ("arguments?", S("{\"command\":[\"ls\"]}"), S("{\"command\":[\"ls\"]}")),
            ("duration_ms", S("15"), I(15)),
            ("success", S("true"), B(true)),
            ("output", S("a\nb \u{1F600} \"c\""), S("a\nb \u{1F600} \"c\"")),
        ],
    ),
    (
        "codex.tool_result",
        None,
        &[
            ("tool_name", S("shell"), S("shell")),
            ("duration_ms", S("0"), I(0)),
            ("success", S("false"), B(false)),
            ("output", S("no such tool"), S("no such tool")),
        ],
    ),
];

/// Every event of the catalog, with all of its optional fields or with none; in [`CATALOG`]'s order.
fn encode_catalog(recorder: &mut Recorder, with_optional: bool) -> Vec<Vec<u8>> {
    let some = |text: &str| with_optional.then(|| text.to_owned());
    let number = |number: u64| with_optional.then_some(number);
    let starts = ConversationStarts {
        provider_name: some("OpenAI"),
        reasoning_effort: some("high"),
        reasoning_summary: some("auto"),
        context_window: number(272_000),
        max_output_tokens: number(128_000),
        auto_compact_token_limit: number(220_000),
        approval_policy: some("on-request"),
        sandbox_policy: some("read-only"),
        mcp_servers: some("files, search"),
        active_profile: some("work"),
    };
    let request = ApiRequest {
        duration_ms: 42,
        status: with_optional.then_some(503),
        error_message: some("connection reset"),
        attempt: 2,
        cf_ray: some("8f00ba4-AMS"),
    };
    let sse = SseEvent {
        kind: some("response.output_text.delta"),
        duration_ms: number(7),
        error_message: some("not so good"),
    };
    let usage = TokenUsage {
        input_tokens: number(3),
        cached_input_tokens: number(1),
        output_tokens: number(5),
        reasoning_output_tokens: number(2),
        total_tokens: number(9),
    };
    let prompt = recorder.user_prompt("explain this function");
    let decision = ToolDecision {
        tool_name: "shell".into(),
        call_id: "call_1".into(),
        decision: "approved_for_session".into(),
        source: "user".into(),
    };
    let result = ToolResult {
        tool_name: "shell".into(),
        call_id: some("call_1").map(Into::into),
        arguments: some("{\"command\":[\"ls\"]}").map(Into::into),
        duration_ms: 15,
        success: true,
        output: "a\nb \u{1F600} \"c\"".into(),
    };
    // As the reference's `log_tool_failed` has it.
    let failed =
        ToolResult { tool_name: "shell".into(), output: "no such tool".into(), ..ToolResult::default() };
    vec![
        recorder.encode(&starts, AT).to_vec(),
        recorder.encode(&request, AT).to_vec(),
        recorder.encode(&sse, AT).to_vec(),
        recorder.encode(&SseCompleted { usage }, AT).to_vec(),
        recorder
            .encode(&SseSummary { events: 100, failed: 4, duration_ms: 1234, ..SseSummary::default() }, AT)
            .to_vec(),
        recorder.encode(&prompt, AT).to_vec(),
        recorder.encode(&decision, AT).to_vec(),
        recorder.encode(&result, AT).to_vec(),
        recorder.encode(&failed, AT).to_vec(),
    ]
}

/// The whole record of a row, as the decoder has to see it.
fn expected_attributes(row: &Row, types: AttributeTypes, with_optional: bool) -> Vec<(&str, V<'static>)> {
    let (name, kind, own) = row;
    let common: [(&str, Option<&'static str>); 10] = [
        ("event.name", Some(name)),
        ("event.timestamp", Some("2026-01-01T00:00:00.123Z")),
        ("event.kind?", *kind),
        ("conversation.id", Some("0199c1a2-0000-7000-8000-000000000001")),
        ("app.version", Some("1.4.0")),
        ("auth_mode?", Some("ChatGPT")),
        ("user.account_id?", Some("acct-1")),
        ("terminal.type", Some("web-ide")),
        ("model", Some("gpt-5")),
        ("slug", Some("gpt-5-slug")),
    ];
    let mut out = Vec::new();
    for (key, value) in common {
        let Some(value) = value else { continue };
        // An event's kind may be fixed though the attribute as such is optional.
        let (optional, value) = match (key, value.strip_suffix('?')) {
            ("event.kind?", Some(value)) => (true, value),
            ("event.kind?", None) => (false, value),
            _ => (key.ends_with('?'), value),
        };
        if with_optional || !optional {
            out.push((key.trim_end_matches('?'), S(value)));
        }
    }
    for (key, codex, typed) in *own {
        if with_optional || !key.ends_with('?') {
            let value = if types == AttributeTypes::Codex { codex } else { typed };
            out.push((key.trim_end_matches('?'), value.clone()));
        }
    }
    out
}

fn check_record(record: &logs::LogRecord, row: &Row, types: AttributeTypes, with_optional: bool) {
    assert_eq!(attributes(record), expected_attributes(row, types, with_optional), "{row:?}");
    let (trace_id, span_id, flags) = if with_optional {
        let trace_id = 0x5b8e_fff7_9803_8103_d269_b633_813f_c60c_u128.to_be_bytes().to_vec();
        (trace_id, 0xeee1_9b7e_c3c1_b174_u64.to_be_bytes().to_vec(), 1)
    } else {
        (Vec::new(), Vec::new(), 0)
    };
    let expected = logs::LogRecord {
        time_unix_nano: AT,
        observed_time_unix_nano: AT,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: None,
        attributes: record.attributes.clone(),
        dropped_attributes_count: 0,
        flags,
        trace_id,
        span_id,
        event_name: row.0.into(),
    };
    assert_eq!(*record, expected);
}

fn golden(types: AttributeTypes) -> PathBuf {
    let name = if types == AttributeTypes::Codex { "codex.jsonl" } else { "typed.jsonl" };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/telemetry").join(name)
}

#[test]
fn the_catalog_is_as_the_table_and_the_goldens_have_it() {
    for types in TYPES {
        let mut lines = String::new();
        for with_optional in [true, false] {
            let mut decoded = Vec::new();
            for format in FORMATS {
                let mut recorder = recorder(session(types, with_optional), SseEvents::All, format);
                let records = encode_catalog(&mut recorder, with_optional);
                assert_eq!(records.len(), CATALOG.len());
                if format == Format::Json {
                    for record in &records {
                        lines.push_str(std::str::from_utf8(record).unwrap());
                        lines.push('\n');
                    }
                }
                decoded.push(decode(format, &records));
            }
            assert_eq!(decoded[0], decoded[1], "both formats say the same");
            for (record, row) in decoded[0].iter().zip(CATALOG) {
                check_record(record, row, types, with_optional);
            }
        }
        let path = golden(types);
        if env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &lines).unwrap();
        }
        let frozen = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; BLESS=1 writes it", path.display()));
        for (at, (line, frozen)) in lines.lines().zip(frozen.lines()).enumerate() {
            assert_eq!(line, frozen, "{}, line {}", path.display(), at + 1);
        }
        assert!(lines == frozen, "{}: more or fewer lines, or another end", path.display());
    }
}

/// The frozen lines themselves, so that a wrong bless is found wherever it came from.
#[test]
fn the_goldens_are_as_the_table_has_them() {
    for types in TYPES {
        let frozen = fs::read_to_string(golden(types)).unwrap();
        let lines: Vec<Vec<u8>> = frozen.lines().map(|line| line.as_bytes().to_vec()).collect();
        assert_eq!(lines.len(), 2 * CATALOG.len());
        let halves = decode(Format::Json, &lines);
        let (with, without) = halves.split_at(CATALOG.len());
        for (records, with_optional) in [(with, true), (without, false)] {
            for (record, row) in records.iter().zip(CATALOG) {
                check_record(record, row, types, with_optional);
            }
        }
    }
}

/// `spec/codex.md` 4.1, by the attribute's name alone: the two families of numbers.
#[test]
fn numbers_are_strings_or_integers_by_their_name() {
    let strings = [
        "duration_ms",
        "input_token_count",
        "output_token_count",
        "tool_token_count",
        "prompt_length",
        "success",
        "event.timestamp",
    ];
    let integers = [
        "attempt",
        "http.response.status_code",
        "cached_token_count",
        "reasoning_token_count",
        "context_window",
        "max_output_tokens",
        "auto_compact_token_limit",
    ];
    let mut seen = std::collections::BTreeSet::new();
    for types in TYPES {
        let mut recorder = recorder(session(types, true), SseEvents::All, Format::Json);
        for record in decode(Format::Json, &encode_catalog(&mut recorder, true)) {
            for (key, value) in attributes(&record) {
                if strings.contains(&key) && (types == AttributeTypes::Codex || key == "event.timestamp") {
                    assert!(matches!(value, S(_)), "{key}: {value:?}");
                    seen.insert(key.to_owned());
                } else if key == "success" {
                    assert!(matches!(value, B(_)), "{key}: {value:?}");
                } else if integers.contains(&key) || strings.contains(&key) {
                    assert!(matches!(value, I(_)), "{key}: {value:?}");
                    seen.insert(key.to_owned());
                }
            }
        }
    }
    assert_eq!(seen.len(), strings.len() + integers.len(), "{seen:?}");
}

/// Numbers that no signed 64-bit integer holds stay what they are, as digits.
#[test]
fn large_numbers_are_kept() {
    let usage = TokenUsage {
        input_tokens: Some(u64::MAX),
        cached_input_tokens: Some((1 << 53) + 1),
        output_tokens: Some(i64::MAX as u64),
        reasoning_output_tokens: Some(u64::MAX),
        total_tokens: Some(0),
    };
    let digits = "18446744073709551615";
    let table = [
        (
            AttributeTypes::Codex,
            [S(digits), S("9223372036854775807"), I(9_007_199_254_740_993), S(digits), S("0")],
        ),
        (AttributeTypes::Typed, [S(digits), I(i64::MAX), I(9_007_199_254_740_993), S(digits), I(0)]),
    ];
    for (types, expected) in table {
        for format in FORMATS {
            let mut recorder = recorder(session(types, false), SseEvents::All, format);
            let record = recorder.encode(&SseCompleted { usage }, AT).to_vec();
            let decoded = decode(format, &[record]);
            let values: Vec<_> = own_attributes(&decoded[0]).into_iter().map(|(_, value)| value).collect();
            assert_eq!(values, expected, "{types:?} {format:?}");
        }
    }
}

/// A text is a text: nothing in it may break the record, and the empty one is no absent one.
#[test]
fn texts_arrive_as_they_are() {
    let texts = [
        "",
        " ",
        "null",
        "{}",
        "\"\\/\u{8}\u{c}\n\r\t",
        "\0\u{1}\u{7f}\u{85}\u{2028}",
        "e\u{301} \u{1F468}\u{200D}\u{1F469}",
        "\u{FFFD}\u{10FFFF}\u{FEFF}",
    ];
    for text in texts {
        for format in FORMATS {
            let mut session = session(AttributeTypes::Codex, true);
            session.account_id = Some(text.into());
            session.prompts = ContentPolicy::Full;
            let mut recorder = recorder(session, SseEvents::All, format);
            let prompt = recorder.user_prompt(text);
            let result =
                ToolResult { output: text.into(), arguments: Some(text.into()), ..ToolResult::default() };
            let records = [recorder.encode(&prompt, AT).to_vec(), recorder.encode(&result, AT).to_vec()];
            let decoded = decode(format, &records);
            for (at, key) in
                [(0, "user.account_id"), (0, "prompt"), (1, "arguments"), (1, "output"), (1, "tool_name")]
            {
                let expected = if key == "tool_name" { "" } else { text };
                assert_eq!(attribute(&decoded[at], key), Some(S(expected)), "{key} {text:?} {format:?}");
            }
        }
    }
}

/// The seed's words.
#[test]
fn decisions_and_sources_are_the_seeds() {
    assert_eq!(ToolDecision::DECISIONS, ["approved", "approved_for_session", "denied", "abort"]);
    assert_eq!(ToolDecision::SOURCES, ["config", "user"]);
}

/// The recorder obeys the limits of attributes; the common ones come first, so they stay.
#[test]
fn limits_hold_for_events() {
    let limits = Limits { attribute_count: 9, value_length: Some(5), ..Limits::default() };
    let mut recorder =
        Recorder::new(session(AttributeTypes::Codex, false), SseEvents::All, Format::Json, limits);
    let result = ToolResult { tool_name: "\u{1F600}".repeat(9).into(), ..ToolResult::default() };
    let record = recorder.encode(&result, AT).to_vec();
    let decoded = decode(Format::Json, &[record]);
    let keys: Vec<_> = attributes(&decoded[0]).into_iter().map(|(key, _)| key).collect();
    let expected = [
        "event.name",
        "event.timestamp",
        "conversation.id",
        "app.version",
        "terminal.type",
        "model",
        "slug",
        "tool_name",
        "duration_ms",
    ];
    assert_eq!(keys, expected);
    assert_eq!(decoded[0].dropped_attributes_count, 2);
    assert_eq!(text(&decoded[0], "tool_name"), Some("\u{1F600}".repeat(5).as_str()));
}

/// An event of one's own: the common attributes, then any, which no `AttributeTypes` changes.
/// Characters that JSON escapes, and some of every length.
const ODD: &[&str] =
    &["a", "\"", "\\", "\n", "\0", "\u{1F}", "\u{E9}", "\u{2028}", "\u{FFFF}", "\u{1F600}", " ", "{"];

fn odd_text(rng: &mut Rng) -> String {
    // Lengths around 128 and 16384, where protobuf's lengths get longer.
    let length = *rng.pick(&[0, 1, 2, 7, 30, 126, 127, 128, 300]) + rng.below(3);
    let repeats = if rng.below(50) == 0 { 60 } else { 1 };
    (0..length).map(|_| *rng.pick(ODD)).collect::<String>().repeat(repeats)
}

fn odd_number(rng: &mut Rng) -> u64 {
    match rng.below(4) {
        0 => *rng.pick(&[0, 1, 9, 10, 127, 128, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX]),
        _ => rng.next() >> rng.below(64),
    }
}

fn odd_timings(rng: &mut Rng) -> Timings {
    let mut some = || (rng.below(3) > 0).then(|| rng.below(1 << 30) as f64 / 1024.0);
    let [first, p50_ms, p95_ms, max_ms, total_ms] = [(); 5].map(|()| some());
    Timings {
        time_to_first_byte_ms: some(),
        time_to_first_token_ms: first,
        time_to_first_text_ms: some(),
        duration_ms: some(),
        tokens_per_second: some(),
        gaps: Gaps { count: odd_number(rng), p50_ms, p95_ms, max_ms },
        stalls: Stalls { count: odd_number(rng), total_ms: total_ms.unwrap_or_default() },
    }
}

/// An event of the catalog with random values.
fn odd_event(rng: &mut Rng) -> Box<dyn Event> {
    fn some<T>(rng: &mut Rng, value: fn(&mut Rng) -> T) -> Option<T> {
        (rng.below(3) > 0).then(|| value(rng))
    }
    match rng.below(9) {
        0 => Box::new(ConversationStarts {
            provider_name: some(rng, odd_text),
            reasoning_effort: some(rng, odd_text),
            reasoning_summary: some(rng, odd_text),
            context_window: some(rng, odd_number),
            max_output_tokens: some(rng, odd_number),
            auto_compact_token_limit: some(rng, odd_number),
            approval_policy: some(rng, odd_text),
            sandbox_policy: some(rng, odd_text),
            mcp_servers: some(rng, odd_text),
            active_profile: some(rng, odd_text),
        }),
        1 => Box::new(ApiRequest {
            duration_ms: odd_number(rng),
            status: some(rng, odd_number).map(|status| status as u16),
            error_message: some(rng, odd_text),
            attempt: odd_number(rng),
            cf_ray: some(rng, odd_text),
        }),
        2 => Box::new(SseCompleted {
            usage: TokenUsage {
                input_tokens: some(rng, odd_number),
                cached_input_tokens: some(rng, odd_number),
                output_tokens: some(rng, odd_number),
                reasoning_output_tokens: some(rng, odd_number),
                total_tokens: some(rng, odd_number),
            },
        }),
        3 => Box::new(SseSummary {
            events: odd_number(rng),
            failed: odd_number(rng),
            duration_ms: odd_number(rng),
            timings: odd_timings(rng),
        }),
        4 => Box::new(UserPrompt { prompt_length: odd_number(rng), prompt: odd_text(rng).into() }),
        5 => Box::new(ToolDecision {
            tool_name: odd_text(rng).into(),
            call_id: odd_text(rng).into(),
            decision: odd_text(rng).into(),
            source: odd_text(rng).into(),
        }),
        6 => Box::new(ToolResult {
            tool_name: odd_text(rng).into(),
            call_id: some(rng, odd_text).map(Into::into),
            arguments: some(rng, odd_text).map(Into::into),
            duration_ms: odd_number(rng),
            success: rng.below(2) == 0,
            output: odd_text(rng).into(),
        }),
        7 => Box::new(StreamTimings {
            duration_ms: odd_number(rng),
            success: rng.below(2) == 0,
            timings: odd_timings(rng),
        }),
        _ => {
            let kind = if rng.below(2) == 0 { Some("message".to_owned()) } else { some(rng, odd_text) };
            let (duration_ms, error_message) = (some(rng, odd_number), some(rng, odd_text));
            Box::new(SseEvent { kind, duration_ms, error_message })
        }
    }
}

/// The recorder encodes what records have in common once; it must not show. The oracle is the long way: a record with
/// all of its attributes, the limits applied to it, encoded as a whole.
#[test]
fn the_short_way_gives_the_same_bytes() {
    let limits = [
        Limits::default(),
        Limits { attribute_count: 24, ..Limits::default() },
        Limits { attribute_count: 23, ..Limits::default() },
        Limits { attribute_count: 19, ..Limits::default() },
        Limits { attribute_count: 3, ..Limits::default() },
        Limits { value_length: Some(5), ..Limits::default() },
        Limits { value_length: Some(0), attribute_count: 0, ..Limits::default() },
        Limits { depth: 0, ..Limits::default() },
    ];
    let rng = &mut Rng::new(4);
    let (mut records, mut most) = (0, 0);
    for types in TYPES {
        for format in FORMATS {
            for limits in limits {
                for round in 0..12 {
                    let mut session = session(types, round % 2 == 0);
                    if round % 4 < 2 {
                        // The second's ids spell a moment.
                        let spelling = "00-c771c42bab756b0fc771c42bab756b0f-c771c42bab756b0f-01";
                        session.trace =
                            TraceParent::parse(if round % 4 == 0 { TRACEPARENT } else { spelling }).ok();
                        session.auth_mode = Some(odd_text(rng));
                        (session.model, session.conversation_id) = (odd_text(rng), odd_text(rng));
                    }
                    if round % 3 == 0 {
                        session.trace = None;
                    }
                    let mut recorder = Recorder::new(session.clone(), SseEvents::All, format, limits);
                    let mut at = AT;
                    for _ in 0..40 {
                        if rng.below(3) == 0 {
                            let any = rng.next();
                            let edge = 10_u64.pow(18);
                            let moments = [
                                0,
                                1,
                                AT,
                                AT + 1,
                                AT + 1_000_000,
                                edge - 1,
                                edge,
                                edge * 10 - 1,
                                edge * 10,
                                u64::MAX,
                                any,
                            ];
                            at = *rng.pick(&moments);
                        }
                        let event = odd_event(rng);
                        let mut record = session.record(&*event, at);
                        most = most.max(record.attributes.len());
                        limits.apply(&mut record);
                        let mut expected = Vec::new();
                        format.encode_record(&record, &mut expected);
                        let found = recorder.encode(&*event, at);
                        assert!(
                            found == expected,
                            "{types:?} {limits:?} {}\n{}\n{}",
                            event.name(),
                            found.escape_ascii(),
                            expected.escape_ascii()
                        );
                        records += 1;
                    }
                }
            }
        }
    }
    println!("{records} records, the largest of {most} attributes");
    assert!(most >= 19, "the catalog's largest event is among them");
}

#[test]
fn own_events_carry_what_they_are_given() {
    let given = |extra: &[(&str, AnyValue<'static>)]| -> Vec<(String, AnyValue<'static>)> {
        let attributes = [("duration_ms", 7_i64.into()), ("ok", true.into()), ("none", AnyValue::Empty)];
        attributes.iter().chain(extra).map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    };
    for (types, format) in TYPES.into_iter().flat_map(|types| FORMATS.map(|format| (types, format))) {
        let mut recorder = recorder(session(types, true), SseEvents::All, format);
        let records = [
            recorder.encode_own("app.x", given(&[]), AT).to_vec(),
            recorder
                .encode_own(
                    "app.y",
                    given(&[("model", "own".into()), ("event.name", "z".into()), ("", 1.into())]),
                    AT,
                )
                .to_vec(),
        ];
        let decoded = decode(format, &records);
        let text = |record: &logs::LogRecord, key: &str| {
            let found = record.attributes.iter().find(|attribute| attribute.key == key)?;
            match found.value.as_ref()?.value.as_ref()? {
                Kind::StringValue(text) => Some(text.clone()),
                _ => None,
            }
        };
        let [plain, odd] = &decoded[..] else { panic!("{} records", decoded.len()) };
        for (record, name) in [(plain, "app.x"), (odd, "app.y")] {
            assert_eq!((&*record.event_name, text(record, "event.name")), (name, Some(name.to_owned())));
            assert_eq!(
                text(record, "conversation.id"),
                Some("0199c1a2-0000-7000-8000-000000000001".to_owned())
            );
            assert_eq!((record.severity_number, record.trace_id.len()), (9, 16));
            let kinds: Vec<_> = record.attributes[record.attributes.len() - 3..]
                .iter()
                .map(|attribute| {
                    (&*attribute.key, attribute.value.as_ref().and_then(|value| value.value.clone()))
                })
                .collect();
            let expected = [
                ("duration_ms", Some(Kind::IntValue(7))),
                ("ok", Some(Kind::BoolValue(true))),
                ("none", None),
            ];
            assert_eq!(kinds, expected, "{format:?}");
        }
        assert_eq!((plain.dropped_attributes_count, text(plain, "model")), (0, Some("gpt-5".to_owned())));
        // The reserved one and the one without a name.
        assert_eq!((odd.dropped_attributes_count, text(odd, "model")), (2, Some("own".to_owned())));
    }
}

// ----------------------------------------------------------------------------------------------------------
// codex.sse_event

/// A record that a stream has to give. Texts that begin with `~` are a part of the error's message.
#[derive(Debug, Clone, Copy)]
enum Rec {
    /// An event came.
    Ok(&'static str),
    /// It was bad, or there was none to get (no kind).
    Bad(Option<&'static str>, &'static str),
    /// The stream failed as a whole.
    Failed(&'static str),
    /// Token counts, all of them.
    Counts(&'static [(&'static str, V<'static>)]),
    /// Token counts, among others.
    SomeCounts(&'static [(&'static str, V<'static>)]),
    /// `sseEvents: "summary"`: how many, and how many of them bad.
    Summary(i64, i64),
}

use Rec::{Bad, Counts, Failed, Ok as Fine, SomeCounts, Summary};

impl Rec {
    fn matches(self, record: &logs::LogRecord) -> bool {
        let says = |expected: &str| {
            let message = text(record, "error.message").unwrap_or_default();
            expected.strip_prefix('~').map_or(message == expected, |part| message.contains(part))
        };
        let kind = text(record, "event.kind");
        let own = own_attributes(record);
        let keys: Vec<&str> = own.iter().map(|(key, _)| *key).collect();
        record.event_name == "codex.sse_event"
            && match self {
                Self::Ok(expected) => kind == Some(expected) && keys == ["duration_ms"],
                Self::Bad(expected, message) => {
                    kind == expected && keys == ["duration_ms", "error.message"] && says(message)
                }
                Self::Failed(message) => {
                    kind == Some("response.completed") && keys == ["error.message"] && says(message)
                }
                Self::Counts(counts) => kind == Some("response.completed") && own == counts,
                Self::SomeCounts(counts) => {
                    kind == Some("response.completed") && counts.iter().all(|count| own.contains(count))
                }
                Self::Summary(events, failed) => {
                    let expected = [
                        ("duration_ms", S("0")),
                        ("sse_event_count", I(events)),
                        ("sse_event_failed_count", I(failed)),
                    ];
                    // The timings follow; `timings.rs` is about them.
                    kind == Some("summary") && own.starts_with(&expected)
                }
            }
    }
}

fn difference(records: &[logs::LogRecord], expected: &[Rec]) -> Option<String> {
    let same = records.len() == expected.len()
        && records.iter().zip(expected).all(|(record, expected)| expected.matches(record));
    (!same).then(|| format!("expected {expected:?} but got {}", show(records)))
}

fn show(records: &[logs::LogRecord]) -> String {
    let records: Vec<String> = records
        .iter()
        .map(|record| format!("{:?} {:?}", text(record, "event.kind"), own_attributes(record)))
        .collect();
    format!("[{}]", records.join(", "))
}

/// The bytes of a body as the tables write it: `|` is a line feed; a line break and the spaces behind it are
/// nothing.
fn bytes(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut is_indent = false;
    for byte in body {
        is_indent = *byte == b'\n' || (is_indent && *byte == b' ');
        match byte {
            _ if is_indent => {}
            b'|' => out.push(b'\n'),
            byte => out.push(*byte),
        }
    }
    out
}

struct Stream {
    name: &'static str,
    body: &'static [u8],
    end: End,
    invalid_utf8: InvalidUtf8,
    expected: &'static [Rec],
}

const fn stream(name: &'static str, body: &'static [u8], end: End, expected: &'static [Rec]) -> Stream {
    Stream { name, body, end, invalid_utf8: InvalidUtf8::Replace, expected }
}

const fn strict(name: &'static str, body: &'static [u8], end: End, expected: &'static [Rec]) -> Stream {
    Stream { name, body, end, invalid_utf8: InvalidUtf8::Error, expected }
}

const M: Option<&str> = Some("message");
const CUT_SHORT: Rec = Failed("~the stream ended before the response was complete");
const IDLE: Rec = Bad(None, "idle timeout waiting for SSE");

/// `spec/codex.md` 4.3 on the chat wire.
const STREAMS: &[Stream] = &[
    // The seed's tests.
    stream(
        "T6",
        b"data: not-json||data: [DONE]||",
        End::Clean,
        &[Bad(M, "expected ident at line 1 column 2"), Fine("message")],
    ),
    stream("T7", b"data: [DONE]||", End::Clean, &[Fine("message")]),
    strict(
        "T8",
        b"data: \x80\x80||",
        End::Clean,
        &[Bad(None, "UTF8 error: invalid utf-8 sequence of 1 bytes from index 0")],
    ),
    stream(
        "T8, replaced: the stream goes on, and ends without an answer",
        b"data: \x80\x80||",
        End::Clean,
        &[Bad(None, "UTF8 error: invalid utf-8 sequence of 1 bytes from index 0"), CUT_SHORT],
    ),
    // Invalid UTF-8.
    stream(
        "the frame is bad though its JSON is fine with U+FFFD",
        b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xFFb\"}}]}||data: [DONE]||",
        End::Clean,
        &[Bad(None, "UTF8 error: invalid utf-8 sequence of 1 bytes from index 34"), Fine("message")],
    ),
    stream(
        "a sequence that is cut off says so",
        b"data: \xF0\x9F\x98||data: [DONE]||",
        End::Clean,
        &[Bad(None, "UTF8 error: incomplete utf-8 byte sequence from index 0"), Fine("message")],
    ),
    stream(
        "in the event's name",
        b"event: \x80|data: {}||data: [DONE]||",
        End::Clean,
        &[Bad(None, "UTF8 error: invalid utf-8 sequence of 1 bytes from index 0"), Fine("message")],
    ),
    stream("in a comment", b": \x80|data: [DONE]||", End::Clean, &[Fine("message")]),
    strict(
        "strict: what came before keeps its record",
        b"data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}||data: \xFF||data: [DONE]||",
        End::Clean,
        &[Fine("message"), Bad(None, "UTF8 error: invalid utf-8 sequence of 1 bytes from index 0")],
    ),
    // Not JSON: the parser's words, and the event's name.
    stream(
        "each parser error in its words",
        br#"data: nope||
            data: {||
            data: {"a":||
            data: {"choices":[}||
            data: {"a":1}{"b":2}||
            data: tru||
            data: "abc||
            data: <html>||
            data: {'a':1}||
            data: [DONE]||"#,
        End::Clean,
        &[
            Bad(M, "expected ident at line 1 column 2"),
            Bad(M, "EOF while parsing an object at line 1 column 1"),
            Bad(M, "EOF while parsing a value at line 1 column 5"),
            Bad(M, "expected value at line 1 column 13"),
            Bad(M, "trailing characters at line 1 column 8"),
            Bad(M, "EOF while parsing a value at line 1 column 3"),
            Bad(M, "EOF while parsing a string at line 1 column 4"),
            Bad(M, "expected value at line 1 column 1"),
            Bad(M, "key must be a string at line 1 column 2"),
            Fine("message"),
        ],
    ),
    stream(
        "the kind is the event's name, whatever the data says",
        br#"event: ping|data: oops||
            event:|data: {}||
            event: end|data: {"type":"response.created"}||
            event: delta|data: {"type":"response.failed"}||"#,
        End::Clean,
        &[
            Bad(Some("ping"), "expected value at line 1 column 1"),
            Fine("message"),
            Fine("end"),
            Fine("delta"),
            Failed("~response.failed event received"),
        ],
    ),
    stream(
        "[DONE] with space around it; nothing after it is read",
        b"data:   [DONE]  ||data: nope||",
        End::Clean,
        &[Fine("message")],
    ),
    stream(
        "any JSON is fine, used or not",
        br#"data: null||data: 1||data: []||data: "x"||data: {"choices":[]}||data: [DONE]||"#,
        End::Clean,
        &[
            Fine("message"),
            Fine("message"),
            Fine("message"),
            Fine("message"),
            Fine("message"),
            Fine("message"),
        ],
    ),
    stream(
        "no frame, no record: comments, names without data, unknown fields, ids",
        b": keep-alive||event: ping||foo: bar||id: 7||retry: 5||data: [DONE]||",
        End::Clean,
        &[Fine("message")],
    ),
    stream("an event that no blank line ended", b"data: [DONE]", End::Clean, &[Fine("message")]),
    stream(
        "JSON over several lines",
        b"data: {|data: }||data: [DONE]||",
        End::Clean,
        &[Fine("message"), Fine("message")],
    ),
    // Names that have rules.
    stream(
        "response.failed: the whole data, compactly",
        br#"event: response.failed|
            data: { "type" : "response.failed",|
            data: "response": {"error": { "message": "b  oo\"m \u00e9" } } }||"#,
        End::Clean,
        &[
            Bad(
                Some("response.failed"),
                r#"{"type":"response.failed","response":{"error":{"message":"b  oo\"m \u00e9"}}}"#,
            ),
            Failed("~oo\"m \u{e9}"),
        ],
    ),
    stream(
        "response.failed: not the request that it repeats, and not the answer",
        br#"event: response.failed|
            data: {"type":"response.failed","sequence_number":9,"response":{"id":"r","status":"failed",|
            data: "instructions":"secret","tools":[{"name":"secret"}],"output":[{"text":"secret"}],"metadata":{"k":"secret"},|
            data: "error":{"code":"server_error","message":"boom"},"user":"secret","usage":null}}||"#,
        End::Clean,
        &[
            Bad(
                Some("response.failed"),
                r#"{"type":"response.failed","sequence_number":9,"response":{"id":"r","status":"failed","error":{"code":"server_error","message":"boom"},"usage":null}}"#,
            ),
            Failed("boom"),
        ],
    ),
    stream(
        "response.failed: any JSON, [DONE], and what is not JSON",
        br"event: response.failed|data: []||
            event: response.failed|data: oops||
            event: response.failed|data: [DONE]||",
        End::Clean,
        &[
            Bad(Some("response.failed"), "[]"),
            Bad(Some("response.failed"), "expected value at line 1 column 1"),
            Fine("response.failed"),
        ],
    ),
    stream(
        "response.output_item.done has a type",
        br#"event: response.output_item.done|data: {"type":"response.output_item.done","item":{}}||
            event: response.output_item.done|data: {"type":""}||
            event: response.output_item.done|data: {"typ\u0065":"\ud83d"}||
            data: [DONE]||"#,
        End::Clean,
        &[
            Fine("response.output_item.done"),
            Fine("response.output_item.done"),
            Fine("response.output_item.done"),
            // On this API it ends nothing.
            Fine("message"),
            Failed("~stream closed before response.completed"),
        ],
    ),
    stream(
        "response.output_item.done has none",
        br#"event: response.output_item.done|data: {"item":{"type":"message"}}||
            event: response.output_item.done|data: {"type":1}||
            event: response.output_item.done|data: {"type":null}||
            event: response.output_item.done|data: []||
            event: response.output_item.done|data: "type"||
            event: response.output_item.done|data: oops||
            event: response.output_item.added|data: {}||
            data: [DONE]||"#,
        End::Clean,
        &[
            Bad(Some("response.output_item.done"), "failed to parse response.output_item.done"),
            Bad(Some("response.output_item.done"), "failed to parse response.output_item.done"),
            Bad(Some("response.output_item.done"), "failed to parse response.output_item.done"),
            Bad(Some("response.output_item.done"), "failed to parse response.output_item.done"),
            Bad(Some("response.output_item.done"), "failed to parse response.output_item.done"),
            Bad(Some("response.output_item.done"), "expected value at line 1 column 1"),
            Fine("response.output_item.added"),
            Fine("message"),
        ],
    ),
    // Anthropic Messages: an event's name is its kind, and the completion has the merged counts.
    stream(
        "a message of the Anthropic API",
        br#"event: message_start|data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":10,
            "cache_read_input_tokens":4,"output_tokens":1}}}||
            event: ping|data: {"type":"ping"}||
            event: content_block_delta|data: {"type":"content_block_delta","index":0,
            "delta":{"type":"text_delta","text":"hi"}}||
            event: message_delta|data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},
            "usage":{"output_tokens":7,"output_tokens_details":{"thinking_tokens":3}}}||
            event: message_stop|data: {"type":"message_stop"}||"#,
        End::Clean,
        &[
            Fine("message_start"),
            Fine("ping"),
            Fine("content_block_delta"),
            Fine("message_delta"),
            Fine("message_stop"),
            Counts(&[
                ("input_token_count", S("10")),
                ("output_token_count", S("7")),
                ("cached_token_count", I(4)),
                ("reasoning_token_count", I(3)),
            ]),
        ],
    ),
    stream(
        "an error of the Anthropic API",
        br#"event: message_start|data: {"type":"message_start","message":{"id":"m"}}||
            event: error|data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}||"#,
        End::Clean,
        &[Fine("message_start"), Fine("error"), Failed("~Overloaded")],
    ),
    stream(
        "a message of the Anthropic API that is cut off",
        br#"event: message_start|data: {"type":"message_start","message":{"id":"m"}}||"#,
        End::Clean,
        &[Fine("message_start"), Failed("~the message was complete")],
    ),
    // How streams end.
    stream(
        "a clean end is no record",
        br#"data: {"choices":[{"finish_reason":"stop"}]}||"#,
        End::Clean,
        &[Fine("message")],
    ),
    stream(
        "the end comes too early",
        br#"data: {"choices":[{"delta":{"content":"hi"}}]}||"#,
        End::Clean,
        &[Fine("message"), CUT_SHORT],
    ),
    stream("an empty body", b"", End::Clean, &[Failed("~the body is empty")]),
    stream("only comments", b": a||: b||", End::Clean, &[Failed("~after 2 comment(s)")]),
    stream(
        "the idle timeout has one record, without a kind",
        br#"data: {"choices":[{"delta":{"content":"hi"}}]}||"#,
        End::Idle,
        &[Fine("message"), IDLE],
    ),
    stream("the idle timeout, before anything", b"", End::Idle, &[IDLE]),
    stream(
        "the idle timeout completes what was finished: nothing failed",
        br#"data: {"choices":[{"finish_reason":"stop"}]}||"#,
        End::Idle,
        &[Fine("message")],
    ),
    stream(
        "half an event, then the idle timeout",
        br#"data: {"choices":[{"delta":{"content":"hi"}}]}||data: {"choi"#,
        End::Idle,
        &[Fine("message"), IDLE],
    ),
    stream(
        "a transport error",
        br#"data: {"choices":[{"delta":{"content":"hi"}}]}||"#,
        End::Transport("connection reset"),
        &[Fine("message"), Bad(None, "Transport error: connection reset")],
    ),
    stream(
        "a transport error after the finish reason",
        br#"data: {"choices":[{"finish_reason":"stop"}]}||"#,
        End::Transport("connection reset"),
        &[Fine("message")],
    ),
    stream(
        "an abort",
        br#"data: {"choices":[{"delta":{"content":"hi"}}]}||"#,
        End::Aborted,
        &[Fine("message"), Failed("the stream was aborted")],
    ),
    stream("an HTTP status: the request's record says it", b"", End::HttpStatus, &[]),
    stream("nothing after the end", b"data: [DONE]||", End::Transport("late"), &[Fine("message")]),
    // Errors of the provider.
    stream(
        "an error chunk is JSON, and ends the stream",
        br#"data: {"error":{"message":"overloaded","code":503}}||data: [DONE]||"#,
        End::Clean,
        &[Fine("message"), Failed("~overloaded")],
    ),
    stream(
        "event: error",
        br#"event: error|data: {"message":"overloaded"}||"#,
        End::Clean,
        &[Fine("error"), Failed("~overloaded")],
    ),
    stream(
        "event: error, in plain words",
        b"event: error|data: overloaded||",
        End::Clean,
        &[Bad(Some("error"), "expected value at line 1 column 1"), Failed("~overloaded")],
    ),
    stream(
        "a body that is no stream: no event",
        br#"{"error":{"message":"no such model"}}"#,
        End::Clean,
        &[Failed("~no such model")],
    ),
    stream("a page", b"<html><title>502 Bad Gateway</title>", End::Clean, &[Failed("~502 Bad Gateway")]),
    // Completion.
    stream(
        "all counts",
        br#"data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}||
            data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":9,
            "prompt_tokens_details":{"cached_tokens":1},
            "completion_tokens_details":{"reasoning_tokens":2}}}||
            data: [DONE]||"#,
        End::Clean,
        &[
            Fine("message"),
            Fine("message"),
            Fine("message"),
            Counts(&[
                ("input_token_count", S("3")),
                ("output_token_count", S("5")),
                ("cached_token_count", I(1)),
                ("reasoning_token_count", I(2)),
                ("tool_token_count", S("9")),
            ]),
        ],
    ),
    stream(
        "some counts; the others are omitted, and the total is not made up",
        br#"data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,
            "completion_tokens":5,"prompt_tokens_details":null}}||"#,
        End::Clean,
        &[Fine("message"), Counts(&[("input_token_count", S("3")), ("output_token_count", S("5"))])],
    ),
    stream(
        "zeros are counts",
        br#"data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":0,
            "completion_tokens":0,"total_tokens":0,
            "completion_tokens_details":{"reasoning_tokens":0}}}||"#,
        End::Clean,
        &[
            Fine("message"),
            Counts(&[
                ("input_token_count", S("0")),
                ("output_token_count", S("0")),
                ("reasoning_token_count", I(0)),
                ("tool_token_count", S("0")),
            ]),
        ],
    ),
    stream(
        "no usage, no record: null, empty, absent",
        br#"data: {"choices":[{"delta":{"content":"hi"}}],"usage":null}||
            data: {"choices":[{"finish_reason":"stop"}],"usage":{}}||
            data: [DONE]||"#,
        End::Clean,
        &[Fine("message"), Fine("message"), Fine("message")],
    ),
    stream(
        "usage of a whole JSON body, which has no events",
        br#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],
            "usage":{"prompt_tokens":3}}"#,
        End::Clean,
        &[Counts(&[("input_token_count", S("3"))])],
    ),
    stream(
        "usage of a stream that then fails: no completion",
        br#"data: {"choices":[{"delta":{"content":"hi"}}],"usage":{"prompt_tokens":3}}||"#,
        End::Clean,
        &[Fine("message"), CUT_SHORT],
    ),
];

/// Frames that the reference logs as failed, in the words given last, and skips; here they are used, or are
/// known to say nothing, so nothing failed: a frame is bad if something in it could not be used.
const LENIENT: &[(&str, &[u8], &[Rec], &str)] = &[
    ("DONE without brackets", b"data: DONE||", &[Fine("message")], "expected value at line 1 column 1"),
    (
        "blank data, as a keep-alive",
        b"data:||data:  ||data: [DONE]||",
        &[Fine("message"), Fine("message"), Fine("message")],
        "EOF while parsing a value at line 1 column 0",
    ),
    (
        "events separated by one line end: one frame",
        br#"data: {"choices":[{"delta":{"content":"a"}}]}|
            data: {"choices":[{"delta":{"content":"b"}}]}|
            data: [DONE]||"#,
        &[Fine("message")],
        "trailing characters at line 2 column 1",
    ),
    (
        "... one of which is not JSON",
        br#"data: {"choices":[{"delta":{"content":"a"}}]}|data: not-json|data: [DONE]||"#,
        &[Bad(M, "expected ident at line 1 column 2")],
        "trailing characters at line 2 column 1",
    ),
    (
        "half a surrogate pair",
        br#"data: {"choices":[{"delta":{"content":"\ud83d"}}]}||data: [DONE]||"#,
        &[Fine("message"), Fine("message")],
        "unexpected end of hex escape at line 1 column 40",
    ),
    (
        "a number that no double holds",
        br#"data: {"choices":[],"created":1e999}||data: [DONE]||"#,
        &[Fine("message"), Fine("message")],
        "number out of range at line 1 column 29",
    ),
];

fn lenient() -> impl Iterator<Item = Stream> {
    LENIENT.iter().map(|(name, body, expected, _)| stream(name, body, End::Clean, expected))
}

fn options(stream: &Stream) -> Options {
    Options { invalid_utf8: stream.invalid_utf8, ..Options::default() }
}

#[test]
fn frames_become_records_by_the_rules() {
    let streams: Vec<Stream> = STREAMS.iter().map(|row| Stream { ..*row }).chain(lenient()).collect();
    let mut wrong = Vec::new();
    for stream in &streams {
        let body = bytes(stream.body);
        let whole = run([&body[..]], stream.end, &options(stream), true);
        if let Some(difference) =
            difference(&records_of(&whole.observations, SseEvents::All), stream.expected)
        {
            wrong.push(format!("{}: {difference}", stream.name));
        }
        for way in splits::ways(&body, 0x5eed) {
            let split = run(way.chunks.iter().copied(), stream.end, &options(stream), true);
            if split.observations != whole.observations {
                wrong.push(format!("{}: {way}: other observations than whole", stream.name));
                break;
            }
        }
    }
    report("streams", streams.len(), &wrong);
}

/// The words that the reference logs for a body's first frame that is not JSON: it reads into a tree.
fn references_words(body: &[u8]) -> Option<String> {
    let mut framer = streamgauge::sse::Framer::new(1 << 20);
    let mut input = body;
    while let Some(frame) = framer.poll_frame(&mut input).unwrap() {
        match serde_json::from_str::<Value>(frame.data) {
            Err(error) if frame.data.trim() != "[DONE]" => return Some(error.to_string()),
            _ => {}
        }
    }
    None
}

#[test]
fn the_references_words_are_as_the_table_has_them() {
    for (name, body, _, words) in LENIENT {
        assert_eq!(references_words(&bytes(body)).as_deref(), Some(*words), "{name}");
    }
}

/// What is wrong with a frame is said in the reference's words, for whatever is not JSON.
#[test]
fn parser_errors_are_the_references() {
    let documents = [
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":"h\u00e9\n","n":-1.5e3},"x":null}],"t":true}"#,
        "[1, 2.0, false, {\"a\": []}, \"\u{1F600}\"]",
    ];
    let alphabet: Vec<char> = "{}[]\",:\\ud8e0-+.tfn1 \t\u{1}\u{1F600}".chars().collect();
    let mut rng = Rng::new(0x5eed);
    let mut compared = 0;
    for _ in 0..20_000 {
        let mut text: Vec<char> = rng.pick(&documents).chars().collect();
        for _ in 0..=rng.below(2) {
            let at = rng.below(text.len());
            match rng.below(3) {
                0 => text[at] = *rng.pick(&alphabet),
                1 => text.truncate(at + 1),
                _ => text.insert(at, *rng.pick(&alphabet)),
            }
        }
        let text: String = text.into_iter().collect();
        let body = format!("data: {text}\n\n");
        // What is no error here is not compared: see `LENIENT`.
        let is_error =
            |error: &String| !["surrogate", "hex escape", "range"].iter().any(|word| error.contains(word));
        let expected = references_words(body.as_bytes());
        if text.trim().is_empty() || expected.as_ref().is_some_and(|error| !is_error(error)) {
            continue;
        }
        let run = run([body.as_bytes()], End::Clean, &Options::default(), true);
        let Some(Observation::Event { error, .. }) = run.observations.first() else {
            panic!("{body:?}: {:?}", run.observations);
        };
        assert_eq!(*error, expected, "{text}");
        compared += u32::from(expected.is_some());
    }
    println!("{compared} documents that are not JSON");
    assert!(compared > 10_000);
}

/// What `sseEvents` makes of each stream of the table: `"off"` keeps what is no good event, `"summary"` adds
/// one record in the end, before the one of the completion or the failure.
#[test]
fn the_modes_leave_out_good_events_and_nothing_else() {
    let streams: Vec<Stream> = STREAMS.iter().map(|row| Stream { ..*row }).chain(lenient()).collect();
    let mut wrong = Vec::new();
    for stream in &streams {
        let body = bytes(stream.body);
        let observations = run([&body[..]], stream.end, &options(stream), true).observations;
        let off: Vec<Rec> =
            stream.expected.iter().copied().filter(|record| !matches!(record, Fine(_))).collect();
        let failed = off.iter().filter(|record| matches!(record, Bad(..))).count();
        let events = failed + stream.expected.iter().filter(|record| matches!(record, Fine(_))).count();
        let mut summary = off.clone();
        // Where no stream began, there is none to sum up.
        if !matches!(stream.end, End::HttpStatus) {
            summary.insert(failed, Summary(events as i64, failed as i64));
        }
        for (mode, expected) in [(SseEvents::Off, off), (SseEvents::Summary, summary)] {
            if let Some(difference) = difference(&records_of(&observations, mode), &expected) {
                wrong.push(format!("{} ({mode:?}): {difference}", stream.name));
            }
        }
    }
    report("modes", 2 * streams.len(), &wrong);
}

/// The same for one stream, spelt out.
#[test]
fn the_modes_of_one_stream() {
    let body = bytes(
        br#"data: {"choices":[{"delta":{"content":"hi"}}]}||data: oops||
            data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}||data: [DONE]||"#,
    );
    let oops = Bad(M, "expected value at line 1 column 1");
    let counts = Counts(&[("input_token_count", S("3"))]);
    let table: [(SseEvents, &[Rec]); 3] = [
        (SseEvents::All, &[Fine("message"), oops, Fine("message"), Fine("message"), counts]),
        (SseEvents::Summary, &[oops, Summary(4, 1), counts]),
        (SseEvents::Off, &[oops, counts]),
    ];
    let observations = run([&body[..]], End::Clean, &Options::default(), true).observations;
    for (mode, expected) in table {
        assert_eq!(difference(&records_of(&observations, mode), expected), None, "{mode:?}");
    }
    assert_eq!(SseEvents::default(), SseEvents::All);
}

/// A failure that no frame's record tells has one of its own.
#[test]
fn a_failure_is_always_told() {
    // No event stream, so there is no frame whose record could tell it.
    let options = Options { invalid_utf8: InvalidUtf8::Error, ..Options::default() };
    let run = run([&b"{\"a\":\"\x80\"}"[..]], End::Clean, &options, true);
    assert_eq!(run.aggregator.error().unwrap().code, ErrorCode::InvalidUtf8);
    let records = records_of(&run.observations, SseEvents::All);
    let told = records.iter().filter(|record| {
        text(record, "error.message") == Some("UTF8 error: invalid utf-8 sequence of 1 bytes from index 6")
    });
    assert_eq!(told.count(), 1, "{}", show(&records));
}

/// The completion's counts in both types; `spec/codex.md` 6.5 has the numbers.
#[test]
fn completion_counts_have_their_types() {
    let body = bytes(
        br#"data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,
            "completion_tokens":5,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":1},
            "completion_tokens_details":{"reasoning_tokens":2}}}||"#,
    );
    let observations = run([&body[..]], End::Clean, &Options::default(), true).observations;
    let table = [
        (AttributeTypes::Codex, [S("3"), S("5"), I(1), I(2), S("9")]),
        (AttributeTypes::Typed, [I(3), I(5), I(1), I(2), I(9)]),
    ];
    for (types, expected) in table {
        for format in FORMATS {
            let recorder = recorder(session(types, false), SseEvents::Off, format);
            let decoded = decode(format, &encoded(&observations, recorder));
            let values: Vec<_> = own_attributes(&decoded[0]).into_iter().map(|(_, value)| value).collect();
            assert_eq!(values, expected);
        }
    }
}

// ----------------------------------------------------------------------------------------------------------
// The reference's log-content tests (`spec/codex.md` 6.5) that are about SSE events

/// Name, body, whether it takes the Responses wire, and records that must be there, in this order.
type LogContent = (&'static str, &'static str, bool, &'static [Rec]);

const LOG_CONTENT: &[LogContent] = &[
    (
        "process_sse_emits_tracing_for_output_item",
        r#"event: response.output_item.done|data: {"type":"response.output_item.done",
            "item":{"type":"message","role":"assistant","id":"id1","content":[{"type":"output_text",
            "text":"hi"}]}}||
            event: response.completed|data: {"type":"response.completed","response":{"id":"id2",
            "usage":{"input_tokens":0,"input_tokens_details":null,"output_tokens":0,
            "output_tokens_details":null,"total_tokens":0}}}||"#,
        true,
        &[
            Fine("response.output_item.done"),
            Fine("response.completed"),
            SomeCounts(&[
                ("input_token_count", S("0")),
                ("output_token_count", S("0")),
                ("tool_token_count", S("0")),
            ]),
        ],
    ),
    (
        "process_sse_emits_failed_event_on_parse_error",
        "data: not-json||",
        false,
        &[Bad(M, "expected ident at line 1 column 2")],
    ),
    (
        "process_sse_records_failed_event_when_stream_closes_without_completed",
        r#"event: response.output_item.done|data: {"type":"response.output_item.done",
            "item":{"type":"message","role":"assistant","id":"id","content":[{"type":"output_text",
            "text":"hi"}]}}||"#,
        true,
        &[Fine("response.output_item.done"), Failed("~stream closed before response.completed")],
    ),
    (
        "process_sse_failed_event_records_response_error_message",
        r#"event: response.failed|data: {"type":"response.failed",
            "response":{"error":{"message":"boom","code":"bad"}}}||"#,
        false,
        &[Bad(
            Some("response.failed"),
            r#"{"type":"response.failed","response":{"error":{"message":"boom","code":"bad"}}}"#,
        )],
    ),
    (
        "process_sse_failed_event_logs_parse_error",
        r#"event: response.failed|data: {"type":"response.failed",
            "response":{"error":"not-an-object"}}||"#,
        false,
        &[Bad(Some("response.failed"), "~not-an-object")],
    ),
    (
        "process_sse_failed_event_logs_missing_error",
        r#"event: response.failed|data: {"type":"response.failed","response":{}}||"#,
        false,
        &[Bad(Some("response.failed"), r#"{"type":"response.failed","response":{}}"#)],
    ),
    (
        "process_sse_failed_event_logs_response_completed_parse_error",
        r#"event: response.completed|data: {"type":"response.completed","response":{}}||"#,
        false,
        &[Bad(Some("response.completed"), "~failed to parse ResponseCompleted")],
    ),
    (
        "process_sse_emits_completed_telemetry",
        r#"event: response.completed|data: {"type":"response.completed","response":{"id":"resp1",
            "usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens":5,
            "output_tokens_details":{"reasoning_tokens":2},"total_tokens":9}}}||"#,
        true,
        &[
            Fine("response.completed"),
            Counts(&[
                ("input_token_count", S("3")),
                ("output_token_count", S("5")),
                ("cached_token_count", I(1)),
                ("reasoning_token_count", I(2)),
                ("tool_token_count", S("9")),
            ]),
        ],
    ),
    (
        "a stream from its beginning, the kinds from the event lines",
        r#"event: response.created|data: {"type":"response.created","response":{"id":"resp1"}}||
            event: response.output_text.delta|data: {"type":"response.output_text.delta","delta":"hi"}||
            event: response.output_item.done|data: {"type":"response.output_item.done",
            "item":{"type":"message","role":"assistant","id":"id1","content":[{"type":"output_text",
            "text":"hi"}]}}||
            event: response.completed|data: {"type":"response.completed","response":{"id":"resp1",
            "usage":{"input_tokens":3,"output_tokens":5,"total_tokens":8}}}||"#,
        true,
        &[
            Fine("response.created"),
            Fine("response.output_text.delta"),
            Fine("response.output_item.done"),
            Fine("response.completed"),
            SomeCounts(&[
                ("input_token_count", S("3")),
                ("output_token_count", S("5")),
                ("tool_token_count", S("8")),
            ]),
        ],
    ),
    (
        "... and without event lines: all are `message`, a failure too, but for the stream's own record",
        r#"data: {"type":"response.created","response":{"id":"resp1"}}||
            data: {"type":"response.failed","response":{"error":{"message":"boom","code":"bad"}}}||"#,
        true,
        &[Fine("message"), Fine("message"), Failed("~boom")],
    ),
];

/// Whether this version reads the Responses API.
fn reads_responses() -> bool {
    let body =
        b"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n";
    let run = run([&body[..]], End::Clean, &Options::default(), true);
    run.aggregator.error().is_none_or(|error| error.code != ErrorCode::BadOption)
}

#[test]
fn the_references_log_content() {
    let reads_responses = reads_responses();
    let (mut wrong, mut skipped) = (Vec::new(), 0);
    for (name, body, needs_responses, expected) in LOG_CONTENT {
        if *needs_responses && !reads_responses {
            skipped += 1;
            continue;
        }
        let body = bytes(body.as_bytes());
        let run = run([&body[..]], End::Clean, &Options::default(), true);
        let records = records_of(&run.observations, SseEvents::All);
        let mut rest = records.iter();
        for expected in *expected {
            if !rest.any(|record| expected.matches(record)) {
                wrong.push(format!("{name}: no {expected:?} (in this order) in {}", show(&records)));
                break;
            }
        }
    }
    if skipped > 0 {
        println!("skipped {skipped} of {}: the aggregator refuses the Responses wire", LOG_CONTENT.len());
    }
    report("log contents", LOG_CONTENT.len() - skipped, &wrong);
}

// ----------------------------------------------------------------------------------------------------------
// Redaction

#[test]
fn a_prompts_length_is_told_and_its_text_is_not() {
    let table = [
        ("", "0"),
        ("hello", "5"),
        ("\u{e9}", "1"),
        ("e\u{301}", "2"),
        ("\u{1F600}", "1"),
        // Man, joiner, woman, joiner, girl.
        ("\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", "5"),
        // A flag is two letters; a skin tone is a scalar of its own.
        ("\u{1F1EC}\u{1F1E7}\u{1F44D}\u{1F3FD}", "4"),
        ("a\r\nb", "4"),
        ("\0\u{FEFF}\u{FFFD}\u{10FFFF}", "4"),
        ("\u{4F60}\u{597D}", "2"),
    ];
    for (prompt, length) in table {
        for (policy, expected) in [(ContentPolicy::Redacted, "[REDACTED]"), (ContentPolicy::Full, prompt)] {
            for format in FORMATS {
                let mut session = session(AttributeTypes::Codex, false);
                session.prompts = policy;
                let mut recorder = recorder(session, SseEvents::All, format);
                let event = recorder.user_prompt(prompt);
                let record = recorder.encode(&event, AT).to_vec();
                if format == Format::Json {
                    let json = String::from_utf8(record.clone()).unwrap();
                    assert!(!json.contains("\\ud"), "characters, not surrogates: {json}");
                }
                let decoded = decode(format, &[record]);
                let own = own_attributes(&decoded[0]);
                assert_eq!(own, [("prompt_length", S(length)), ("prompt", S(expected))], "{prompt:?}");
            }
        }
    }
    assert_eq!(REDACTED, "[REDACTED]");
    let long = "\u{1F600}".repeat(100_000);
    let event =
        recorder(session(AttributeTypes::Codex, false), SseEvents::All, Format::Json).user_prompt(&long);
    assert_eq!(event, UserPrompt { prompt_length: 100_000, prompt: "[REDACTED]".into() });
}

/// Tool content through the session's policies, as `toolResult` of the JavaScript side hands it over.
#[test]
fn tool_content_is_cut_between_characters() {
    use ContentPolicy::{AtMost, Full, Redacted};
    let content = "a\u{e9}\u{4F60}\u{1F600}z"; // 1, 2, 3, 4 and 1 bytes
    let table = [
        (Full, content),
        (Redacted, "[REDACTED]"),
        (AtMost(0), ""),
        (AtMost(1), "a"),
        (AtMost(2), "a"),
        (AtMost(3), "a\u{e9}"),
        (AtMost(5), "a\u{e9}"),
        (AtMost(6), "a\u{e9}\u{4F60}"),
        (AtMost(9), "a\u{e9}\u{4F60}"),
        (AtMost(10), "a\u{e9}\u{4F60}\u{1F600}"),
        (AtMost(11), content),
        (AtMost(usize::MAX), content),
    ];
    for (policy, expected) in table {
        for format in FORMATS {
            // The two are independent of each other.
            for (arguments_policy, output_policy, arguments, output) in
                [(policy, Full, expected, content), (Full, policy, content, expected)]
            {
                let mut session = session(AttributeTypes::Codex, false);
                session.tool_arguments = arguments_policy;
                session.tool_output = output_policy;
                let result = ToolResult {
                    arguments: Some(session.tool_arguments.apply(content).into()),
                    output: session.tool_output.apply(content).into(),
                    ..ToolResult::default()
                };
                let mut recorder = recorder(session, SseEvents::All, format);
                let record = recorder.encode(&result, AT).to_vec();
                let decoded = decode(format, &[record]);
                assert_eq!(text(&decoded[0], "arguments"), Some(arguments), "{policy:?}");
                assert_eq!(text(&decoded[0], "output"), Some(output), "{policy:?}");
            }
        }
    }
}

/// Any limit: a beginning, not longer than allowed, and one more character would not fit.
#[test]
fn a_cut_content_is_as_long_as_it_may_be() {
    let alphabet =
        ['a', '\0', '\u{7f}', '\u{80}', '\u{7ff}', '\u{800}', '\u{ffff}', '\u{10000}', '\u{10ffff}'];
    let mut rng = Rng::new(0x5eed);
    for _ in 0..500 {
        let content: String = (0..rng.below(12)).map(|_| *rng.pick(&alphabet)).collect();
        for limit in 0..content.len() + 3 {
            let cut = ContentPolicy::AtMost(limit).apply(&content);
            let rest = content.strip_prefix(cut).unwrap();
            let next = rest.chars().next().map_or(0, char::len_utf8);
            assert!(cut.len() <= limit && (next == 0 || cut.len() + next > limit), "{content:?} {limit}");
        }
    }
}

// ----------------------------------------------------------------------------------------------------------
// Trace and time

#[test]
fn records_carry_the_trace() {
    let (trace, span) = ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174");
    let table = [
        (None, "", "", 0),
        (Some(format!("00-{trace}-{span}-00")), trace, span, 0),
        (Some(format!("00-{trace}-{span}-01")), trace, span, 1),
        (Some(format!("00-{trace}-{span}-ff")), trace, span, 255),
        (Some(format!(" 00-{trace}-{span}-03\t")), trace, span, 3),
        (Some(format!("cc-{trace}-{span}-01-what-the-future-brings")), trace, span, 1),
        (
            Some("00-00000000000000000000000000000001-0000000000000001-01".into()),
            "00000000000000000000000000000001",
            "0000000000000001",
            1,
        ),
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (header, trace_id, span_id, flags) in &table {
        for format in FORMATS {
            let mut session = session(AttributeTypes::Codex, false);
            session.trace = header.as_deref().map(|header| TraceParent::parse(header).unwrap());
            let mut recorder = recorder(session, SseEvents::All, format);
            for record in decode(format, &encode_catalog(&mut recorder, true)) {
                let ids = (hex(&record.trace_id), hex(&record.span_id), record.flags);
                assert_eq!(ids, ((*trace_id).to_owned(), (*span_id).to_owned(), *flags), "{header:?}");
            }
        }
    }
    for bad in [
        String::new(),
        format!("00-{trace}-{span}"),
        format!("00-{trace}-{span}-1"),
        format!("00-{trace}-{span}-01-"),
        format!("0-{trace}-{span}-01"),
        format!("ff-{trace}-{span}-01"),
        format!("01-{trace}-{span}-01x"),
        format!("00-{}-{span}-01", trace.to_uppercase()),
        format!("00-{}-{span}-01", "0".repeat(32)),
        format!("00-{trace}-{}-01", "0".repeat(16)),
        format!("00-{span}-{trace}-01"),
        format!("00-{trace}-{span}-01, 00-{trace}-{span}-01"),
        format!("cc-{trace}-{span}-01-more\r\nx-other: y"),
        format!("cc-{trace}-{span}-01-m\u{f6}re"),
    ] {
        let error = TraceParent::parse(&bad).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadOption);
        assert!(error.message.contains("traceparent"), "{error}");
    }
}

#[test]
fn records_carry_their_time() {
    let table = [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.000Z"),
        (999_999, "1970-01-01T00:00:00.000Z"),
        (1_000_000, "1970-01-01T00:00:00.001Z"),
        (86_399_999_999_999, "1970-01-01T23:59:59.999Z"),
        (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999Z"),
        (1_735_689_600_000_000_000, "2025-01-01T00:00:00.000Z"),
        (AT, "2026-01-01T00:00:00.123Z"),
        (u64::MAX, "2554-07-21T23:34:33.709Z"),
    ];
    for (nanos, timestamp) in table {
        for format in FORMATS {
            let mut recorder = recorder(session(AttributeTypes::Typed, false), SseEvents::All, format);
            let record = recorder.encode(&ApiRequest::default(), nanos).to_vec();
            let decoded = decode(format, &[record]);
            // To the nanosecond in the record's own fields; to the millisecond, cut, in the attribute.
            assert_eq!(decoded[0].time_unix_nano, nanos);
            assert_eq!(decoded[0].observed_time_unix_nano, nanos);
            assert_eq!(text(&decoded[0], "event.timestamp"), Some(timestamp));
        }
    }
}

/// Dates against a calendar that counts day by day.
#[test]
fn timestamps_are_right_on_every_day() {
    let mut recorder = recorder(session(AttributeTypes::Codex, false), SseEvents::All, Format::Json);
    let is_leap =
        |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for number in 0..213_503_u64 {
        let nanos = number * 86_400_000_000_000 + 45_296_789_000_000;
        let record = recorder.encode(&ApiRequest::default(), nanos);
        let expected = format!("\"{year:04}-{month:02}-{day:02}T12:34:56.789Z\"");
        assert!(String::from_utf8_lossy(record).contains(&expected), "{expected}");
        let days = match month {
            2 => 28 + u32::from(is_leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (year, month, day) = match (day == days, month) {
            (false, _) => (year, month, day + 1),
            (true, 12) => (year + 1, 1, 1),
            (true, _) => (year, month + 1, 1),
        };
    }
    assert_eq!(year, 2554);
}

/// What happens to a stream, and when.
#[derive(Clone, Copy)]
enum Step {
    Bytes(f64, &'static str),
    End(f64, End),
}

#[test]
fn durations_are_waiting_times() {
    use Step::{Bytes, End as Ends};
    const HI: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";
    const STOP: &str =
        "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\n";
    // Opened at 1000. The durations of the events in milliseconds, and that of the stream.
    let table: &[(&str, &[Step], &[&str], f64)] = &[
        (
            "from the last event, or the opening; fractions are cut",
            &[
                Bytes(1010.0, HI),
                Bytes(1010.999, HI),
                Bytes(1026.0, HI),
                Bytes(2026.5, STOP),
                Ends(2500.0, End::Clean),
            ],
            &["10", "0", "15", "1000"],
            1500.0,
        ),
        (
            "the second event of a chunk was there already",
            &[
                Bytes(1007.0, "data: {}\n\ndata: oops\n\ndata: {}\n\n"),
                Bytes(1008.0, "data: {}\n\ndata: [DONE]\n\n"),
            ],
            &["7", "0", "0", "1", "0"],
            8.0,
        ),
        (
            "neither comments nor halves of an event count",
            &[
                Bytes(1100.0, ": keep-alive\n\n"),
                Bytes(1200.0, "data: {}\n"),
                Bytes(1300.0, "\n"),
                Bytes(1400.0, ": keep-alive\n\nevent: ping\n\n"),
                Bytes(1450.0, "data: [DO"),
                Bytes(1500.0, "NE]\n\n"),
            ],
            &["300", "200"],
            500.0,
        ),
        (
            "the last event is ended by the end",
            &[Bytes(1100.0, "data: [DONE]"), Ends(1250.0, End::Clean)],
            &["250"],
            250.0,
        ),
        (
            "the idle timeout waited since the last event",
            &[Bytes(1100.0, HI), Bytes(1200.0, ": keep-alive\n\n"), Ends(6100.0, End::Idle)],
            &["100", "5000"],
            5100.0,
        ),
        (
            "so did a transport error",
            &[Bytes(1100.0, HI), Ends(1130.0, End::Transport("reset"))],
            &["100", "30"],
            130.0,
        ),
        (
            "a clock that goes backwards counts as no time",
            &[Bytes(1100.0, HI), Bytes(1050.0, HI), Ends(900.0, End::Idle)],
            &["100", "0", "0"],
            0.0,
        ),
        ("no events", &[Ends(1300.0, End::Clean)], &[], 300.0),
    ];
    for (name, steps, expected, whole) in table {
        let mut aggregator = Aggregator::new(Options::default(), 1000.0);
        aggregator.observe();
        let mut observations = Vec::new();
        for step in *steps {
            match *step {
                Bytes(at, text) => aggregator.handle_bytes(text.as_bytes(), at),
                Ends(at, end) => end.apply(&mut aggregator, at),
            }
            observations.extend(aggregator.take_observations());
        }
        let mut durations = Vec::new();
        for record in records_of(&observations, SseEvents::All) {
            durations.extend(text(&record, "duration_ms").map(ToOwned::to_owned));
        }
        assert_eq!(durations, *expected, "{name}");
        let duration = match observations.last() {
            Some(Observation::Completed { duration_ms, .. } | Observation::Failed { duration_ms, .. }) => {
                *duration_ms
            }
            other => panic!("{name}: {other:?}"),
        };
        assert!((duration - whole).abs() < 1e-9, "{name}: {duration}");
        if let Some(timing) = aggregator.timings().duration_ms {
            assert!((timing - whole).abs() < 1e-3, "{name}: {timing}");
        }
        let summary = records_of(&observations, SseEvents::Summary)
            .into_iter()
            .find(|record| text(record, "event.kind") == Some("summary"))
            .expect("a summary");
        assert_eq!(text(&summary, "duration_ms"), Some((*whole as u64).to_string().as_str()), "{name}");
    }
}

// ----------------------------------------------------------------------------------------------------------
// Any stream

const MUTATIONS: usize = 4000;

fn without_timings(observations: &[Observation]) -> Vec<Observation> {
    let mut observations = observations.to_vec();
    if let Some(Observation::Completed { timings, .. } | Observation::Failed { timings, .. }) =
        observations.last_mut()
    {
        **timings = Timings::default();
    }
    observations
}

/// Everything that must hold for one stream and end.
fn problems(bytes: &[u8], way: &splits::Way<'_>, end: End, options: &Options) -> Vec<String> {
    let mut problems = Vec::new();
    let plain = run([bytes], end, options, false);
    let observed = run([bytes], end, options, true);
    let split = run(way.chunks.iter().copied(), end, options, true);
    let split_plain = run(way.chunks.iter().copied(), end, options, false);

    if !plain.observations.is_empty() {
        problems.push("observations without observe()".to_owned());
    }
    for (left, right) in [(&plain, &observed), (&split_plain, &split)] {
        let (l, r) = (&left.aggregator, &right.aggregator);
        if left.events != right.events || l.error() != r.error() || l.counts() != r.counts() {
            problems.push("observing changes the events".to_owned());
        }
    }
    // How many arrivals there are is the chunks' business.
    if without_timings(&observed.observations) != without_timings(&split.observations) {
        problems.push(format!("{way}: other observations than whole"));
    }

    let aggregator = &observed.aggregator;
    let counts = aggregator.counts();
    let code = aggregator.error().map(|error| error.code);
    let mut events: u64 = 0;
    let mut bad: u64 = 0;
    for observation in &observed.observations {
        if let Observation::Event { error, .. } = observation {
            events += 1;
            bad += u64::from(error.is_some());
        }
    }
    let extra = u64::from(matches!(code, Some(ErrorCode::IdleTimeout | ErrorCode::Transport)));
    if events != counts.frames + extra {
        problems.push(format!("{events} observed events of {} frames + {extra}", counts.frames));
    }
    // Those that are JSON but fail by their name are not bad frames.
    if bad < counts.bad_frames + extra {
        problems.push(format!("{bad} bad events of {} bad frames + {extra}", counts.bad_frames));
    }

    let is_end = |observation: &&Observation| !matches!(observation, Observation::Event { .. });
    let ends: Vec<&Observation> = observed.observations.iter().filter(is_end).collect();
    let last = observed.observations.last();
    let end_is_right = match (code, ends.as_slice()) {
        (None, [end @ Observation::Completed { usage, .. }]) => {
            last == Some(*end) && *usage == aggregator.completion().and_then(|done| done.token_usage)
        }
        (Some(code), [end @ Observation::Failed { message, .. }]) => {
            let error = aggregator.error().unwrap();
            let is_said = match code {
                ErrorCode::IdleTimeout | ErrorCode::Transport | ErrorCode::HttpStatus => message.is_none(),
                // Unless it is the body's, which has no frames.
                ErrorCode::InvalidUtf8 => message.is_none() || bad == 0,
                _ => message.as_ref() == Some(&error.message),
            };
            last == Some(*end) && is_said
        }
        _ => false,
    };
    if !end_is_right {
        problems.push(format!("ends {ends:?} with {:?}", aggregator.error()));
    }

    for mode in MODES {
        for types in TYPES {
            let [json, protobuf] = FORMATS.map(|format| {
                let recorder = recorder(session(types, true), mode, format);
                decode(format, &encoded(&observed.observations, recorder))
            });
            if json != protobuf {
                problems.push(format!("{mode:?} {types:?}: JSON and protobuf differ"));
            }
            let tail = match ends.first() {
                Some(Observation::Completed { usage, .. }) => u64::from(usage.is_some()),
                Some(Observation::Failed { message, .. }) => u64::from(message.is_some()),
                _ => 0,
            };
            let expected = match mode {
                SseEvents::All => events + tail,
                SseEvents::Summary => bad + 1 + tail,
                SseEvents::Off => bad + tail,
            };
            if json.len() as u64 != expected {
                problems.push(format!("{mode:?}: {} records instead of {expected}", json.len()));
            }
        }
    }
    problems
}

#[test]
fn observing_changes_nothing_and_misses_nothing() {
    let cases = table::cases();
    let mut inputs: Vec<(String, Vec<u8>, Options)> = Vec::new();
    for case in &cases {
        inputs.push((case.name.clone(), case.bytes.clone(), case.options.clone()));
    }
    let mut seeds: Vec<Vec<u8>> = cases.iter().map(|case| case.bytes.clone()).collect();
    seeds.extend(LOG_CONTENT.iter().map(|(_, body, ..)| bytes(body.as_bytes())));
    seeds.extend(STREAMS.iter().map(|stream| bytes(stream.body)));
    let mutator = Mutator::of_streams("responses", 4096);
    for number in 0..MUTATIONS {
        let mut rng = Rng::new(number as u64);
        let bytes = mutator.mutated(&mut rng, &seeds);
        let mut options = Options::default();
        options.include.raw = rng.below(2) == 0;
        if rng.below(2) == 0 {
            options.invalid_utf8 = InvalidUtf8::Error;
        }
        if rng.below(8) == 0 {
            options.max_event_bytes = 1 + rng.below(200);
        }
        if rng.below(8) == 0 {
            options.max_item_bytes = 1 + rng.below(50);
        }
        inputs.push((format!("mutation {number}"), bytes, options));
    }
    let mut wrong = Vec::new();
    for (number, (name, bytes, options)) in inputs.iter().enumerate() {
        let mut rng = Rng::new(number as u64);
        let way = splits::random_way(bytes, number as u64, 1 + rng.below(60));
        // Each recorded case with each end, each mutation with one of them.
        let ends = [End::Clean, End::Idle, End::Transport("connection reset"), End::Aborted];
        let ends = if number < cases.len() { ends.to_vec() } else { vec![*rng.pick(&ends)] };
        for end in ends {
            for problem in problems(bytes, &way, end, options) {
                wrong.push(format!("{name}, {end:?}: {problem}\n    b\"{}\"", bytes.escape_ascii()));
            }
        }
    }
    println!("{} streams, {} problems", inputs.len(), wrong.len());
    assert!(
        wrong.is_empty(),
        "{} problems, the first:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(3)].join("\n")
    );
}

/// The text of a provider, however long or odd, is no obstacle for a record.
#[test]
fn long_and_odd_events_are_recorded() {
    let long = format!("event: response.failed\ndata: \"{}\"\n\n", "\u{1F600}".repeat(200_000));
    let odd = "event: \0\u{1}\"\\\u{2028}\ndata: {}\n\nid: 1\nevent: {\"a\":1}\ndata: [DONE]\n\n";
    let run = run([long.as_bytes(), odd.as_bytes()], End::Clean, &Options::default(), true);
    for format in FORMATS {
        let recorder = recorder(session(AttributeTypes::Codex, true), SseEvents::All, format);
        let records = decode(format, &encoded(&run.observations, recorder));
        let kinds: Vec<_> = records.iter().map(|record| text(record, "event.kind").unwrap()).collect();
        assert_eq!(kinds, ["response.failed", "\0\u{1}\"\\\u{2028}", "{\"a\":1}"]);
        assert_eq!(text(&records[0], "error.message").unwrap().len(), 800_002);
    }
}
