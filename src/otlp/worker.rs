//! The batch worker's policies: when to send what, when to send it again, and when to let it go.
//!
//! Sources: OpenTelemetry's logs SDK specification, "Batching processor", `ForceFlush` and `Shutdown`; [OTLP 1.11]
//! for what is retried (see [`crate::otlp::retry`]).
//!
//! [OTLP 1.11]: https://opentelemetry.io/docs/specs/otlp/

use std::mem;

use crate::error::Error;
use crate::otlp::queue::{Batch, BatchLimits, DropReason, Queue, Stats};
use crate::otlp::retry::{Backoff, MAX_TIMER_MS, Outcome};
use crate::otlp::worker_options::WorkerOptions;
use crate::otlp::worker_output::{ExportId, FlushId, FlushResult, Output, UnloadBatch};

/// What a server says is kept up to this many bytes: it could be a page of HTML.
const MAX_MESSAGE_BYTES: usize = 1024;

/// Decides over a queue of encoded records.
///
/// - `push`, [`Worker::flush`], [`Worker::shutdown`], `take_for_unload` and `abandon` are the caller's wishes;
/// - `handle_tick` and `handle_response` are told what happened;
/// - `poll_output` says what to do: call it until `None` after each of the above;
/// - `records`, `stats`, `is_closed` only look.
///
/// It performs no IO and has no clock: `now_ms` is the time in milliseconds of any clock, and one that goes backwards
/// stands still; `random` is a number from 0 up to 1, not included.
///
/// **One request at a time**, of the oldest records: at once if they fill it, else when the oldest has waited for
/// `scheduled_delay_ms`, or a flush or the shutdown wants it.
///
/// **Nothing that fits the queue is lost to a collector that is down.** A batch whose request failed in a way that
/// may pass stays at the head and is sent again, by default without end, at the capped back-off; what is new queues
/// behind it, and the newest is dropped when there is no room. A retry limit (`retry.max_elapsed_ms`) is there for
/// who prefers fresh records over old ones. A flush or a shutdown ends a wait of our own at once, never one that the
/// server asked for.
///
/// **A batch that is too large** (HTTP 413; gRPC says so in words) halves the size limit, and its records go out
/// again in smaller requests; a record refused alone is dropped. The limit is lifted when the queue has run empty.
/// No other failure splits a batch: it says nothing about the size.
///
/// **A shutdown is bounded** by its deadline, and ends before it if no attempt could come in time.
#[derive(Debug)]
pub struct Worker {
    options: WorkerOptions,
    queue: Queue,
    backoff: Backoff,
    /// At most one that is no unloading one.
    sent: Vec<Export>,
    /// The batch to send again; nothing else goes first.
    retry: Option<Retry>,
    flushes: Vec<Flush>,
    phase: Phase,
    /// At most `max_request_bytes`; less after the server found a request too large.
    body_limit: usize,
    /// Never many.
    outputs: Vec<Output>,
    /// What the host's timer is set to.
    timer_ms: Option<f64>,
    now_ms: f64,
    next_export: u32,
    next_flush: u32,
    /// But for what the queue knows.
    stats: Stats,
}

#[derive(Debug)]
struct Export {
    id: ExportId,
    batch: Batch,
    attempt: u32,
    first_sent_ms: f64,
    sent_ms: f64,
    deadline_ms: f64,
    body_len: usize,
    unload: bool,
}

/// A batch between requests.
#[derive(Debug)]
struct Retry {
    batch: Batch,
    /// Requests that it was in.
    attempts: u32,
    first_sent_ms: f64,
}

#[derive(Debug)]
struct Flush {
    id: FlushId,
    /// It covers the records below this number.
    end: u64,
    deadline_ms: f64,
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Open,
    Closing { deadline_ms: f64, failed: bool },
    Closed,
}

impl Worker {
    /// Returns a worker with an empty queue, which needs no timer.
    ///
    /// # Errors
    /// See [`WorkerOptions::validate`].
    pub fn new(options: WorkerOptions) -> Result<Self, Error> {
        options.validate()?;
        Ok(Self {
            queue: Queue::new(options.max_queue_size, options.max_queue_bytes),
            backoff: Backoff::new(options.retry),
            sent: Vec::new(),
            retry: None,
            flushes: Vec::new(),
            phase: Phase::Open,
            body_limit: options.max_request_bytes,
            outputs: Vec::new(),
            timer_ms: None,
            now_ms: f64::NEG_INFINITY,
            next_export: 1,
            next_flush: 1,
            stats: Stats::default(),
            options,
        })
    }

