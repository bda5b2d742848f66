//! A host that does what the worker says, and checks that it may say so.

use std::collections::{BTreeMap, BTreeSet};

use streamgauge::otlp::retry::Outcome;
use streamgauge::otlp::worker::Worker;
use streamgauge::otlp::{ExportId, FlushId, FlushResult, Output, WorkerOptions};

use crate::splits::Rng;

/// What a scripted server does with a request (its records, its length, the time): after how long the host hears of
/// it, and what. `None`: never.
pub(super) type Server<'s> = Box<dyn FnMut(&[u32], usize, f64, &mut Rng) -> Answer + 's>;
pub(super) type Answer = Option<(f64, Outcome)>;

pub(super) struct Request {
    pub(super) records: Vec<u32>,
    /// When the answer comes, and which.
    pub(super) reply: Option<(f64, Outcome)>,
    pub(super) unload: bool,
}

pub(super) struct PendingFlush {
    pub(super) covered: BTreeSet<u32>,
    /// How many of them were lost without an answer before.
    pub(super) lost: usize,
    pub(super) deadline: f64,
}

/// A host that does what the worker says, and checks that it may say so.
pub(super) struct Host<'s> {
    pub(super) worker: Worker,
    pub(super) options: WorkerOptions,
    pub(super) rng: Rng,
    pub(super) server: Server<'s>,
    pub(super) now: f64,
    pub(super) timer: Option<f64>,
    pub(super) requests: BTreeMap<ExportId, Request>,
    pub(super) pushed: u64,
    pub(super) refused: u64,
    pub(super) accepted: BTreeSet<u32>,
    /// Records whose outcome the worker was told, with nothing more to come.
    pub(super) settled: BTreeSet<u32>,
    pub(super) flushes: BTreeMap<FlushId, PendingFlush>,
    pub(super) flush_results: BTreeMap<FlushId, FlushResult>,
    pub(super) shutdown_by: Option<f64>,
    pub(super) closed: Option<(f64, FlushResult)>,
    pub(super) sends: u64,
    pub(super) max_queued: usize,
}

impl<'s> Host<'s> {
    pub(super) fn new(
        options: WorkerOptions,
        seed: u64,
        server: impl FnMut(&[u32], usize, f64, &mut Rng) -> Answer + 's,
    ) -> Self {
        Self {
            worker: Worker::new(options.clone()).unwrap(),
            options,
            rng: Rng::new(seed),
            server: Box::new(server),
            now: 0.0,
            timer: None,
            requests: BTreeMap::new(),
            pushed: 0,
            refused: 0,
            accepted: BTreeSet::new(),
            settled: BTreeSet::new(),
            flushes: BTreeMap::new(),
            flush_results: BTreeMap::new(),
            shutdown_by: None,
            closed: None,
            sends: 0,
            max_queued: 0,
        }
    }

