//! Metrics: the histograms beside a naive count, their encodings through decoders that are not ours, and logs and metrics
//! side by side in simulated time.
#![cfg(all(not(target_arch = "wasm32"), feature = "otel"))]

#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/splits.rs"]
mod splits;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, metric};
use prost::Message;
use serde_json::json;
use splits::Rng;
use streamgauge::otlp::metrics::{BOUNDS, CARDINALITY_LIMIT, Histogram, Histograms, Instrument};
use streamgauge::otlp::retry::{Outcome, classify_http};
use streamgauge::otlp::signals::{Now, Signals};
use streamgauge::otlp::{
    Attributes, Envelope, ExportId, Format, Output, Resource, Scope, Signal, WorkerOptions,
};

const FORMATS: [Format; 2] = [Format::Json, Format::Protobuf];

// ----------------------------------------------------------------------------------------------------------
// Histograms

const BOUNDARIES: [f64; BOUNDS] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
static INSTRUMENT: Instrument = Instrument { name: "a", description: "", unit: "s", bounds: &BOUNDARIES };
static OTHER: Instrument = Instrument { name: "b", ..INSTRUMENT };

fn body(format: Format, metrics: &[Vec<u8>]) -> Vec<u8> {
    let scope = Scope { name: "streamgauge".into(), schema_url: "x".into(), ..Scope::default() };
    Envelope::of(Signal::Metrics, format, &Resource::default(), &scope)
        .body(metrics.iter().map(Vec::as_slice))
}

fn decode(format: Format, metrics: &[Vec<u8>]) -> Vec<Metric> {
    let body = body(format, metrics);
    let request: ExportMetricsServiceRequest = match format {
        Format::Json => serde_json::from_slice(&body).unwrap(),
        Format::Protobuf => ExportMetricsServiceRequest::decode(&*body).unwrap(),
    };
    if format == Format::Protobuf {
        assert!(request.encode_to_vec() == body, "byte for byte as prost");
    }
    request.resource_metrics[0].scope_metrics[0].metrics.clone()
}

fn points(metric: &Metric) -> &[HistogramDataPoint] {
    let Some(metric::Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    assert_eq!(histogram.aggregation_temporality, 1, "delta");
    &histogram.data_points
}

fn one(value: f64) -> Histogram {
    let mut histogram = Histogram::default();
    histogram.record(&BOUNDARIES, value);
    histogram
}

/// The one attribute of a point.
fn attribute(point: &HistogramDataPoint) -> String {
    let [pair] = point.attributes.as_slice() else { panic!("{point:?}") };
    format!("{}={:?}", pair.key, pair.value.as_ref().unwrap().value.as_ref().unwrap())
}

fn set(name: &str) -> Attributes<'static> {
    [("k", name.to_owned())].into_iter().collect()
}

fn collected(histograms: &mut Histograms, format: Format, at: u64) -> Vec<Metric> {
    let mut metrics = Vec::new();
    histograms.collect(at, &mut |metric| metrics.push(metric));
    decode(format, &metrics)
}

#[test]
fn values_are_counted_as_a_naive_count_has_them() {
    for seed in 0..50 {
        let rng = &mut Rng::new(seed);
        let format = FORMATS[seed as usize % 2];
        let mut histograms = Histograms::new(format, CARDINALITY_LIMIT, 0);
        let mut values = Vec::new();
        for _ in 0..rng.below(200) {
            let value = match rng.below(4) {
                0 => BOUNDARIES[rng.below(BOUNDS)],
                1 => 0.0,
                2 => f64::from(rng.below(1 << 20) as u32),
                _ => rng.below(1 << 20) as f64 / 65536.0,
            };
            histograms.add(&INSTRUMENT, &set("x"), &one(value));
            values.push(value);
        }
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            histograms.add(&INSTRUMENT, &set("x"), &one(bad));
        }
        let metrics = collected(&mut histograms, format, 1);
        assert_eq!(metrics.len(), usize::from(!values.is_empty()));
        let Some(point) = metrics.first().map(|metric| &points(metric)[0]) else { continue };
        let mut buckets = vec![0; BOUNDS + 1];
        for value in &values {
            buckets[BOUNDARIES.iter().filter(|bound| *value > **bound).count()] += 1;
        }
        assert_eq!((point.count as usize, &point.bucket_counts), (values.len(), &buckets));
        assert_eq!(point.explicit_bounds, BOUNDARIES);
        // serde_json may be off by one unit in the last place when it reads; that is not our error.
        let close = |left: f64, right: f64| (left - right).abs() <= right.abs() * 1e-14;
        assert!(close(point.sum(), values.iter().sum()));
        assert!(close(point.min(), values.iter().copied().fold(f64::INFINITY, f64::min)));
        assert!(close(point.max(), values.iter().copied().fold(0.0, f64::max)));
    }
}

