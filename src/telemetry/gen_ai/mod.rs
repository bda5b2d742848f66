//! OpenTelemetry's semantic conventions for generative AI: what a request becomes when it is over.
//!
//! | | |
//! |---|---|
//! | event `gen_ai.client.inference.operation.details` | one per request, with what is known of it; its content if allowed |
//! | event `gen_ai.client.operation.exception` | when it failed, but for the caller's own abort |
//! | metrics | duration, time to first chunk, time per output chunk, tokens in and out |
//!
//! Names, units and buckets: [`Names`].

mod content;
mod names;
mod request;

use std::borrow::Cow;
use std::mem;

pub use self::names::Names;
pub use self::request::{Operation, Request};

use self::content::{Budget, output_messages};
use self::request::seconds;
use super::redact::ContentPolicy;
use super::session::Session;
use crate::aggregator::Aggregator;
use crate::error::{Error, ErrorCode};
use crate::item::TokenUsage;
use crate::json;
use crate::options::WireChoice;
use crate::otlp::metrics::{Histogram, Instrument};
use crate::otlp::{AnyValue, Attributes, LogRecord, Severity};
use crate::wire::ChoiceSummary;

/// The longest word of a provider's that is taken for a class of errors.
const MOST_ERROR_TYPE: usize = 64;
/// How much of an error's message is told.
const MOST_MESSAGE_BYTES: usize = 1024;

/// How the conventions are followed.
#[derive(Debug, Clone)]
pub struct GenAi {
    /// Which version's names.
    pub names: &'static Names,
    /// `gen_ai.provider.name`. Default: by the server's name, else by the API.
    pub provider: Option<String>,
    /// What of messages may leave; with [`ContentPolicy::Redacted`], the attributes are left out.
    pub content: ContentPolicy,
}

/// What an operation becomes.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) records: Vec<LogRecord<'static>>,
    pub(super) values: Vec<(&'static Instrument, Attributes<'static>, Histogram)>,
}

/// What is known at the end.
#[derive(Debug, Default)]
struct Response {
    id: String,
    model: String,
    usage: TokenUsage,
    cache_write_tokens: Option<u64>,
    reasons: Vec<AnyValue<'static>>,
    choices: Vec<ChoiceSummary>,
    wire: WireChoice,
}

impl Response {
    fn of(aggregator: &Aggregator) -> Self {
        let summary = aggregator.summary();
        let wire = aggregator.wire();
        let mut usage = summary.token_usage.unwrap_or_default();
        let mut cache_write_tokens = None;
        if wire == WireChoice::Anthropic {
            // Anthropic's input tokens are without what came from a cache or went into one, the conventions' are with.
            let raw = summary.provider.get("usage").map(json::Raw::from_text);
            let written = raw.and_then(|usage| json::field(usage, b"cache_creation_input_tokens"));
            cache_write_tokens = written.and_then(json::unsigned);
            let cached =
                usage.cached_input_tokens.unwrap_or(0).saturating_add(cache_write_tokens.unwrap_or(0));
            usage.input_tokens = usage.input_tokens.map(|tokens| tokens.saturating_add(cached));
        }
        let failed = aggregator.error().is_some();
        let choices = aggregator.choices();
        let mut reasons = Vec::new();
        for choice in &choices {
            let reason = choice.finish_reason_normalized.as_ref().or(choice.finish_reason.as_ref());
            // One that was cut short has none. The places are the choices'.
            let none = if failed { "error" } else { "" };
            reasons.push(reason.map_or(none, |reason| reason).to_owned().into());
        }
        if failed && choices.is_empty() {
            reasons.push("error".into());
        }
        let (id, model) = (summary.response_id, summary.model);
        Self { id, model, usage, cache_write_tokens, reasons, choices, wire }
    }
}

