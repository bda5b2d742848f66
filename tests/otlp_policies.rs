//! The batch worker's policies: what an answer means, tables in simulated time, and a simulation of random hosts and
//! servers that checks what must hold whatever happens.

#![cfg(feature = "otel")]

#[path = "support/splits.rs"]
mod splits;

use std::collections::{BTreeMap, BTreeSet};

use splits::Rng;
use streamgauge::error::ErrorCode;
use streamgauge::otlp::queue::{DropReason, Dropped, KeepaliveBudget, Overhead, Stats};
use streamgauge::otlp::retry::{
    Outcome, RetryOptions, classify_grpc, classify_http, classify_network, classify_sink, retry_after_ms,
};
use streamgauge::otlp::worker::Worker;
use streamgauge::otlp::{ExportId, FlushId, FlushResult, Output, WorkerOptions};

// ---- what an answer means ----

/// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
const RFC_DATE_MS: f64 = 784_111_777_000.0;

#[test]
fn http_statuses() {
    let later =
        |message: &str, server_delay_ms| Outcome::Retryable { message: message.into(), server_delay_ms };
    let fatal = |message: &str, too_large| Outcome::Fatal { message: message.into(), too_large };
    let table = [
        (200, None, "", Outcome::Success),
        (204, None, "", Outcome::Success),
        (299, Some("5"), "", Outcome::Success),
        (429, None, "", later("HTTP 429", None)),
        (429, Some("7"), " slow down\n", later("HTTP 429: slow down", Some(7_000.0))),
        (502, Some("soon"), "", later("HTTP 502", None)),
        (503, Some("Sun, 06 Nov 1994 08:49:40 GMT"), "", later("HTTP 503", Some(3_000.0))),
        (504, Some("0"), "", later("HTTP 504", Some(0.0))),
        (413, None, "", fatal("HTTP 413", true)),
        (0, None, "", fatal("HTTP 0", false)),
        (301, None, "", fatal("HTTP 301", false)),
        (400, Some("7"), "bad time", fatal("HTTP 400: bad time", false)),
        (401, None, "", fatal("HTTP 401", false)),
        (404, None, "", fatal("HTTP 404", false)),
        (408, None, "", fatal("HTTP 408", false)),
        (500, Some("7"), "", fatal("HTTP 500", false)),
        (501, None, "", fatal("HTTP 501", false)),
    ];
    for (status, retry_after, message, expected) in table {
        assert_eq!(classify_http(status, retry_after, message, RFC_DATE_MS), expected, "{status}");
    }
    let expected = Outcome::Disconnected { message: "no answer: ECONNREFUSED".into() };
    assert_eq!(classify_network("ECONNREFUSED"), expected);
}

#[test]
fn sinks_that_fail() {
    let message = "the sink failed: boom".to_owned();
    assert_eq!(
        classify_sink("boom", true),
        Outcome::Retryable { message: message.clone(), server_delay_ms: None }
    );
    assert_eq!(classify_sink(" boom\n", false), Outcome::Fatal { message, too_large: false });
}

#[test]
fn retry_after_forms() {
    let table = [
        ("0", Some(0.0)),
        (" 120 ", Some(120_000.0)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0.0)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000.0)),
        ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60_000.0)),
        ("Sun Nov  6 08:50:37 1994", Some(60_000.0)),
        // In the past: at once.
        ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0.0)),
        // 2044 is not more than 50 years ahead of 1994, 2045 is: 1945.
        ("Sunday, 06-Nov-44 08:49:37 GMT", Some(2_362_034_977_000.0 - RFC_DATE_MS)),
        ("Monday, 06-Nov-45 08:49:37 GMT", Some(0.0)),
        // A leap day, the day after one, and the end of a year.
        ("Thu, 29 Feb 1996 00:00:00 GMT", Some(825_552_000_000.0 - RFC_DATE_MS)),
        ("Wed, 01 Mar 2000 00:00:00 GMT", Some(951_868_800_000.0 - RFC_DATE_MS)),
        ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800_000.0 - RFC_DATE_MS)),
        ("Tue, 19 Jan 2038 03:14:08 GMT", Some(2_147_483_648_000.0 - RFC_DATE_MS)),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("Sun, 06 Nov 1994 08:49:37 CET", None),
        ("Sun, 06 Nov 1994 08:49 GMT", None),
        ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37:00 GMT", None),
        ("Sun, 00 Nov 1994 08:49:37 GMT", None),
        ("Sun, +6 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nob 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999999999999999999 08:49:37 GMT", None),
    ];
    for (value, expected) in table {
        assert_eq!(retry_after_ms(value, RFC_DATE_MS), expected, "{value:?}");
    }
    assert!(retry_after_ms(&"9".repeat(400), 0.0).is_some_and(f64::is_infinite), "the worker has a limit");
}

#[test]
fn grpc_statuses() {
    let retried = [1, 4, 10, 11, 14, 15];
    for code in 0..=17 {
        let name = |outcome| match outcome {
            Outcome::Success => "ok",
            Outcome::Retryable { server_delay_ms: None, .. } => "later",
            Outcome::Retryable { server_delay_ms: Some(250.0), .. } => "later, in 250 ms",
            Outcome::Fatal { too_large: false, .. } => "fatal",
            other => panic!("{other:?}"),
        };
        let (plain, with_delay) = match code {
            0 => ("ok", "ok"),
            8 => ("fatal", "later, in 250 ms"),
            _ if retried.contains(&code) => ("later", "later, in 250 ms"),
            _ => ("fatal", "fatal"),
        };
        assert_eq!(name(classify_grpc(code, "quota", None)), plain, "{code}");
        assert_eq!(name(classify_grpc(code, "quota", Some(250.0))), with_delay, "{code}");
    }

    let too_large = [
        (11, "Error, decoded message length too large: found 5243390 bytes, the limit is: 4194304 bytes"),
        (8, "grpc: received message larger than max (5243390 vs. 4194304)"),
        (8, "Received message larger than max (5243390 vs 4194304)"),
        (8, "gRPC message exceeds maximum size 4194304: 5243390"),
    ];
    for (code, message) in too_large {
        for delay in [None, Some(1.0)] {
            let Outcome::Fatal { message: told, too_large: true } = classify_grpc(code, message, delay)
            else {
                panic!("{message}")
            };
            assert!(told.starts_with("gRPC status ") && told.ends_with(message), "{told}");
        }
    }
    assert!(matches!(classify_grpc(3, "too large", None), Outcome::Fatal { too_large: false, .. }));
    let Outcome::Retryable { message, .. } = classify_grpc(14, "", None) else { panic!() };
    assert_eq!(message, "gRPC status 14 UNAVAILABLE");
}

