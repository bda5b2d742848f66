//! An event as a borrowed view: which field is where, nothing decided yet.

use std::borrow::Cow;

use crate::json::{self, JsonText, Raw};

/// The fields of all events that are read. Dispatch is on `type`; the SSE `event:` line, which some gateways leave out,
/// plays no part.
pub(super) struct Event<'a> {
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) index: Option<u64>,
    pub(super) message: Option<Raw<'a>>,
    pub(super) content_block: Option<Raw<'a>>,
    pub(super) delta: Option<Raw<'a>>,
    pub(super) usage: Option<Raw<'a>>,
    pub(super) error: Option<Raw<'a>>,
}

impl<'a> Event<'a> {
    /// Reads an event; what it has besides goes to `other`.
    pub(super) fn read(raw: Raw<'a>, other: impl FnMut(&[u8], Raw<'a>)) -> Self {
        let names = ["type", "index", "message", "content_block", "delta", "usage", "error"];
        let [kind, index, message, content_block, delta, usage, error] = json::pick(raw, names, other);
        Self {
            kind: kind.and_then(json::nonempty_string),
            index: index.and_then(json::unsigned),
            message: object(message),
            content_block: object(content_block),
            delta: object(delta),
            usage,
            error: error.filter(|error| !error.is_blank()),
        }
    }
}

fn object(raw: Option<Raw<'_>>) -> Option<Raw<'_>> {
    raw.filter(|raw| raw.is_object())
}

/// Whether an object of the type `message` is a whole message, the body of a server that does not stream: with its
/// content, and a model or a reason to stop. The Responses API has items of the same type.
pub(in crate::wire) fn is_message(content: Option<Raw<'_>>, has_model_or_reason: bool) -> bool {
    has_model_or_reason && content.is_some_and(Raw::is_array)
}

/// What a `content_block_delta` brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeltaKind {
    Text,
    Thinking,
    /// A piece of a tool's input.
    Input,
    Signature,
    Citation,
    /// The summary of a conversation that was compacted.
    Compaction,
    /// One that this version has never heard of.
    Unknown,
}

impl DeltaKind {
    /// The field of its block that it goes on with, if that is a text.
    pub(super) fn text_field(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("text"),
            Self::Thinking => Some("thinking"),
            Self::Input => Some("input"),
            Self::Compaction => Some("content"),
            Self::Signature | Self::Citation | Self::Unknown => None,
        }
    }
}

/// The `delta` of a `content_block_delta`.
pub(super) struct Delta<'a> {
    pub(super) kind: DeltaKind,
    pub(super) value: Option<Raw<'a>>,
    /// Whether there is nothing in it but its type and its value.
    pub(super) is_plain: bool,
}

impl<'a> Delta<'a> {
    pub(super) fn read(raw: Raw<'a>) -> Self {
        let names = ["type", "text", "thinking", "partial_json", "signature", "citation", "content"];
        let mut others = 0;
        let [kind, text, thinking, input, signature, citation, content] =
            json::pick(raw, names, |_, _| others += 1);
        let named = kind.and_then(json::nonempty_string);
        let (kind, value) = match named.as_deref() {
            Some("text_delta") => (DeltaKind::Text, text),
            Some("thinking_delta") => (DeltaKind::Thinking, thinking),
            Some("input_json_delta") => (DeltaKind::Input, input),
            Some("signature_delta") => (DeltaKind::Signature, signature),
            Some("citations_delta") => (DeltaKind::Citation, citation),
            Some("compaction_delta") => (DeltaKind::Compaction, content),
            Some(_) => (DeltaKind::Unknown, None),
            // Without its type it is told by its value.
            None if text.is_some() => (DeltaKind::Text, text),
            None if thinking.is_some() => (DeltaKind::Thinking, thinking),
            None if input.is_some() => (DeltaKind::Input, input),
            None => (DeltaKind::Unknown, None),
        };
        let values = [text, thinking, input, signature, citation, content];
        let is_plain = others == 0 && named.is_some() && values.iter().flatten().count() == 1;
        Self { kind, value, is_plain }
    }

    /// The text that it appends; an object where a piece of JSON text belongs is written out.
    pub(super) fn text(&self) -> Option<JsonText<'a>> {
        let value = self.value?;
        let is_object = self.kind == DeltaKind::Input && value.is_object();
        json::text(value).or_else(|| is_object.then(|| JsonText::Utf8(json::compact(value.as_str()).into())))
    }
}
