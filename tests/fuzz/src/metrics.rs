//! Metrics: histograms beside a naive count, through decoders that are not ours; logs and metrics side by side with a
//! host that does anything in any order, where no value is lost or told twice; the quantiles of gaps beside sorted ones.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, metric};
use prost::Message;
use streamgauge::otlp::metrics::{BOUNDS, Histogram, Histograms, Instrument};
use streamgauge::otlp::retry::Outcome;
use streamgauge::otlp::signals::{Now, Signals};
use streamgauge::otlp::{
    Attributes, Envelope, ExportId, FlushId, Format, Output, Resource, Scope, Signal, WorkerOptions,
};
use streamgauge::{Aggregator, Options, WireChoice};

const BOUNDARIES: [f64; BOUNDS] =
    [0.0, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 1e9];
static INSTRUMENTS: [Instrument; 3] = [
    Instrument { name: "a", description: "", unit: "s", bounds: &BOUNDARIES },
    Instrument { name: "b", description: "b's \"values\"", unit: "{token}", bounds: &BOUNDARIES },
    Instrument { name: "", description: "none", unit: "", bounds: &BOUNDARIES },
];

/// Input: which of the three, and what is recorded and happens.
pub fn check(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    // Where the bytes are used up, there is nothing more to be checked.
    let _ = match bytes.int_in_range(0..=2) {
        Ok(0) => counted(&mut bytes),
        Ok(1) => signals(&mut bytes),
        _ => gaps(&mut bytes),
    };
}

fn value(bytes: &mut Unstructured<'_>) -> Result<f64> {
    Ok(match bytes.int_in_range(0..=5)? {
        0 => *bytes.choose(&BOUNDARIES)?,
        1 => *bytes.choose(&[
            0.0,
            -0.0,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
        ])?,
        2 => f64::from(bytes.arbitrary::<u32>()?),
        3 => f64::from(bytes.arbitrary::<u16>()?) / 3.0,
        4 => f64::from_bits(bytes.arbitrary::<u64>()?),
        _ => f64::from(bytes.arbitrary::<u8>()?) / 128.0,
    })
}

/// Whether it is to be counted. Sums beyond any double are of no use here.
fn is_value(value: f64) -> bool {
    (0.0..f64::INFINITY).contains(&value)
}

fn several(bytes: &mut Unstructured<'_>) -> Result<(Histogram, Vec<f64>)> {
    let mut histogram = Histogram::default();
    let mut values = Vec::new();
    for _ in 0..bytes.int_in_range(0..=4)? {
        let value = value(bytes)?;
        if value < 1e200 || !is_value(value) {
            histogram.record(&BOUNDARIES, value);
            values.extend(Some(value).filter(|value| is_value(*value)));
        }
    }
    assert_eq!(histogram.count(), values.len() as u64);
    Ok((histogram, values))
}

fn set(bytes: &mut Unstructured<'_>) -> Result<String> {
    Ok(match bytes.int_in_range(0..=3)? {
        0 => "x".to_owned(),
        1 => "\"\n".to_owned(),
        2 => format!("{}", bytes.int_in_range(0..=9)?),
        _ => bytes.arbitrary::<&str>()?.chars().take(20).collect(),
    })
}

fn attributes(set: &str) -> Attributes<'static> {
    [("k", set.to_owned())].into_iter().collect()
}

fn envelope(signal: Signal, format: Format) -> Envelope {
    Envelope::of(signal, format, &Resource::default(), &Scope::default())
}

fn decode(format: Format, body: &[u8]) -> Vec<(String, Vec<HistogramDataPoint>)> {
    let request: ExportMetricsServiceRequest = match format {
        Format::Json => serde_json::from_slice(body).expect("JSON"),
        Format::Protobuf => ExportMetricsServiceRequest::decode(body).expect("protobuf"),
    };
    if format == Format::Protobuf {
        assert!(request.encode_to_vec() == body, "byte for byte as prost");
    }
    let metrics =
        request.resource_metrics.into_iter().flat_map(|of| of.scope_metrics).flat_map(|of| of.metrics);
    let points = metrics.map(|metric| match metric.data {
        Some(metric::Data::Histogram(histogram)) => {
            assert_eq!(histogram.aggregation_temporality, 1, "delta");
            (metric.name, histogram.data_points)
        }
        other => panic!("{other:?}"),
    });
    points.collect()
}