// ---- options ----

#[test]
fn options_name_the_bad_key() {
    fn of(change: impl FnOnce(&mut WorkerOptions)) -> WorkerOptions {
        let mut options = WorkerOptions::default();
        change(&mut options);
        options
    }
    let table = [
        (of(|o| o.max_queue_size = 0), "max_queue_size must be at least 1"),
        (of(|o| o.max_export_batch_size = 0), "max_export_batch_size must be at least 1"),
        (
            of(|o| o.max_queue_size = 511),
            "max_export_batch_size (512) must not be larger than max_queue_size (511)",
        ),
        (
            of(|o| o.max_queue_bytes = 4_000_000),
            "max_request_bytes (4128768) must not be larger than max_queue_bytes (4000000)",
        ),
        (
            of(|o| (o.overhead, o.max_request_bytes) = (Overhead { request: 100, record: 6 }, 106)),
            "max_request_bytes must be from 107 (a record of one byte) to 67108864, not 106",
        ),
        (
            of(|o| (o.max_request_bytes, o.max_queue_bytes) = (1 << 27, 1 << 28)),
            "max_request_bytes must be from",
        ),
        (
            of(|o| o.scheduled_delay_ms = -1.0),
            "scheduled_delay_ms must be milliseconds from 0 to 2147483647, not -1",
        ),
        (of(|o| o.export_timeout_ms = 0.0), "export_timeout_ms must be"),
        (of(|o| o.export_timeout_ms = 2_147_483_648.0), "export_timeout_ms must be"),
        (of(|o| o.flush_timeout_ms = f64::NAN), "flush_timeout_ms must be"),
        (of(|o| o.shutdown_timeout_ms = f64::INFINITY), "shutdown_timeout_ms must be"),
        (of(|o| o.retry.initial_ms = 0.0), "retry.initial_ms must be"),
        (of(|o| o.retry.factor = 0.5), "retry.factor must be a number from 1 to 100, not 0.5"),
        (of(|o| o.retry.factor = f64::NAN), "retry.factor must be"),
        (of(|o| o.retry.cap_ms = 999.0), "retry.cap_ms (999) must not be less than retry.initial_ms (1000)"),
        (of(|o| o.retry.max_elapsed_ms = Some(-1.0)), "retry.max_elapsed_ms must be"),
        (of(|o| o.retry.max_server_delay_ms = f64::NAN), "retry.max_server_delay_ms must be"),
    ];
    for (options, expected) in table {
        let error = Worker::new(options).expect_err(expected);
        assert_eq!(error.code, ErrorCode::BadOption);
        assert!(error.message.starts_with(expected), "{} instead of {expected}", error.message);
    }
    WorkerOptions::default().validate().expect("the defaults are fine");
}

// ---- tables in simulated time ----

enum Step {
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

type Row<'a> = (f64, Step, &'a str);

/// Small numbers: batches of 3, bodies of at most 100 bytes: 10 for each, 1 for each record.
fn small() -> WorkerOptions {
    WorkerOptions {
        max_queue_size: 8,
        max_queue_bytes: 300,
        max_export_batch_size: 3,
        max_request_bytes: 100,
        overhead: Overhead { request: 10, record: 1 },
        ..WorkerOptions::default()
    }
}

fn down() -> Outcome {
    classify_network("down")
}

fn later(server_delay_ms: f64) -> Outcome {
    Outcome::Retryable { message: "later".into(), server_delay_ms: Some(server_delay_ms) }
}

fn fatal() -> Outcome {
    classify_http(400, None, "no", 0.0)
}

fn too_large() -> Outcome {
    classify_http(413, None, "", 0.0)
}

fn partial(rejected: u64, message: &str) -> Outcome {
    Outcome::PartialSuccess { rejected, message: message.into() }
}

