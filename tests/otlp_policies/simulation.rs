//! Random hosts and servers, and what holds whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use streamgauge::otlp::queue::Overhead;
use streamgauge::otlp::retry::{Outcome, RetryOptions};
use streamgauge::otlp::worker::Worker;
use streamgauge::otlp::{FlushResult, Output, WorkerOptions};

use crate::host::{Answer, Host};
use crate::outcomes::{down, fatal, later, partial, too_large};
use crate::splits::Rng;

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
