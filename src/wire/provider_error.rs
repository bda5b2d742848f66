//! Finds the provider's own words in an error, whatever shape it has.
//!
//! Shapes seen in the wild: `{"error":{"message","type","code","param"}}` (OpenAI and most),
//! `{"error":"text"}` (Venice, Hugging Face), `{"object":"error","message",..}` (vLLM, Mistral),
//! `{"code":400,"message":..,"type":..}` (Doubleword), `{"error":{"code","message","status"}}` (Google, also
//! as a one-element array), `{"type":"error","error":{..}}` (Anthropic), `{"detail":..}` (FastAPI, ChatGPT),
//! `{"base_resp":{"status_code","status_msg"}}` (MiniMax), `{"errors":[..]}`, and pages of HTML or text.

use crate::error::ProviderError;
use crate::json::{self, Raw};

/// How much of an error's own text is kept, in bytes.
const RAW_LIMIT: usize = 64 * 1024;
/// How much of a body that is not JSON goes into the message, in characters.
const EXCERPT_LIMIT: usize = 200;

/// Reads an error value: the `error` field of a chunk, or a whole error body.
pub(crate) fn from_json(raw: Raw<'_>) -> ProviderError {
    let mut found = Found::default();
    read_into(raw, &mut found, 0);
    let mut error = found.error;
    error.raw = truncated(raw.as_str(), RAW_LIMIT).to_owned();
    error
}

/// Reads the body of an HTTP error, JSON or not.
pub fn from_body(status: u16, body: &str) -> ProviderError {
    let mut error = match json::document(body.trim()) {
        Ok(raw) => from_json(raw),
        // An error may come as a one-event stream.
        Err(_) => match first_data_line(body).and_then(|data| json::document(data).ok()) {
            Some(raw) => from_json(raw),
            None => ProviderError { message: excerpt(body), ..ProviderError::default() },
        },
    };
    error.status = Some(status);
    error.raw = truncated(body, RAW_LIMIT).to_owned();
    error
}

/// An error without a message: its text says what there is to say, if it is long as an excerpt.
pub(crate) fn quote(error: &mut ProviderError, text: &str) {
    let whole = text.trim();
    error.message = if whole.len() <= EXCERPT_LIMIT { whole.to_owned() } else { excerpt(text) };
    error.raw = truncated(text, RAW_LIMIT).to_owned();
}

/// One line about a body that is not what was asked for: an HTML page's title, or its beginning.
pub(crate) fn excerpt(body: &str) -> String {
    let lower = body.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|at| {
        let start = at + "<title>".len();
        let len = lower.get(start..)?.find("</title>")?;
        body.get(start..start + len)
    });
    let text = title.unwrap_or(body);
    let mut words = String::new();
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.extend(word.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }));
        if words.len() > 4 * EXCERPT_LIMIT {
            break;
        }
    }
    match words.char_indices().nth(EXCERPT_LIMIT) {
        Some((end, _)) => format!("{}...", words.get(..end).unwrap_or_default()),
        None => words,
    }
}

#[derive(Default)]
struct Found {
    error: ProviderError,
}

fn read_into(raw: Raw<'_>, found: &mut Found, depth: usize) {
    if depth > 4 {
        return;
    }
    if raw.is_array() {
        // Google wraps its error object in an array; others list several. The first that speaks counts.
        json::each_element(raw, |element| {
            if found.error.message.is_empty() {
                read_into(element, found, depth + 1);
            }
        });
        return;
    }
    if !raw.is_object() {
        set_message(raw, found);
        return;
    }
    json::each_field(raw, |key, value| match key {
        b"code" | b"status_code" => set(&mut found.error.code, code(value)),
        b"type" => {
            // In an envelope `"type":"error"` only says that it is one.
            let kind = json::nonempty_string(value).filter(|kind| kind != "error");
            set(&mut found.error.kind, kind.map(Into::into));
        }
        b"status" if !value.is_object() => {
            // Google's `status` is a name; elsewhere it repeats the HTTP status.
            let name = json::nonempty_string(value).filter(|name| name.parse::<u16>().is_err());
            set(&mut found.error.kind, name.map(Into::into));
        }
        b"param" => set(&mut found.error.param, json::nonempty_string(value).map(Into::into)),
        b"retry_after_ms" => set(&mut found.error.retry_after_ms, json::unsigned(value)),
        b"retry_after" => set(&mut found.error.retry_after_ms, seconds(value)),
        _ => {}
    });
    // The message is looked for in the order of how sure its name is.
    for name in
        [&b"error"[..], b"message", b"detail", b"msg", b"status_msg", b"title", b"errors", b"base_resp"]
    {
        if let Some(value) = json::field(raw, name).filter(|value| !value.is_blank()) {
            read_into(value, found, depth + 1);
        }
    }
}

fn set_message(raw: Raw<'_>, found: &mut Found) {
    if found.error.message.is_empty() {
        match json::text(raw) {
            Some(text) => found.error.message = text.into_lossy(),
            None if raw.is_null() => {}
            None => found.error.message = raw.as_str().to_owned(),
        }
    }
}

fn set<T>(slot: &mut Option<T>, value: Option<T>) {
    // An inner error object is read after its envelope and knows better.
    if value.is_some() {
        *slot = value;
    }
}

/// `code` as JSON text: strings quoted, numbers as written.
fn code(raw: Raw<'_>) -> Option<String> {
    (!raw.is_blank() && !raw.is_object() && !raw.is_array()).then(|| raw.as_str().to_owned())
}

fn seconds(raw: Raw<'_>) -> Option<u64> {
    let seconds = json::number(raw)?;
    (seconds >= 0.0).then_some((seconds * 1000.0) as u64)
}

fn first_data_line(body: &str) -> Option<&str> {
    body.lines().find_map(|line| line.strip_prefix("data:")).map(str::trim)
}

fn truncated(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