/// Values by instrument and by set, in the order of their first appearance.
type Naive = Vec<(&'static str, Vec<(String, Vec<f64>)>)>;

fn note(naive: &mut Naive, limit: usize, name: &'static str, set: String, values: Vec<f64>) {
    if values.is_empty() {
        return;
    }
    let at = naive.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
        naive.push((name, Vec::new()));
        naive.len() - 1
    });
    let sets = &mut naive[at].1;
    let key = format!("k={set:?}");
    let has = sets.iter().any(|(other, _)| *other == key);
    let key = if has || sets.len() + 1 < limit { key } else { "overflow".to_owned() };
    match sets.iter_mut().find(|(other, _)| *other == key) {
        Some((_, all)) => all.extend(values),
        None => sets.push((key, values)),
    }
}

fn counted(bytes: &mut Unstructured<'_>) -> Result<()> {
    let limit = bytes.int_in_range(0..=5)?;
    let mut start: u64 = bytes.int_in_range(0..=9)?;
    let formats = [Format::Json, Format::Protobuf];
    let mut both = formats.map(|format| Histograms::new(format, limit, start));
    let mut naive = Naive::new();
    loop {
        // At the end, all is collected.
        let is_end = bytes.is_empty();
        if is_end || bytes.ratio(1_u8, 8_u8)? {
            let end = bytes.int_in_range(0..=99).unwrap_or(99);
            let expected = std::mem::take(&mut naive);
            for (format, histograms) in formats.iter().zip(&mut both) {
                let mut metrics = Vec::new();
                histograms.collect(end, &mut |metric| metrics.push(metric));
                let body = envelope(Signal::Metrics, *format).body(metrics.iter().map(Vec::as_slice));
                same(&decode(*format, &body), &expected, [start.min(end), end]);
            }
            start = end;
        }
        if is_end {
            return Ok(());
        }
        let instrument = bytes.choose(&INSTRUMENTS)?;
        let (set, (histogram, values)) = (set(bytes)?, several(bytes)?);
        for histograms in &mut both {
            histograms.add(instrument, &attributes(&set), &histogram);
        }
        note(&mut naive, limit, instrument.name, set, values);
        assert_eq!(both[0].is_empty(), naive.is_empty());
    }
}

fn same(told: &[(String, Vec<HistogramDataPoint>)], expected: &Naive, [start, end]: [u64; 2]) {
    let names = |all: &[(String, Vec<HistogramDataPoint>)]| {
        all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(told), expected.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    // serde_json may be off by one unit in the last place when it reads.
    let close = |left: f64, right: f64| (left - right).abs() <= right.abs() * 1e-14;
    for ((_, points), (_, sets)) in told.iter().zip(expected) {
        assert_eq!(points.len(), sets.len());
        for (point, (set, values)) in points.iter().zip(sets) {
            assert_eq!(attribute(point), *set);
            assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (start, end));
            let mut buckets = vec![0; BOUNDS + 1];
            for value in values {
                buckets[BOUNDARIES.iter().filter(|bound| *value > **bound).count()] += 1;
            }
            assert_eq!((point.count, &point.bucket_counts), (values.len() as u64, &buckets));
            assert_eq!(point.explicit_bounds, BOUNDARIES);
            assert!(close(point.sum(), values.iter().sum()), "{} of {values:?}", point.sum());
            assert!(close(point.min(), values.iter().copied().fold(f64::INFINITY, f64::min)));
            assert!(close(point.max(), values.iter().copied().fold(0.0, f64::max)));
        }
    }
}

fn attribute(point: &HistogramDataPoint) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let [pair] = point.attributes.as_slice() else { panic!("{point:?}") };
    match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) if pair.key == "k" => format!("k={text:?}"),
        Some(Value::BoolValue(true)) if pair.key == "otel.metric.overflow" => "overflow".to_owned(),
        other => panic!("{} {other:?}", pair.key),
    }
}

/// Logs and metrics, and what became of their values.
struct Host {
    signals: Signals,
    format: Format,
    now: f64,
    timer: Option<f64>,
    /// What each request that waits for its answer carries: records, or values by instrument.
    requests: BTreeMap<ExportId, BTreeMap<String, u64>>,
    /// What was recorded, and what of it was answered.
    recorded: BTreeMap<String, u64>,
    settled: BTreeMap<String, u64>,
    flushes: Vec<FlushId>,
    is_shut: bool,
}

/// The name by which log records are counted.
const LOGS: &str = "log records";