    /// Queues an encoded record. Never waits, never throws out an older one.
    ///
    /// It is stored in exactly its size: a slice is copied, a vector gives its spare capacity back.
    ///
    /// # Errors
    /// Why the record was dropped (and counted) instead: [`DropReason::Shutdown`], [`DropReason::TooLarge`] or
    /// [`DropReason::QueueFull`].
    pub fn push(
        &mut self,
        record: impl AsRef<[u8]> + Into<Box<[u8]>>,
        now_ms: f64,
    ) -> Result<(), DropReason> {
        self.set_time(now_ms);
        let result = if !matches!(self.phase, Phase::Open) {
            Err(DropReason::Shutdown)
        } else if self.options.overhead.body_len(1, record.as_ref().len()) > self.options.max_request_bytes {
            Err(DropReason::TooLarge)
        } else if !self.queue.push(record, self.now_ms) {
            Err(DropReason::QueueFull)
        } else {
            Ok(())
        };
        match result {
            Ok(()) => self.advance(),
            Err(reason) => self.stats.dropped.add(reason, 1),
        }
        result
    }

    /// Asks for everything pushed so far to be exported now. [`Output::FlushDone`] has the result when there is one,
    /// at the latest after `timeout_ms` (default: `flush_timeout_ms`); each of several flushes gets its own.
    #[must_use = "the result is told by this id"]
    pub fn flush(&mut self, timeout_ms: Option<f64>, now_ms: f64) -> FlushId {
        self.set_time(now_ms);
        let id = FlushId(self.next_flush);
        self.next_flush = self.next_flush.wrapping_add(1);
        let deadline_ms = self.deadline(timeout_ms, self.options.flush_timeout_ms);
        self.flushes.push(Flush { id, end: self.queue.next_sequence(), deadline_ms, failed: false });
        self.backoff.hurry();
        self.advance();
        id
    }

    /// Exports what is queued, then closes: [`Output::ShutdownDone`] comes after at most `timeout_ms` (default:
    /// `shutdown_timeout_ms`). Records pushed from now on are dropped. A further call changes nothing.
    pub fn shutdown(&mut self, timeout_ms: Option<f64>, now_ms: f64) {
        self.set_time(now_ms);
        if let Phase::Open = self.phase {
            let deadline_ms = self.deadline(timeout_ms, self.options.shutdown_timeout_ms);
            self.phase = Phase::Closing { deadline_ms, failed: false };
            self.backoff.reset();
        }
        self.advance();
    }

    /// The page goes away, or may: takes the oldest records that fit into `budget_bytes` of bodies, to be sent now,
    /// side by side, with `keepalive`. Say what came of each with [`Worker::handle_response`], should the page live
    /// to see it; a failure then brings the records back into the queue. Meanwhile no other request starts.
    ///
    /// A request that is under way may die with the page. With `resend_in_flight` it is cancelled, and its records
    /// are the first here: they may arrive twice. Without, it is left alone: right if it has `keepalive` itself.
    /// Requests of an earlier call are always left alone. A wait before a retry does not hold here.
    ///
    /// What does not fit stays queued; see [`Worker::abandon`].
    #[must_use = "these records are sent by nobody else"]
    pub fn take_for_unload(
        &mut self,
        budget_bytes: usize,
        resend_in_flight: bool,
        now_ms: f64,
    ) -> Vec<UnloadBatch> {
        self.set_time(now_ms);
        if self.end_ms().is_some_and(|end| self.now_ms >= end) {
            // The shutdown's time is up, though its timer has not fired: nothing is left to be sent.
            self.advance();
            return Vec::new();
        }
        if let Some(retry) = self.retry.take() {
            self.queue.put_back(retry.batch);
        }
        if resend_in_flight {
            while let Some(at) = self.sent.iter().position(|export| !export.unload) {
                let export = self.sent.remove(at);
                self.outputs.push(Output::Cancel { id: export.id });
                self.queue.put_back(export.batch);
            }
        }
        let mut taken = Vec::new();
        for batch in self.queue.take_within(&self.limits(), budget_bytes) {
            let batch = Retry { batch, attempts: 0, first_sent_ms: self.now_ms };
            let export = self.begin_export(batch, true);
            taken.push(UnloadBatch { id: export.id, records: export.batch.len(), body_len: export.body_len });
            self.sent.push(export);
        }
        self.advance();
        taken
    }

