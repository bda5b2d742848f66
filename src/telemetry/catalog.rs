//! One type per event, and how each writes its attributes.

use std::borrow::Cow;

use super::fields::Fields;
use crate::item::TokenUsage;
use crate::timings::Timings;

/// An event of the catalog.
pub trait Event {
    /// Its name, in the attribute `event.name` and as the record's `eventName`.
    fn name(&self) -> &'static str;

    /// `event.kind`, which stands before the common attributes.
    fn kind(&self) -> Option<&str> {
        None
    }

    /// Writes the attributes that only this event has.
    fn write(&self, fields: &mut Fields<'_>);
}

/// A conversation begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationStarts {
    /// The provider.
    pub provider_name: Option<String>,
    /// How hard the model is asked to think.
    pub reasoning_effort: Option<String>,
    /// How reasoning is summarised, e.g. `auto`.
    pub reasoning_summary: Option<String>,
    /// The model's context window, in tokens.
    pub context_window: Option<u64>,
    /// The most tokens that one answer may have.
    pub max_output_tokens: Option<u64>,
    /// From how many tokens on the history is compacted.
    pub auto_compact_token_limit: Option<u64>,
    /// When people are asked, e.g. `on-request`.
    pub approval_policy: Option<String>,
    /// What tools may do, e.g. `read-only`.
    pub sandbox_policy: Option<String>,
    /// The names of the MCP servers, joined by `, `; may be empty.
    pub mcp_servers: Option<String>,
    /// The active profile.
    pub active_profile: Option<String>,
}

impl Event for ConversationStarts {
    fn name(&self) -> &'static str {
        "codex.conversation_starts"
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.text_some("provider_name", self.provider_name.as_deref());
        fields.text_some("reasoning_effort", self.reasoning_effort.as_deref());
        fields.text_some("reasoning_summary", self.reasoning_summary.as_deref());
        fields.number_some("context_window", self.context_window);
        fields.number_some("max_output_tokens", self.max_output_tokens);
        fields.number_some("auto_compact_token_limit", self.auto_compact_token_limit);
        fields.text_some("approval_policy", self.approval_policy.as_deref());
        fields.text_some("sandbox_policy", self.sandbox_policy.as_deref());
        fields.text_some("mcp_servers", self.mcp_servers.as_deref());
        fields.text_some("active_profile", self.active_profile.as_deref());
    }
}

/// One attempt to send the request, until the response's headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiRequest {
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The response's status.
    pub status: Option<u16>,
    /// Why there was no response.
    pub error_message: Option<String>,
    /// The attempt's number, from 1.
    pub attempt: u64,
    /// Cloudflare's id of the request, from the header `cf-ray`.
    pub cf_ray: Option<String>,
}

impl Event for ApiRequest {
    fn name(&self) -> &'static str {
        "codex.api_request"
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.count("duration_ms", self.duration_ms);
        fields.number_some("http.response.status_code", self.status.map(u64::from));
        fields.text_some("error.message", self.error_message.as_deref());
        fields.number("attempt", self.attempt);
        fields.text_some("cf_ray", self.cf_ray.as_deref());
    }
}

/// One SSE event, or the failure to get one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The SSE event's name; `None` when there was none to get.
    pub kind: Option<String>,
    /// How long it was waited for, in milliseconds; `None` for a failure of the stream as a whole.
    pub duration_ms: Option<u64>,
    /// What was wrong with it.
    pub error_message: Option<String>,
}

const SSE_EVENT: &str = "codex.sse_event";
/// The kind of a completion's records, on every wire.
const COMPLETED_KIND: &str = "response.completed";

impl SseEvent {
    /// The record of a stream that failed as a whole.
    pub fn stream_failed(message: String) -> Self {
        Self { kind: Some(COMPLETED_KIND.to_owned()), duration_ms: None, error_message: Some(message) }
    }
}

impl Event for SseEvent {
    fn name(&self) -> &'static str {
        SSE_EVENT
    }

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn write(&self, fields: &mut Fields<'_>) {
        let Self { kind, duration_ms, error_message } = self;
        let (kind, error_message) = (kind.as_deref(), error_message.as_deref());
        SseFrame { kind, duration_ms: *duration_ms, error_message }.write(fields);
    }
}

/// An [`SseEvent`] that owns nothing: there may be thousands in a second.
#[derive(Debug)]
pub(super) struct SseFrame<'o> {
    pub(super) kind: Option<&'o str>,
    pub(super) duration_ms: Option<u64>,
    pub(super) error_message: Option<&'o str>,
}

impl Event for SseFrame<'_> {
    fn name(&self) -> &'static str {
        SSE_EVENT
    }

    fn kind(&self) -> Option<&str> {
        self.kind
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.count_some("duration_ms", self.duration_ms);
        fields.text_some("error.message", self.error_message);
    }
}

/// The token counts of a completed response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SseCompleted {
    /// What the provider reported; what it did not is omitted.
    pub usage: TokenUsage,
}

