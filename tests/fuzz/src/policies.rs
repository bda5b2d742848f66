//! The batch worker with a host that does anything at any time, late timers and answers to no question included:
//! every record is in one place of the account and is settled once, requests are within the limits, everybody who
//! waits is told once.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use streamgauge::otlp::queue::{Overhead, Stats};
use streamgauge::otlp::retry::{Outcome, RetryOptions};
use streamgauge::otlp::worker::Worker;
use streamgauge::otlp::{ExportId, FlushId, Output, WorkerOptions};

/// Input: options, and what happens.
pub fn check(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    let Ok(options) = options(&mut bytes) else { return };
    let Ok(worker) = Worker::new(options.clone()) else { return };
    let mut host = Host {
        worker,
        options,
        now: 0.0,
        timer: None,
        pushed: 0,
        waiting: BTreeSet::new(),
        requests: BTreeMap::new(),
        settled: 0,
        flushes: BTreeSet::new(),
        is_closed: false,
        last_attempt: None,
    };
    while !bytes.is_empty() {
        if host.step(&mut bytes).is_err() {
            break;
        }
        host.check();
    }
    host.wind_up();
}

fn options(bytes: &mut Unstructured<'_>) -> Result<WorkerOptions> {
    let max_queue_size = bytes.int_in_range(1..=20)?;
    let overhead = Overhead { request: bytes.int_in_range(0..=50)?, record: bytes.int_in_range(0..=6)? };
    let max_request_bytes = overhead.body_len(1, bytes.int_in_range(1..=100)?);
    Ok(WorkerOptions {
        max_queue_size,
        max_export_batch_size: bytes.int_in_range(1..=max_queue_size)?,
        max_request_bytes,
        max_queue_bytes: max_request_bytes + bytes.int_in_range(0..=400)?,
        scheduled_delay_ms: *bytes.choose(&[0.0, 100.0, 1_000.0])?,
        export_timeout_ms: *bytes.choose(&[1.0, 50.0, 10_000.0])?,
        flush_timeout_ms: *bytes.choose(&[0.0, 30.0, 30_000.0])?,
        shutdown_timeout_ms: *bytes.choose(&[0.0, 30.0, 10_000.0])?,
        retry: RetryOptions {
            max_elapsed_ms: *bytes.choose(&[None, Some(0.0), Some(500.0)])?,
            initial_ms: *bytes.choose(&[1.0, 1_000.0])?,
            ..RetryOptions::default()
        },
        overhead,
    })
}

struct Host {
    worker: Worker,
    options: WorkerOptions,
    now: f64,
    timer: Option<f64>,
    /// Records are numbered, and begin with their number.
    pushed: u32,
    /// Those that were taken and are in no request.
    waiting: BTreeSet<u32>,
    /// Those that wait for an answer, and whether they are a page's last ones.
    requests: BTreeMap<ExportId, (Vec<u32>, bool)>,
    settled: u64,
    /// Those that were promised an answer.
    flushes: BTreeSet<FlushId>,
    is_closed: bool,
    /// The records of the last request but those of a page that goes away, and which attempt it was.
    last_attempt: Option<(Vec<u32>, u32)>,
}

impl Host {
    fn step(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        match bytes.int_in_range(0..=15)? {
            0..=5 => self.push(bytes.int_in_range(0..=110)?),
            6 | 7 => self.now += *bytes.choose(&[0.0, 1.0, 49.0, 50.0, 100.0, 999.0, 5_000.0, 40_000.0])?,
            8 => self.now = self.timer.unwrap_or(self.now).max(self.now),
            9 | 10 => {
                self.timer = None;
                self.worker.handle_tick(self.odd_time(bytes)?, random(bytes)?);
            }
            11 | 12 => {
                let id = if bytes.ratio(1_u8, 10_u8)? {
                    ExportId(bytes.int_in_range(0..=9)?)
                } else {
                    let at = bytes.int_in_range(0..=3_usize)?;
                    self.requests.keys().nth(at).copied().unwrap_or(ExportId(0))
                };
                let outcome = outcome(bytes)?;
                self.answer(id, outcome, random(bytes)?);
            }
            13 => {
                let timeout = timeout(bytes)?;
                let id = self.worker.flush(timeout, self.now);
                assert!(self.flushes.insert(id), "a flush's id is its own");
            }
            14 => self.unload(bytes)?,
            _ if bytes.ratio(1_u8, 4_u8)? => {
                let timeout = timeout(bytes)?;
                self.worker.shutdown(timeout, self.now);
            }
            _ => {
                self.worker.abandon(self.now);
                self.waiting.clear();
            }
        }
        self.drain();
        Ok(())
    }