#[test]
fn sets_beyond_the_limit_overflow() {
    for format in FORMATS {
        let mut histograms = Histograms::new(format, 4, 5);
        for _ in 0..3 {
            for name in ["a", "b", "c", "d", "e"] {
                histograms.add(&INSTRUMENT, &set(name), &one(1.0));
            }
            // Another instrument has its own.
            histograms.add(&OTHER, &set("z"), &one(1.0));
            histograms.add(&OTHER, &set("z"), &Histogram::default());
        }
        let metrics = collected(&mut histograms, format, 9);
        let seen: Vec<_> = metrics
            .iter()
            .flat_map(|metric| {
                points(metric).iter().map(|point| (metric.name.clone(), attribute(point), point.count))
            })
            .collect();
        let expected = [
            ("a", "k=StringValue(\"a\")", 3),
            ("a", "k=StringValue(\"b\")", 3),
            ("a", "k=StringValue(\"c\")", 3),
            ("a", "otel.metric.overflow=BoolValue(true)", 6),
            ("b", "k=StringValue(\"z\")", 3),
        ];
        assert_eq!(seen, expected.map(|(name, set, count)| (name.to_owned(), set.to_owned(), count)));

        // Delta: the next collection starts where this one ended, with nothing; a clock that is set back is no time.
        assert!(collected(&mut histograms, format, 12).is_empty());
        histograms.add(&INSTRUMENT, &set("new"), &one(1.0));
        let metrics = collected(&mut histograms, format, 20);
        let point = &points(&metrics[0])[0];
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano, point.count), (12, 20, 1));
        histograms.add(&INSTRUMENT, &set("new"), &one(1.0));
        let metrics = collected(&mut histograms, format, 15);
        let point = &points(&metrics[0])[0];
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (15, 15));
    }
}

#[test]
fn pythons_protobuf_reads_the_same_from_both_formats() {
    let mut cases = String::new();
    for seed in 0..100 {
        let bodies = FORMATS.map(|format| {
            let rng = &mut Rng::new(seed);
            let mut histograms = Histograms::new(format, 5, 1);
            for _ in 0..1 + rng.below(30) {
                let instrument = [&INSTRUMENT, &OTHER][rng.below(2)];
                let attributes = set(["", "\"\n", "é", "x", "y", "z"][rng.below(6)]);
                // Thirds have no short decimal digits.
                histograms.add(instrument, &attributes, &one(rng.below(1 << 16) as f64 / 3.0));
            }
            let mut metrics = Vec::new();
            histograms.collect(2 + seed, &mut |metric| metrics.push(metric));
            body(format, &metrics)
        });
        let proto: String = bodies[1].iter().map(|byte| format!("{byte:02x}")).collect();
        let json = std::str::from_utf8(&bodies[0]).unwrap();
        cases += &format!("{}\n", json!({ "name": format!("seed {seed}"), "json": json, "proto": proto }));
    }
    let bad = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","histogram":{"dataPoints":[{"count":"1"}]}}]}]}]}"#;
    cases += &format!("{}\n", json!({ "name": "a count that is a text", "json": bad, "refuse": true }));
    oracle::check(&cases);
}

