//! Telemetry at scale, by simulation: the package's own worker, a hundred thousand times, against a collector with faults.
//!
//! What must hold is asserted with a fleet of 5 000. The figures of ARCHITECTURE.md, "At scale":
//! `FLEET=100000 cargo test --release --test fleet -- --nocapture --test-threads 1`
#![cfg(all(not(target_arch = "wasm32"), feature = "otel"))]

#[path = "fleet/clock.rs"]
mod clock;
#[path = "fleet/collector.rs"]
mod collector;
#[path = "fleet/cost.rs"]
mod cost;
#[path = "fleet/simulation.rs"]
mod simulation;
#[path = "support/splits.rs"]
mod splits;

use std::env;

use collector::{Capacity, Collector, Episode, Fault};
use simulation::{Account, Fleet, Habits};
use streamgauge::otlp::queue::Dropped;
use streamgauge::otlp::{Format, WorkerOptions};
use streamgauge::telemetry::SseEvents;

const MINUTE_MS: f64 = 60_000.0;

fn fleet_size() -> usize {
    env::var("FLEET").map_or(5_000, |text| text.parse().expect("FLEET is a number of clients"))
}

/// Nine pages and one script of ten; a stream a minute each, of 20 seconds, as `sseEvents: "summary"` records it.
fn habits() -> Habits {
    Habits {
        clients: fleet_size(),
        pages_of_100: 90,
        page_stays_ms: 15.0 * MINUTE_MS,
        stream_every_ms: MINUTE_MS,
        bursts: vec![(0.0, 2), (20_000.0, 4)],
        record_bytes: 420,
    }
}

/// What the collector sees of an outage, in requests per second.
#[derive(Debug)]
struct Load {
    before: f64,
    during: f64,
    /// The busiest second after the end.
    peak: f64,
    /// From the end of the outage until no more records wait than before, in seconds.
    drained_s: f64,
}

const OUTAGE_FROM_MS: f64 = 5.0 * MINUTE_MS;
const OUTAGE_TO_MS: f64 = 15.0 * MINUTE_MS;
const END_MS: f64 = 25.0 * MINUTE_MS;

fn outage(fault: Fault, capacity: Option<Capacity>) -> (Load, Fleet) {
    let episode = Episode { from_ms: OUTAGE_FROM_MS, to_ms: OUTAGE_TO_MS, fault };
    let collector = Collector::new(vec![episode], capacity);
    let mut fleet = Fleet::new(habits(), WorkerOptions::default(), collector, 1);
    fleet.run_until(OUTAGE_FROM_MS);
    let usual = fleet.queued();
    fleet.run_until(OUTAGE_TO_MS);
    let is_drained = |fleet: &Fleet| fleet.queued() as f64 <= 1.1 * usual as f64;
    let seconds = (OUTAGE_TO_MS / 1000.0) as u32 + 1..(END_MS / 1000.0) as u32;
    let drained_s = seconds.map(f64::from).find(|second| {
        fleet.run_until(second * 1000.0);
        is_drained(&fleet)
    });
    let drained_s = drained_s.map_or(f64::INFINITY, |second| second - OUTAGE_TO_MS / 1000.0);
    fleet.run_until(END_MS);
    let second = |ms: f64| (ms / 1000.0) as usize;
    let arrivals = &fleet.collector.arrivals;
    let mean = |from: f64, to: f64| {
        let part = &arrivals[second(from)..second(to)];
        part.iter().map(|count| f64::from(*count)).sum::<f64>() / part.len() as f64
    };
    let after = &arrivals[second(OUTAGE_TO_MS)..];
    let load = Load {
        before: mean(2.0 * MINUTE_MS, OUTAGE_FROM_MS),
        during: mean(OUTAGE_FROM_MS + MINUTE_MS, OUTAGE_TO_MS),
        peak: after.iter().max().copied().map_or(0.0, f64::from),
        drained_s,
    };
    (load, fleet)
}

/// How busy the collector may be after its return, beside before its outage.
const PEAK_TO_MEAN: f64 = 5.0;

#[test]
fn no_thundering_herd_when_a_collector_comes_back() {
    let mean_per_s = fleet_size() as f64 * 2.0 / 60.0;
    let scarce = |retry_after_s| Some(Capacity { requests_per_s: 1.2 * mean_per_s, retry_after_s });
    let cases = [
        ("refuses connections", Fault::Down, None),
        ("takes requests, never answers", Fault::Stalls, None),
        ("429, Retry-After 30 s", Fault::Throttles(30), None),
        ("down; then 503 above 1.2 x mean", Fault::Down, scarce(None)),
        ("the same, Retry-After 30 s", Fault::Down, scarce(Some(30))),
        ("the same, Retry-After 60 s", Fault::Down, scarce(Some(60))),
    ];
    println!("{} clients, ten minutes of outage; requests per second", fleet_size());
    println!(
        "{:34} {:>8} {:>8} {:>8} {:>6} {:>10} {:>12} {:>6}",
        "outage", "before", "during", "peak", "ratio", "drained", "records", "unsent"
    );
    for (name, fault, capacity) in cases {
        let (load, fleet) = outage(fault, capacity);
        let Load { before, during, peak, drained_s } = load;
        let ratio = peak / before;
        let Account { pushed, stats, .. } = fleet.account();
        let Dropped { unload, .. } = stats.dropped;
        println!(
            "{name:34} {before:>8.0} {during:>8.0} {peak:>8.0} {ratio:>6.1} {drained_s:>8.0} s {pushed:>12} {unload:>6}"
        );
        assert!(ratio <= PEAK_TO_MEAN, "{name}: {ratio}");
        assert!(drained_s.is_finite(), "{name}: not drained");
        assert_balanced(name, &fleet);
        // They fit every queue. A page that goes away during an outage, with two dozen streams in its queue, may send no more
        // than `UNLOAD_BUDGET`; of a hundred thousand there is one or another.
        assert_eq!(stats.dropped.total(), unload, "{name}: {:?}", stats.dropped);
        assert!(unload as f64 <= 1e-6 * pushed as f64, "{name}: {unload} of {pushed}");
    }
}

