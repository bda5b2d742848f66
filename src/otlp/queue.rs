//! Where encoded records wait: a queue bounded in records and bytes, batches cut from it by size, and the
//! account of what became of every record.
//!
//! A record in a request still belongs to the queue and takes up room in it, until its fate is known. The limits are
//! therefore a bound of memory, and a batch can always come back: there is a place for it.

use std::mem;

use serde::Serialize;

/// What a request adds to its records, in bytes: how its size is known before it is encoded.
///
/// Upper bounds, for a split by size must not turn out too large. For JSON: the text around the records, and 1 (the
/// comma). For protobuf: everything around the records with lengths of 5 bytes each, and 1 + 5 (tag and length); for
/// gRPC 5 more per request (the prefix).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Per request, in bytes.
    pub request: usize,
    /// Per record, in bytes.
    pub record: usize,
}

impl Overhead {
    /// Returns how long the body of a request is at most, with so many records of so many bytes in all.
    #[must_use]
    pub fn body_len(self, records: usize, bytes: usize) -> usize {
        self.record.saturating_mul(records).saturating_add(self.request).saturating_add(bytes)
    }
}

/// Why a record was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The server refused its request for good.
    Fatal,
    /// The queue had no room for it, in records or in bytes.
    QueueFull,
    /// Its batch was retried for longer than `retry.max_elapsed_ms`.
    RetriesExhausted,
    /// It came after `shutdown`, or was left at its deadline.
    Shutdown,
    /// It is larger than a request may be, or the server said so of a request with nothing else in it.
    TooLarge,
    /// The page went away before it could be sent.
    Unload,
}

impl DropReason {
    /// Every reason, in alphabetical order.
    pub const ALL: [Self; 6] =
        [Self::Fatal, Self::QueueFull, Self::RetriesExhausted, Self::Shutdown, Self::TooLarge, Self::Unload];

    /// The stable name: the key in [`Dropped`] as JavaScript sees it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::QueueFull => "queue_full",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Shutdown => "shutdown",
            Self::TooLarge => "too_large",
            Self::Unload => "unload",
        }
    }
}

/// How many records were dropped, by [`DropReason`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// See [`DropReason::Fatal`].
    pub fatal: u64,
    /// See [`DropReason::QueueFull`].
    pub queue_full: u64,
    /// See [`DropReason::RetriesExhausted`].
    pub retries_exhausted: u64,
    /// See [`DropReason::Shutdown`].
    pub shutdown: u64,
    /// See [`DropReason::TooLarge`].
    pub too_large: u64,
    /// See [`DropReason::Unload`].
    pub unload: u64,
}

impl Dropped {
    /// Counts `records` dropped for `reason`.
    pub(crate) fn add(&mut self, reason: DropReason, records: usize) {
        let count = match reason {
            DropReason::Fatal => &mut self.fatal,
            DropReason::QueueFull => &mut self.queue_full,
            DropReason::RetriesExhausted => &mut self.retries_exhausted,
            DropReason::Shutdown => &mut self.shutdown,
            DropReason::TooLarge => &mut self.too_large,
            DropReason::Unload => &mut self.unload,
        };
        *count = count.saturating_add(records as u64);
    }

    /// Returns how many were dropped for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.fatal, self.queue_full, self.retries_exhausted, self.shutdown, self.too_large, self.unload]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// What became of the records. Serialises as a plain object with these keys.
///
/// Every record that was pushed is in exactly one of `queued`, `exported`, `rejected` and `dropped`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Records in the queue now, those in a request included.
    pub queued: usize,
    /// Their bytes.
    pub queued_bytes: usize,
    /// How many of them are in a request now.
    pub in_flight: usize,
    /// Records that the server took.
    pub exported: u64,
    /// Records that it rejected in a partial success.
    pub rejected: u64,
    /// Records that were dropped.
    pub dropped: Dropped,
    /// Requests, retries included.
    pub requests: u64,
    /// Requests that sent the same batch again.
    pub retried: u64,
    /// The last failure of a request, one line, kept after a later success.
    pub last_error: Option<String>,
    /// The message of the last partial success.
    pub last_warning: Option<String>,
    /// How long the last request took, from handing it out to its outcome, in milliseconds.
    pub last_export_ms: Option<f64>,
}

