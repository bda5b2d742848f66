//! Tables in simulated time: when batches go, and when again.

use streamgauge::otlp::queue::{Dropped, Stats};
use streamgauge::otlp::retry::{Outcome, RetryOptions};
use streamgauge::otlp::worker::Worker;
use streamgauge::otlp::{ExportId, WorkerOptions};

use crate::outcomes::{down, fatal, later, partial, too_large};
use crate::steps::Step::*;
use crate::steps::{outputs, run, small};

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
