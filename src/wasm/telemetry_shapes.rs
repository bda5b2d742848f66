//! The objects that telemetry exchanges with JavaScript; `pkg/src/core.d.ts` has them in TypeScript.

use serde::{Deserialize, Serialize};

use crate::otlp::queue::Overhead;
use crate::otlp::retry::RetryOptions;
use crate::otlp::{Output, WorkerOptions};
use crate::telemetry::{ContentPolicy, ConversationStarts};

/// `TelemetryCoreSettings` of `pkg/src/core.d.ts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsSettings {
    pub(super) conversation_id: String,
    pub(super) model: String,
    pub(super) slug: String,
    pub(super) app_version: String,
    pub(super) terminal_type: String,
    #[serde(default)]
    pub(super) auth_mode: Option<String>,
    #[serde(default)]
    pub(super) account_id: Option<String>,
    pub(super) service_name: String,
    pub(super) service_version: String,
    pub(super) environment: String,
    #[serde(default)]
    pub(super) resource_attributes: std::collections::BTreeMap<String, String>,
    pub(super) log_user_prompt: bool,
    pub(super) log_tool_arguments: JsContent,
    pub(super) log_tool_output: JsContent,
    pub(super) attribute_types: String,
    pub(super) sse_events: String,
    pub(super) format: String,
    #[serde(default)]
    pub(super) traceparent: Option<String>,
    pub(super) frame_overhead: usize,
    pub(super) exports: bool,
    #[serde(default)]
    pub(super) worker: JsWorker,
    #[serde(default)]
    pub(super) attribute_count_limit: Option<usize>,
    #[serde(default)]
    pub(super) attribute_value_length_limit: Option<usize>,
}

/// `true`, `false`, or a number of bytes.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(super) enum JsContent {
    Flag(bool),
    Bytes(f64),
}

impl JsContent {
    pub(super) fn policy(self) -> ContentPolicy {
        match self {
            Self::Flag(true) => ContentPolicy::Full,
            Self::Flag(false) => ContentPolicy::Redacted,
            Self::Bytes(bytes) => ContentPolicy::AtMost(bytes.max(0.0) as usize),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct JsWorker {
    pub(super) max_queue_size: Option<usize>,
    pub(super) max_queue_bytes: Option<usize>,
    pub(super) max_export_batch_size: Option<usize>,
    pub(super) max_request_bytes: Option<usize>,
    pub(super) scheduled_delay_ms: Option<f64>,
    pub(super) export_timeout_ms: Option<f64>,
    pub(super) flush_timeout_ms: Option<f64>,
    pub(super) shutdown_timeout_ms: Option<f64>,
    pub(super) retry_initial_ms: Option<f64>,
    pub(super) retry_factor: Option<f64>,
    pub(super) retry_cap_ms: Option<f64>,
    pub(super) retry_max_elapsed_ms: Option<f64>,
}

impl JsWorker {
    pub(super) fn options(&self, overhead: Overhead) -> WorkerOptions {
        let default = WorkerOptions::default();
        let retry = RetryOptions {
            initial_ms: self.retry_initial_ms.unwrap_or(default.retry.initial_ms),
            factor: self.retry_factor.unwrap_or(default.retry.factor),
            cap_ms: self.retry_cap_ms.unwrap_or(default.retry.cap_ms),
            max_elapsed_ms: self.retry_max_elapsed_ms.or(default.retry.max_elapsed_ms),
            ..default.retry
        };
        WorkerOptions {
            max_queue_size: self.max_queue_size.unwrap_or(default.max_queue_size),
            max_queue_bytes: self.max_queue_bytes.unwrap_or(default.max_queue_bytes),
            max_export_batch_size: self.max_export_batch_size.unwrap_or(default.max_export_batch_size),
            max_request_bytes: self.max_request_bytes.unwrap_or(default.max_request_bytes),
            scheduled_delay_ms: self.scheduled_delay_ms.unwrap_or(default.scheduled_delay_ms),
            export_timeout_ms: self.export_timeout_ms.unwrap_or(default.export_timeout_ms),
            flush_timeout_ms: self.flush_timeout_ms.unwrap_or(default.flush_timeout_ms),
            shutdown_timeout_ms: self.shutdown_timeout_ms.unwrap_or(default.shutdown_timeout_ms),
            retry,
            overhead,
        }
    }
}

/// JavaScript's numbers, where whole ones are meant.
pub(super) fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

/// A count that makes sense; NaN, 1e300 and the like are as good as absent.
pub(super) fn known(value: Option<f64>) -> Option<u64> {
    value.filter(|value| (0.0..18_446_744_073_709_551_615.0).contains(value)).map(whole)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct JsConversationStarts {
    pub(super) provider_name: Option<String>,
    pub(super) reasoning_effort: Option<String>,
    pub(super) reasoning_summary: Option<String>,
    pub(super) context_window: Option<f64>,
    pub(super) max_output_tokens: Option<f64>,
    pub(super) auto_compact_token_limit: Option<f64>,
    pub(super) approval_policy: Option<String>,
    pub(super) sandbox_policy: Option<String>,
    pub(super) mcp_servers: Option<Vec<String>>,
    pub(super) active_profile: Option<String>,
}

impl JsConversationStarts {
    pub(super) fn into_event(self) -> ConversationStarts {
        ConversationStarts {
            provider_name: self.provider_name,
            reasoning_effort: self.reasoning_effort,
            reasoning_summary: self.reasoning_summary,
            context_window: known(self.context_window),
            max_output_tokens: known(self.max_output_tokens),
            auto_compact_token_limit: known(self.auto_compact_token_limit),
            approval_policy: self.approval_policy,
            sandbox_policy: self.sandbox_policy,
            mcp_servers: self.mcp_servers.map(|servers| servers.join(", ")),
            active_profile: self.active_profile,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct JsApiRequest {
    pub(super) attempt: f64,
    pub(super) duration_ms: f64,
    #[serde(default)]
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) error_message: Option<String>,
    #[serde(default)]
    pub(super) cf_ray: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct JsToolDecision {
    pub(super) tool_name: String,
    pub(super) call_id: String,
    pub(super) decision: String,
    pub(super) source: String,
}

#[derive(Deserialize)]
pub(super) struct JsToolResult {
    pub(super) tool_name: String,
    #[serde(default)]
    pub(super) call_id: Option<String>,
    #[serde(default)]
    pub(super) arguments: Option<String>,
    pub(super) duration_ms: f64,
    pub(super) success: bool,
    pub(super) output: String,
}

/// `WorkerOutput` of `pkg/src/core.d.ts`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum JsOutput {
    Send { id: u32, attempt: u32, records: usize, body_len: usize, deadline_ms: f64 },
    Cancel { id: u32 },
    WakeAt { at_ms: Option<f64> },
    FlushDone { ids: Vec<u32>, result: &'static str },
    ShutdownDone { result: &'static str },
}

impl From<Output> for JsOutput {
    fn from(output: Output) -> Self {
        match output {
            Output::Send { id, attempt, records, body_len, deadline_ms } => {
                Self::Send { id: id.0, attempt, records, body_len, deadline_ms }
            }
            Output::Cancel { id } => Self::Cancel { id: id.0 },
            Output::WakeAt(at_ms) => Self::WakeAt { at_ms },
            Output::FlushDone { ids, result } => {
                Self::FlushDone { ids: ids.iter().map(|id| id.0).collect(), result: result.as_str() }
            }
            Output::ShutdownDone { result } => Self::ShutdownDone { result: result.as_str() },
        }
    }
}