/// The bytes that requests with `keepalive` have under way in a page. A browser fails the request that exceeds
/// 64 KiB in all; the quota is shared with the page's own code, and given back when the answer's *body* was read.
#[derive(Debug, Clone)]
pub struct KeepaliveBudget {
    limit: usize,
    in_flight: usize,
}

impl Default for KeepaliveBudget {
    /// 60 KiB.
    fn default() -> Self {
        Self::new(60 * 1024)
    }
}

impl KeepaliveBudget {
    /// Returns a budget of `limit` bytes, all of it available.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, in_flight: 0 }
    }

    /// Returns how many bytes are available.
    #[must_use]
    pub fn available(&self) -> usize {
        self.limit.saturating_sub(self.in_flight)
    }

    /// Takes the bytes of a body if they are available, and returns whether they were. If not, send it without
    /// `keepalive`.
    #[must_use]
    pub fn acquire(&mut self, body_bytes: usize) -> bool {
        let fits = body_bytes <= self.available();
        if fits {
            self.in_flight = self.in_flight.saturating_add(body_bytes);
        }
        fits
    }

    /// Gives back the bytes of a body, once the answer's body was read to its end, or the request failed.
    pub fn release(&mut self, body_bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(body_bytes);
    }
}

/// An encoded record.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Counts up with each push: what a flush covers is what is below a number.
    pub(crate) sequence: u64,
    pub(crate) pushed_at_ms: f64,
    pub(crate) bytes: Box<[u8]>,
}

/// Records, in order, that go into one request. They still count as held by the [`Queue`].
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) bytes: usize,
}

impl Batch {
    fn add(&mut self, record: Record) {
        self.bytes = self.bytes.saturating_add(record.bytes.len());
        self.records.push(record);
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// The lowest sequence number.
    pub(crate) fn first(&self) -> Option<u64> {
        self.records.first().map(|record| record.sequence)
    }
}

/// How large a batch may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) records: usize,
    /// Of the whole body.
    pub(crate) body_bytes: usize,
    pub(crate) overhead: Overhead,
}

impl BatchLimits {
    fn fits(&self, records: usize, bytes: usize) -> bool {
        records <= self.records && self.overhead.body_len(records, bytes) <= self.body_bytes
    }

    fn fits_more(&self, batch: &Batch, record: &Record) -> bool {
        self.fits(batch.len().saturating_add(1), batch.bytes.saturating_add(record.bytes.len()))
    }
}

/// The records that wait, oldest first, and the room that is left.
#[derive(Debug)]
pub(crate) struct Queue {
    max_records: usize,
    max_bytes: usize,
    /// From `first` on; what was before it has been taken.
    waiting: Vec<Record>,
    first: usize,
    waiting_bytes: usize,
    /// Records waiting or in a batch: `waiting <= held <= max_records`.
    held: usize,
    /// Their bytes: `waiting_bytes <= held_bytes <= max_bytes`.
    held_bytes: usize,
    next_sequence: u64,
}

impl Queue {
    pub(crate) fn new(max_records: usize, max_bytes: usize) -> Self {
        Self {
            max_records,
            max_bytes,
            waiting: Vec::new(),
            first: 0,
            waiting_bytes: 0,
            held: 0,
            held_bytes: 0,
            next_sequence: 0,
        }
    }