    /// Mostly the time, else one that no clock would give.
    fn odd_time(&self, bytes: &mut Unstructured<'_>) -> Result<f64> {
        Ok(*bytes.choose(&[
            self.now,
            self.now,
            self.now,
            self.now,
            f64::NAN,
            f64::NEG_INFINITY,
            self.now - 5.0,
        ])?)
    }

    fn push(&mut self, padding: usize) {
        let number = self.pushed;
        self.pushed += 1;
        let mut record = number.to_le_bytes().to_vec();
        record.resize(4 + padding, b'x');
        if self.worker.push(record, self.now).is_ok() {
            self.waiting.insert(number);
        }
    }

    fn answer(&mut self, id: ExportId, outcome: Outcome, random: f64) {
        // What a failure does to the records shows in the account, and in whether they come again.
        let is_settled = match &outcome {
            Outcome::Success | Outcome::PartialSuccess { .. } => true,
            _ => false,
        };
        let before = self.worker.stats();
        self.worker.handle_response(id, outcome, self.now, random);
        let after = self.worker.stats();
        let Some((records, _)) = self.requests.remove(&id) else {
            let answered = |stats: &Stats| (stats.exported, stats.rejected, stats.dropped.fatal);
            assert_eq!(answered(&before), answered(&after), "an answer to no question");
            return;
        };
        if is_settled {
            self.settled += records.len() as u64;
        } else {
            self.waiting.extend(records);
        }
    }

    fn unload(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        let (budget, resend) = (bytes.int_in_range(0..=600)?, bytes.arbitrary()?);
        let batches = self.worker.take_for_unload(budget, resend, self.now);
        // The ones to be cancelled first, for their records are in these again.
        self.drain();
        let mut left = budget;
        for batch in batches {
            assert!(batch.body_len <= left, "the budget");
            left -= batch.body_len;
            self.take(batch.id, batch.records, batch.body_len, true);
        }
        Ok(())
    }

    fn take(&mut self, id: ExportId, count: usize, body_len: usize, is_unload: bool) -> Vec<u32> {
        let bodies: Vec<&[u8]> = self.worker.records(id).collect();
        assert!(count > 0 && bodies.len() == count && count <= self.options.max_export_batch_size);
        let bytes = bodies.iter().map(|body| body.len()).sum();
        assert_eq!(self.options.overhead.body_len(count, bytes), body_len);
        assert!(body_len <= self.options.max_request_bytes);
        let number = |body: &&[u8]| u32::from_le_bytes(*body.first_chunk::<4>().unwrap());
        let numbers: Vec<u32> = bodies.iter().map(number).collect();
        assert!(numbers.is_sorted(), "the oldest first");
        for number in &numbers {
            assert!(
                self.waiting.remove(number),
                "record {number} is in a request, or was never taken, or is settled"
            );
        }
        assert!(
            self.requests.insert(id, (numbers.clone(), is_unload)).is_none(),
            "a request's id is its own"
        );
        numbers
    }