impl Event for SseCompleted {
    fn name(&self) -> &'static str {
        SSE_EVENT
    }

    fn kind(&self) -> Option<&str> {
        Some(COMPLETED_KIND)
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.count_some("input_token_count", self.usage.input_tokens);
        fields.count_some("output_token_count", self.usage.output_tokens);
        fields.number_some("cached_token_count", self.usage.cached_input_tokens);
        fields.number_some("reasoning_token_count", self.usage.reasoning_output_tokens);
        // The reference's name for the total.
        fields.count_some("tool_token_count", self.usage.total_tokens);
    }
}

/// What stands for the successful events of a stream with `sseEvents: "summary"`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SseSummary {
    /// How many events came.
    pub events: u64,
    /// How many of them were bad; each has a record of its own.
    pub failed: u64,
    /// From opening the stream to its end, in milliseconds.
    pub duration_ms: u64,
    /// When things happened; all but the duration, which is above.
    pub timings: Timings,
}

impl Event for SseSummary {
    fn name(&self) -> &'static str {
        SSE_EVENT
    }

    fn kind(&self) -> Option<&str> {
        Some("summary")
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.count("duration_ms", self.duration_ms);
        fields.number("sse_event_count", self.events);
        fields.number("sse_event_failed_count", self.failed);
        write_timings(&self.timings, fields);
    }
}

/// How fast a stream was. An event of our own: the reference's have no place for it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StreamTimings {
    /// From opening the stream to its end, in milliseconds.
    pub duration_ms: u64,
    /// Whether the response was complete.
    pub success: bool,
    /// When things happened; all but the duration, which is above.
    pub timings: Timings,
}

impl Event for StreamTimings {
    fn name(&self) -> &'static str {
        "streamgauge.stream_timings"
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.count("duration_ms", self.duration_ms);
        fields.flag("success", self.success);
        write_timings(&self.timings, fields);
    }
}

/// What did not happen is omitted, and so are the gaps of a stream without a delta.
fn write_timings(timings: &Timings, fields: &mut Fields<'_>) {
    let Timings { gaps, stalls, .. } = timings;
    fields.decimal_some("time_to_first_byte_ms", timings.time_to_first_byte_ms);
    fields.decimal_some("time_to_first_token_ms", timings.time_to_first_token_ms);
    fields.decimal_some("time_to_first_text_ms", timings.time_to_first_text_ms);
    if timings.time_to_first_token_ms.is_some() {
        fields.number("gap_count", gaps.count);
        fields.decimal_some("gap_p50_ms", gaps.p50_ms);
        fields.decimal_some("gap_p95_ms", gaps.p95_ms);
        fields.decimal_some("gap_max_ms", gaps.max_ms);
        fields.number("stall_count", stalls.count);
        fields.decimal_some("stall_total_ms", Some(stalls.total_ms));
    }
    fields.decimal_some("tokens_per_second", timings.tokens_per_second);
}

/// What a person asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserPrompt<'t> {
    /// The prompt's length in Unicode scalar values.
    pub prompt_length: u64,
    /// What of it may leave.
    pub prompt: Cow<'t, str>,
}

impl Event for UserPrompt<'_> {
    fn name(&self) -> &'static str {
        "codex.user_prompt"
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.count("prompt_length", self.prompt_length);
        fields.text("prompt", &self.prompt);
    }
}

/// Whether a tool may run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolDecision<'t> {
    /// The tool.
    pub tool_name: Cow<'t, str>,
    /// The call's id.
    pub call_id: Cow<'t, str>,
    /// `approved`, `approved_for_session`, `denied` or `abort`.
    pub decision: Cow<'t, str>,
    /// Who decided: `config` or `user`.
    pub source: Cow<'t, str>,
}

impl ToolDecision<'_> {
    /// The decisions there are.
    pub const DECISIONS: [&'static str; 4] = ["approved", "approved_for_session", "denied", "abort"];
    /// Who decides.
    pub const SOURCES: [&'static str; 2] = ["config", "user"];
}

impl Event for ToolDecision<'_> {
    fn name(&self) -> &'static str {
        "codex.tool_decision"
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.text("tool_name", &self.tool_name);
        fields.text("call_id", &self.call_id);
        fields.text("decision", &self.decision);
        fields.text("source", &self.source);
    }
}

/// What a tool gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolResult<'t> {
    /// The tool.
    pub tool_name: Cow<'t, str>,
    /// The call's id.
    pub call_id: Option<Cow<'t, str>>,
    /// What of its arguments may leave.
    pub arguments: Option<Cow<'t, str>>,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// Whether it succeeded.
    pub success: bool,
    /// What of its output may leave.
    pub output: Cow<'t, str>,
}

impl Event for ToolResult<'_> {
    fn name(&self) -> &'static str {
        "codex.tool_result"
    }

    fn write(&self, fields: &mut Fields<'_>) {
        fields.text("tool_name", &self.tool_name);
        fields.text_some("call_id", self.call_id.as_deref());
        fields.text_some("arguments", self.arguments.as_deref());
        fields.count("duration_ms", self.duration_ms);
        fields.flag("success", self.success);
        fields.text("output", &self.output);
    }
}