    /// Appends a record, and returns whether there was room for it.
    pub(crate) fn push(&mut self, bytes: impl AsRef<[u8]> + Into<Box<[u8]>>, now_ms: f64) -> bool {
        let held_bytes = self.held_bytes.saturating_add(bytes.as_ref().len());
        if self.held >= self.max_records || held_bytes > self.max_bytes {
            return false;
        }
        // The limit counts bytes, so nothing that it does not count is to be kept.
        let bytes = bytes.into();
        self.held = self.held.saturating_add(1);
        self.held_bytes = held_bytes;
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes.len());
        self.waiting.push(Record { sequence: self.next_sequence, pushed_at_ms: now_ms, bytes });
        self.next_sequence = self.next_sequence.saturating_add(1);
        true
    }

    /// Cuts off the oldest records, as many as fit. At least one, whatever its size, or it would wait for ever.
    pub(crate) fn take_batch(&mut self, limits: &BatchLimits) -> Batch {
        let mut batch = Batch::default();
        while let Some(record) = self.oldest() {
            if batch.len() > 0 && !limits.fits_more(&batch, record) {
                break;
            }
            if let Some(record) = self.pop_front() {
                batch.add(record);
            }
        }
        batch
    }

    /// Takes the oldest records that fit, in batches of at most `limits`, whose bodies have at most `budget` bytes
    /// together. A record that does not fit stays, and does not keep smaller ones from going.
    pub(crate) fn take_within(&mut self, limits: &BatchLimits, mut budget: usize) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut batch = Batch::default();
        let mut staying = Vec::new();
        while let Some(record) = self.pop_front() {
            let within = BatchLimits { body_bytes: limits.body_bytes.min(budget), ..*limits };
            if within.fits_more(&batch, &record) {
                batch.add(record);
                continue;
            }
            let spent = if batch.len() > 0 { limits.overhead.body_len(batch.len(), batch.bytes) } else { 0 };
            let rest = budget.saturating_sub(spent);
            let within = BatchLimits { body_bytes: limits.body_bytes.min(rest), ..*limits };
            if within.fits(1, record.bytes.len()) {
                // Only now, so that a large record does not cut the batch of the small ones around it.
                budget = rest;
                batches.push(mem::take(&mut batch));
                batch.add(record);
            } else {
                staying.push(record);
            }
        }
        if batch.len() > 0 {
            batches.push(batch);
        }
        self.waiting_bytes =
            staying.iter().fold(0, |sum, record: &Record| sum.saturating_add(record.bytes.len()));
        (self.waiting, self.first) = (staying, 0);
        batches
    }

    /// Takes everything that waits.
    pub(crate) fn take_all(&mut self) -> Batch {
        let mut batch = Batch::default();
        while let Some(record) = self.pop_front() {
            batch.add(record);
        }
        batch
    }

    /// Lets a batch wait again, where it was.
    pub(crate) fn put_back(&mut self, batch: Batch) {
        let bytes = self.waiting_bytes.saturating_add(batch.bytes);
        let mut returning = batch.records.into_iter().peekable();
        let mut merged = Vec::with_capacity(self.len() + returning.len());
        while let Some(record) = self.pop_front() {
            while let Some(older) = returning.next_if(|other| other.sequence < record.sequence) {
                merged.push(older);
            }
            merged.push(record);
        }
        merged.extend(returning);
        (self.waiting, self.first, self.waiting_bytes) = (merged, 0, bytes);
    }

    /// Lets go of a batch whose fate is known; returns how many records it had.
    pub(crate) fn release(&mut self, batch: Batch) -> usize {
        self.held = self.held.saturating_sub(batch.len());
        self.held_bytes = self.held_bytes.saturating_sub(batch.bytes);
        batch.len()
    }

    /// The record that has waited for longest.
    pub(crate) fn oldest(&self) -> Option<&Record> {
        self.waiting.get(self.first)
    }

    /// Whether the records that wait fill a batch: no later one can be in it.
    pub(crate) fn fills(&self, limits: &BatchLimits) -> bool {
        self.len() >= limits.records || !limits.fits(self.len(), self.waiting_bytes)
    }

    /// What the next record's number will be: all that were pushed are below.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    pub(crate) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// How many wait.
    fn len(&self) -> usize {
        self.waiting.len() - self.first
    }

    fn pop_front(&mut self) -> Option<Record> {
        let record = mem::take(self.waiting.get_mut(self.first)?);
        self.first += 1;
        // Each record moves once at most for each that was taken.
        if self.first * 2 >= self.waiting.len() {
            self.waiting.drain(..self.first);
            self.first = 0;
        }
        self.waiting_bytes = self.waiting_bytes.saturating_sub(record.bytes.len());
        Some(record)
    }
}