    /// The page is gone for good (`pagehide` that is not `persisted`): drops the records that wait, as
    /// [`DropReason::Unload`]. Those in a request are still counted by its outcome.
    pub fn abandon(&mut self, now_ms: f64) {
        self.set_time(now_ms);
        self.drop_waiting(DropReason::Unload);
        self.advance();
    }

    /// The timer fired: it is taken to be unset now, so [`Output::WakeAt`] says when to set it again.
    ///
    /// `random` spreads the retries; a new one each time.
    pub fn handle_tick(&mut self, now_ms: f64, random: f64) {
        self.set_time(now_ms);
        self.timer_ms = None;
        let late = |export: &&Export| export.deadline_ms <= self.now_ms;
        let late: Vec<ExportId> = self.sent.iter().filter(late).map(|export| export.id).collect();
        for id in late {
            self.outputs.push(Output::Cancel { id });
            self.settle(id, Outcome::Timeout, random);
        }
        self.advance();
    }

    /// A request ended. Ignored if it was cancelled: then the records are no longer its business.
    ///
    /// `random` spreads the retries; a new one each time.
    pub fn handle_response(&mut self, id: ExportId, outcome: Outcome, now_ms: f64, random: f64) {
        self.set_time(now_ms);
        self.settle(id, outcome, random);
        self.advance();
    }

    /// Returns the next thing to do, or `None` when there is nothing until the next call of another method.
    #[must_use = "what is not done is never asked for again"]
    pub fn poll_output(&mut self) -> Option<Output> {
        if !self.outputs.is_empty() {
            return Some(self.outputs.remove(0));
        }
        let wake_ms = self.wake_ms();
        if self.timer_ms == wake_ms {
            return None;
        }
        self.timer_ms = wake_ms;
        Some(Output::WakeAt(wake_ms))
    }

