//! A body that is no event stream: a whole completion, an error, a page, some text.

use super::core::Core;
use crate::body::BodyKind;
use crate::error::{Error, ErrorCode, ProviderError};
use crate::event::EndedBy;
use crate::json::{self, Raw, Tape};
use crate::options::InvalidUtf8;
use crate::wire::provider_error;
use crate::wire::{self, FrameData};

impl Core {
    /// What was kept of the body, if it is no event stream: all of it, unless it is cut. Returns whether it is that.
    pub(super) fn handle_foreign_body(&mut self, is_cut: bool, now_ms: f64) -> bool {
        let Some((kind, body)) = self.sniffer.foreign() else { return false };
        if let (Err(error), InvalidUtf8::Error) = (std::str::from_utf8(body), self.options.invalid_utf8)
            // Not for what only the cut left in halves.
            && (error.error_len().is_some() || !is_cut)
        {
            self.fail(Error::new(ErrorCode::InvalidUtf8, format!("UTF8 error: {error}")), now_ms);
            return true;
        }
        let body = String::from_utf8_lossy(body).into_owned();
        self.handle_body(kind, &body, is_cut, now_ms);
        true
    }

    /// The body, when it is no event stream.
    pub(super) fn handle_body(&mut self, kind: BodyKind, body: &str, is_cut: bool, now_ms: f64) {
        let name = match kind {
            BodyKind::Json if is_cut => {
                let limit = self.options.max_event_bytes;
                let message = format!("a body that is no event stream is larger than {limit} bytes");
                return self.fail(Error::new(ErrorCode::EventTooLarge, message), now_ms);
            }
            BodyKind::Json => match self.handle_json_text(body) {
                Ok(true) if self.wire.ends_at_done() => return self.complete(EndedBy::JsonBody, now_ms),
                Ok(true) => {
                    let message = self.wire.incomplete_message();
                    return self.fail(Error::new(ErrorCode::StreamIncomplete, message), now_ms);
                }
                Ok(false) => "json",
                Err(error) => return self.fail(error, now_ms),
            },
            BodyKind::Html => "html",
            BodyKind::Text => "text",
        };
        let mut message = format!("{name} body instead of an event stream");
        let excerpt = provider_error::excerpt(body);
        if !excerpt.is_empty() {
            message = format!("{message}: {excerpt}");
        }
        let kind = Some("body".to_owned());
        let provider = ProviderError { message, kind, raw: body.to_owned(), ..ProviderError::default() };
        self.fail(Error::provider(ErrorCode::ProviderError, provider), now_ms);
    }

    /// JSON where a stream was asked for: one document, or several, one per line. Returns whether it is.
    pub(super) fn handle_json_text(&mut self, text: &str) -> Result<bool, Error> {
        match wire::read(text, &mut Tape::default()) {
            FrameData::Json(raw) => self.handle_body_json(raw).map(|()| true),
            data @ FrameData::Lines(_) => self.handle_data(&data).map(|_| self.wire.has_content()),
            FrameData::Bad(_) | FrameData::Blank | FrameData::Done => Ok(false),
        }
    }

    /// A JSON document: a completion, a list of chunks, or an error.
    pub(super) fn handle_body_json(&mut self, raw: Raw<'_>) -> Result<(), Error> {
        let mut result = Ok(());
        if raw.is_array() {
            json::each_element(raw, |element| {
                if result.is_ok() {
                    result = self.handle_json(element).map(|_| ());
                }
            });
        } else {
            result = self.handle_json(raw).map(|_| ());
        }
        result?;
        if self.wire.has_content() {
            return Ok(());
        }
        let mut provider = provider_error::from_json(raw);
        if provider.message.is_empty() {
            provider.message =
                format!("json body instead of an event stream: {}", provider_error::excerpt(raw.as_str()));
        }
        Err(Error::provider(ErrorCode::ProviderError, provider))
    }
}

/// What a body begins with, when lines of an event stream follow it.
pub(super) fn ahead_of_stream(body: &str) -> Option<String> {
    // The first line of them: what comes behind it may not have come yet.
    let end = [body.find("\ndata:"), body.find("\rdata:")].into_iter().flatten().min()?;
    body.get(..end).map(ToOwned::to_owned)
}
