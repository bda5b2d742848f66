//! Logs and metrics side by side: one worker each, seen by the host as one.
//!
//! Metrics are collected when the interval is over, and whenever everything is to be sent: by a flush, the shutdown,
//! the end of a page. What a collection gives goes the way of log records: a queue, one request at a time, sent
//! again by the same policy.

use super::metrics::{CARDINALITY_LIMIT, Histogram, Histograms, Instrument};
use super::queue::{Overhead, Stats};
use super::retry::Outcome;
use super::value::Attributes;
use super::worker::Worker;
use super::{Envelope, ExportId, FlushId, FlushResult, Output, Signal, UnloadBatch, WorkerOptions};
use crate::error::Error;

/// The bit in the numbers of requests that says that they are of metrics.
const METRICS: u32 = 1 << 31;
/// The metrics of a collection leave together, but come one by one.
const COMPANY_MS: f64 = 1.0;

impl ExportId {
    /// What the request is of.
    #[must_use]
    pub fn signal(self) -> Signal {
        if self.0 & METRICS == 0 { Signal::Logs } else { Signal::Metrics }
    }
}

/// A worker, and what its requests have in common.
#[derive(Debug)]
struct Lane {
    worker: Worker,
    envelope: Envelope,
    /// When it wants to be woken.
    wake_ms: Option<f64>,
}

impl Lane {
    fn new(envelope: Envelope, options: WorkerOptions, frame_overhead: usize) -> Result<Self, Error> {
        let overhead = Overhead {
            request: envelope.request_overhead().saturating_add(frame_overhead),
            record: envelope.record_overhead(),
        };
        Ok(Self { worker: Worker::new(WorkerOptions { overhead, ..options })?, envelope, wake_ms: None })
    }
}

/// The histograms, and when they are collected.
#[derive(Debug)]
struct Metrics {
    lane: Lane,
    histograms: Histograms,
    interval_ms: f64,
    /// `None` while there is nothing to collect: no timer then.
    due_ms: Option<f64>,
    is_shut: bool,
}

impl Metrics {
    fn collect(&mut self, now: Now) {
        self.due_ms = None;
        let Self { lane, histograms, .. } = self;
        histograms.collect(now.unix_nanos, &mut |metric| {
            // What has no room is counted in the worker's stats.
            let _ = lane.worker.push(metric, now.ms);
        });
    }
}

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Milliseconds of a clock that does not go backwards.
    pub ms: f64,
    /// The wall clock, in nanoseconds since 1970.
    pub unix_nanos: u64,
}

/// What [`Worker`] is for one signal, for two. Methods of the same names do the same.
#[derive(Debug)]
pub struct Signals {
    logs: Lane,
    metrics: Option<Metrics>,
    /// Flushes that one of two workers is done with.
    half_flushed: Vec<(FlushId, FlushResult)>,
    half_shut: Option<FlushResult>,
    /// Flushes that both are done with.
    flushed: Vec<(FlushId, FlushResult)>,
    /// What the host's timer is set to.
    timer_ms: Option<f64>,
}

impl Signals {
    /// Without metrics; `frame_overhead` is what the transport adds to a body.
    ///
    /// # Errors
    /// See [`WorkerOptions::validate`]; the overhead in the options does not matter.
    pub fn new(envelope: Envelope, options: WorkerOptions, frame_overhead: usize) -> Result<Self, Error> {
        let logs = Lane::new(envelope, options, frame_overhead)?;
        Ok(Self {
            logs,
            metrics: None,
            half_flushed: Vec::new(),
            half_shut: None,
            flushed: Vec::new(),
            timer_ms: None,
        })
    }