fn outputs(worker: &mut Worker) -> Vec<String> {
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
fn run(options: WorkerOptions, table: &[Row<'_>]) -> Stats {
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

#[test]
fn a_batch_waits_for_company_and_then_goes() {
    let stats = run(
        small(),
        &[
            (0.0, Tick, ""),
            (100.0, Push(1, 10), "wake 1100"),
            (600.0, Push(1, 10), ""),
            // Timers may fire early.
            (1_099.5, Tick, "wake 1100"),
            (1_100.0, Tick, "send 1 x2 by 11100; wake 11100"),
            // One at a time, though the batch is full.
            (1_150.0, Push(4, 10), ""),
            (1_200.0, Took(1), "send 2 x3 by 11200; wake 11200"),
            // The rest waits since 1150; nothing to do is no timer.
            (1_250.0, Took(2), "wake 2150"),
            (2_150.0, Tick, "send 3 x1 by 12150; wake 12150"),
            (2_200.0, Took(3), "wake -"),
            // A clock that goes backwards stands still; an id that is not known is nothing.
            (100.0, Push(1, 10), "wake 3200"),
            (3_000.0, Took(77), ""),
        ],
    );
    assert_eq!(
        stats,
        Stats {
            queued: 1,
            queued_bytes: 10,
            exported: 6,
            requests: 3,
            last_export_ms: Some(50.0),
            ..Stats::default()
        }
    );
}

#[test]
fn full_batches_go_at_once_by_count_and_by_size() {
    run(small(), &[(5.0, Push(3, 10), "send 1 x3 by 10005; wake 10005")]);
    // 10 + 2 * (1 + 44) = 100 is a full body, but a record may be empty: only the next one shows that it is full.
    run(
        small(),
        &[
            (0.0, Push(2, 44), "wake 1000"),
            (1.0, Push(1, 0), "send 1 x2 by 10001; wake 10001"),
            (2.0, Took(1), "wake 1001"),
            (3.0, Push(2, 60), "send 2 x2 by 10003; wake 10003"),
            (4.0, Took(2), "wake 1003"),
        ],
    );
    // A queue that fits into one request.
    let roomy = WorkerOptions { max_export_batch_size: 8, ..small() };
    run(roomy, &[(0.0, Push(8, 1), "send 1 x8 by 10000; wake 10000")]);
    // No delay at all.
    let eager = WorkerOptions { scheduled_delay_ms: 0.0, ..small() };
    run(eager, &[(0.0, Push(1, 1), "send 1 x1 by 10000; wake 10000")]);
}

#[test]
fn overflow_drops_the_newest() {
    let stats = run(
        small(),
        &[
            (0.0, Push(9, 10), "queue_full; send 1 x3 by 10000; wake 10000"),
            // A batch in flight still takes up room: it may come back.
            (1.0, Push(1, 10), "queue_full"),
            (2.0, Took(1), "send 2 x3 by 10002; wake 10002"),
            (3.0, Push(4, 10), "queue_full"),
            (4.0, Took(2), "send 3 x3 by 10004; wake 10004"),
        ],
    );
    assert_eq!((stats.queued, stats.in_flight, stats.exported), (5, 3, 6));
    assert_eq!(stats.dropped, Dropped { queue_full: 3, ..Dropped::default() });

    // By bytes; and 89 is the most that fits a request.
    let stats = run(
        small(),
        &[
            (0.0, Push(1, 90), "too_large"),
            (0.0, Push(4, 89), "queue_full; send 1 x1 by 10000; wake 10000"),
            (0.0, Push(1, 33), ""),
            (0.0, Push(1, 1), "queue_full"),
            (0.0, Push(1, 0), ""),
        ],
    );
    assert_eq!((stats.queued, stats.queued_bytes), (5, 300));
    assert_eq!(stats.dropped, Dropped { queue_full: 2, too_large: 1, ..Dropped::default() });
}

#[test]
fn retries_wait_longer_each_time_and_do_not_end() {
    let stats = run(
        small(),
        &[
            (0.0, Push(4, 10), "send 1 x3 by 10000; wake 10000"),
            // Half of 1 s, 2 s, 4 s, ..
            (100.0, Reply(1, down()), "wake 600"),
            // What is new does not go first.
            (200.0, Push(4, 10), ""),
            (600.0, Tick, "send 2 x3 by 10600 try 2; wake 10600"),
            (700.0, Reply(2, down()), "wake 1700"),
            (1_700.0, Tick, "send 3 x3 by 11700 try 3; wake 11700"),
            // Silence is a failure too.
            (11_700.0, Tick, "cancel 3; wake 13700"),
            // Its answer comes too late: the batch has its next turn.
            (11_800.0, Took(3), ""),
            (13_700.0, Tick, "send 4 x3 by 23700 try 4; wake 23700"),
            (13_700.0, Reply(4, Outcome::Timeout), "wake 17700"),
            (17_700.0, Tick, "send 5 x3 by 27700 try 5; wake 27700"),
            (17_700.0, Reply(5, down()), "wake 25700"),
            (25_700.0, Tick, "send 6 x3 by 35700 try 6; wake 35700"),
            (25_700.0, Reply(6, down()), "wake 40700"),
            (40_700.0, Tick, "send 7 x3 by 50700 try 7; wake 50700"),
            // The cap.
            (40_700.0, Reply(7, down()), "wake 55700"),
            (55_700.0, Tick, "send 8 x3 by 65700 try 8; wake 65700"),
            // It is back: everything goes, and the next failure begins anew.
            (55_800.0, Took(8), "send 9 x3 by 65800; wake 65800"),
            (55_900.0, Reply(9, down()), "wake 56400"),
            (56_400.0, Tick, "send 10 x3 by 66400 try 2; wake 66400"),
            (56_500.0, Took(10), "send 11 x2 by 66500; wake 66500"),
            (56_600.0, Took(11), "wake -"),
        ],
    );
    assert_eq!((stats.exported, stats.requests, stats.retried, stats.dropped.total()), (8, 11, 8, 0));
    assert_eq!(stats.last_error.as_deref(), Some("no answer: down"));
}

#[test]
fn the_wait_is_drawn_from_the_whole_range() {
    // (random, the wait after the first failure, after the second)
    let table = [
        (0.0, 100.0, 100.0),
        (0.05, 100.0, 100.0),
        (0.5, 500.0, 1_000.0),
        (0.999, 999.0, 1_998.0),
        // Not what was asked for: the middle.
        (1.0, 500.0, 1_000.0),
        (-3.0, 500.0, 1_000.0),
        (f64::NAN, 500.0, 1_000.0),
    ];
    for (random, first, second) in table {
        let mut worker = Worker::new(small()).unwrap();
        worker.push(vec![0; 10], 0.0).unwrap();
        worker.handle_tick(1_000.0, random);
        outputs(&mut worker);
        worker.handle_response(ExportId(1), down(), 1_000.0, random);
        assert_eq!(outputs(&mut worker), [format!("wake {}", 1_000.0 + first)], "{random}");
        worker.handle_tick(2_000.0, random);
        outputs(&mut worker);
        worker.handle_response(ExportId(2), down(), 2_000.0, random);
        assert_eq!(outputs(&mut worker), [format!("wake {}", 2_000.0 + second)], "{random}");
    }
    // A ceiling below the floor is the user's wish.
    let retry = RetryOptions { initial_ms: 20.0, ..RetryOptions::default() };
    run(
        WorkerOptions { retry, ..small() },
        &[(0.0, Push(3, 1), "send 1 x3 by 10000; wake 10000"), (0.0, Reply(1, down()), "wake 20")],
    );
}

#[test]
fn the_servers_delay_is_honoured() {
    run(
        small(),
        &[
            (0.0, Push(6, 10), "send 1 x3 by 10000; wake 10000"),
            // Ours, which grows to it, comes after it: half of 8 s.
            (0.0, Reply(1, later(8_000.0)), "wake 12000"),
            // A flush ends our own, and not even it may shorten the server's.
            (100.0, FlushIn(9_000.0), "wake 8000"),
            (8_000.0, Tick, "send 2 x3 by 18000 try 2; wake 9100"),
            (8_000.0, Reply(2, later(0.0)), ""),
            (9_100.0, Tick, "flush 1 timed_out; wake 16000"),
            (16_000.0, Tick, "send 3 x3 by 26000 try 3; wake 26000"),
            // A short one is no reason to hurry: half of the cap after it.
            (16_000.0, Reply(3, later(5.0)), "wake 31005"),
            (31_005.0, Tick, "send 4 x3 by 41005 try 4; wake 41005"),
            // Nor is a day believed.
            (31_005.0, Reply(4, later(86_400_000.0)), "wake 346005"),
            (346_005.0, Tick, "send 5 x3 by 356005 try 5; wake 356005"),
            (346_005.0, Reply(5, later(f64::INFINITY)), "wake 661005"),
            (661_005.0, Tick, "send 6 x3 by 671005 try 6; wake 671005"),
            (661_005.0, Reply(6, later(f64::NAN)), "wake 676005"),
        ],
    );
}

#[test]
fn a_retry_limit_drops_the_batch_that_would_pass_it() {
    let retry = RetryOptions { max_elapsed_ms: Some(3_500.0), ..RetryOptions::default() };
    let options = WorkerOptions { retry, ..small() };
    let stats = run(
        options.clone(),
        &[
            (0.0, Push(6, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Flush, ""),
            (200.0, Reply(1, down()), "wake 700"),
            (700.0, Tick, "send 2 x3 by 10700 try 2; wake 10700"),
            (1_000.0, Reply(2, down()), "wake 2000"),
            (2_000.0, Tick, "send 3 x3 by 12000 try 3; wake 12000"),
            // 2000 + 2000 passes the limit. The server is still as bad, so the next batch waits.
            (2_000.0, Reply(3, down()), "wake 4000"),
            (4_000.0, Tick, "send 4 x3 by 14000; wake 14000"),
            (4_100.0, Took(4), "flush 1 failed; wake -"),
        ],
    );
    assert_eq!(stats.dropped, Dropped { retries_exhausted: 3, ..Dropped::default() });
    assert_eq!(stats.exported, 3);
    // The server's delay counts as any other; at the limit is within it. Half of it is our own.
    run(
        options.clone(),
        &[(0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"), (0.0, Reply(1, later(2_000.0)), "wake 3000")],
    );
    let stats = run(
        options,
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Reply(1, later(2_400.0)), "wake -"),
            (1.0, Push(3, 10), "wake 3600"),
            (3_600.0, Tick, "send 2 x3 by 13600; wake 13600"),
        ],
    );
    assert_eq!(stats.dropped.retries_exhausted, 3);
}

#[test]
fn a_fatal_answer_drops_the_batch_and_the_next_one_goes() {
    let stats = run(
        small(),
        &[
            (0.0, Push(6, 10), "send 1 x3 by 10000; wake 10000"),
            (10.0, Reply(1, fatal()), "send 2 x3 by 10010; wake 10010"),
            (20.0, Took(2), "wake -"),
        ],
    );
    assert_eq!((stats.dropped.fatal, stats.exported), (3, 3));
    assert_eq!(stats.last_error.as_deref(), Some("HTTP 400: no"));
    // It is an answer: the back-off is over.
    run(
        small(),
        &[
            (0.0, Push(6, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Reply(1, down()), "wake 500"),
            (500.0, Tick, "send 2 x3 by 10500 try 2; wake 10500"),
            (500.0, Reply(2, fatal()), "send 3 x3 by 10500"),
            (500.0, Reply(3, down()), "wake 1000"),
        ],
    );
}

#[test]
fn a_batch_that_is_too_large_is_split() {
    // 10 + 3 * 21 = 73 bytes; the server takes 35: one record.
    let stats = run(
        small(),
        &[
            (0.0, Push(4, 20), "send 1 x3 by 10000; wake 10000"),
            (10.0, Reply(1, too_large()), "send 2 x1 by 10010; wake 10010"),
            (20.0, Took(2), "send 3 x1 by 10020; wake 10020"),
            // Alone and still too large.
            (30.0, Reply(3, too_large()), "send 4 x1 by 10030; wake 10030"),
            (40.0, Took(4), "wake 1000"),
            (1_000.0, Tick, "send 5 x1 by 11000; wake 11000"),
            (1_010.0, Took(5), "wake -"),
            // The queue has run empty: whole batches again.
            (1_020.0, Push(3, 20), "send 6 x3 by 11020; wake 11020"),
        ],
    );
    assert_eq!((stats.exported, stats.retried, stats.requests), (3, 0, 6));
    assert_eq!(stats.dropped, Dropped { too_large: 1, ..Dropped::default() });
}

#[test]
fn a_partial_success_is_not_retried() {
    let stats = run(
        small(),
        &[
            (0.0, Push(6, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Flush, ""),
            (1.0, Reply(1, partial(2, "no time")), "send 2 x3 by 10001; wake 10001"),
            (2.0, Reply(2, partial(99, "")), "flush 1 ok; wake -"),
        ],
    );
    assert_eq!((stats.exported, stats.rejected, stats.requests, stats.retried), (1, 5, 2, 0));
    assert_eq!(stats.last_warning.as_deref(), Some("the server rejected 99 of 3 records"));
    let table = [
        (partial(0, ""), None),
        (partial(0, "deprecated"), Some("deprecated")),
        (partial(1, "bad"), Some("the server rejected 1 of 3 records: bad")),
    ];
    for (outcome, warning) in table {
        let stats = run(
            small(),
            &[(0.0, Push(3, 1), "send 1 x3 by 10000; wake 10000"), (1.0, Reply(1, outcome), "wake -")],
        );
        assert_eq!(stats.last_warning.as_deref(), warning);
        assert_eq!(stats.last_error, None);
    }
}

#[test]
fn what_a_server_says_is_cut_short() {
    let stats = run(
        small(),
        &[
            (0.0, Push(3, 1), "send 1 x3 by 10000; wake 10000"),
            (
                1.0,
                Reply(1, Outcome::Fatal { message: format!("x{}", "ä".repeat(9_000)), too_large: false }),
                "wake -",
            ),
        ],
    );
    assert_eq!(stats.last_error, Some(format!("x{}", "ä".repeat(511))));
}

#[test]
fn a_flush_covers_what_was_pushed_before_it() {
    run(
        small(),
        &[
            (0.0, Flush, "flush 1 ok"),
            (0.0, Push(1, 10), "wake 1000"),
            (1.0, Flush, "send 1 x1 by 10001; wake 10001"),
            (2.0, Push(1, 10), ""),
            (3.0, Flush, ""),
            (4.0, Push(1, 10), ""),
            // The third goes along with the second; the first flush does not wait for them.
            (5.0, Took(1), "flush 2 ok; send 2 x2 by 10005; wake 10005"),
            (6.0, Push(1, 10), ""),
            (6.0, Flush, ""),
            (6.0, Flush, ""),
            (7.0, Took(2), "flush 3 ok; send 3 x1 by 10007; wake 10007"),
            // One result for both.
            (8.0, Took(3), "flush 4+5 ok; wake -"),
            (9.0, Flush, "flush 6 ok"),
        ],
    );
    // Several batches; one is lost.
    run(
        small(),
        &[
            (0.0, Push(5, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Flush, ""),
            (1.0, Reply(1, fatal()), "send 2 x2 by 10001; wake 10001"),
            (1.0, Flush, ""),
            (2.0, Took(2), "flush 2 ok; flush 1 failed; wake -"),
        ],
    );
    // What came after it is not its business.
    run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Flush, ""),
            (0.0, Push(1, 10), ""),
            (0.0, Abandon, ""),
            (1.0, Took(1), "flush 1 ok; wake -"),
        ],
    );
    // A collector that is down: the flush ends at its time, the records stay.
    let stats = run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Reply(1, down()), "wake 500"),
            // It does not sit through our own wait.
            (10.0, FlushIn(100.0), "send 2 x3 by 10010 try 2; wake 110"),
            (20.0, Reply(2, down()), ""),
            (110.0, Tick, "flush 1 timed_out; wake 1020"),
            (200.0, FlushIn(0.0), "flush 2 timed_out; send 3 x3 by 10200 try 3; wake 10200"),
            (210.0, FlushIn(f64::NAN), "flush 3 timed_out"),
            (220.0, Flush, ""),
            (230.0, Took(3), "flush 4 ok; wake -"),
        ],
    );
    assert_eq!((stats.exported, stats.dropped.total()), (3, 0));
}

#[test]
fn a_shutdown_flushes_and_then_refuses() {
    let stats = run(
        small(),
        &[
            (0.0, Push(4, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Flush, ""),
            (1.0, ShutdownIn(5_000.0), "wake 5001"),
            (2.0, Push(1, 10), "shutdown"),
            (3.0, Flush, ""),
            (4.0, ShutdownIn(1.0), ""),
            (5.0, Took(1), "send 2 x1 by 5001"),
            (6.0, Took(2), "flush 1+2 ok; closed ok; wake -"),
            (7.0, Push(1, 10), "shutdown"),
            (8.0, Shutdown, ""),
            (9.0, Flush, "flush 3 ok"),
            (9.0, Unload(1_000, true), ""),
            (9.0, Tick, ""),
            (9.0, Abandon, ""),
        ],
    );
    assert_eq!(stats.dropped, Dropped { shutdown: 2, ..Dropped::default() });
    assert_eq!(stats.exported, 4);
    run(small(), &[(0.0, Shutdown, "closed ok")]);
    // Bounded, whatever is asked for.
    run(
        small(),
        &[
            (0.0, Push(1, 10), "wake 1000"),
            (0.0, ShutdownIn(f64::INFINITY), "send 1 x1 by 10000; wake 10000"),
            (10_000.0, Tick, "cancel 1; wake 10500"),
            (10_000.0, Reply(1, down()), ""),
            (3e9, Tick, "closed timed_out"),
        ],
    );
}

#[test]
fn a_shutdown_is_bounded() {
    // A server that does not answer.
    let stats = run(
        small(),
        &[
            (0.0, Push(4, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Flush, ""),
            (0.0, ShutdownIn(300.0), "wake 300"),
            (300.0, Tick, "cancel 1; flush 1 timed_out; closed timed_out"),
            (301.0, Took(1), ""),
        ],
    );
    assert_eq!((stats.dropped.shutdown, stats.exported, stats.queued, stats.queued_bytes), (4, 0, 0, 0));
    // A server that is down: the back-off starts over, and never sleeps through more than half of what is left.
    run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Reply(1, down()), "wake 500"),
            (500.0, Tick, "send 2 x3 by 10500 try 2; wake 10500"),
            (500.0, Reply(2, down()), "wake 1500"),
            (600.0, ShutdownIn(2_000.0), "send 3 x3 by 2600 try 3; wake 2600"),
            (600.0, Reply(3, down()), "wake 1100"),
            (1_100.0, Tick, "send 4 x3 by 2600 try 4; wake 2600"),
            (1_100.0, Reply(4, down()), "wake 1850"),
            (1_850.0, Tick, "send 5 x3 by 2600 try 5; wake 2600"),
            (1_850.0, Reply(5, down()), "wake 2225"),
            (2_225.0, Tick, "send 6 x3 by 2600 try 6; wake 2600"),
            (2_525.0, Reply(6, down()), "closed failed; wake -"),
        ],
    );
    // The server wants us back in time; then too late.
    run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, ShutdownIn(5_000.0), "wake 5000"),
            (0.0, Reply(1, later(4_000.0)), "wake 4500"),
            (4_500.0, Tick, "send 2 x3 by 5000 try 2; wake 5000"),
            (4_510.0, Reply(2, later(500.0)), "closed failed; wake -"),
        ],
    );
    run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Reply(1, later(60_000.0)), "wake 75000"),
            (1.0, Flush, "wake 30001"),
            (1.0, ShutdownIn(5_000.0), "flush 1 failed; closed failed; wake -"),
        ],
    );
    // A batch that was lost on the way.
    run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Shutdown, ""),
            (1.0, Reply(1, fatal()), "closed failed; wake -"),
        ],
    );
}