    /// Returns the records of a request that has no outcome yet, oldest first; none for any other.
    pub fn records(&self, id: ExportId) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        let export = self.sent.iter().find(|export| export.id == id);
        let records = export.map_or(&[][..], |export| &export.batch.records);
        records.iter().map(|record| &*record.bytes)
    }

    /// Returns what became of the records so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            queued: self.queue.held(),
            queued_bytes: self.queue.held_bytes(),
            in_flight: self.sent.iter().map(|export| export.batch.len()).sum(),
            ..self.stats.clone()
        }
    }

    /// Whether the shutdown is done.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    fn set_time(&mut self, now_ms: f64) {
        if now_ms.is_finite() && now_ms > self.now_ms {
            self.now_ms = now_ms;
        }
    }

    #[allow(clippy::manual_clamp, reason = "`max` makes a NaN 0, `clamp` would keep it")]
    fn deadline(&self, timeout_ms: Option<f64>, default_ms: f64) -> f64 {
        self.now_ms + timeout_ms.unwrap_or(default_ms).max(0.0).min(MAX_TIMER_MS)
    }

    /// When the shutdown that is under way must end.
    fn end_ms(&self) -> Option<f64> {
        match self.phase {
            Phase::Closing { deadline_ms, .. } => Some(deadline_ms),
            Phase::Open | Phase::Closed => None,
        }
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits {
            records: self.options.max_export_batch_size,
            body_bytes: self.body_limit,
            overhead: self.options.overhead,
        }
    }

    /// Does what can be done now, after anything has changed.
    fn advance(&mut self) {
        self.resolve_flushes();
        if self.queue.held() == 0 {
            self.body_limit = self.options.max_request_bytes;
        }
        let send_at_ms = self.send_at_ms();
        if let Phase::Closing { deadline_ms, failed } = self.phase {
            if self.queue.held() == 0 {
                let result = if failed { FlushResult::Failed } else { FlushResult::Exported };
                return self.close(result);
            }
            if self.now_ms >= deadline_ms {
                return self.close(FlushResult::TimedOut);
            }
            // The server wants us back later than that: waiting would save nothing.
            if send_at_ms.is_some_and(|at| at >= deadline_ms) {
                return self.close(FlushResult::Failed);
            }
        }
        if send_at_ms.is_some_and(|at| at <= self.now_ms) {
            self.send();
        }
    }

    /// When the next request may start; `None` if there is nothing to send, or one is under way.
    fn send_at_ms(&self) -> Option<f64> {
        if !self.sent.is_empty() {
            return None;
        }
        let not_before_ms = self.backoff.not_before_ms();
        if self.retry.is_some() {
            return Some(not_before_ms);
        }
        let oldest = self.queue.oldest()?;
        // With nothing in a request, a flush that is still there is one for records that wait.
        let eager = matches!(self.phase, Phase::Closing { .. })
            || !self.flushes.is_empty()
            || self.queue.fills(&self.limits());
        if eager {
            return Some(not_before_ms);
        }
        Some(not_before_ms.max(oldest.pushed_at_ms + self.options.scheduled_delay_ms))
    }

    fn send(&mut self) {
        let batch = self.retry.take().unwrap_or_else(|| Retry {
            batch: self.queue.take_batch(&self.limits()),
            attempts: 0,
            first_sent_ms: self.now_ms,
        });
        let export = self.begin_export(batch, false);
        if export.attempt > 1 {
            self.stats.retried = self.stats.retried.saturating_add(1);
        }
        self.outputs.push(Output::Send {
            id: export.id,
            attempt: export.attempt,
            records: export.batch.len(),
            body_len: export.body_len,
            deadline_ms: export.deadline_ms,
        });
        self.sent.push(export);
    }

    fn begin_export(&mut self, Retry { batch, attempts, first_sent_ms }: Retry, unload: bool) -> Export {
        self.stats.requests = self.stats.requests.saturating_add(1);
        let id = ExportId(self.next_export);
        self.next_export = self.next_export.wrapping_add(1);
        let deadline_ms = self.now_ms + self.options.export_timeout_ms;
        Export {
            id,
            attempt: attempts.saturating_add(1),
            first_sent_ms,
            sent_ms: self.now_ms,
            deadline_ms: self.end_ms().map_or(deadline_ms, |end| end.min(deadline_ms)),
            body_len: self.options.overhead.body_len(batch.len(), batch.bytes),
            unload,
            batch,
        }
    }

    fn settle(&mut self, id: ExportId, outcome: Outcome, random: f64) {
        let Some(at) = self.sent.iter().position(|export| export.id == id) else { return };
        let export = self.sent.remove(at);
        self.stats.last_export_ms = Some(self.now_ms - export.sent_ms);
        match outcome {
            Outcome::Success => self.complete(export, 0),
            Outcome::PartialSuccess { rejected, message } => {
                let records = export.batch.len();
                self.complete(export, rejected);
                let warning = match (rejected, message.is_empty()) {
                    (0, true) => return,
                    (0, false) => message,
                    (_, true) => format!("the server rejected {rejected} of {records} records"),
                    (_, false) => format!("the server rejected {rejected} of {records} records: {message}"),
                };
                self.stats.last_warning = Some(excerpt(warning));
            }
            Outcome::Fatal { message, too_large: true } if export.batch.len() > 1 => {
                self.backoff.reset();
                self.stats.last_error = Some(excerpt(message));
                // These records can not make up the same batch again: it is above the new limit.
                self.body_limit = self.body_limit.min(export.body_len / 2);
                self.queue.put_back(export.batch);
            }
            Outcome::Fatal { message, too_large } => {
                self.backoff.reset();
                self.stats.last_error = Some(excerpt(message));
                let reason = if too_large { DropReason::TooLarge } else { DropReason::Fatal };
                self.drop_batch(export.batch, reason);
            }
            Outcome::Retryable { message, server_delay_ms } => {
                self.fail(export, message, server_delay_ms, random);
            }
            Outcome::Disconnected { message } => self.fail(export, message, None, random),
            Outcome::Timeout => {
                let message =
                    format!("no answer within {} ms", (self.now_ms - export.sent_ms).round() as u64);
                self.fail(export, message, None, random);
            }
        }
    }

    fn complete(&mut self, export: Export, rejected: u64) {
        self.backoff.reset();
        let records = self.queue.release(export.batch) as u64;
        // A server that rejects more than it got is not to break the sums.
        let rejected = rejected.min(records);
        self.stats.rejected = self.stats.rejected.saturating_add(rejected);
        self.stats.exported = self.stats.exported.saturating_add(records.saturating_sub(rejected));
    }

    fn fail(&mut self, export: Export, message: String, server_delay_ms: Option<f64>, random: f64) {
        self.stats.last_error = Some(excerpt(message));
        self.backoff.fail(server_delay_ms, self.end_ms(), self.now_ms, random);
        if export.unload {
            // There may be several, while there is one place for a batch to retry.
            return self.queue.put_back(export.batch);
        }
        let elapsed_ms = self.backoff.not_before_ms() - export.first_sent_ms;
        if self.options.retry.max_elapsed_ms.is_some_and(|max| elapsed_ms > max) {
            return self.drop_batch(export.batch, DropReason::RetriesExhausted);
        }
        self.retry = Some(Retry {
            batch: export.batch,
            attempts: export.attempt,
            first_sent_ms: export.first_sent_ms,
        });
    }

    fn drop_batch(&mut self, batch: Batch, reason: DropReason) {
        let Some(first) = batch.first() else { return };
        for flush in &mut self.flushes {
            flush.failed |= first < flush.end;
        }
        if let Phase::Closing { failed, .. } = &mut self.phase {
            *failed = true;
        }
        let records = self.queue.release(batch);
        self.stats.dropped.add(reason, records);
    }

    fn drop_waiting(&mut self, reason: DropReason) {
        if let Some(retry) = self.retry.take() {
            self.queue.put_back(retry.batch);
        }
        let batch = self.queue.take_all();
        self.drop_batch(batch, reason);
    }

    /// Ends the shutdown, and with it everything that is left.
    fn close(&mut self, result: FlushResult) {
        for export in mem::take(&mut self.sent) {
            self.outputs.push(Output::Cancel { id: export.id });
            self.queue.put_back(export.batch);
        }
        self.drop_waiting(DropReason::Shutdown);
        // One result for all who wait.
        let ids: Vec<FlushId> = mem::take(&mut self.flushes).into_iter().map(|flush| flush.id).collect();
        if !ids.is_empty() {
            self.outputs.push(Output::FlushDone { ids, result });
        }
        self.phase = Phase::Closed;
        self.outputs.push(Output::ShutdownDone { result });
    }

    fn resolve_flushes(&mut self) {
        if self.flushes.is_empty() {
            return;
        }
        let in_requests = self.sent.iter().map(|export| &export.batch);
        let out = in_requests.chain(self.retry.iter().map(|retry| &retry.batch));
        let waiting = self.queue.oldest().map(|record| record.sequence);
        let oldest = out.filter_map(Batch::first).chain(waiting).min();
        let now_ms = self.now_ms;
        for result in [FlushResult::Exported, FlushResult::Failed, FlushResult::TimedOut] {
            let mut ids = Vec::new();
            self.flushes.retain(|flush| {
                let is_done = oldest.is_none_or(|oldest| oldest >= flush.end);
                let now = match (is_done, flush.failed) {
                    (true, false) => Some(FlushResult::Exported),
                    (true, true) => Some(FlushResult::Failed),
                    (false, _) => (flush.deadline_ms <= now_ms).then_some(FlushResult::TimedOut),
                };
                if now == Some(result) {
                    ids.push(flush.id);
                }
                now != Some(result)
            });
            if !ids.is_empty() {
                self.outputs.push(Output::FlushDone { ids, result });
            }
        }
    }

    /// The next moment at which something is to be done even if nothing happens.
    fn wake_ms(&self) -> Option<f64> {
        let exports = self.sent.iter().map(|export| export.deadline_ms);
        let flushes = self.flushes.iter().map(|flush| flush.deadline_ms);
        exports.chain(flushes).chain(self.send_at_ms()).chain(self.end_ms()).reduce(f64::min)
    }
}

/// Cuts a message to [`MAX_MESSAGE_BYTES`], at a character's boundary.
fn excerpt(mut message: String) -> String {
    let mut end = message.len().min(MAX_MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    message.truncate(end);
    message
}
