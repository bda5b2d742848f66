//! The one error type. Its codes are shared with the TypeScript side (`pkg/src/errors.ts`); a test
//! compares the two lists.

use std::fmt;

/// What went wrong, as a closed set of stable names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The caller's `AbortSignal` fired.
    Aborted,
    /// An option or an argument is not usable.
    BadOption,
    /// One SSE event is larger than `maxEventBytes`, or one item larger than `maxItemBytes`.
    EventTooLarge,
    /// The response's status is not 2xx.
    HttpStatus,
    /// Nothing arrived for `idleTimeoutMs`, before the response was complete.
    IdleTimeout,
    /// A defect of this library.
    Internal,
    /// Invalid UTF-8, with `invalidUtf8: "error"`.
    InvalidUtf8,
    /// The provider reported an error inside a successful response, or sent something else than a stream.
    ProviderError,
    /// The stream ended before the response was complete.
    StreamIncomplete,
    /// Reading the source failed.
    Transport,
}

impl ErrorCode {
    /// Every code, in alphabetical order.
    pub const ALL: [Self; 10] = [
        Self::Aborted,
        Self::BadOption,
        Self::EventTooLarge,
        Self::HttpStatus,
        Self::IdleTimeout,
        Self::Internal,
        Self::InvalidUtf8,
        Self::ProviderError,
        Self::StreamIncomplete,
        Self::Transport,
    ];

    /// The stable name, as JavaScript sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::BadOption => "bad_option",
            Self::EventTooLarge => "event_too_large",
            Self::HttpStatus => "http_status",
            Self::IdleTimeout => "idle_timeout",
            Self::Internal => "internal",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ProviderError => "provider_error",
            Self::StreamIncomplete => "stream_incomplete",
            Self::Transport => "transport",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A stream's failure. What was received before it was already emitted as items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The stable code.
    pub code: ErrorCode,
    /// One line for people.
    pub message: String,
    /// What the provider said, for [`ErrorCode::ProviderError`] and [`ErrorCode::HttpStatus`].
    pub provider: Option<Box<ProviderError>>,
}

impl Error {
    /// An error of our own.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), provider: None }
    }

    /// An error that the provider reported.
    pub fn provider(code: ErrorCode, provider: ProviderError) -> Self {
        let message = match (provider.status, provider.message.is_empty()) {
            (Some(status), true) => format!("HTTP {status}"),
            (Some(status), false) => format!("HTTP {status}: {}", provider.message),
            (None, true) => "the provider reported an error without a message".to_owned(),
            (None, false) => provider.message.clone(),
        };
        Self { code, message, provider: Some(Box::new(provider)) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

/// The provider's own words about an error, whatever shape they came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderError {
    /// The HTTP status, when the error answered the request.
    pub status: Option<u16>,
    /// The message, possibly empty.
    pub message: String,
    /// `type` (or Google's `status`).
    pub kind: Option<String>,
    /// `code` as JSON text: a string for most, a number for some.
    pub code: Option<String>,
    /// `param`, when it is a string.
    pub param: Option<String>,
    /// How long to wait before the next attempt, in milliseconds, when the provider says so.
    pub retry_after_ms: Option<u64>,
    /// The whole error value or body as it came (at most 64 KiB of it).
    pub raw: String,
}
