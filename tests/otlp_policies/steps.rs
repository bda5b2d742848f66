//! A worker in simulated time, step by step.

use streamgauge::otlp::queue::{Overhead, Stats};
use streamgauge::otlp::retry::Outcome;
use streamgauge::otlp::worker::Worker;
use streamgauge::otlp::{ExportId, Output, WorkerOptions};

pub(super) enum Step {
    /// So many records of so many bytes.
    Push(usize, usize),
    Tick,
    Took(u32),
    Reply(u32, Outcome),
    Flush,
    FlushIn(f64),
    Shutdown,
    ShutdownIn(f64),
    /// Budget, and whether to send again what is in flight.
    Unload(usize, bool),
    Abandon,
}
use Step::*;

pub(super) type Row<'a> = (f64, Step, &'a str);

/// Small numbers: batches of 3, bodies of at most 100 bytes: 10 for each, 1 for each record.
pub(super) fn small() -> WorkerOptions {
    WorkerOptions {
        max_queue_size: 8,
        max_queue_bytes: 300,
        max_export_batch_size: 3,
        max_request_bytes: 100,
        overhead: Overhead { request: 10, record: 1 },
        ..WorkerOptions::default()
    }
}

pub(super) fn outputs(worker: &mut Worker) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(output) = worker.poll_output() {
        said.push(match output {
            Output::Cancel { id } => format!("cancel {}", id.0),
            Output::FlushDone { ids, result } => {
                let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
                format!("flush {} {}", ids.join("+"), result.as_str())
            }
            Output::Send { id, attempt, records, body_len, deadline_ms } => {
                let bytes = worker.records(id).map(<[u8]>::len).sum();
                assert_eq!(worker.records(id).len(), records);
                assert_eq!(small().overhead.body_len(records, bytes), body_len);
                let again = if attempt > 1 { format!(" try {attempt}") } else { String::new() };
                format!("send {} x{records} by {deadline_ms}{again}", id.0)
            }
            Output::ShutdownDone { result } => format!("closed {}", result.as_str()),
            Output::WakeAt(Some(at)) => format!("wake {at}"),
            Output::WakeAt(None) => "wake -".into(),
        });
    }
    said
}

/// Does the steps, each at its time, and compares what the worker wants after each. Random numbers are all 0.5.
pub(super) fn run(options: WorkerOptions, table: &[Row<'_>]) -> Stats {
    let mut worker = Worker::new(options).unwrap();
    for (row, (now, step, expected)) in table.iter().enumerate() {
        let (now, mut said) = (*now, Vec::new());
        match step {
            Push(count, size) => {
                for _ in 0..*count {
                    if let Err(reason) = worker.push(vec![b'x'; *size], now) {
                        said.push(reason.as_str().to_owned());
                    }
                }
            }
            Tick => worker.handle_tick(now, 0.5),
            Took(id) => worker.handle_response(ExportId(*id), Outcome::Success, now, 0.5),
            Reply(id, outcome) => worker.handle_response(ExportId(*id), outcome.clone(), now, 0.5),
            Flush => drop(worker.flush(None, now)),
            FlushIn(timeout) => drop(worker.flush(Some(*timeout), now)),
            Shutdown => worker.shutdown(None, now),
            ShutdownIn(timeout) => worker.shutdown(Some(*timeout), now),
            Unload(budget, again) => {
                for batch in worker.take_for_unload(*budget, *again, now) {
                    assert_eq!(worker.records(batch.id).len(), batch.records);
                    said.push(format!("unload {} x{} {} B", batch.id.0, batch.records, batch.body_len));
                }
            }
            Abandon => worker.abandon(now),
        }
        said.extend(outputs(&mut worker));
        assert_eq!(said.join("; "), *expected, "row {row}, at {now} ms");
    }
    worker.stats()
}
