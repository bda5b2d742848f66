//! Histograms with explicit buckets, and what they are as OTLP.
//!
//! Sources: OpenTelemetry's metrics SDK specification ("Explicit Bucket Histogram Aggregation", "Cardinality limits")
//! and data model. Temporality is *delta*: each collection starts anew. A page lives for minutes and a script for seconds,
//! so a sum since the start would be one more series per page; and a request that is sent again repeats nothing.

use std::mem;

use super::value::Attributes;
use super::{Format, json, protobuf};

/// How many boundaries an instrument has.
pub const BOUNDS: usize = 14;

/// How many attribute sets an instrument may have between two collections, the overflowing one included: the
/// specification's default.
pub const CARDINALITY_LIMIT: usize = 2000;

/// The attribute of the series that takes what exceeds [`CARDINALITY_LIMIT`].
const OVERFLOW: &str = "otel.metric.overflow";

/// `AGGREGATION_TEMPORALITY_DELTA`
const DELTA: u8 = 1;

/// A histogram's identity, and its buckets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instrument {
    /// Its name; two with the same one are the same.
    pub name: &'static str,
    /// What it measures.
    pub description: &'static str,
    /// The unit, in UCUM's notation.
    pub unit: &'static str,
    /// The upper bounds of the buckets, which include them; there is one more bucket above.
    pub bounds: &'static [f64; BOUNDS],
}

/// Values by bucket.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    counts: [u64; BOUNDS + 1],
    sum: f64,
    min: f64,
    max: f64,
}

impl Histogram {
    /// Counts a value. One that is negative or not finite is none.
    pub fn record(&mut self, bounds: &[f64; BOUNDS], value: f64) {
        if !(0.0..f64::INFINITY).contains(&value) {
            return;
        }
        let mut one = Self { counts: [0; BOUNDS + 1], sum: value, min: value, max: value };
        let bucket = bounds.iter().position(|bound| value <= *bound).unwrap_or(BOUNDS);
        if let Some(count) = one.counts.get_mut(bucket) {
            *count = 1;
        }
        self.add(&one);
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn add(&mut self, other: &Self) {
        let is_first = self.count() == 0;
        self.min = if is_first { other.min } else { self.min.min(other.min) };
        self.max = if is_first { other.max } else { self.max.max(other.max) };
        self.sum += other.sum;
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }
}

/// The histograms of a run since the last collection.
#[derive(Debug)]
pub struct Histograms {
    format: Format,
    limit: usize,
    series: Vec<Series>,
    since_unix_nanos: u64,
}

/// The values of one set of attributes.
#[derive(Debug)]
struct Series {
    instrument: &'static Instrument,
    /// Encoded, as they go into the data point: equal sets are equal bytes.
    attributes: Vec<u8>,
    values: Histogram,
}

impl Histograms {
    /// Begins at `unix_nanos`. `limit` is usually [`CARDINALITY_LIMIT`].
    #[must_use]
    pub fn new(format: Format, limit: usize, unix_nanos: u64) -> Self {
        Self { format, limit, series: Vec::new(), since_unix_nanos: unix_nanos }
    }

    /// Whether nothing was recorded since the last collection.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Adds values, if there are any. The order of the attributes matters: another one is another set.
    pub fn add(&mut self, instrument: &'static Instrument, attributes: &Attributes<'_>, values: &Histogram) {
        if values.count() == 0 {
            return;
        }
        let mut encoded = self.encoded(attributes);
        let is_same = |series: &Series| series.instrument.name == instrument.name;
        let find = |encoded: &[u8]| {
            self.series.iter().position(|series| is_same(series) && series.attributes == *encoded)
        };
        let mut found = find(&encoded);
        let sets = self.series.iter().filter(|series| is_same(series)).count();
        if found.is_none() && sets.saturating_add(1) >= self.limit {
            let mut overflow = Attributes::new();
            overflow.set(OVERFLOW, true);
            encoded = self.encoded(&overflow);
            found = find(&encoded);
        }
        match found.and_then(|at| self.series.get_mut(at)) {
            Some(series) => series.values.add(values),
            None => {
                // Those of one instrument stand together.
                let last = self.series.iter().rposition(is_same).map_or(self.series.len(), |at| at + 1);
                self.series.insert(last, Series { instrument, attributes: encoded, values: values.clone() });
            }
        }
    }

