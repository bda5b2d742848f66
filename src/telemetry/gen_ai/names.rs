//! The names of OpenTelemetry's semantic conventions for generative AI, and what else differs between their versions.
//!
//! The conventions are in development, and two vocabularies are in use. [`Names::V1_41`] is that of the last version of
//! [semantic-conventions] which had them, 1.41.0, and what backends know; [`Names::LATEST`] that of
//! [semantic-conventions-genai], where they live now, without a release, as of its text of 2026-11 (its changes #374, #440 and
//! #521). Which of the two is [`Names`]'s only choice; all that both have in common is a constant.
//!
//! [semantic-conventions]: https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai
//! [semantic-conventions-genai]: https://github.com/open-telemetry/semantic-conventions-genai

use crate::otlp::Severity;
use crate::otlp::metrics::{BOUNDS, Instrument};

pub(super) const DETAILS_EVENT: &str = "gen_ai.client.inference.operation.details";
pub(super) const EXCEPTION_EVENT: &str = "gen_ai.client.operation.exception";

pub(super) const OPERATION: &str = "gen_ai.operation.name";
pub(super) const PROVIDER: &str = "gen_ai.provider.name";
pub(super) const REQUEST_MODEL: &str = "gen_ai.request.model";
pub(super) const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub(super) const RESPONSE_ID: &str = "gen_ai.response.id";
pub(super) const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub(super) const TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
pub(super) const CONVERSATION: &str = "gen_ai.conversation.id";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";
pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const EXCEPTION_TYPE: &str = "exception.type";
pub(super) const EXCEPTION_MESSAGE: &str = "exception.message";
pub(super) const TOKEN_TYPE: &str = "gen_ai.token.type";
pub(super) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(super) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(super) const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(super) const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
pub(super) const INPUT_MESSAGES: &str = "gen_ai.input.messages";
pub(super) const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
pub(super) const SYSTEM_INSTRUCTIONS: &str = "gen_ai.system_instructions";
pub(super) const OPENAI_API_TYPE: &str = "openai.api.type";

/// How a request's parameter is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Double,
    Int,
    Texts,
    /// A number of choices: said when it is not 1.
    Choices,
    /// Said when it is true.
    Flag,
}

/// Parameters of requests, as the APIs have them, and the attributes that they are. The last of two counts.
pub(super) const PARAMETERS: [(&str, &str, Kind); 13] = [
    ("stream", "gen_ai.request.stream", Kind::Flag),
    ("max_tokens", "gen_ai.request.max_tokens", Kind::Int),
    ("max_completion_tokens", "gen_ai.request.max_tokens", Kind::Int),
    ("max_output_tokens", "gen_ai.request.max_tokens", Kind::Int),
    ("temperature", "gen_ai.request.temperature", Kind::Double),
    ("top_p", "gen_ai.request.top_p", Kind::Double),
    ("top_k", "gen_ai.request.top_k", Kind::Double),
    ("frequency_penalty", "gen_ai.request.frequency_penalty", Kind::Double),
    ("presence_penalty", "gen_ai.request.presence_penalty", Kind::Double),
    ("seed", "gen_ai.request.seed", Kind::Int),
    ("n", "gen_ai.request.choice.count", Kind::Choices),
    ("stop", "gen_ai.request.stop_sequences", Kind::Texts),
    ("stop_sequences", "gen_ai.request.stop_sequences", Kind::Texts),
];

/// Providers by the end of their servers' names.
pub(super) const PROVIDERS: [(&str, &str); 18] = [
    ("openai.com", "openai"),
    ("anthropic.com", "anthropic"),
    ("openai.azure.com", "azure.ai.openai"),
    ("ai.azure.com", "azure.ai.inference"),
    ("amazonaws.com", "aws.bedrock"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("googleapis.com", "gcp.gen_ai"),
    ("groq.com", "groq"),
    ("mistral.ai", "mistral_ai"),
    ("deepseek.com", "deepseek"),
    ("x.ai", "x_ai"),
    ("perplexity.ai", "perplexity"),
    ("cohere.com", "cohere"),
    ("cohere.ai", "cohere"),
    ("moonshot.ai", "moonshot_ai"),
    ("moonshot.cn", "moonshot_ai"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
];

/// What differs between versions of the conventions.
#[derive(Debug, PartialEq)]
pub struct Names {
    /// The schema that the metrics follow; empty where none is published.
    pub schema_url: &'static str,
    /// The attribute of tokens that went into a cache.
    pub cache_write_tokens: &'static str,
    /// How severe the details event is; the older version does not say, and we take INFO.
    pub details_severity: (Severity, &'static str),
    /// How long an operation took.
    pub duration: Instrument,
    /// From the request to the first chunk.
    pub time_to_first_chunk: Instrument,
    /// From a chunk to the next.
    pub time_per_output_chunk: Instrument,
    /// Tokens in and out: the same instrument, told apart by `gen_ai.token.type`, or two.
    pub tokens: [Instrument; 2],
}

const SECONDS: [f64; BOUNDS] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const TOKENS: [f64; BOUNDS] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

const fn seconds(name: &'static str, description: &'static str) -> Instrument {
    Instrument { name, description, unit: "s", bounds: &SECONDS }
}

const fn tokens(name: &'static str, description: &'static str) -> Instrument {
    Instrument { name, description, unit: "{token}", bounds: &TOKENS }
}

const DURATION: &str = "GenAI operation duration.";
const FIRST_CHUNK: &str = "Time to receive the first chunk.";
const PER_CHUNK: &str = "Time per output chunk after the first one.";
const USAGE: Instrument = tokens("gen_ai.client.token.usage", "Number of input and output tokens used.");

impl Names {
    /// semantic-conventions 1.41.0, the default.
    pub const V1_41: Self = Self {
        schema_url: "https://opentelemetry.io/schemas/1.41.0",
        cache_write_tokens: "gen_ai.usage.cache_creation.input_tokens",
        details_severity: (Severity::INFO, "INFO"),
        duration: seconds("gen_ai.client.operation.duration", DURATION),
        time_to_first_chunk: seconds("gen_ai.client.operation.time_to_first_chunk", FIRST_CHUNK),
        time_per_output_chunk: seconds("gen_ai.client.operation.time_per_output_chunk", PER_CHUNK),
        tokens: [USAGE, USAGE],
    };

    /// semantic-conventions-genai. Its counters of tokens (`gen_ai.client.inference.usage.*`) are not among the metrics.
    pub const LATEST: Self = Self {
        schema_url: "",
        cache_write_tokens: "gen_ai.usage.cache_write.input_tokens",
        details_severity: (Severity::DEBUG, "DEBUG"),
        duration: seconds("gen_ai.client.inference.duration", DURATION),
        time_to_first_chunk: seconds("gen_ai.client.inference.time_to_first_chunk", FIRST_CHUNK),
        time_per_output_chunk: seconds("gen_ai.client.inference.time_per_output_chunk", PER_CHUNK),
        tokens: [
            tokens("gen_ai.client.inference.operation.input_tokens", "Number of input tokens used."),
            tokens("gen_ai.client.inference.operation.output_tokens", "Number of output tokens used."),
        ],
    };
}
