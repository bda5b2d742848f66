//! What a receiver answers, in both formats: any bytes are read, as `prost` and `serde_json` read those that they take.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;
use streamgauge::otlp::Format;
use streamgauge::otlp::retry::{classify_grpc, classify_http, retry_after_ms};
use streamgauge::provider_error_from_body;

use crate::allocations::measure;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// Input: the body of an answer.
pub fn check(input: &[u8]) {
    let ((), peak, _) = measure(|| read(input));
    assert!(peak <= 64 * 1024 + 64 * input.len(), "{peak} bytes for {} of an answer", input.len());

    let read = Format::Protobuf.decode_response(input);
    if let Ok(expected) = ExportLogsServiceResponse::decode(input) {
        let expected = expected.partial_success.unwrap_or_default();
        let rejected = u64::try_from(expected.rejected_log_records).unwrap_or(0);
        assert_eq!((read.rejected_log_records, read.error_message), (rejected, expected.error_message));
    }
    let read = Format::Protobuf.decode_status(input);
    if let Ok(expected) = Status::decode(input) {
        assert_eq!((read.code, read.message), (expected.code, expected.message));
        let has_retry_info = |detail: &Any| detail.type_url.ends_with("google.rpc.RetryInfo");
        assert!(read.retry_delay_ms.is_none() || expected.details.iter().any(has_retry_info));
    }
}

fn read(input: &[u8]) {
    for format in [Format::Json, Format::Protobuf] {
        let _ = format.decode_response(input);
        let status = format.decode_status(input);
        let _ = classify_grpc(
            status.code.unsigned_abs(),
            &status.message,
            status.retry_delay_ms.map(|ms| ms as f64),
        );
    }
    let text = String::from_utf8_lossy(input);
    if let Some(wait_ms) = retry_after_ms(&text, 1.7e12) {
        assert!(wait_ms.is_finite() && wait_ms >= 0.0, "{wait_ms}");
    }
    let status = input.first().map_or(200, |byte| 400 + u16::from(*byte));
    let _ = classify_http(status, Some(&text), &text, 1.7e12);
    let provider = provider_error_from_body(status, &text);
    assert!(provider.raw.len() <= text.len() && provider.status == Some(status));
}