    /// Adds the metrics, which are collected every `interval_ms` while there are any.
    ///
    /// # Errors
    /// As for [`Signals::new`].
    pub fn add_metrics(
        &mut self,
        envelope: Envelope,
        options: WorkerOptions,
        frame_overhead: usize,
        interval_ms: f64,
        unix_nanos: u64,
    ) -> Result<(), Error> {
        let histograms = Histograms::new(envelope.format(), CARDINALITY_LIMIT, unix_nanos);
        let options = WorkerOptions { scheduled_delay_ms: COMPANY_MS, ..options };
        let lane = Lane::new(envelope, options, frame_overhead)?;
        self.metrics = Some(Metrics { lane, histograms, interval_ms, due_ms: None, is_shut: false });
        Ok(())
    }

    /// Queues a log record; what has no room is counted.
    pub fn push(&mut self, record: &[u8], now_ms: f64) {
        let _ = self.logs.worker.push(record, now_ms);
    }

    /// Adds values to a histogram.
    pub fn add(
        &mut self,
        instrument: &'static Instrument,
        attributes: &Attributes<'_>,
        values: &Histogram,
        now: Now,
    ) {
        let Some(metrics) = &mut self.metrics else { return };
        metrics.histograms.add(instrument, attributes, values);
        if metrics.is_shut {
            // Nothing collects it any more; it is dropped, and counted.
            metrics.collect(now);
        } else if metrics.due_ms.is_none() && !metrics.histograms.is_empty() {
            metrics.due_ms = Some(now.ms + metrics.interval_ms);
        }
    }

    /// See [`Worker::flush`].
    #[must_use = "the result is told by this id"]
    pub fn flush(&mut self, timeout_ms: Option<f64>, now: Now) -> FlushId {
        if let Some(metrics) = &mut self.metrics {
            metrics.collect(now);
            // Both have counted the same calls, so their numbers are the same.
            let _ = metrics.lane.worker.flush(timeout_ms, now.ms);
        }
        self.logs.worker.flush(timeout_ms, now.ms)
    }

    /// See [`Worker::shutdown`].
    pub fn shutdown(&mut self, timeout_ms: Option<f64>, now: Now) {
        if let Some(metrics) = &mut self.metrics {
            metrics.collect(now);
            metrics.is_shut = true;
            metrics.lane.worker.shutdown(timeout_ms, now.ms);
        }
        self.logs.worker.shutdown(timeout_ms, now.ms);
    }

    /// See [`Worker::take_for_unload`]; what the logs leave of the budget is the metrics'.
    #[must_use = "these records are sent by nobody else"]
    pub fn take_for_unload(
        &mut self,
        budget_bytes: usize,
        resend_in_flight: bool,
        now: Now,
    ) -> Vec<UnloadBatch> {
        let mut taken = self.logs.worker.take_for_unload(budget_bytes, resend_in_flight, now.ms);
        if let Some(metrics) = &mut self.metrics {
            metrics.collect(now);
            let spent = taken.iter().fold(0_usize, |sum, batch| sum.saturating_add(batch.body_len));
            let left = budget_bytes.saturating_sub(spent);
            let mut more = metrics.lane.worker.take_for_unload(left, resend_in_flight, now.ms);
            more.iter_mut().for_each(|batch| batch.id.0 |= METRICS);
            taken.append(&mut more);
        }
        taken
    }

    /// See [`Worker::abandon`].
    pub fn abandon(&mut self, now_ms: f64) {
        self.lanes().for_each(|lane| lane.worker.abandon(now_ms));
    }

    /// See [`Worker::handle_tick`].
    pub fn handle_tick(&mut self, now: Now, random: f64) {
        self.timer_ms = None;
        if let Some(metrics) = &mut self.metrics
            && metrics.due_ms.is_some_and(|due| due <= now.ms)
        {
            metrics.collect(now);
        }
        for lane in self.lanes() {
            // Each says again when it wants to be woken, if it does.
            lane.wake_ms = None;
            lane.worker.handle_tick(now.ms, random);
        }
    }

    /// See [`Worker::handle_response`].
    pub fn handle_response(&mut self, id: ExportId, outcome: Outcome, now_ms: f64, random: f64) {
        if let Some(lane) = self.lane(id) {
            lane.worker.handle_response(ExportId(id.0 & !METRICS), outcome, now_ms, random);
        }
    }

