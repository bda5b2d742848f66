//! What an answer to an export means, and how long to wait after a bad one.
//!
//! Sources: [OTLP 1.11], "Failures" under OTLP/gRPC and OTLP/HTTP, for which answers are retried and for the
//! server's delay; RFC 9110 sections 5.6.7 and 10.2.3 for `Retry-After`.
//!
//! [OTLP 1.11]: https://opentelemetry.io/docs/specs/otlp/

use std::fmt;

use crate::error::{Error, ErrorCode};
use crate::json;

/// The longest time that a timer of the host may be set to, in milliseconds: beyond it, `setTimeout` fires at once.
pub(crate) const MAX_TIMER_MS: f64 = 2_147_483_647.0;

/// Full jitter may draw no wait at all, and a host's random source may be stuck at 0: not less than this, in ms.
const MIN_WAIT_MS: f64 = 100.0;

/// How one export request ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// No answer came: the connection failed, or broke before the answer. It is retried.
    Disconnected {
        /// One line for people.
        message: String,
    },
    /// The server refused the request for good. It is not retried.
    Fatal {
        /// One line for people.
        message: String,
        /// It was refused for its size only, so the same records in smaller requests may pass.
        too_large: bool,
    },
    /// The server took the request, but not every record, or has something to say. It is not retried.
    PartialSuccess {
        /// How many records the server rejected; 0 makes `message` a mere warning.
        rejected: u64,
        /// The server's own words, possibly empty.
        message: String,
    },
    /// The server (or the sink) asks to come back later.
    Retryable {
        /// One line for people.
        message: String,
        /// The server's `Retry-After` or `RetryInfo`, in milliseconds from now.
        server_delay_ms: Option<f64>,
    },
    /// The server took every record.
    Success,
    /// No answer came in time, and the host has given the request up. It is retried.
    Timeout,
}

/// Returns what an answer over OTLP/HTTP means.
///
/// A 2xx is [`Outcome::Success`] here; whether it was partial is in its body. 429, 502, 503 and 504 are retried,
/// after `retry_after` (the header's value) if it can be read; everything else is fatal, 413 for the request's size.
/// `message` is the server's, if it had one; `now_unix_ms` is the wall clock, for the date form of the header.
#[must_use]
pub fn classify_http(status: u16, retry_after: Option<&str>, message: &str, now_unix_ms: f64) -> Outcome {
    let described = || describe(format_args!("HTTP {status}"), message);
    match status {
        200..=299 => Outcome::Success,
        429 | 502 | 503 | 504 => Outcome::Retryable {
            message: described(),
            server_delay_ms: retry_after.and_then(|value| retry_after_ms(value, now_unix_ms)),
        },
        _ => Outcome::Fatal { message: described(), too_large: status == 413 },
    }
}

/// Returns what a gRPC status means.
///
/// CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE and DATA_LOSS are retried; RESOURCE_EXHAUSTED
/// is if there is a `RetryInfo`, whose delay in milliseconds is `retry_delay_ms`. But OUT_OF_RANGE (tonic)
/// and RESOURCE_EXHAUSTED (grpc-go, -java, -js) are also how servers refuse a message for its size, which no
/// retry cures: there the message's words decide.
#[must_use]
pub fn classify_grpc(code: u32, message: &str, retry_delay_ms: Option<f64>) -> Outcome {
    let described = || describe(format_args!("gRPC status {code} {}", grpc_name(code)), message);
    match code {
        0 => Outcome::Success,
        8 | 11 if is_about_size(message) => Outcome::Fatal { message: described(), too_large: true },
        8 if retry_delay_ms.is_none() => Outcome::Fatal { message: described(), too_large: false },
        1 | 4 | 8 | 10 | 11 | 14 | 15 => {
            Outcome::Retryable { message: described(), server_delay_ms: retry_delay_ms }
        }
        _ => Outcome::Fatal { message: described(), too_large: false },
    }
}

/// Returns what it means that no answer came: a refused connection, a reset, `fetch`'s `TypeError`.
#[must_use]
pub fn classify_network(message: &str) -> Outcome {
    Outcome::Disconnected { message: describe(format_args!("no answer"), message) }
}

/// Returns what it means that a function of the host's own, which takes the batches, failed.
#[must_use]
pub fn classify_sink(message: &str, retryable: bool) -> Outcome {
    let message = describe(format_args!("the sink failed"), message);
    if retryable {
        Outcome::Retryable { message, server_delay_ms: None }
    } else {
        Outcome::Fatal { message, too_large: false }
    }
}

