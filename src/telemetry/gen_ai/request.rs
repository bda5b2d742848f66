//! What is known of a request, and what became of its stream so far.

use std::mem;

use super::names::{Kind, PARAMETERS, PROVIDERS};
use crate::json::{self, JsonText, Raw};
use crate::options::WireChoice;
use crate::otlp::metrics::{BOUNDS, Histogram};
use crate::otlp::{AnyValue, Attributes};

/// A request to a model, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// When it was sent, in milliseconds of the clock of the stream. Default: when the stream was opened.
    pub started_ms: Option<f64>,
    /// The model that was asked. Default: the session's.
    pub model: Option<String>,
    /// The server's name.
    pub server_address: Option<String>,
    /// The server's port.
    pub server_port: Option<u16>,
    /// Attributes of its parameters; see [`Request::parameters_of`].
    pub parameters: Attributes<'static>,
    /// The messages, in the conventions' form: `[{role, parts: [{type, content}]}]`.
    pub input_messages: AnyValue<'static>,
    /// The instructions, in the conventions' form: `[{type, content}]`.
    pub system_instructions: AnyValue<'static>,
}

impl Request {
    /// The attributes of a request's parameters, from the JSON object that the API takes. What has another type is
    /// passed over.
    #[must_use]
    pub fn parameters_of(body: Raw<'_>) -> Attributes<'static> {
        let mut attributes = Attributes::new();
        json::each_field(body, |field, raw| {
            let known = PARAMETERS.iter().find(|(name, ..)| name.as_bytes() == field);
            if let Some((_, key, kind)) = known
                && let Some(value) = parameter(raw, *kind)
            {
                attributes.set(*key, value);
            }
        });
        attributes
    }

    /// The provider: by the server's name, else by the API that it speaks.
    pub(super) fn provider(&self, wire: WireChoice) -> &'static str {
        let address = self.server_address.as_deref().unwrap_or_default();
        let is_of = |domain: &str| {
            let rest = address.strip_suffix(domain);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        // The longest is the one that is meant.
        let known =
            PROVIDERS.iter().filter(|(domain, _)| is_of(domain)).max_by_key(|(domain, _)| domain.len());
        match (known, wire) {
            (Some((_, provider)), _) => provider,
            (None, WireChoice::Anthropic) => "anthropic",
            (None, WireChoice::Chat | WireChoice::Responses) => "openai",
            (None, WireChoice::Auto) => "unknown",
        }
    }
}

fn parameter(raw: Raw<'_>, kind: Kind) -> Option<AnyValue<'static>> {
    match kind {
        Kind::Double => json::number(raw).map(AnyValue::Double),
        Kind::Int => json::unsigned(raw).map(AnyValue::from),
        Kind::Choices => json::unsigned(raw).filter(|count| *count != 1).map(AnyValue::from),
        Kind::Flag => (raw.as_str() == "true").then_some(AnyValue::Bool(true)),
        Kind::Texts => {
            let text = |raw| json::text(raw).map(JsonText::into_lossy).map(AnyValue::from);
            let all: Vec<_> = match text(raw) {
                Some(one) => vec![one],
                None => json::elements(raw).filter_map(text).collect(),
            };
            (!all.is_empty()).then_some(AnyValue::Array(all))
        }
    }
}

/// One request, from when its stream is opened to its end.
#[derive(Debug)]
pub struct Operation {
    pub(super) request: Request,
    pub(super) started_ms: f64,
    first_chunk_ms: Option<f64>,
    last_chunk_ms: f64,
    gaps: Histogram,
    is_over: bool,
}

impl Operation {
    /// An operation whose stream is opened at `now_ms`.
    #[must_use]
    pub fn new(request: Request, now_ms: f64) -> Self {
        let started_ms = request.started_ms.unwrap_or(now_ms);
        let gaps = Histogram::default();
        Self { request, started_ms, first_chunk_ms: None, last_chunk_ms: now_ms, gaps, is_over: false }
    }

    /// A chunk came: bytes with at least one event, however many. `bounds` are the buckets of the gaps.
    pub(in crate::telemetry) fn chunk(&mut self, bounds: &[f64; BOUNDS], now_ms: f64) {
        if self.first_chunk_ms.is_none() {
            self.first_chunk_ms = Some(now_ms);
        } else {
            self.gaps.record(bounds, seconds(now_ms - self.last_chunk_ms));
        }
        self.last_chunk_ms = now_ms;
    }

    /// Ends it; `false` if it was over already.
    pub(super) fn end(&mut self) -> bool {
        !mem::replace(&mut self.is_over, true)
    }

    pub(super) fn gaps(&self) -> &Histogram {
        &self.gaps
    }

    /// From the request to the first chunk, in seconds; `None` if none came, or the answer was no stream.
    pub(super) fn time_to_first_chunk(&self) -> Option<f64> {
        self.first_chunk_ms.map(|at| seconds(at - self.started_ms))
    }
}

/// Seconds, to a microsecond; a clock that went backwards counts as no time.
pub(super) fn seconds(ms: f64) -> f64 {
    (ms.max(0.0) * 1000.0).round() / 1e6
}
