//! The run as log events: the event catalog, redaction, common metadata, and what a stream's frames become.
//!
//! | event | attributes beyond the common ones |
//! |---|---|
//! | `codex.conversation_starts` | `provider_name?`, `reasoning_effort?`, `reasoning_summary?`, `context_window?`, `max_output_tokens?`, `auto_compact_token_limit?`, `approval_policy?`, `sandbox_policy?`, `mcp_servers?`, `active_profile?` |
//! | `codex.api_request` | `duration_ms`, `http.response.status_code?`, `error.message?`, `attempt`, `cf_ray?` |
//! | `codex.sse_event` | `event.kind?`, `duration_ms`, `error.message?`; on completion `input_token_count?`, `output_token_count?`, `cached_token_count?`, `reasoning_token_count?`, `tool_token_count?` instead of the duration; with `sseEvents: "summary"` a record of kind `summary` with `sse_event_count`, `sse_event_failed_count` |
//! | `codex.user_prompt` | `prompt_length`, `prompt` |
//! | `codex.tool_decision` | `tool_name`, `call_id`, `decision`, `source` |
//! | `codex.tool_result` | `tool_name`, `call_id?`, `arguments?`, `duration_ms`, `success`, `output` |
//! | `streamgauge.stream_timings` | with [`Recorder::record_timings`]: `duration_ms`, `success`, and the timings: `time_to_first_byte_ms?`, `time_to_first_token_ms?`, `time_to_first_text_ms?`, `gap_count?`, `gap_p50_ms?`, `gap_p95_ms?`, `gap_max_ms?`, `stall_count?`, `stall_total_ms?`, `tokens_per_second?`; the same timings are in the record of kind `summary` |
//! | one's own ([`Recorder::encode_own`]) | any, typed as they are |
//!
//! Common to all, in this order: `event.name`, `event.timestamp`, (`event.kind`), `conversation.id`, `app.version`, `auth_mode?`,
//! `user.account_id?`, `terminal.type`, `model`, `slug`. What is marked `?` is omitted when absent. Types of the
//! values: [`AttributeTypes`].
//!
//! Beside these, or instead of them: the conventions for generative AI, [`gen_ai`].

mod catalog;
mod fields;
pub mod gen_ai;
mod observe;
mod recorder;
mod redact;
mod session;
mod template;
mod timestamp;
mod traceparent;

pub use self::catalog::{
    ApiRequest, ConversationStarts, Event, SseCompleted, SseEvent, SseSummary, StreamTimings, ToolDecision,
    ToolResult, UserPrompt,
};
pub use self::fields::{AttributeTypes, Fields};
pub use self::observe::Observation;
pub(crate) use self::observe::{Observer, is_judged};
pub use self::recorder::{Recorder, SseEvents, StreamCounts};
pub use self::redact::{ContentPolicy, REDACTED};
pub use self::session::{RESERVED, Session};
pub use self::traceparent::TraceParent;