fn signals(bytes: &mut Unstructured<'_>) -> Result<()> {
    let format = if bytes.arbitrary()? { Format::Json } else { Format::Protobuf };
    // Nothing is dropped for want of room or time: what is recorded arrives, or was refused.
    let mut options = WorkerOptions::default();
    options.retry.max_elapsed_ms = None;
    options.scheduled_delay_ms = *bytes.choose(&[0.0, 1_000.0])?;
    let interval = *bytes.choose(&[1.0, 1_000.0, 60_000.0])?;
    let mut signals = Signals::new(envelope(Signal::Logs, format), options.clone(), 5).expect("options");
    signals.add_metrics(envelope(Signal::Metrics, format), options, 5, interval, 0).expect("options");
    let mut host = Host {
        signals,
        format,
        now: 0.0,
        timer: None,
        requests: BTreeMap::new(),
        recorded: BTreeMap::new(),
        settled: BTreeMap::new(),
        flushes: Vec::new(),
        is_shut: false,
    };
    for _ in 0..200 {
        if bytes.is_empty() || host.step(bytes).is_err() {
            break;
        }
        host.drain();
    }
    host.wind_up();
    Ok(())
}

impl Host {
    fn clock(&self) -> Now {
        Now { ms: self.now, unix_nanos: (self.now * 1e6) as u64 }
    }