impl GenAi {
    /// The events and values of an operation that is over: its stream is, or it `failed` before there was one.
    pub(super) fn tell(
        &self,
        session: &Session,
        operation: &mut Operation,
        aggregator: Option<&Aggregator>,
        failed: Option<&Error>,
        (now_ms, unix_nanos): (f64, u64),
    ) -> Option<Told> {
        if !operation.end() {
            return None;
        }
        let error = failed.or_else(|| aggregator.and_then(Aggregator::error));
        let response = aggregator.map(Response::of).unwrap_or_default();
        let common = self.common(session, &operation.request, &response);
        let mut outcome = common.clone();
        if let Some(error) = error {
            set_text(&mut outcome, names::ERROR_TYPE, &error_type(error));
        }

        let values = self.values(operation, &response, &common, &outcome, now_ms);
        let mut records = Vec::new();
        let mut record = |name: &'static str, (severity, text): (Severity, &'static str), attributes| {
            let mut record = session.bare(name, unix_nanos);
            (record.severity_number, record.severity_text) = (severity, text.into());
            record.attributes = attributes;
            records.push(record);
        };
        set_text(&mut outcome, names::CONVERSATION, &session.conversation_id);
        let mut details = outcome.clone();
        self.describe(&mut details, operation, response);
        record(names::DETAILS_EVENT, self.names.details_severity, details);
        if let Some(error) = error.filter(|error| error.code != ErrorCode::Aborted) {
            set_text(&mut outcome, names::EXCEPTION_TYPE, error.code.as_str());
            let message = ContentPolicy::AtMost(MOST_MESSAGE_BYTES).apply(&error.message);
            set_text(&mut outcome, names::EXCEPTION_MESSAGE, message);
            record(names::EXCEPTION_EVENT, (Severity::WARN, "WARN"), outcome);
        }
        Some(Told { records, values })
    }

    /// What events and metrics have in common.
    fn common(&self, session: &Session, request: &Request, response: &Response) -> Attributes<'static> {
        let mut common = Attributes::new();
        set_text(&mut common, names::OPERATION, "chat");
        let provider = self.provider.as_deref().unwrap_or_else(|| request.provider(response.wire));
        set_text(&mut common, names::PROVIDER, provider);
        set_text(&mut common, names::REQUEST_MODEL, request.model.as_ref().unwrap_or(&session.model));
        set_text(&mut common, names::RESPONSE_MODEL, &response.model);
        if let Some(address) = &request.server_address {
            set_text(&mut common, names::SERVER_ADDRESS, address);
            set_count(&mut common, names::SERVER_PORT, request.server_port.map(u64::from));
        }
        common
    }

    /// The values for the metrics.
    fn values(
        &self,
        operation: &Operation,
        response: &Response,
        common: &Attributes<'static>,
        outcome: &Attributes<'static>,
        now_ms: f64,
    ) -> Vec<(&'static Instrument, Attributes<'static>, Histogram)> {
        let names = self.names;
        let one = |instrument: &'static Instrument, attributes: &Attributes<'static>, value: f64| {
            let mut values = Histogram::default();
            values.record(instrument.bounds, value);
            (instrument, attributes.clone(), values)
        };
        let mut all = vec![one(&names.duration, outcome, seconds(now_ms - operation.started_ms))];
        if let Some(value) = operation.time_to_first_chunk() {
            all.push(one(&names.time_to_first_chunk, common, value));
        }
        all.push((&names.time_per_output_chunk, common.clone(), operation.gaps().clone()));
        let [input, output] = &names.tokens;
        let is_one = input.name == output.name;
        let TokenUsage { input_tokens, output_tokens, .. } = response.usage;
        for (instrument, kind, tokens) in [(input, "input", input_tokens), (output, "output", output_tokens)]
        {
            if let Some(tokens) = tokens {
                let mut attributes = common.clone();
                set_text(&mut attributes, names::TOKEN_TYPE, if is_one { kind } else { "" });
                all.push(one(instrument, &attributes, tokens as f64));
            }
        }
        all
    }

    /// The attributes of the details event.
    fn describe(&self, details: &mut Attributes<'static>, operation: &mut Operation, response: Response) {
        let Response { id, usage, cache_write_tokens, reasons, choices, wire, .. } = response;
        let first_chunk = operation.time_to_first_chunk();
        let request = &mut operation.request;
        request.parameters.each_mut(&mut |key, value| set(details, key.to_owned().into(), mem::take(value)));
        set_text(details, names::RESPONSE_ID, &id);
        if reasons.iter().any(|reason| *reason != "".into()) {
            set(details, names::FINISH_REASONS.into(), AnyValue::Array(reasons.clone()));
        }
        if let Some(first_chunk) = first_chunk {
            set(details, names::TIME_TO_FIRST_CHUNK.into(), AnyValue::Double(first_chunk));
        }
        for (name, tokens) in [
            (names::INPUT_TOKENS, usage.input_tokens),
            (names::CACHE_READ_TOKENS, usage.cached_input_tokens),
            (self.names.cache_write_tokens, cache_write_tokens),
            (names::OUTPUT_TOKENS, usage.output_tokens),
            (names::REASONING_TOKENS, usage.reasoning_output_tokens),
        ] {
            set_count(details, name, tokens);
        }
        if details.value(names::PROVIDER) == Some(&"openai".into()) {
            let api = match wire {
                WireChoice::Chat => "chat_completions",
                WireChoice::Responses => "responses",
                WireChoice::Auto | WireChoice::Anthropic => "",
            };
            set_text(details, names::OPENAI_API_TYPE, api);
        }
        if self.content == ContentPolicy::Redacted {
            return;
        }
        let budget = &mut Budget::new(self.content);
        for (name, value) in [
            (names::SYSTEM_INSTRUCTIONS, &mut request.system_instructions),
            (names::INPUT_MESSAGES, &mut request.input_messages),
        ] {
            if !value.is_empty() {
                budget.cut_value(value);
                set(details, name.into(), mem::take(value));
            }
        }
        if choices.iter().any(|choice| !choice.items.is_empty()) {
            set(details, names::OUTPUT_MESSAGES.into(), output_messages(&choices, &reasons, budget));
        }
    }
}