// ----------------------------------------------------------------------------------------------------------
// Two signals

const FRAME: usize = 5;

fn now(ms: f64) -> Now {
    Now { ms, unix_nanos: (ms * 1e6) as u64 }
}

fn signals(interval_ms: f64) -> Signals {
    let envelope = |signal| Envelope::of(signal, Format::Json, &Resource::default(), &Scope::default());
    let mut signals = Signals::new(envelope(Signal::Logs), WorkerOptions::default(), FRAME).unwrap();
    signals.add_metrics(envelope(Signal::Metrics), WorkerOptions::default(), FRAME, interval_ms, 0).unwrap();
    signals
}

/// What the host is asked for, in words.
fn asked(signals: &mut Signals) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(output) = signals.poll_output() {
        asked.push(match output {
            Output::Send { id, attempt, records, body_len, .. } => {
                assert!(signals.body(id).len() + FRAME <= body_len);
                format!("send {:?} {records} attempt {attempt}", id.signal())
            }
            Output::Cancel { id } => format!("cancel {:?}", id.signal()),
            Output::WakeAt(at) => format!("wake {at:?}"),
            Output::FlushDone { ids, result } => format!("flushed {} {}", ids[0].0, result.as_str()),
            Output::ShutdownDone { result } => format!("shut {}", result.as_str()),
        });
    }
    asked
}

/// The numbers that a worker gives its first requests.
const LOGS: u32 = 0;
const METRICS: u32 = 1 << 31;

fn id(signal: u32, number: u32) -> ExportId {
    ExportId(signal | number)
}

#[test]
fn metrics_go_when_the_interval_is_over() {
    let mut signals = signals(60_000.0);
    assert_eq!(asked(&mut signals), [""; 0], "no timer without a value");
    signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(1000.0));
    signals.add(&OTHER, &set("x"), &one(1.0), now(2000.0));
    assert_eq!(asked(&mut signals), ["wake Some(61000.0)"]);
    signals.push(b"{}", 3000.0);
    assert_eq!(asked(&mut signals), ["wake Some(4000.0)"], "a log's own delay");
    signals.handle_tick(now(4000.0), 0.5);
    assert_eq!(asked(&mut signals), ["send Logs 1 attempt 1", "wake Some(14000.0)"]);
    signals.handle_response(id(LOGS, 1), Outcome::Success, 4100.0, 0.5);
    assert_eq!(asked(&mut signals), ["wake Some(61000.0)"]);
    signals.handle_tick(now(61_000.0), 0.5);
    // They leave together.
    assert_eq!(asked(&mut signals), ["wake Some(61001.0)"]);
    signals.handle_tick(now(61_001.0), 0.5);
    assert_eq!(asked(&mut signals), ["send Metrics 2 attempt 1", "wake Some(71001.0)"]);
    assert!(signals.body(id(METRICS, 1)).starts_with(b"{\"resourceMetrics\":"));
    signals.handle_response(id(METRICS, 1), Outcome::Success, 61_100.0, 0.5);
    assert_eq!(asked(&mut signals), ["wake None"], "and nothing until there is a value again");
    assert_eq!((signals.stats().exported, signals.metrics_stats().unwrap().exported), (1, 2));
}

