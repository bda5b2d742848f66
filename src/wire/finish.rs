//! `finish_reason`, and what it means in OpenAI's words.

use crate::json::{self, Raw};

/// The last reason that was not empty; `null` and `""` (Ollama, GLM proxies) are no reasons.
#[derive(Debug, Default)]
pub(super) struct FinishReason(Option<String>);

impl FinishReason {
    /// Takes note of a chunk's value. Returns whether it was a reason.
    pub(super) fn note(&mut self, raw: Raw<'_>) -> bool {
        let Some(reason) = json::nonempty_string(raw) else { return false };
        if self.0.as_deref() != Some(reason.as_ref()) {
            self.0 = Some(reason.into_owned());
        }
        true
    }

    /// As sent.
    pub(super) fn raw(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// In OpenAI's words. Several providers say `stop` although the model called tools.
    pub(super) fn normalized(&self, called_tools: bool) -> Option<String> {
        let raw = self.raw()?;
        let normal = match raw.to_ascii_lowercase().as_str() {
            "stop" | "end_turn" | "eos" | "eos_token" | "stop_sequence" | "completed" => "stop",
            "length" | "max_tokens" | "max_output_tokens" | "model_length" => "length",
            "tool_calls" | "tool_use" => "tool_calls",
            "content_filter" | "safety" => "content_filter",
            _ => raw,
        };
        Some(if normal == "stop" && called_tools { "tool_calls" } else { normal }.to_owned())
    }
}