    fn step(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        match bytes.int_in_range(0..=9)? {
            0 | 1 => {
                let record = match self.format {
                    Format::Json => b"{\"flags\":7}".to_vec(),
                    Format::Protobuf => b"\x45\x07\0\0\0".to_vec(),
                };
                self.signals.push(&record, self.now);
                *self.recorded.entry(LOGS.to_owned()).or_default() += 1;
            }
            2..=4 => {
                let instrument = bytes.choose(&INSTRUMENTS)?;
                let (set, (histogram, values)) = (set(bytes)?, several(bytes)?);
                self.signals.add(instrument, &attributes(&set), &histogram, self.clock());
                *self.recorded.entry(instrument.name.to_owned()).or_default() += values.len() as u64;
            }
            5 => self.now += *bytes.choose(&[0.0, 0.5, 1.0, 999.0, 5_000.0, 70_000.0])?,
            6 => {
                self.now = self.timer.take().unwrap_or(self.now).max(self.now);
                self.signals.handle_tick(self.clock(), 0.5);
            }
            7 => {
                let id = self.signals.flush(Some(1e9), self.clock());
                assert!(!self.flushes.contains(&id), "a flush's id is its own");
                self.flushes.push(id);
            }
            8 => {
                let (budget, resend) = (bytes.int_in_range(0..=100_000)?, bytes.arbitrary()?);
                let batches = self.signals.take_for_unload(budget, resend, self.clock());
                // The ones to be cancelled first, for what they carry is in these again.
                self.drain();
                for batch in batches {
                    self.take(batch.id);
                }
            }
            _ => {
                let at = bytes.int_in_range(0..=2_usize)?;
                if let Some(id) = self.requests.keys().nth(at).copied() {
                    let message = || "x".to_owned();
                    let outcome = match bytes.int_in_range(0..=3)? {
                        0 | 1 => Outcome::Success,
                        2 => Outcome::Fatal { message: message(), too_large: false },
                        _ => Outcome::Retryable { message: message(), server_delay_ms: None },
                    };
                    self.answer(id, outcome);
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, id: ExportId, outcome: Outcome) {
        let carried = self.requests.remove(&id).expect("a request that waits");
        // What is to be sent again is told again.
        if !matches!(outcome, Outcome::Retryable { .. }) {
            for (name, count) in carried {
                *self.settled.entry(name).or_default() += count;
            }
        }
        self.signals.handle_response(id, outcome, self.now, 0.5);
    }

    fn take(&mut self, id: ExportId) {
        let body = self.signals.body(id);
        let mut carried = BTreeMap::new();
        match id.signal() {
            Signal::Logs => {
                let body = crate::telemetry::logs(self.format, &body);
                let records =
                    body.resource_logs.iter().flat_map(|of| &of.scope_logs).flat_map(|of| &of.log_records);
                carried.insert(
                    LOGS.to_owned(),
                    records.inspect(|record| assert_eq!(record.flags, 7)).count() as u64,
                );
            }
            Signal::Metrics => {
                for (name, points) in decode(self.format, &body) {
                    *carried.entry(name).or_default() += points.iter().map(|point| point.count).sum::<u64>();
                }
            }
        }
        assert!(self.requests.insert(id, carried).is_none(), "a request's id is its own");
    }

    fn drain(&mut self) {
        while let Some(output) = self.signals.poll_output() {
            match output {
                Output::Send { id, .. } => self.take(id),
                Output::Cancel { id } => drop(self.requests.remove(&id).expect("a request that waits")),
                Output::WakeAt(at) => {
                    assert_ne!(self.timer, at, "a timer that is set already");
                    self.timer = at;
                }
                Output::FlushDone { ids, .. } => {
                    for id in ids {
                        let at = self.flushes.iter().position(|other| *other == id);
                        self.flushes.remove(at.expect("a flush is answered once"));
                    }
                }
                Output::ShutdownDone { .. } => {
                    assert!(!std::mem::replace(&mut self.is_shut, true), "a shutdown ends once");
                }
            }
        }
    }

    /// From here on the host is punctual and the server well: everything comes to its end.
    fn wind_up(mut self) {
        self.signals.shutdown(Some(1e12), self.clock());
        self.drain();
        let mut steps = 0;
        while !self.is_shut || !self.requests.is_empty() {
            match self.requests.keys().next().copied() {
                Some(id) => self.answer(id, Outcome::Success),
                None => {
                    self.now = self.now.max(self.timer.take().expect("something to wait for"));
                    self.signals.handle_tick(self.clock(), 0.5);
                }
            }
            self.drain();
            steps += 1;
            assert!(steps < 1000, "a shutdown that does not end");
        }
        assert!(self.flushes.is_empty(), "everybody was told");
        self.recorded.retain(|_, count| *count > 0);
        self.settled.retain(|_, count| *count > 0);
        assert_eq!(self.recorded, self.settled, "every value was told once");
    }
}

/// Gaps between tokens: their number, the longest, and quantiles within what `src/histogram.rs` promises.
fn gaps(bytes: &mut Unstructured<'_>) -> Result<()> {
    let stall_ms = *bytes.choose(&[1000, 1, 50])?;
    let options = Options { wire: WireChoice::Chat, stall_ms, ..Options::default() };
    let mut aggregator = Aggregator::new(options, 0.0);
    let mut gaps: Vec<f64> = Vec::new();
    let (mut now, mut last) = (0.0_f64, None::<f64>);
    while !bytes.is_empty() && gaps.len() < 200 {
        now += match bytes.int_in_range(0..=4)? {
            0 => 0.0,
            1 => 20.0,
            2 => f64::from(bytes.arbitrary::<u8>()?) / 1024.0,
            3 => f64::from(bytes.arbitrary::<u16>()?),
            // Of up to a day, or back.
            _ => f64::from(bytes.arbitrary::<i32>()?) / 25.0,
        };
        aggregator
            .handle_bytes(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n", now);
        aggregator.discard_events();
        let elapsed = (now.max(0.0) * 1000.0).round() / 1000.0;
        gaps.extend(last.map(|last| elapsed - last).filter(|gap| *gap > 0.0));
        last = Some(last.unwrap_or(elapsed).max(elapsed));
    }
    let told = aggregator.timings();
    gaps.sort_by(f64::total_cmp);
    assert_eq!(told.gaps.count, gaps.len() as u64);
    // Told to a microsecond.
    let micro = 0.0006;
    assert!((told.gaps.max_ms.unwrap_or(0.0) - gaps.last().copied().unwrap_or(0.0)).abs() <= micro);
    for (percent, told) in [(50, told.gaps.p50_ms), (95, told.gaps.p95_ms)] {
        assert_eq!(told.is_some(), !gaps.is_empty());
        let Some(told) = told else { continue };
        let exact = gaps[(gaps.len() * percent).div_ceil(100).max(1) - 1];
        // Longer ones than 2^24 ms share a bucket.
        let is_long = exact >= 16_777_216.0;
        let allowed = if exact < 0.0625 { 0.07 } else { exact / 32.0 };
        assert!(is_long || (told - exact).abs() <= allowed + micro, "P{percent}: {told} for {exact}");
        assert!(told >= gaps[0] - micro && told <= gaps[gaps.len() - 1] + micro);
    }
    let stalls: Vec<f64> = gaps.iter().copied().filter(|gap| *gap >= f64::from(stall_ms)).collect();
    assert_eq!(told.stalls.count, stalls.len() as u64);
    assert!(
        (told.stalls.total_ms - stalls.iter().sum::<f64>()).abs()
            <= micro + stalls.iter().sum::<f64>() * 1e-9
    );
    Ok(())
}
