//! A chunk as a borrowed view: which field is where, nothing decided yet.

use crate::json::{self, Raw};

/// The top level of a `chat.completion.chunk` (or of a whole `chat.completion`).
pub(super) struct Chunk<'a> {
    pub(super) id: Option<Raw<'a>>,
    pub(super) model: Option<Raw<'a>>,
    pub(super) object: Option<Raw<'a>>,
    pub(super) choices: Option<Raw<'a>>,
    pub(super) usage: Option<Raw<'a>>,
    /// Groq's envelope, which repeats or replaces `usage`.
    pub(super) x_groq: Option<Raw<'a>>,
    pub(super) error: Option<Raw<'a>>,
    /// `type`, `code`, `message`, `detail` and `base_resp` mean an error only when there are no choices.
    pub(super) kind: Option<Raw<'a>>,
    pub(super) code: Option<Raw<'a>>,
    pub(super) message: Option<Raw<'a>>,
    pub(super) detail: Option<Raw<'a>>,
    pub(super) base_resp: Option<Raw<'a>>,
}

impl<'a> Chunk<'a> {
    /// Reads the known fields and hands every other one to `other`.
    pub(super) fn read(raw: Raw<'a>, other: impl FnMut(&[u8], Raw<'a>)) -> Self {
        // When it was made says nothing that the timings do not; the last two are padding against traffic
        // analysis (OpenAI and Azure; Mistral).
        let names = [
            "id",
            "model",
            "object",
            "choices",
            "usage",
            "x_groq",
            "error",
            "type",
            "code",
            "message",
            "detail",
            "base_resp",
            "created",
            "obfuscation",
            "p",
        ];
        let [id, model, object, choices, usage, x_groq, error, kind, code, message, detail, base_resp, ..] =
            json::pick(raw, names, other);
        Self { id, model, object, choices, usage, x_groq, error, kind, code, message, detail, base_resp }
    }

    /// The error that this chunk reports, if it reports one.
    pub(super) fn error(&self, raw: Raw<'a>) -> Option<Raw<'a>> {
        if let Some(error) = self.error.filter(|error| !is_no_error(*error)) {
            return Some(error);
        }
        if self.choices.is_some_and(|choices| !choices.is_null()) {
            return None;
        }
        let says_error = |field: Option<Raw<'a>>| field.is_some_and(|field| field.as_str() == "\"error\"");
        let code_says_so = self.message.is_some() && self.code.is_some_and(|code| !is_success(code));
        let wrapper_says_so = self
            .base_resp
            .and_then(|wrapper| json::field(wrapper, b"status_code"))
            .is_some_and(|code| !is_success(code));
        let detail_says_so = self.detail.is_some_and(|detail| !detail.is_blank());
        (says_error(self.object)
            || says_error(self.kind)
            || code_says_so
            || wrapper_says_so
            || detail_says_so)
            .then_some(raw)
    }
}

fn is_no_error(raw: Raw<'_>) -> bool {
    raw.is_blank() || matches!(raw.as_str(), "false" | "0")
}

/// Success codes of wrappers that send one with every chunk (iFlytek, MiniMax).
fn is_success(raw: Raw<'_>) -> bool {
    raw.is_blank()
        || matches!(raw.as_str(), "0" | "\"0\"" | "200" | "\"200\"" | "\"Success\"" | "\"success\"")
}

/// One element of `choices`.
pub(super) struct ChoiceView<'a> {
    pub(super) index: Option<Raw<'a>>,
    pub(super) delta: Option<Raw<'a>>,
    pub(super) message: Option<Raw<'a>>,
    /// The legacy completions API's text.
    pub(super) text: Option<Raw<'a>>,
    pub(super) finish_reason: Option<Raw<'a>>,
    pub(super) logprobs: Option<Raw<'a>>,
    pub(super) usage: Option<Raw<'a>>,
    pub(super) error: Option<Raw<'a>>,
}

impl<'a> ChoiceView<'a> {
    pub(super) fn read(raw: Raw<'a>, other: impl FnMut(&[u8], Raw<'a>)) -> Self {
        let names = ["index", "delta", "message", "text", "finish_reason", "logprobs", "usage", "error"];
        let [index, delta, message, text, finish_reason, logprobs, usage, error] =
            json::pick(raw, names, other);
        let error = error.filter(|error| !is_no_error(*error));
        Self { index, delta, message, text, finish_reason, logprobs, usage, error }
    }
}

/// A `delta`, or a whole `message`.
pub(super) struct DeltaView<'a> {
    pub(super) role: Option<Raw<'a>>,
    pub(super) content: Option<Raw<'a>>,
    pub(super) refusal: Option<Raw<'a>>,
    pub(super) tool_calls: Option<Raw<'a>>,
    pub(super) function_call: Option<Raw<'a>>,
    pub(super) audio: Option<Raw<'a>>,
    pub(super) reasoning_details: Option<Raw<'a>>,
    /// The scalar reasoning fields in order of precedence: providers mirror the same text in several.
    pub(super) reasoning: [Option<Raw<'a>>; 5],
}

impl<'a> DeltaView<'a> {
    pub(super) fn read(raw: Raw<'a>, other: impl FnMut(&[u8], Raw<'a>)) -> Self {
        // The last three are padding, and what Mistral numbers its deltas with.
        let names = [
            "role",
            "content",
            "refusal",
            "tool_calls",
            "function_call",
            "audio",
            "reasoning_details",
            "reasoning_content",
            "reasoning",
            "reasoning_text",
            "cot_summary",
            "thinking",
            "obfuscation",
            "p",
            "index",
        ];
        let [
            role,
            content,
            refusal,
            tool_calls,
            function_call,
            audio,
            reasoning_details,
            reasoning @ ..,
            _,
            _,
            _,
        ] = json::pick(raw, names, other);
        Self { role, content, refusal, tool_calls, function_call, audio, reasoning_details, reasoning }
    }
}