#[test]
fn a_page_that_goes_away() {
    // Within the budget, oldest first, in bodies of at most 100 bytes and 3 records.
    let stats = run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (1.0, Push(5, 10), ""),
            // The request under way is left alone.
            (2.0, Unload(74, false), "unload 2 x3 43 B; unload 3 x1 21 B"),
            (3.0, Abandon, ""),
            (4.0, Took(2), ""),
            (5.0, Took(1), "wake 10002"),
            // The page lived on: one came back, and waits as every failure does.
            (6.0, Reply(3, down()), "wake 1001"),
            (1_001.0, Tick, "send 4 x1 by 11001; wake 11001"),
            (1_002.0, Took(4), "wake -"),
        ],
    );
    assert_eq!((stats.exported, stats.queued), (7, 0));
    assert_eq!(stats.dropped, Dropped { unload: 1, ..Dropped::default() });

    // Sent again: it is cancelled, and its records are the first.
    let stats = run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (1.0, Push(1, 10), ""),
            (2.0, Unload(64, true), "unload 2 x3 43 B; unload 3 x1 21 B; cancel 1; wake 10002"),
            // Hidden, then gone: what is under way from the first time is not sent twice.
            (3.0, Push(1, 10), ""),
            (3.0, Unload(64, true), "unload 4 x1 21 B"),
            (4.0, Took(1), ""),
            (5.0, Took(2), ""),
            (5.0, Took(3), "wake 10003"),
            // No answer is a failure as ever.
            (10_003.0, Tick, "cancel 4; wake 10503"),
            (10_503.0, Tick, "send 5 x1 by 20503; wake 20503"),
        ],
    );
    assert_eq!((stats.exported, stats.in_flight, stats.queued), (4, 1, 1));

    // A wait does not hold; failures side by side are one; a flush waits for the records wherever they are.
    run(
        small(),
        &[
            (0.0, Push(3, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Push(2, 10), ""),
            (0.0, Reply(1, later(50_000.0)), "wake 65000"),
            (1.0, Flush, "wake 30001"),
            (2.0, Unload(1_000, false), "unload 2 x3 43 B; unload 3 x2 32 B; wake 10002"),
            (3.0, Reply(3, down()), ""),
            (4.0, Reply(2, down()), "wake 30001"),
            (5.0, Unload(1_000, false), "unload 4 x3 43 B; unload 5 x2 32 B; wake 10005"),
            (6.0, Took(4), ""),
            (7.0, Took(5), "flush 1 ok; wake -"),
        ],
    );

    // Of several delays the longest holds, and of our own the first.
    run(
        small(),
        &[
            (0.0, Push(8, 10), "send 1 x3 by 10000; wake 10000"),
            (0.0, Unload(1_000, true), "unload 2 x3 43 B; unload 3 x3 43 B; unload 4 x2 32 B; cancel 1"),
            (0.0, Reply(4, down()), ""),
            (0.0, Reply(3, down()), ""),
            (0.0, Reply(2, down()), "wake 500"),
            (100.0, Unload(1_000, false), "unload 5 x3 43 B; unload 6 x3 43 B; unload 7 x2 32 B; wake 10100"),
            (100.0, Reply(5, later(5_000.0)), ""),
            (100.0, Reply(7, later(1_000.0)), ""),
            (100.0, Took(6), "wake 5100"),
        ],
    );

    // What stays may fill a request by its size.
    run(
        small(),
        &[
            (0.0, Push(1, 5), "wake 1000"),
            (0.0, Push(1, 50), ""),
            (0.0, Unload(20, false), "unload 1 x1 16 B; wake 10000"),
            (0.0, Push(1, 50), ""),
            (1.0, Took(1), "send 2 x1 by 10001; wake 10001"),
        ],
    );

    // A record that is larger than the budget does not keep the others from going.
    let stats = run(
        small(),
        &[
            (0.0, Push(1, 80), "wake 1000"),
            (0.0, Push(1, 5), ""),
            (0.0, Unload(5, false), ""),
            (0.0, Unload(0, true), ""),
            (0.0, Unload(50, true), "unload 1 x1 16 B; wake 10000"),
            (0.0, Abandon, ""),
            (0.0, Flush, ""),
            (1.0, Took(1), "flush 1 ok; wake -"),
        ],
    );
    assert_eq!((stats.exported, stats.dropped.unload), (1, 1));

    // Too large after all: split as any other. And a shutdown takes everything along.
    run(
        small(),
        &[
            (0.0, Push(3, 20), "send 1 x3 by 10000; wake 10000"),
            (0.0, Unload(100, true), "unload 2 x3 73 B; cancel 1"),
            (1.0, Reply(2, too_large()), "send 3 x1 by 10001; wake 10001"),
            (2.0, Unload(100, false), "unload 4 x1 31 B; unload 5 x1 31 B"),
            (3.0, ShutdownIn(10.0), "wake 13"),
            (4.0, Took(5), ""),
            (13.0, Tick, "cancel 3; cancel 4; closed timed_out"),
        ],
    );

    // The shutdown's time is up before its timer fires: no request is handed out that is cancelled already.
    let stats = run(
        small(),
        &[
            (0.0, Push(2, 10), "wake 1000"),
            (0.0, ShutdownIn(10.0), "send 1 x2 by 10; wake 10"),
            (20.0, Unload(100, true), "cancel 1; closed timed_out; wake -"),
        ],
    );
    assert_eq!((stats.dropped.shutdown, stats.in_flight), (2, 0));
}