/// One copy of it, for all who set attributes here.
#[inline(never)]
fn set(attributes: &mut Attributes<'static>, key: Cow<'static, str>, value: AnyValue<'static>) {
    attributes.set(key, value);
}

/// Sets an attribute, unless the text is empty.
#[inline(never)]
fn set_text(attributes: &mut Attributes<'static>, key: &'static str, text: &str) {
    if !text.is_empty() {
        set(attributes, key.into(), text.to_owned().into());
    }
}

#[inline(never)]
fn set_count(attributes: &mut Attributes<'static>, key: &'static str, count: Option<u64>) {
    if let Some(count) = count {
        set(attributes, key.into(), count.into());
    }
}

/// `error.type`: what a class of errors is called by the provider, if it has a word for it, else by us. Of few values.
fn error_type(error: &Error) -> String {
    let provider = error.provider.as_deref();
    if let (ErrorCode::HttpStatus, Some(status)) = (error.code, provider.and_then(|provider| provider.status))
    {
        return status.to_string();
    }
    let is_word = |word: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        !word.is_empty() && *word != "null" && word.len() <= MOST_ERROR_TYPE && word.bytes().all(is_plain)
    };
    let words = provider.map(|provider| {
        // The code is JSON: a text or a number.
        [provider.code.as_deref().map(|code| code.trim_matches('"')), provider.kind.as_deref()]
    });
    match words.into_iter().flatten().flatten().find(is_word) {
        Some(word) => word.to_owned(),
        None if error.code == ErrorCode::IdleTimeout => "timeout".to_owned(),
        None => error.code.as_str().to_owned(),
    }
}