#[test]
fn metrics_are_retried_rejected_and_counted_by_the_same_policy() {
    let mut signals = signals(1000.0);
    signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(0.0));
    signals.handle_tick(now(1000.0), 0.5);
    signals.handle_tick(now(1001.0), 0.5);
    assert_eq!(asked(&mut signals), ["send Metrics 1 attempt 1", "wake Some(11001.0)"]);
    let later = classify_http(503, Some("7"), "", 0.0);
    signals.handle_response(id(METRICS, 1), later, 1100.0, 0.5);
    assert_eq!(asked(&mut signals), ["wake Some(11600.0)"], "the server's delay, and our own");
    // What is recorded meanwhile is another interval's.
    signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(1200.0));
    assert_eq!(asked(&mut signals), ["wake Some(2200.0)"]);
    signals.handle_tick(now(2200.0), 0.5);
    assert_eq!(asked(&mut signals), ["wake Some(11600.0)"]);
    signals.handle_tick(now(11600.0), 0.5);
    assert_eq!(asked(&mut signals), ["send Metrics 1 attempt 2", "wake Some(21600.0)"]);
    let partial = Outcome::PartialSuccess { rejected: 1, message: "old".into() };
    signals.handle_response(id(METRICS, 2), partial, 11700.0, 0.5);
    assert_eq!(asked(&mut signals), ["send Metrics 1 attempt 1", "wake Some(21700.0)"]);
    let refused = classify_http(400, None, "no", 0.0);
    signals.handle_response(id(METRICS, 3), refused, 11800.0, 0.5);
    assert_eq!(asked(&mut signals), ["wake None"]);
    let stats = signals.metrics_stats().unwrap();
    assert_eq!((stats.rejected, stats.dropped.fatal, stats.retried, stats.exported), (1, 1, 1, 0));
    assert_eq!(stats.last_warning.as_deref(), Some("the server rejected 1 of 1 records: old"));
    assert_eq!(signals.stats().requests, 0);
}

#[test]
fn a_flush_is_of_both() {
    let refused = || classify_http(400, None, "", 0.0);
    for (logs, metrics, expected) in [
        (Outcome::Success, Outcome::Success, "flushed 1 ok"),
        (refused(), Outcome::Success, "flushed 1 failed"),
        (Outcome::Success, refused(), "flushed 1 failed"),
    ] {
        let mut signals = signals(60_000.0);
        signals.push(b"{}", 0.0);
        signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(0.0));
        let _ = signals.flush(None, now(10.0));
        let asked_for = asked(&mut signals);
        assert_eq!(asked_for, ["send Logs 1 attempt 1", "send Metrics 1 attempt 1", "wake Some(10010.0)"]);
        signals.handle_response(id(METRICS, 1), metrics, 20.0, 0.5);
        assert_eq!(asked(&mut signals), [""; 0], "not yet");
        signals.handle_response(id(LOGS, 1), logs, 30.0, 0.5);
        assert_eq!(asked(&mut signals), [expected, "wake None"]);
        let _ = signals.flush(None, now(40.0));
        assert_eq!(asked(&mut signals), ["flushed 2 ok"], "nothing to do");
    }
    let mut signals = signals(60_000.0);
    signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(0.0));
    let _ = signals.flush(Some(100.0), now(10.0));
    let _ = asked(&mut signals);
    signals.handle_tick(now(110.0), 0.5);
    assert_eq!(asked(&mut signals), ["flushed 1 timed_out", "wake Some(10010.0)"]);
}

#[test]
fn a_shutdown_ends_both() {
    let mut signals = signals(60_000.0);
    signals.push(b"{}", 0.0);
    signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(0.0));
    signals.shutdown(None, now(10.0));
    let asked_for = asked(&mut signals);
    assert_eq!(asked_for, ["send Logs 1 attempt 1", "send Metrics 1 attempt 1", "wake Some(10010.0)"]);
    signals.handle_response(id(LOGS, 1), Outcome::Success, 20.0, 0.5);
    assert_eq!(asked(&mut signals), [""; 0], "not yet");
    signals.handle_response(id(METRICS, 1), Outcome::Success, 30.0, 0.5);
    assert_eq!(asked(&mut signals), ["shut ok", "wake None"]);
    // What comes later is dropped and counted, and wakes nobody.
    signals.push(b"{}", 40.0);
    signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(40.0));
    assert_eq!(asked(&mut signals), [""; 0]);
    let stats = signals.metrics_stats().unwrap();
    assert_eq!((stats.dropped.shutdown, signals.stats().dropped.shutdown, stats.exported), (1, 1, 1));
}

