//! What a server's answers mean, for tables that are not about that.

use streamgauge::otlp::retry::{Outcome, classify_http, classify_network};

pub(super) fn down() -> Outcome {
    classify_network("down")
}

pub(super) fn later(server_delay_ms: f64) -> Outcome {
    Outcome::Retryable { message: "later".into(), server_delay_ms: Some(server_delay_ms) }
}

pub(super) fn fatal() -> Outcome {
    classify_http(400, None, "no", 0.0)
}

pub(super) fn too_large() -> Outcome {
    classify_http(413, None, "", 0.0)
}

pub(super) fn partial(rejected: u64, message: &str) -> Outcome {
    Outcome::PartialSuccess { rejected, message: message.into() }
}