/// Every record is in one place. Scripts, which nobody closes, lose only what had no room or what the collector refused.
fn assert_balanced(name: &str, fleet: &Fleet) {
    let Account { pushed, stats, gone_in_flight } = fleet.account();
    let known = stats.exported + stats.rejected + stats.dropped.total() + stats.queued as u64;
    assert_eq!(pushed, known + gone_in_flight, "{name}");
    assert!(fleet.collector.accepted_records >= stats.exported, "{name}");
    let scripts = fleet.account_of_scripts();
    assert_eq!(
        scripts.dropped.total(),
        scripts.dropped.queue_full + scripts.dropped.fatal,
        "{name}: {scripts:?}"
    );
}

#[test]
fn what_each_mode_costs() {
    println!(
        "a stream of {} tokens; requests and queue: {} clients for ten minutes",
        cost::TOKENS,
        fleet_size() / 10
    );
    println!(
        "{:8} {:>8} {:>12} {:>14} {:>10}",
        "mode", "records", "JSON bytes", "protobuf bytes", "requests"
    );
    let mut records = Vec::new();
    for (name, mode) in [("all", SseEvents::All), ("summary", SseEvents::Summary), ("off", SseEvents::Off)] {
        let [json, protobuf] = [Format::Json, Format::Protobuf].map(|format| cost::of_stream(mode, format));
        // The prompt and the request at once, then the stream's, and what is left at its end.
        let each_second = json.records.saturating_sub(4) / 20;
        let mut bursts = vec![(0.0, 2)];
        bursts.extend((1..=20).map(|second| (f64::from(second) * 1000.0, each_second)));
        bursts.push((20_000.0, json.records - 2 - 20 * each_second));
        let clients = fleet_size() / 10;
        let habits =
            Habits { clients, bursts, record_bytes: protobuf.bytes / protobuf.records.max(1), ..habits() };
        let mut fleet = Fleet::new(habits, WorkerOptions::default(), Collector::default(), 2);
        fleet.run_until(10.0 * MINUTE_MS);
        let account = fleet.account();
        let streams = account.pushed as f64 / json.records as f64;
        let per_stream = account.stats.requests as f64 / streams;
        println!("{name:8} {:>8} {:>12} {:>14} {per_stream:>10.1}", json.records, json.bytes, protobuf.bytes);
        assert_balanced(name, &fleet);
        assert_eq!(account.stats.dropped.total(), 0, "{name}");
        records.push(json.records);
    }
    assert!(records.is_sorted_by(|more, less| more > less), "{records:?}");
}

#[test]
fn a_week_with_every_fault() {
    const HOUR_MS: f64 = 60.0 * MINUTE_MS;
    const WEEK_MS: f64 = 7.0 * 24.0 * HOUR_MS;
    let faults = [
        Fault::Down,
        Fault::Stalls,
        Fault::Throttles(120),
        Fault::ClosesAfterTaking,
        Fault::Rejects(1),
        Fault::Rejects(u64::MAX),
        Fault::Refuses,
    ];
    // An hour of each, every eight hours.
    let episodes = (0..21).map(|number| {
        let from_ms = (5.0 + 8.0 * f64::from(number)) * HOUR_MS;
        Episode { from_ms, to_ms: from_ms + HOUR_MS, fault: faults[number as usize % faults.len()] }
    });
    let habits = Habits { clients: 20, pages_of_100: 0, ..habits() };
    let collector = Collector::new(episodes.collect(), None);
    let mut fleet = Fleet::new(habits, WorkerOptions::default(), collector, 3);
    fleet.run_until(WEEK_MS);
    assert_balanced("a week", &fleet);
    let Account { pushed, stats, .. } = fleet.account();
    println!("a week of {} scripts: {pushed} records, {} requests: {stats:?}", 20, stats.requests);
    let Dropped { fatal, .. } = stats.dropped;
    // An hour of records fits every queue, so only what was refused in words is lost: three hours of 168.
    assert_eq!(stats.dropped.total(), fatal);
    let shares = [(fatal, 3.0 / 168.0), (stats.rejected, 4.0 / 168.0)];
    for (records, share) in shares {
        assert!(records > 0 && records as f64 <= 1.3 * share * pushed as f64, "{records} of {pushed}");
    }
    assert!(stats.queued < 20 * 10, "{stats:?}");
}