#[test]
fn keepalive_budget() {
    let mut budget = KeepaliveBudget::default();
    assert_eq!(budget.available(), 61_440);
    assert!(budget.acquire(40_000) && !budget.acquire(21_441) && budget.acquire(21_440) && budget.acquire(0));
    assert_eq!(budget.available(), 0);
    budget.release(40_000);
    assert_eq!(budget.available(), 40_000);
    budget.release(usize::MAX);
    assert_eq!(budget.available(), 61_440);
    assert!(!budget.acquire(usize::MAX));
}

#[test]
fn stats_are_a_plain_object() {
    let stats = run(
        small(),
        &[
            (0.0, Push(4, 10), "send 1 x3 by 10000; wake 10000"),
            (7.0, Reply(1, partial(1, "m")), "wake 1000"),
            (7.0, Push(1, 999), "too_large"),
        ],
    );
    assert_eq!(
        serde_json::to_string(&stats).unwrap(),
        "{\"queued\":1,\"queued_bytes\":10,\"in_flight\":0,\"exported\":2,\"rejected\":1,\"dropped\":{\"fatal\":0,\
         \"queue_full\":0,\"retries_exhausted\":0,\"shutdown\":0,\"too_large\":1,\"unload\":0},\"requests\":1,\
         \"retried\":0,\"last_error\":null,\"last_warning\":\"the server rejected 1 of 3 records: m\",\
         \"last_export_ms\":7.0}"
    );
    let keys = serde_json::to_value(stats.dropped).unwrap();
    let names: Vec<&str> = DropReason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(keys.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), names);
}

