//! Tables in simulated time: flushes, shutdowns, pages that go away, and what is told of all.

use streamgauge::otlp::queue::{DropReason, Dropped, KeepaliveBudget};

use crate::outcomes::{down, fatal, later, partial, too_large};
use crate::steps::Step::*;
use crate::steps::{run, small};

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
