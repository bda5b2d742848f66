//! All that can be seen of a stream, with its events told by their bytes or read by the book.
#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use std::fmt::Write;

use streamgauge::flat::{FlatBatch, ROW_LEN};
use streamgauge::{Aggregator, Include, Options, StreamEvent};

/// Everything that can be seen of a stream, line by line, but for the raw events: the events, what telemetry notes, the
/// end. Time goes on from chunk to chunk.
pub fn seen(chunks: &[&[u8]], options: &Options, by_the_book: bool) -> String {
    seen_until(chunks, options, by_the_book, 1.0, Aggregator::handle_end)
}

/// The same with so many milliseconds between chunks, and another end than a clean one.
pub fn seen_until(
    chunks: &[&[u8]],
    options: &Options,
    by_the_book: bool,
    step_ms: f64,
    end: impl FnOnce(&mut Aggregator, f64),
) -> String {
    let include = Include { raw: by_the_book, ..options.include };
    let mut aggregator = Aggregator::new(Options { include, ..options.clone() }, 0.0);
    aggregator.observe();
    let (mut out, mut observations) = (String::new(), String::new());
    let mut drain = |aggregator: &mut Aggregator| {
        while let Some(event) = aggregator.poll_event() {
            if !matches!(event, StreamEvent::Raw(_)) {
                writeln!(out, "{event:?}").unwrap();
            }
        }
        for observation in aggregator.take_observations() {
            writeln!(observations, "{observation:?}").unwrap();
        }
    };
    let mut now = 0.0;
    for chunk in chunks {
        now += step_ms;
        aggregator.handle_bytes(chunk, now);
        drain(&mut aggregator);
    }
    end(&mut aggregator, now + step_ms);
    drain(&mut aggregator);
    out.push_str(&observations);
    let end = (aggregator.error(), aggregator.counts(), aggregator.completion(), aggregator.summary());
    writeln!(out, "{end:?}\n{:?}", aggregator.timings()).unwrap();
    for choice in aggregator.choices() {
        writeln!(out, "{choice:?}").unwrap();
    }
    out
}

/// The rows that cross into JavaScript, with their texts, but for those of raw events; without telemetry.
pub fn rows(chunks: &[&[u8]], options: &Options, by_the_book: bool) -> String {
    const RAW: u32 = 8;
    let include = Include { raw: by_the_book, ..options.include };
    let mut aggregator = Aggregator::new(Options { include, ..options.clone() }, 0.0);
    let mut batch = FlatBatch::default();
    let mut out = String::new();
    let mut drain = |aggregator: &mut Aggregator| {
        aggregator.fill_batch(&mut batch);
        let units: Vec<u16> = batch.text().encode_utf16().collect();
        let mut start = 0;
        for row in batch.table().chunks(ROW_LEN) {
            let end = row[3] as usize;
            if row[0] != RAW {
                let text = String::from_utf16(&units[start..end]).unwrap();
                writeln!(out, "{:?} {text:?}", &row[..3]).unwrap();
            }
            start = end;
        }
    };
    for chunk in chunks {
        aggregator.handle_bytes(chunk, 0.0);
        drain(&mut aggregator);
    }
    aggregator.handle_end(0.0);
    drain(&mut aggregator);
    out
}