// ---- the simulation ----

/// What a scripted server does with a request (its records, its length, the time): after how long the host hears of
/// it, and what. `None`: never.
type Server<'s> = Box<dyn FnMut(&[u32], usize, f64, &mut Rng) -> Answer + 's>;
type Answer = Option<(f64, Outcome)>;

struct Request {
    records: Vec<u32>,
    /// When the answer comes, and which.
    reply: Option<(f64, Outcome)>,
    unload: bool,
}

struct PendingFlush {
    covered: BTreeSet<u32>,
    /// How many of them were lost without an answer before.
    lost: usize,
    deadline: f64,
}

/// A host that does what the worker says, and checks that it may say so.
struct Host<'s> {
    worker: Worker,
    options: WorkerOptions,
    rng: Rng,
    server: Server<'s>,
    now: f64,
    timer: Option<f64>,
    requests: BTreeMap<ExportId, Request>,
    pushed: u64,
    refused: u64,
    accepted: BTreeSet<u32>,
    /// Records whose outcome the worker was told, with nothing more to come.
    settled: BTreeSet<u32>,
    flushes: BTreeMap<FlushId, PendingFlush>,
    flush_results: BTreeMap<FlushId, FlushResult>,
    shutdown_by: Option<f64>,
    closed: Option<(f64, FlushResult)>,
    sends: u64,
    max_queued: usize,
}