/// Returns the delay in milliseconds that a `Retry-After` header asks for, or `None` if it can not be read.
///
/// Seconds, or any of the three date forms of RFC 9110; a date that has passed asks for no delay.
#[must_use]
pub fn retry_after_ms(value: &str, now_unix_ms: f64) -> Option<f64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(json::decimal(value).map_or(f64::INFINITY, |seconds| seconds * 1000.0));
    }
    Some((http_date_unix_ms(value, now_unix_ms)? - now_unix_ms).max(0.0))
}

/// How to retry.
///
/// The wait before retry `n`, from 0, is drawn from 0 to a ceiling of `min(cap_ms, initial_ms * factor^n)`: "full
/// jitter", so that clients that failed together do not come back together. It is not less than 100 ms, or than
/// the ceiling if that is lower. A delay that the server asked for comes before it, for the same reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryOptions {
    /// The first ceiling, in milliseconds.
    pub initial_ms: f64,
    /// What the ceiling grows by with each failure in a row.
    pub factor: f64,
    /// The highest ceiling, in milliseconds.
    pub cap_ms: f64,
    /// How long after its first request a batch may be sent again, in milliseconds. When the next attempt would
    /// be later, the batch is dropped as `retries_exhausted`. `None`, the default, does not give up: the records
    /// wait in the queue until the collector is back, and only what the queue has no room for is lost.
    pub max_elapsed_ms: Option<f64>,
    /// The longest delay of the server's that is believed, in milliseconds: one bad header is not to silence
    /// a process for a day.
    pub max_server_delay_ms: f64,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            initial_ms: 1_000.0,
            factor: 2.0,
            cap_ms: 30_000.0,
            max_elapsed_ms: None,
            max_server_delay_ms: 300_000.0,
        }
    }
}

impl RetryOptions {
    /// Checks the values.
    ///
    /// # Errors
    /// `bad_option` with a message that begins with the key, such as `retry.factor`.
    pub fn validate(&self) -> Result<(), Error> {
        check_ms("retry.initial_ms", self.initial_ms, 1.0)?;
        check_ms("retry.cap_ms", self.cap_ms, 1.0)?;
        check_ms("retry.max_server_delay_ms", self.max_server_delay_ms, 0.0)?;
        if let Some(max_elapsed_ms) = self.max_elapsed_ms {
            check_ms("retry.max_elapsed_ms", max_elapsed_ms, 0.0)?;
        }
        if !(1.0..=100.0).contains(&self.factor) {
            return Err(bad_option(format_args!(
                "retry.factor must be a number from 1 to 100, not {}",
                shown(self.factor)
            )));
        }
        if self.cap_ms < self.initial_ms {
            return Err(bad_option(format_args!(
                "retry.cap_ms ({}) must not be less than retry.initial_ms ({})",
                shown(self.cap_ms),
                shown(self.initial_ms)
            )));
        }
        Ok(())
    }
}

/// When the server may be asked again. It is about the server, so it is shared by all batches.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    options: RetryOptions,
    /// The ceiling of the last wait; `None` after a success.
    ceiling_ms: Option<f64>,
    /// Not before this by our own back-off.
    own_ms: f64,
    /// Not before this by the server's word.
    server_ms: f64,
}

impl Backoff {
    pub(crate) fn new(options: RetryOptions) -> Self {
        Self { options, ceiling_ms: None, own_ms: f64::NEG_INFINITY, server_ms: f64::NEG_INFINITY }
    }

    /// Notes a failure. `end_ms` is when there will be no further attempt, if that is known: the own wait then
    /// takes at most half of what remains, or a shutdown would sleep through its last chance.
    pub(crate) fn fail(
        &mut self,
        server_delay_ms: Option<f64>,
        end_ms: Option<f64>,
        now_ms: f64,
        random: f64,
    ) {
        // `max` and `min` also make a NaN harmless.
        let server_delay_ms =
            server_delay_ms.map(|delay| delay.max(0.0).min(self.options.max_server_delay_ms));
        if let Some(delay) = server_delay_ms {
            self.server_ms = self.server_ms.max(now_ms + delay);
        }
        // Requests that an unloading page sent side by side fail together, and are one failure.
        if self.own_ms > now_ms {
            return;
        }
        let grown = self.ceiling_ms.map_or(self.options.initial_ms, |last| last * self.options.factor);
        // "Then exponential from it", says OTLP of the server's delay.
        let ceiling = grown.max(server_delay_ms.unwrap_or(0.0)).min(self.options.cap_ms);
        self.ceiling_ms = Some(ceiling);
        let random = if (0.0..1.0).contains(&random) { random } else { 0.5 };
        let mut wait = (random * ceiling).max(MIN_WAIT_MS.min(ceiling));
        // After the server's delay, not beside it: all whom it refused at once would come back at once.
        let from_ms = now_ms + server_delay_ms.unwrap_or(0.0);
        if let Some(remaining) = end_ms.map(|end| end - from_ms).filter(|remaining| *remaining >= MIN_WAIT_MS)
        {
            wait = wait.min(remaining / 2.0);
        }
        self.own_ms = from_ms + wait;
    }