    /// Hands each instrument that has values over, encoded (the message `Metric`), and starts anew.
    pub fn collect(&mut self, unix_nanos: u64, push: &mut dyn FnMut(Vec<u8>)) {
        // A wall clock may be set back.
        let start = mem::replace(&mut self.since_unix_nanos, unix_nanos).min(unix_nanos);
        let series = mem::take(&mut self.series);
        let mut done = None;
        for instrument in series.iter().map(|series| series.instrument) {
            // Those of one instrument stand together; see `add`.
            if done.replace(instrument.name) != Some(instrument.name) {
                push(self.metric(instrument, &series, [start, unix_nanos]));
            }
        }
    }

    fn encoded(&self, attributes: &Attributes<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        match self.format {
            Format::Json => json::write_attributes(&mut out, attributes),
            Format::Protobuf => protobuf::write_attributes(&mut out, 9, attributes),
        }
        out
    }

    fn metric(&self, instrument: &Instrument, series: &[Series], times: [u64; 2]) -> Vec<u8> {
        let mut out = Vec::new();
        let points = &mut series.iter().filter(|series| series.instrument.name == instrument.name);
        match self.format {
            Format::Json => metric_json(&mut out, instrument, points, times),
            Format::Protobuf => metric_protobuf(&mut out, instrument, points, times),
        }
        out
    }
}

type Points<'p, 's> = &'p mut dyn Iterator<Item = &'s Series>;

fn metric_json(out: &mut Vec<u8>, instrument: &Instrument, points: Points<'_, '_>, [start, end]: [u64; 2]) {
    out.push(b'{');
    json::write_text(out, b"\"name\":\"", instrument.name);
    json::write_text(out, b"\"description\":\"", instrument.description);
    json::write_text(out, b"\"unit\":\"", instrument.unit);
    out.extend_from_slice(b"\"histogram\":{\"aggregationTemporality\":");
    out.push(b'0' + DELTA);
    out.extend_from_slice(b",\"dataPoints\":[");
    for Series { attributes, values, .. } in points {
        out.push(b'{');
        out.extend_from_slice(attributes);
        json::write_nanos(out, b"\"startTimeUnixNano\":\"", start);
        json::write_nanos(out, b"\"timeUnixNano\":\"", end);
        // Counts as numbers, as OpenTelemetry's JavaScript writes them: the standard has texts, and says that receivers take
        // both; older Rust decoders (rotel's) take only numbers, and lose the histogram without a word.
        out.extend_from_slice(b"\"count\":");
        json::write_u64(out, values.count());
        out.push(b',');
        for (name, value) in
            [(&b"\"sum\":"[..], values.sum), (b"\"min\":", values.min), (b"\"max\":", values.max)]
        {
            out.extend_from_slice(name);
            json::write_double(out, value);
            out.push(b',');
        }
        out.extend_from_slice(b"\"bucketCounts\":[");
        for count in values.counts {
            json::write_u64(out, count);
            out.push(b',');
        }
        json::close(out, b']');
        out.extend_from_slice(b",\"explicitBounds\":[");
        for bound in instrument.bounds {
            json::write_double(out, *bound);
            out.push(b',');
        }
        json::close(out, b']');
        out.extend_from_slice(b"},");
    }
    json::close(out, b']');
    out.extend_from_slice(b"}}");
}

fn metric_protobuf(
    out: &mut Vec<u8>,
    instrument: &Instrument,
    points: Points<'_, '_>,
    [start, end]: [u64; 2],
) {
    protobuf::write_text(out, 1, instrument.name);
    protobuf::write_text(out, 2, instrument.description);
    protobuf::write_text(out, 3, instrument.unit);
    protobuf::write_message(out, 9, |out| {
        for Series { attributes, values, .. } in points {
            protobuf::write_message(out, 1, |out| {
                protobuf::write_nanos(out, 2, start);
                protobuf::write_nanos(out, 3, end);
                protobuf::write_nanos(out, 4, values.count());
                write_fixed(out, 5, values.sum.to_bits());
                write_packed(out, 6, &mut values.counts.iter().copied());
                write_packed(out, 7, &mut instrument.bounds.iter().map(|bound| bound.to_bits()));
                out.extend_from_slice(attributes);
                write_fixed(out, 11, values.min.to_bits());
                write_fixed(out, 12, values.max.to_bits());
            });
        }
        protobuf::write_tag(out, 2, protobuf::VARINT);
        out.push(DELTA);
    });
}

/// A `fixed64` or `double`, at its default too.
fn write_fixed(out: &mut Vec<u8>, number: u8, bits: u64) {
    protobuf::write_tag(out, number, protobuf::FIXED64);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// A list of them.
fn write_packed(out: &mut Vec<u8>, number: u8, bits: &mut dyn Iterator<Item = u64>) {
    protobuf::write_message(out, number, |out| {
        bits.for_each(|bits| out.extend_from_slice(&bits.to_le_bytes()))
    });
}