    pub(super) fn random(&mut self) -> f64 {
        (self.rng.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A record whose first four bytes say which it is.
    pub(super) fn push(&mut self, padding: usize) {
        let number = u32::try_from(self.pushed).unwrap();
        self.pushed += 1;
        let mut record = number.to_le_bytes().to_vec();
        record.resize(4 + padding, 0);
        match self.worker.push(record, self.now) {
            Ok(()) => assert!(self.accepted.insert(number)),
            Err(_) => self.refused += 1,
        }
        self.drain();
    }

    pub(super) fn flush(&mut self, timeout: f64) -> FlushId {
        let lost = self.accepted.len() - self.settled.len() - self.worker.stats().queued;
        let id = self.worker.flush(Some(timeout), self.now);
        let covered = self.accepted.clone();
        self.flushes.insert(id, PendingFlush { covered, lost, deadline: self.now + timeout });
        self.drain();
        id
    }

    pub(super) fn shutdown(&mut self, timeout: f64) {
        self.worker.shutdown(Some(timeout), self.now);
        self.shutdown_by.get_or_insert(self.now + timeout);
        self.drain();
    }

    pub(super) fn unload(&mut self, budget: usize, resend: bool) {
        let batches = self.worker.take_for_unload(budget, resend, self.now);
        // The worker's cancels come first, as the host would do it.
        let cancelled: Vec<ExportId> = self
            .requests
            .iter()
            .filter(|(_, request)| resend && !request.unload)
            .map(|(id, _)| *id)
            .collect();
        for id in cancelled {
            self.requests.remove(&id);
        }
        assert!(batches.iter().map(|batch| batch.body_len).sum::<usize>() <= budget);
        for batch in batches {
            self.send(batch.id, batch.body_len, true);
        }
        self.drain();
    }

    pub(super) fn send(&mut self, id: ExportId, body_len: usize, unload: bool) {
        let mut records = Vec::new();
        let mut bytes = 0;
        for record in self.worker.records(id) {
            records.push(u32::from_le_bytes(record[..4].try_into().unwrap()));
            bytes += record.len();
        }
        assert!(!records.is_empty() && records.len() <= self.options.max_export_batch_size);
        assert!(records.is_sorted(), "oldest first");
        assert_eq!(body_len, self.options.overhead.body_len(records.len(), bytes));
        assert!(body_len <= self.options.max_request_bytes, "{body_len} bytes");
        for number in &records {
            assert!(
                self.accepted.contains(number) && !self.settled.contains(number),
                "record {number} twice"
            );
            let elsewhere = self.requests.values().any(|request| request.records.contains(number));
            assert!(!elsewhere, "record {number} in two requests");
        }
        if !unload {
            assert!(self.requests.is_empty(), "a second request");
        }
        self.sends += 1;
        let reply = (self.server)(&records, body_len, self.now, &mut self.rng);
        let reply = reply.map(|(delay, outcome)| (self.now + delay, outcome));
        let known = self.requests.insert(id, Request { records, reply, unload });
        assert!(known.is_none());
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.worker.poll_output() {
            match output {
                Output::Cancel { id } => drop(self.requests.remove(&id)),
                Output::FlushDone { ids, result } => {
                    for id in ids {
                        assert_eq!(self.flush_results.insert(id, result), None, "a flush ended twice");
                    }
                }
                Output::Send { id, body_len, deadline_ms, .. } => {
                    assert!(deadline_ms <= self.now + self.options.export_timeout_ms);
                    self.send(id, body_len, false);
                }
                Output::ShutdownDone { result } => {
                    assert_eq!(self.closed.replace((self.now, result)), None, "closed twice");
                }
                Output::WakeAt(at) => self.timer = at,
            }
        }
        self.check();
    }

    pub(super) fn check(&mut self) {
        let stats = self.worker.stats();
        assert_eq!(
            self.pushed,
            stats.exported + stats.rejected + stats.dropped.total() + stats.queued as u64,
            "every record is somewhere: {stats:?}"
        );
        let in_flight: usize = self.requests.values().map(|request| request.records.len()).sum();
        assert_eq!(stats.in_flight, in_flight);
        assert!(
            stats.queued <= self.options.max_queue_size && stats.queued_bytes <= self.options.max_queue_bytes
        );
        assert!(stats.requests == self.sends && stats.retried < self.sends.max(1));
        self.max_queued = self.max_queued.max(stats.queued);
        assert_eq!(self.timer.is_some(), stats.queued > 0, "a timer if and only if there is something to do");
        assert!(self.timer.is_none_or(|at| at >= self.now), "a timer in the past");
        assert_eq!(self.closed.is_some(), self.worker.is_closed());
        if let Some((at, result)) = self.closed {
            assert_eq!(stats.queued, 0);
            assert!(self.requests.is_empty());
            assert!(
                self.shutdown_by.is_some_and(|by| at <= by),
                "closed at {at}, not by {:?}",
                self.shutdown_by
            );
            assert!(result != FlushResult::Exported || self.flush_results.len() == self.flushes.len());
        }
        for (id, flush) in &self.flushes {
            match self.flush_results.get(id) {
                Some(FlushResult::Exported) => {
                    let left = flush.covered.difference(&self.settled).count();
                    assert_eq!(left, flush.lost, "flush {id:?} is not done");
                }
                Some(FlushResult::Failed) => assert!(stats.dropped.total() > 0),
                // A closing worker ends all flushes, this one's records or not.
                Some(FlushResult::TimedOut) => assert!(self.now >= flush.deadline || self.closed.is_some()),
                None => assert!(self.now < flush.deadline && stats.queued > 0, "flush {id:?} is overdue"),
            }
        }
        self.flushes.retain(|id, _| !self.flush_results.contains_key(id));
        self.flush_results.clear();
    }

    /// Lets time pass, with all that happens in it.
    pub(super) fn run_until(&mut self, end: f64) {
        loop {
            let next_reply = self
                .requests
                .iter()
                .filter_map(|(id, request)| Some((request.reply.as_ref()?.0, *id)))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            let timer = self.timer.unwrap_or(f64::INFINITY);
            match next_reply {
                Some((at, id)) if at <= timer && at <= end => {
                    self.now = at;
                    let request = self.requests.remove(&id).unwrap();
                    let Some((_, outcome)) = request.reply else { unreachable!() };
                    let is_final = match &outcome {
                        Outcome::Success | Outcome::PartialSuccess { .. } => true,
                        Outcome::Fatal { too_large, .. } => !too_large || request.records.len() == 1,
                        _ => false,
                    };
                    if is_final {
                        for number in request.records {
                            assert!(self.settled.insert(number), "record {number} ended twice");
                        }
                    }
                    let random = self.random();
                    self.worker.handle_response(id, outcome, at, random);
                }
                _ if timer <= end => {
                    self.now = timer;
                    self.timer = None;
                    let random = self.random();
                    self.worker.handle_tick(timer, random);
                    self.drain();
                    assert!(self.timer.is_none_or(|at| at > self.now), "a tick changes something");
                }
                _ => break,
            }
            self.drain();
        }
        self.now = end;
    }
}