impl<'s> Host<'s> {
    fn new(
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

    fn random(&mut self) -> f64 {
        (self.rng.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A record whose first four bytes say which it is.
    fn push(&mut self, padding: usize) {
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

    fn flush(&mut self, timeout: f64) -> FlushId {
        let lost = self.accepted.len() - self.settled.len() - self.worker.stats().queued;
        let id = self.worker.flush(Some(timeout), self.now);
        let covered = self.accepted.clone();
        self.flushes.insert(id, PendingFlush { covered, lost, deadline: self.now + timeout });
        self.drain();
        id
    }

    fn shutdown(&mut self, timeout: f64) {
        self.worker.shutdown(Some(timeout), self.now);
        self.shutdown_by.get_or_insert(self.now + timeout);
        self.drain();
    }

    fn unload(&mut self, budget: usize, resend: bool) {
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

    fn send(&mut self, id: ExportId, body_len: usize, unload: bool) {
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

    fn drain(&mut self) {
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

    fn check(&mut self) {
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
    fn run_until(&mut self, end: f64) {
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

/// A server that behaves in one way for a while, then in another.
fn moody(mut mood: usize) -> impl FnMut(&[u32], usize, f64, &mut Rng) -> Answer {
    move |records, body_len, now, rng| {
        if now >= PEACE_MS {
            return Some((rng.below(50) as f64, Outcome::Success));
        }
        if rng.below(8) == 0 {
            mood = rng.below(9);
        }
        let delay = rng.below(300) as f64;
        let outcome = match mood {
            0 => return None,
            1 => down(),
            2 => later(rng.below(9_000) as f64),
            3 if rng.below(2) == 0 => fatal(),
            4 => partial(rng.below(records.len() + 2) as u64, "some"),
            5 if body_len > 120 => too_large(),
            6 if rng.below(3) == 0 => Outcome::Timeout,
            7 if records.contains(&7) => too_large(),
            8 => return Some((rng.below(20_000) as f64, Outcome::Success)),
            _ => Outcome::Success,
        };
        Some((delay, outcome))
    }
}

/// From then on, the random scripts' servers are well.
const PEACE_MS: f64 = 200_000.0;

fn random_options(rng: &mut Rng) -> WorkerOptions {
    let max_queue_size = 1 + rng.below(60);
    let overhead = Overhead { request: rng.below(60), record: rng.below(7) };
    let max_request_bytes = overhead.body_len(1, 20 + rng.below(300));
    WorkerOptions {
        max_queue_size,
        max_export_batch_size: 1 + rng.below(max_queue_size),
        max_request_bytes,
        max_queue_bytes: max_request_bytes + rng.below(2_000),
        scheduled_delay_ms: *rng.pick(&[0.0, 100.0, 1_000.0]),
        export_timeout_ms: *rng.pick(&[50.0, 1_000.0, 10_000.0]),
        retry: RetryOptions {
            max_elapsed_ms: *rng.pick(&[None, None, Some(0.0), Some(5_000.0)]),
            ..RetryOptions::default()
        },
        overhead,
        ..WorkerOptions::default()
    }
}

#[test]
fn whatever_happens_every_record_ends_once() {
    let (mut exported, mut rejected, mut dropped, mut split_or_retried) = (0, 0, BTreeMap::new(), 0);
    let mut closed = BTreeMap::new();
    for seed in 0..4_000 {
        let mut rng = Rng::new(seed);
        let options = random_options(&mut rng);
        let mut host = Host::new(options, seed ^ 0xABCD, moody(rng.below(10)));
        let pace = *rng.pick(&[5, 200, 3_000]);
        for _ in 0..rng.below(150) {
            host.run_until(host.now + rng.below(pace) as f64);
            match rng.below(40) {
                0 => drop(host.flush(rng.below(20_000) as f64 + 1.0)),
                1 => host.unload(rng.below(600), rng.below(2) == 0),
                2 if rng.below(4) == 0 => host.worker.abandon(host.now),
                3 if rng.below(8) == 0 => host.shutdown(rng.below(10_000) as f64 + 1.0),
                // A timer that nobody asked for.
                4 => {
                    host.timer = None;
                    host.worker.handle_tick(host.now, 0.3);
                }
                _ => host.push(rng.below(60)),
            }
            host.drain();
        }
        if rng.below(2) == 0 {
            host.shutdown(rng.below(20_000) as f64 + 1.0);
        }
        // The server comes to its senses: everything goes, and nothing is left to do.
        host.run_until(PEACE_MS.max(host.now) + 1_000_000.0);
        let stats = host.worker.stats();
        assert_eq!((stats.queued, stats.queued_bytes, stats.in_flight), (0, 0, 0), "seed {seed}");
        assert_eq!(host.timer, None, "seed {seed}");
        assert!(host.flushes.is_empty(), "seed {seed}");
        assert_eq!(host.closed.is_some(), host.shutdown_by.is_some(), "seed {seed}");
        exported += stats.exported;
        rejected += stats.rejected;
        split_or_retried += stats.retried;
        for (reason, count) in serde_json::to_value(stats.dropped).unwrap().as_object().unwrap() {
            *dropped.entry(reason.clone()).or_insert(0) += count.as_u64().unwrap();
        }
        if let Some((_, result)) = host.closed {
            *closed.entry(result.as_str()).or_insert(0) += 1;
        }
    }
    // The scripts are worth something: everything has happened, and often.
    assert!(exported > 20_000 && rejected > 500 && split_or_retried > 1_000);
    assert!(dropped.len() == 6 && dropped.values().all(|count| *count > 100), "{dropped:?}");
    assert!(closed.len() == 3 && closed.values().all(|count| *count > 50), "{closed:?}");
}

#[test]
fn an_hour_of_outage_loses_only_what_has_no_room() {
    for seed in 0..20 {
        let (from, to) = (10_000.0, 3_610_000.0);
        let server = |_: &[u32], _: usize, now: f64, rng: &mut Rng| {
            let is_down = now >= from && now < to;
            Some((5.0 + rng.below(20) as f64, if is_down { down() } else { Outcome::Success }))
        };
        let mut host = Host::new(WorkerOptions::default(), seed, server);
        for second in 0..3_700 {
            host.run_until(f64::from(second) * 1_000.0);
            host.push(200);
        }
        // At the latest one capped wait after it is back, plus the requests themselves.
        host.run_until(to + 30_000.0 + 500.0);
        let stats = host.worker.stats();
        assert!(stats.queued <= 2, "{stats:?}");
        host.run_until(4_000_000.0);
        let stats = host.worker.stats();
        let lost = stats.dropped.queue_full;
        assert_eq!(stats.dropped.total(), lost, "nothing else");
        assert_eq!(stats.exported + lost, 3_700);
        // 3600 came meanwhile, and a few more until the next attempt; the queue has room for 2048.
        assert!((1_552 - 2..=1_552 + 32).contains(&lost), "{lost}");
        assert_eq!(host.max_queued, 2_048);
        // The oldest were kept, the newest dropped.
        let kept: Vec<u32> = host.settled.iter().copied().take(2_000).collect();
        assert_eq!(kept, (0..2_000).collect::<Vec<u32>>());
        // And nobody was hammered: every 15 s on average.
        assert!((150..400).contains(&stats.retried), "{}", stats.retried);
    }
}

#[test]
fn a_receiver_killed_in_mid_run_and_restarted_loses_nothing() {
    for seed in 0..50 {
        let mut received = BTreeSet::new();
        let server = |records: &[u32], _: usize, now: f64, rng: &mut Rng| {
            let is_down = (1_000.0..4_000.0).contains(&now);
            // Killed with a request in its hands: it may have kept it or not.
            if is_down || (900.0..1_000.0).contains(&now) {
                if !is_down && rng.below(2) == 0 {
                    received.extend(records.iter().copied());
                }
                return Some((10.0, down()));
            }
            received.extend(records.iter().copied());
            Some((10.0, Outcome::Success))
        };
        let options = WorkerOptions { scheduled_delay_ms: 50.0, ..WorkerOptions::default() };
        let mut host = Host::new(options, seed, server);
        for turn in 0..800 {
            host.run_until(f64::from(turn) * 10.0);
            host.push(300);
        }
        host.shutdown(20_000.0);
        host.run_until(40_000.0);
        let stats = host.worker.stats();
        assert_eq!((stats.exported, stats.dropped.total()), (800, 0), "{stats:?}");
        assert!(matches!(host.closed, Some((_, FlushResult::Exported))));
        drop(host);
        assert_eq!(received.len(), 800);
    }
}

#[test]
fn a_dead_collector_costs_little() {
    // 200 000 pushes into a full queue: no work per push that grows with the queue.
    let mut worker = Worker::new(WorkerOptions::default()).unwrap();
    let mut sends = 0;
    for turn in 0..200_000_u32 {
        let now = f64::from(turn);
        let _ = worker.push(&[b'x'; 100][..], now);
        while let Some(output) = worker.poll_output() {
            if let Output::Send { id, .. } = output {
                sends += 1;
                worker.handle_response(id, down(), now, 0.5);
            }
        }
        if turn % 1_000 == 0 {
            worker.handle_tick(now, 0.5);
        }
    }
    assert!(sends < 30, "{sends}");
    assert_eq!(worker.stats().dropped.queue_full, 200_000 - 2_048);
}
