//! What telemetry makes of any stream and any text: the records that are written from bytes that are ready are those that
//! are built and encoded as a whole, and both formats say the same to decoders that are not ours.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use streamgauge::otlp::{Envelope, Format, Limits, Resource, Scope};
use streamgauge::telemetry::{
    ApiRequest, AttributeTypes, ContentPolicy, ConversationStarts, Event, Recorder, Session, SseEvents,
    StreamCounts, ToolDecision, ToolResult, TraceParent,
};
use streamgauge::{Aggregator, Options};

/// Input: options, how much of the rest is texts, texts and a stream.
pub fn check(input: &[u8]) {
    let Some(([flags, texts], rest)) = input.split_first_chunk::<2>() else { return };
    let (texts, stream) = rest.split_at_checked(usize::from(*texts)).unwrap_or((rest, &[]));
    let text = String::from_utf8_lossy(texts);
    let session = session(*flags, &text);
    let mode = [SseEvents::All, SseEvents::Summary, SseEvents::Off][usize::from(flags >> 4) % 3];
    // Limits that cut nothing, but might.
    let might = Limits { value_length: Some(usize::MAX), ..Limits::default() };
    let json = records(session.clone(), mode, Format::Json, Limits::default(), &text, stream);
    assert_eq!(
        json,
        records(session.clone(), mode, Format::Json, might, &text, stream),
        "built as a whole, JSON"
    );
    let binary = records(session.clone(), mode, Format::Protobuf, Limits::default(), &text, stream);
    assert_eq!(
        binary,
        records(session, mode, Format::Protobuf, might, &text, stream),
        "built as a whole, protobuf"
    );

    let from_json = logs(Format::Json, &body(Format::Json, &json));
    let from_binary = logs(Format::Protobuf, &body(Format::Protobuf, &binary));
    assert_eq!(from_json, from_binary, "both formats say the same");
}

/// A body of logs, as decoders that are not ours read it.
pub fn logs(format: Format, body: &[u8]) -> ExportLogsServiceRequest {
    match format {
        Format::Json => serde_json::from_slice(body).expect("JSON"),
        Format::Protobuf => ExportLogsServiceRequest::decode(body).expect("protobuf"),
    }
}

pub fn session(flags: u8, text: &str) -> Session {
    let pieces: Vec<&str> = text.split(' ').collect();
    let piece = |at: usize| pieces.get(at).copied().unwrap_or_default().to_owned();
    let policy =
        [ContentPolicy::Full, ContentPolicy::Redacted, ContentPolicy::AtMost(5), ContentPolicy::AtMost(0)]
            [usize::from(flags >> 2 & 3)];
    Session {
        conversation_id: piece(0),
        app_version: piece(1),
        auth_mode: (flags & 2 != 0).then(|| piece(2)),
        account_id: (flags & 2 != 0).then(|| piece(3)),
        terminal_type: piece(4),
        model: piece(5),
        slug: piece(6),
        attribute_types: if flags & 1 == 0 { AttributeTypes::Codex } else { AttributeTypes::Typed },
        prompts: policy,
        tool_arguments: policy,
        tool_output: policy,
        trace: TraceParent::parse(text.trim()).ok(),
    }
}

fn records(
    session: Session,
    mode: SseEvents,
    format: Format,
    limits: Limits,
    text: &str,
    stream: &[u8],
) -> Vec<Vec<u8>> {
    let mut recorder = Recorder::new(session, mode, format, limits);
    let mut records = Vec::new();
    // Of any year; two in a row at one moment, as most come.
    let mut nanos = text.bytes().fold(1_u64, |nanos, byte| nanos.wrapping_mul(257).wrapping_add(byte.into()));
    let some = || Some(text.to_owned()).filter(|text| !text.is_empty());
    let (prompt, result) = {
        let result = ToolResult {
            tool_name: text.into(),
            call_id: some().map(Into::into),
            arguments: some().map(Into::into),
            duration_ms: nanos,
            success: nanos % 2 == 0,
            output: text.into(),
        };
        (recorder.user_prompt(text), recorder.tool_result(result))
    };
    let starts = ConversationStarts {
        provider_name: some(),
        context_window: Some(nanos),
        mcp_servers: some(),
        ..ConversationStarts::default()
    };
    let request = ApiRequest {
        duration_ms: nanos,
        status: u16::try_from(nanos % 70_000).ok(),
        error_message: some(),
        attempt: nanos >> 40,
        cf_ray: some(),
    };
    let decision = ToolDecision {
        tool_name: text.into(),
        call_id: text.into(),
        decision: text.into(),
        source: text.into(),
    };
    let events: [&dyn Event; 5] = [&starts, &request, &prompt, &decision, &result];
    for event in events {
        records.push(recorder.encode(event, nanos).to_vec());
        records.push(recorder.encode(event, nanos).to_vec());
        nanos = nanos.wrapping_add(1 << 30);
    }
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    aggregator.observe();
    let mut counts = StreamCounts::default();
    for (at, chunk) in stream.chunks(100).map(Some).chain([None]).enumerate() {
        let now = at as f64 * 7.5;
        match chunk {
            Some(chunk) => aggregator.handle_bytes(chunk, now),
            None => aggregator.handle_end(now),
        }
        aggregator.discard_events();
        for observation in aggregator.take_observations() {
            recorder.observe(observation, &mut counts, nanos, |record| records.push(record.to_vec()));
        }
        nanos = nanos.wrapping_add(u64::from(at % 2 == 0));
    }
    records
}

pub fn body(format: Format, records: &[Vec<u8>]) -> Vec<u8> {
    Envelope::new(format, &Resource::default(), &Scope::default()).body(records.iter().map(Vec::as_slice))
}