    /// Ends the own wait: somebody is waiting for the result. What the server asked for holds.
    pub(crate) fn hurry(&mut self) {
        self.own_ms = f64::NEG_INFINITY;
    }

    /// Ends the own wait, and lets the next ones grow from the first again: the server is there, or time is short.
    pub(crate) fn reset(&mut self) {
        self.hurry();
        self.ceiling_ms = None;
    }

    /// The earliest moment for the next request; minus infinity if there is no wait.
    pub(crate) fn not_before_ms(&self) -> f64 {
        self.own_ms.max(self.server_ms)
    }
}

pub(crate) fn bad_option(message: fmt::Arguments<'_>) -> Error {
    Error::new(ErrorCode::BadOption, message.to_string())
}

/// Checks a time span, whose key is then part of the message.
pub(crate) fn check_ms(key: &str, value: f64, least: f64) -> Result<(), Error> {
    if (least..=MAX_TIMER_MS).contains(&value) {
        return Ok(());
    }
    let (least, most, value) = (shown(least), shown(MAX_TIMER_MS), shown(value));
    Err(bad_option(format_args!("{key} must be milliseconds from {least} to {most}, not {value}")))
}

/// A number in a message. Not by `core::fmt`, whose exact digits of doubles are 8 KB of the compressed download.
pub(crate) fn shown(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.fract() == 0.0 && value.abs() < 1e15 {
        (value as i64).to_string()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        serde_json::to_string(&value).unwrap_or_default()
    }
}

fn describe(what: fmt::Arguments<'_>, message: &str) -> String {
    match message.trim() {
        "" => what.to_string(),
        message => format!("{what}: {message}"),
    }
}

fn grpc_name(code: u32) -> &'static str {
    match code {
        0 => "OK",
        1 => "CANCELLED",
        2 => "UNKNOWN",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "(no such code)",
    }
}

/// Whether a server's message says that the request was too large: "decoded message length too large: found ..
/// bytes" (tonic), "received message larger than max (.. vs. ..)" (Go, C++, JS), "gRPC message exceeds maximum
/// size" (Java).
fn is_about_size(message: &str) -> bool {
    // Not by `str::contains`, whose searcher is made for longer texts and is 3 KB of the module.
    let says = |words: &str| {
        message.as_bytes().windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
    };
    says("too large") || says("larger than max") || (says("message") && says("exceeds") && says("max"))
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
fn http_date_unix_ms(value: &str, now_unix_ms: f64) -> Option<f64> {
    let parts: Vec<&str> = value.split([' ', ',', '-']).filter(|part| !part.is_empty()).collect();
    let (day, month, year, time) = match *parts.as_slice() {
        [_, day, month, year, time, "GMT"] | [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = i64::try_from(months.iter().position(|name| *name == month)?).ok()?.saturating_add(1);
    let day = number(day, 31).filter(|day| *day > 0)?;
    let mut clock = time.split(':');
    let (hour, minute) = (number(clock.next()?, 23)?, number(clock.next()?, 59)?);
    // 60 is a leap second.
    let second = number(clock.next()?, 60)?;
    if clock.next().is_some() {
        return None;
    }
    let year = match (year.len(), number(year, 9999)?) {
        // RFC 9110: a two-digit year that seems more than 50 years ahead is the most recent past one.
        (2, short) => {
            let this_year = 1970.0 + now_unix_ms / 31_556_952_000.0;
            let year = short.saturating_add(2000);
            if year as f64 > this_year + 50.0 { year.saturating_sub(100) } else { year }
        }
        (4, year) => year,
        _ => return None,
    };
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute;
    Some(((minutes * 60 + second) * 1000) as f64)
}

fn number(digits: &str, most: i64) -> Option<i64> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|value| all_digits && *value <= most)
}

/// Days since 1970-01-01 in the Gregorian calendar, for years 0 to 9999. Years begin in March here, so that
/// the leap day is the last of a year (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