    /// See [`Worker::poll_output`].
    #[must_use = "what is not done is never asked for again"]
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some((id, result)) = self.flushed.pop() {
                return Some(Output::FlushDone { ids: vec![id], result });
            }
            let Some((is_metrics, output)) = self.poll_lane() else { break };
            let tag = if is_metrics { METRICS } else { 0 };
            match output {
                Output::WakeAt(at_ms) => {
                    if let Some(lane) = self.lane(ExportId(tag)) {
                        lane.wake_ms = at_ms;
                    }
                }
                Output::Cancel { id } => return Some(Output::Cancel { id: ExportId(id.0 | tag) }),
                Output::Send { id, attempt, records, body_len, deadline_ms } => {
                    let id = ExportId(id.0 | tag);
                    return Some(Output::Send { id, attempt, records, body_len, deadline_ms });
                }
                Output::FlushDone { ids, result } if self.metrics.is_some() => {
                    ids.into_iter().for_each(|id| self.note_flushed(id, result));
                }
                Output::ShutdownDone { result } if self.metrics.is_some() => match self.half_shut {
                    None => self.half_shut = Some(result),
                    Some(other) => return Some(Output::ShutdownDone { result: worse(result, other) }),
                },
                other => return Some(other),
            }
        }
        let due_ms = self.metrics.as_ref().and_then(|metrics| metrics.due_ms);
        let wake_ms = self.lanes().filter_map(|lane| lane.wake_ms).chain(due_ms).reduce(f64::min);
        if self.timer_ms == wake_ms {
            return None;
        }
        self.timer_ms = wake_ms;
        Some(Output::WakeAt(wake_ms))
    }

    /// The body of a request that has no outcome yet.
    #[must_use]
    pub fn body(&self, id: ExportId) -> Vec<u8> {
        let lane = match (&self.metrics, id.signal()) {
            (Some(metrics), Signal::Metrics) => &metrics.lane,
            _ => &self.logs,
        };
        lane.envelope.body(lane.worker.records(ExportId(id.0 & !METRICS)))
    }

    /// Returns what became of the log records so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.logs.worker.stats()
    }

    /// Returns what became of the metrics, if there are to be any. An instrument's values of one interval are one.
    #[must_use]
    pub fn metrics_stats(&self) -> Option<Stats> {
        self.metrics.as_ref().map(|metrics| metrics.lane.worker.stats())
    }

    fn lanes(&mut self) -> impl Iterator<Item = &mut Lane> {
        let metrics = self.metrics.as_mut().map(|metrics| &mut metrics.lane);
        std::iter::once(&mut self.logs).chain(metrics)
    }

    fn lane(&mut self, id: ExportId) -> Option<&mut Lane> {
        match id.signal() {
            Signal::Logs => Some(&mut self.logs),
            Signal::Metrics => self.metrics.as_mut().map(|metrics| &mut metrics.lane),
        }
    }

    fn poll_lane(&mut self) -> Option<(bool, Output)> {
        if let Some(output) = self.logs.worker.poll_output() {
            return Some((false, output));
        }
        Some((true, self.metrics.as_mut()?.lane.worker.poll_output()?))
    }

    /// A flush is done when both workers are done with it.
    fn note_flushed(&mut self, id: FlushId, result: FlushResult) {
        match self.half_flushed.iter().position(|(other, _)| *other == id) {
            None => self.half_flushed.push((id, result)),
            Some(at) => {
                let (id, other) = self.half_flushed.remove(at);
                self.flushed.push((id, worse(result, other)));
            }
        }
    }
}

fn worse(one: FlushResult, other: FlushResult) -> FlushResult {
    [FlushResult::TimedOut, FlushResult::Failed]
        .into_iter()
        .find(|bad| [one, other].contains(bad))
        .unwrap_or(FlushResult::Exported)
}
