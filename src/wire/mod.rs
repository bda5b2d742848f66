//! One folder per wire: what each API's chunks mean. This module reads a frame's data into JSON values and
//! tells which wire a stream speaks.

pub(crate) mod chat;
pub(crate) mod provider_error;

use crate::json::{self, Raw};

/// What one SSE frame's data is.
#[derive(Debug)]
pub(crate) enum FrameData<'a> {
    /// One JSON value.
    Json(Raw<'a>),
    /// The sentinel that ends a chat stream.
    Done,
    /// Empty, or white space.
    Blank,
    /// Not JSON as a whole, but every line is a document of its own: a server that separates events by one
    /// line end instead of two. The frame is one event by WHATWG; that its lines are several is the
    /// aggregator's business.
    Lines(Vec<FrameData<'a>>),
    /// Not JSON; the parser's words.
    Bad(String),
}

/// Reads a frame's data.
pub(crate) fn read(data: &str) -> FrameData<'_> {
    let trimmed = data.trim();
    if trimmed == "[DONE]" || trimmed == "DONE" {
        return FrameData::Done;
    }
    if trimmed.is_empty() {
        return FrameData::Blank;
    }
    let error = match json::document(data) {
        Ok(raw) => return FrameData::Json(raw),
        Err(error) => error,
    };
    if !data.contains('\n') {
        return FrameData::Bad(error);
    }
    let lines: Vec<_> = data.lines().map(read_line).collect();
    let usable = |line: &FrameData<'_>| matches!(line, FrameData::Json(_) | FrameData::Done);
    if lines.iter().any(usable) { FrameData::Lines(lines) } else { FrameData::Bad(error) }
}

fn read_line(line: &str) -> FrameData<'_> {
    match line.trim() {
        "[DONE]" | "DONE" => FrameData::Done,
        "" => FrameData::Blank,
        trimmed => match json::document(trimmed) {
            Ok(raw) => FrameData::Json(raw),
            Err(error) => FrameData::Bad(error),
        },
    }
}

/// The name of another API that a value speaks, when it is clear.
pub(crate) fn foreign_wire(raw: Raw<'_>) -> Option<&'static str> {
    if json::field(raw, b"choices").is_some() {
        return None;
    }
    let kind = json::field(raw, b"type").and_then(json::nonempty_string)?;
    match kind.as_ref() {
        "response.created" | "response.in_progress" | "response.queued" => Some("Responses"),
        "message_start" => Some("Anthropic Messages"),
        _ => None,
    }
}