    fn drain(&mut self) {
        while let Some(output) = self.worker.poll_output() {
            match output {
                Output::Cancel { id } => {
                    let (records, _) =
                        self.requests.remove(&id).expect("a request that waits for its answer");
                    self.waiting.extend(records);
                }
                Output::FlushDone { ids, .. } => {
                    assert!(!ids.is_empty());
                    ids.iter().for_each(|id| assert!(self.flushes.remove(id), "a flush is answered once"));
                }
                Output::Send { id, attempt, records, body_len, deadline_ms } => {
                    assert!(!self.is_closed && deadline_ms >= 0.0);
                    // A cancelled one is gone before the next comes.
                    assert!(self.requests.is_empty(), "one request at a time");
                    let numbers = self.take(id, records, body_len, false);
                    if attempt > 1 {
                        let (last, before) = self.last_attempt.as_ref().expect("the attempt before");
                        assert!(*last == numbers && before + 1 == attempt, "the same records once more");
                    }
                    self.last_attempt = Some((numbers, attempt));
                }
                Output::ShutdownDone { .. } => {
                    assert!(!std::mem::replace(&mut self.is_closed, true), "a shutdown ends once");
                }
                Output::WakeAt(at) => {
                    assert_ne!(self.timer, at, "a timer that is set already");
                    self.timer = at;
                }
            }
        }
    }

    fn check(&self) {
        let stats = self.worker.stats();
        let (queued, gone) = places(&stats);
        assert_eq!(u64::from(self.pushed), queued + gone, "every record is in one place: {stats:?}");
        assert_eq!(stats.exported + stats.rejected, self.settled);
        assert!(
            stats.queued <= self.options.max_queue_size && stats.queued_bytes <= self.options.max_queue_bytes
        );
        let in_flight: usize = self.requests.values().map(|(records, _)| records.len()).sum();
        assert_eq!(stats.in_flight, in_flight);
        assert!(stats.queued >= in_flight && self.waiting.len() + in_flight >= stats.queued);
        assert_eq!(
            self.timer.is_some(),
            stats.queued > 0,
            "a timer if and only if there is something to wait for"
        );
        assert_eq!(self.is_closed, self.worker.is_closed());
        assert!(
            !self.is_closed || (stats.queued == 0 && self.flushes.is_empty() && self.requests.is_empty())
        );
        assert!(stats.queued > 0 || self.flushes.is_empty(), "nothing is left to wait for");
    }

    /// From here on the host is punctual and the server well: everything comes to its end.
    fn wind_up(mut self) {
        self.worker.shutdown(None, self.now);
        self.drain();
        let mut steps = 0;
        while !self.is_closed {
            self.check();
            match self.requests.keys().next().copied() {
                Some(id) => self.answer(id, Outcome::Success, 0.5),
                None => {
                    self.now = self.now.max(self.timer.take().expect("something to wait for"));
                    self.worker.handle_tick(self.now, 0.5);
                }
            }
            self.drain();
            steps += 1;
            assert!(steps < 1000, "a shutdown that does not end");
        }
        self.check();
    }
}

/// How many records are held, and how many are gone.
fn places(stats: &Stats) -> (u64, u64) {
    (stats.queued as u64, stats.exported + stats.rejected + stats.dropped.total())
}

fn random(bytes: &mut Unstructured<'_>) -> Result<f64> {
    Ok(f64::from(bytes.arbitrary::<u8>()?) / 256.0)
}

fn timeout(bytes: &mut Unstructured<'_>) -> Result<Option<f64>> {
    Ok(*bytes.choose(&[
        None,
        Some(0.0),
        Some(50.0),
        Some(60_000.0),
        Some(f64::NAN),
        Some(-1.0),
        Some(f64::INFINITY),
    ])?)
}

fn outcome(bytes: &mut Unstructured<'_>) -> Result<Outcome> {
    let message = || "x".to_owned();
    Ok(match bytes.int_in_range(0..=6)? {
        0 => Outcome::Success,
        1 => Outcome::PartialSuccess { rejected: bytes.int_in_range(0..=30)?, message: String::new() },
        2 => Outcome::Fatal { message: message(), too_large: false },
        3 => Outcome::Fatal { message: message(), too_large: true },
        4 => Outcome::Disconnected { message: message() },
        5 => Outcome::Timeout,
        _ => Outcome::Retryable {
            message: message(),
            server_delay_ms: *bytes.choose(&[
                None,
                Some(0.0),
                Some(2_000.0),
                Some(1e12),
                Some(f64::NAN),
                Some(-3.0),
            ])?,
        },
    })
}
