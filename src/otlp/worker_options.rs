//! How the batch worker behaves, checked.

use crate::error::Error;
use crate::otlp::queue::Overhead;
use crate::otlp::retry::{RetryOptions, bad_option, check_ms};

/// "Client SHOULD cap request at 64 MiB", OTLP 1.11.
const MAX_REQUEST_BYTES: usize = 64 << 20;

/// How a [`Worker`](crate::otlp::worker::Worker) behaves. Errors call the values by these names.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerOptions {
    /// The most records held, those in a request included. A push beyond it is dropped.
    pub max_queue_size: usize,
    /// The most bytes of records held. A push beyond it is dropped.
    pub max_queue_bytes: usize,
    /// The most records in one request; at most `max_queue_size`.
    pub max_export_batch_size: usize,
    /// The most bytes in one request, before compression; at most `max_queue_bytes`. A larger record is dropped.
    pub max_request_bytes: usize,
    /// How long a record waits for company, in milliseconds.
    pub scheduled_delay_ms: f64,
    /// How long one request may take, in milliseconds.
    pub export_timeout_ms: f64,
    /// How long a flush may take if it does not say, in milliseconds.
    pub flush_timeout_ms: f64,
    /// How long a shutdown may take if it does not say, in milliseconds.
    pub shutdown_timeout_ms: f64,
    /// When to send a batch again.
    pub retry: RetryOptions,
    /// What a request adds to its records.
    pub overhead: Overhead,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            max_queue_size: 2048,
            max_queue_bytes: 16 << 20,
            max_export_batch_size: 512,
            // Receivers commonly stop at 4 MiB, and a proxy in front of them may count more than the body.
            max_request_bytes: (4 << 20) - (64 << 10),
            scheduled_delay_ms: 1_000.0,
            export_timeout_ms: 10_000.0,
            flush_timeout_ms: 30_000.0,
            shutdown_timeout_ms: 10_000.0,
            retry: RetryOptions::default(),
            overhead: Overhead::default(),
        }
    }
}

impl WorkerOptions {
    /// Checks the values, and that they go together.
    ///
    /// # Errors
    /// `bad_option` with a message that begins with the key.
    pub fn validate(&self) -> Result<(), Error> {
        for (key, value) in
            [("max_queue_size", self.max_queue_size), ("max_export_batch_size", self.max_export_batch_size)]
        {
            if value == 0 {
                return Err(bad_option(format_args!("{key} must be at least 1")));
            }
        }
        check_order(
            ("max_export_batch_size", self.max_export_batch_size),
            ("max_queue_size", self.max_queue_size),
        )?;
        check_order(
            ("max_request_bytes", self.max_request_bytes),
            ("max_queue_bytes", self.max_queue_bytes),
        )?;
        let least = self.overhead.body_len(1, 1);
        if !(least..=MAX_REQUEST_BYTES).contains(&self.max_request_bytes) {
            return Err(bad_option(format_args!(
                "max_request_bytes must be from {least} (a record of one byte) to {MAX_REQUEST_BYTES}, not {}",
                self.max_request_bytes
            )));
        }
        check_ms("scheduled_delay_ms", self.scheduled_delay_ms, 0.0)?;
        check_ms("export_timeout_ms", self.export_timeout_ms, 1.0)?;
        check_ms("flush_timeout_ms", self.flush_timeout_ms, 0.0)?;
        check_ms("shutdown_timeout_ms", self.shutdown_timeout_ms, 0.0)?;
        self.retry.validate()
    }
}

fn check_order((key, value): (&str, usize), (bound_key, bound): (&str, usize)) -> Result<(), Error> {
    if value <= bound {
        return Ok(());
    }
    Err(bad_option(format_args!("{key} ({value}) must not be larger than {bound_key} ({bound})")))
}
