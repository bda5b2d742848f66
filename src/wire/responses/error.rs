//! The errors of this API: `error` events and `response.failed`, and the delay that a message names.

use crate::error::{Error, ErrorCode, ProviderError};
use crate::json::{self, Raw};
use crate::wire::provider_error;

/// An `error` event: `{"type":"error","code":..,"message":..,"param":..}`, or the same inside `error`.
pub(in crate::wire) fn from_event(raw: Raw<'_>) -> Error {
    finish(provider_error::from_json(raw), "")
}

/// `response.failed`, or a whole response whose status is `failed`.
pub(super) fn from_response(response: Option<Raw<'_>>) -> Error {
    let error = response.and_then(|response| json::field(response, b"error"));
    let provider = match error.filter(|error| !error.is_blank()) {
        Some(error) => provider_error::from_json(error),
        None => {
            ProviderError { raw: response.map_or("", Raw::as_str).to_owned(), ..ProviderError::default() }
        }
    };
    finish(provider, "response.failed event received")
}

fn finish(mut provider: ProviderError, fallback: &str) -> Error {
    if provider.message.trim().is_empty() {
        // The reference's words for those codes that come without any.
        let message = match provider.code.as_deref() {
            Some("\"cyber_policy\"") => "This request has been flagged for possible cybersecurity risk.",
            Some("\"invalid_prompt\"") => "Invalid request.",
            _ => fallback,
        };
        provider.message = message.to_owned();
    }
    note_retry_delay(&mut provider);
    Error::provider(ErrorCode::ProviderError, provider)
}

/// How long to wait, when the code is `rate_limit_exceeded` and the message says so.
pub(in crate::wire) fn note_retry_delay(provider: &mut ProviderError) {
    if provider.code.as_deref() == Some("\"rate_limit_exceeded\"") && provider.retry_after_ms.is_none() {
        provider.retry_after_ms = retry_delay_ms(&provider.message);
    }
}

/// `try again in 11.054s`, `.. 28ms`, `.. 35 seconds`, in any case; other units are not read, as in the
/// reference.
fn retry_delay_ms(message: &str) -> Option<u64> {
    const WORDS: &str = "try again in";
    let lower = message.to_ascii_lowercase();
    let mut rest = lower.as_str();
    loop {
        rest = rest.get(rest.find(WORDS)? + WORDS.len()..)?;
        if let Some(delay) = delay_ms(rest.trim_start()) {
            return Some(delay);
        }
    }
}

fn delay_ms(text: &str) -> Option<u64> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut len = digits(text);
    if len == 0 {
        return None;
    }
    if let Some(fraction) = text.get(len..)?.strip_prefix('.')
        && digits(fraction) > 0
    {
        len += 1 + digits(fraction);
    }
    let number = json::decimal(text.get(..len)?)?;
    let unit = text.get(len..)?.trim_start();
    // `as` saturates: a number beyond all time is still a time.
    if unit.starts_with("ms") {
        Some(number as u64)
    } else if unit.starts_with('s') {
        Some((number * 1000.0).round() as u64)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_read_from_messages() {
        let table: &[(&str, Option<u64>)] = &[
            ("Rate limit reached for gpt-5.1. Please try again in 28ms. Visit x", Some(28)),
            ("Please try again in 1.898s. Visit", Some(1898)),
            ("Please try again in 11.054s.", Some(11_054)),
            ("Rate limit exceeded. Try again in 35 seconds.", Some(35_000)),
            ("TRY AGAIN IN 1 Second", Some(1000)),
            ("try again in  2.5  S", Some(2500)),
            ("try again in 2.7ms", Some(2)),
            ("try again in 2.s", None),
            ("try again in 3 minutes", None),
            ("try again in a moment, or try again in 4s", Some(4000)),
            ("try again later", None),
            ("try again in ", None),
            ("try again in 5", None),
            ("try again in 99999999999999999999999s", Some(u64::MAX)),
            ("", None),
            ("é try again in 1sé", Some(1000)),
        ];
        for (message, expected) in table {
            assert_eq!(retry_delay_ms(message), *expected, "{message}");
        }
    }
}