#[test]
fn a_page_that_goes_takes_both_with_it() {
    let mut signals = signals(60_000.0);
    signals.push(&[b'x'; 1000], 0.0);
    signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(0.0));
    let taken = signals.take_for_unload(2000, false, now(10.0));
    let kinds: Vec<_> = taken.iter().map(|batch| batch.id.signal()).collect();
    assert_eq!(kinds, [Signal::Logs, Signal::Metrics]);
    assert!(taken.iter().map(|batch| batch.body_len).sum::<usize>() <= 2000);
    for batch in &taken {
        assert!(signals.body(batch.id).len() <= batch.body_len);
        signals.handle_response(batch.id, Outcome::Success, 20.0, 0.5);
    }
    assert_eq!(signals.metrics_stats().unwrap().exported, 1);

    // What the logs have used up, metrics have not; they stay queued.
    signals.push(&[b'x'; 1000], 30.0);
    signals.add(&INSTRUMENT, &set("x"), &one(1.0), now(30.0));
    let taken = signals.take_for_unload(1200, false, now(40.0));
    assert_eq!(taken.len(), 1);
    assert_eq!(signals.metrics_stats().unwrap().queued, 1);
    signals.abandon(50.0);
    assert_eq!(signals.metrics_stats().unwrap().dropped.unload, 1);
}

/// Whatever happens: one timer that is right, one end per flush, and no value that is lost uncounted.
#[test]
fn random_hosts_lose_nothing() {
    for seed in 0..500 {
        let rng = &mut Rng::new(seed);
        let mut signals = signals(500.0);
        let (mut ms, mut open, mut logs, mut flushes, mut flushed, mut shut) = (0.0, Vec::new(), 0, 0, 0, 0);
        let mut wake = None;
        for step in 0..300 {
            ms += rng.below(200) as f64;
            match rng.below(if step < 200 { 7 } else { 4 }) {
                0 | 1 if !open.is_empty() => {
                    let id = open.remove(rng.below(open.len()));
                    let outcome = match rng.below(4) {
                        0 => classify_http(503, None, "", 0.0),
                        1 => classify_http(400, None, "", 0.0),
                        _ => Outcome::Success,
                    };
                    signals.handle_response(id, outcome, ms, 0.5);
                }
                2 | 3 if wake.is_some_and(|at| at <= ms) => signals.handle_tick(now(ms), 0.5),
                4 => {
                    logs += 1;
                    signals.push(b"{}", ms);
                }
                5 => signals.add([&INSTRUMENT, &OTHER][rng.below(2)], &set("x"), &one(1.0), now(ms)),
                6 if rng.below(4) == 0 => {
                    flushes += 1;
                    let _ = signals.flush(None, now(ms));
                }
                _ => {}
            }
            if step == 290 {
                signals.shutdown(Some(1000.0), now(ms));
            }
            while let Some(output) = signals.poll_output() {
                match output {
                    Output::Send { id, .. } => open.push(id),
                    Output::Cancel { id } => open.retain(|other| *other != id),
                    Output::WakeAt(at) => wake = at,
                    Output::FlushDone { ids, .. } => flushed += ids.len(),
                    Output::ShutdownDone { .. } => shut += 1,
                }
            }
            let in_flight = |signal| open.iter().filter(|id| id.signal() == signal).count();
            assert!(in_flight(Signal::Logs) <= 1 && in_flight(Signal::Metrics) <= 1, "{seed}");
        }
        ms += 100_000.0;
        signals.handle_tick(now(ms), 0.5);
        while let Some(output) = signals.poll_output() {
            match output {
                Output::FlushDone { ids, .. } => flushed += ids.len(),
                Output::ShutdownDone { .. } => shut += 1,
                Output::WakeAt(at) => assert_eq!(at, None, "{seed}"),
                Output::Cancel { .. } => {}
                Output::Send { .. } => panic!("{seed}: after the shutdown"),
            }
        }
        assert_eq!((flushed, shut), (flushes, 1), "{seed}");
        let stats = signals.stats();
        assert_eq!(stats.exported + stats.dropped.total(), logs, "{seed}");
        assert_eq!((stats.queued, signals.metrics_stats().unwrap().queued), (0, 0), "{seed}");
    }
}
