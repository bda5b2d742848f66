//! The aggregator: any bytes at any splits give the same events, items, errors, counts and observations; events told
//! by their bytes are what they are by the book; a batch says what polling says; memory is within the limits.

use streamgauge::flat::FlatBatch;
use streamgauge::{Aggregator, Include, InvalidUtf8, Options, StreamEvent, ThinkTags, WireChoice};

use crate::allocations::measure;
use crate::batch::{Names, decode};
use crate::outcome::event_json;
use crate::seen::seen_until;
use crate::splits::random_way;

/// How a stream ends.
#[derive(Clone, Copy)]
enum End {
    Clean,
    Idle,
    Broken,
}

/// What is allocated for a byte of input, at most. The densest thing known is a call in a list of empty ones, `{"index":9},`:
/// 100 with all events included.
const PER_BYTE: usize = 160;
/// What an aggregator takes by itself.
const EMPTY: usize = 16 * 1024;
/// What an event takes beyond its limit, and the end of a stream beyond what it had.
const KEPT: usize = 32 * 1024;

/// Input: options, how to split and to end, the bytes.
pub fn check(wire: WireChoice, input: &[u8]) {
    let Some(([flags, shape], bytes)) = input.split_first_chunk::<2>() else { return };
    let options = options(wire, *flags, *shape);
    let end = match flags >> 7 {
        0 => End::Clean,
        _ if shape & 1 == 0 => End::Idle,
        _ => End::Broken,
    };
    let way = random_way(bytes, u64::from(*shape), 1 + usize::from(shape % 64));
    let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();

    let whole = told(&[bytes], &options, false, end);
    check_end(&whole);
    same("whole", &whole, "byte by byte", &told(&bytewise, &options, false, end));
    same("whole", &whole, "split", &told(&way.chunks, &options, false, end));
    same("told by its bytes", &whole, "by the book", &told(&[bytes], &options, true, end));
    same("told by its bytes", &whole, "by the book, split", &told(&way.chunks, &options, true, end));

    let raw = Include { raw: shape & 2 == 0, ..options.include };
    check_batches(&way.chunks, &Options { include: raw, ..options.clone() }, end);
    check_memory(bytes, &way.chunks, &options, end);
}

fn options(wire: WireChoice, flags: u8, shape: u8) -> Options {
    let default = Options::default();
    let extra = flags & 64 != 0;
    Options {
        wire,
        max_event_bytes: [default.max_event_bytes, 4096, 512, 64][usize::from(flags & 3)],
        max_item_bytes: [default.max_item_bytes, 2048, 256, 32][usize::from(flags >> 2 & 3)],
        invalid_utf8: if flags & 16 == 0 { InvalidUtf8::Replace } else { InvalidUtf8::Error },
        n: (flags & 32 != 0).then_some(1),
        include: Include { created: extra, output_item_added: extra, tool_call_delta: extra, raw: false },
        think_tags: (shape & 4 != 0)
            .then(|| ThinkTags { starts_inside: shape & 8 != 0, ..ThinkTags::default() }),
        ..default
    }
}

fn finish(aggregator: &mut Aggregator, end: End, now_ms: f64) {
    match end {
        End::Clean => aggregator.handle_end(now_ms),
        End::Idle => aggregator.handle_idle_timeout(now_ms),
        End::Broken => aggregator.handle_transport_error("connection reset", now_ms),
    }
}

/// Everything that can be seen, line by line; at one moment, for times are the only thing that splits may change.
fn told(chunks: &[&[u8]], options: &Options, by_the_book: bool, end: End) -> String {
    let told =
        seen_until(chunks, options, by_the_book, 0.0, |aggregator, now_ms| finish(aggregator, end, now_ms));
    // What comes in one chunk with the end is counted, what comes in a later one is not.
    let (before, counts) = told.split_once("Counts { bytes: ").expect("the counts");
    let (_, after) = counts.split_once(',').expect("more counts");
    format!("{before}Counts {{{after}")
}

fn same(name: &str, one: &str, other_name: &str, other: &str) {
    if one == other {
        return;
    }
    let differing = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    let (one, other) = differing.unwrap_or(("the end, or more", "more, or the end"));
    panic!("differs\n{name}: {one}\n{other_name}: {other}");
}

/// One end: the completion, once and last, or an error.
fn check_end(told: &str) {
    let events = told.lines().filter(|line| line.starts_with("Completed("));
    let has_error = told.lines().any(|line| line.starts_with("(Some(Error"));
    assert_eq!(events.count(), usize::from(!has_error), "a stream completes or fails");
}

fn check_batches(chunks: &[&[u8]], options: &Options, end: End) {
    let open = || (Aggregator::new(options.clone(), 0.0), Vec::new());
    let (mut polling, mut polled) = open();
    let (mut batching, mut batched) = open();
    let (mut batch, mut names) = (FlatBatch::default(), Names::default());
    for step in chunks.iter().map(Some).chain([None]) {
        for aggregator in [&mut polling, &mut batching] {
            match step {
                Some(chunk) => aggregator.handle_bytes(chunk, 0.0),
                None => finish(aggregator, end, 0.0),
            }
        }
        polled.extend(std::iter::from_fn(|| polling.poll_event().map(event_json)));
        batching.fill_batch(&mut batch);
        batched.extend(decode(&batch, &mut names));
        assert_eq!(batched, polled, "batches beside polling");
    }
    assert!(polling.is_finished() && batching.is_finished());
    assert!(
        polled.iter().rev().skip(1).all(|event| event["type"] != "completed"),
        "completed is the last event"
    );
}

fn check_memory(bytes: &[u8], chunks: &[&[u8]], options: &Options, end: End) {
    let feed = |aggregator: &mut Aggregator, chunk: &[u8]| {
        aggregator.handle_bytes(chunk, 0.0);
        while let Some(event) = aggregator.poll_event() {
            if let StreamEvent::OutputItemDone { item } = event {
                check_item(item, options);
            }
        }
    };
    let (mut aggregator, peak, _) = measure(|| {
        let mut aggregator = Aggregator::new(options.clone(), 0.0);
        chunks.iter().for_each(|chunk| feed(&mut aggregator, chunk));
        aggregator
    });
    let bound = EMPTY + PER_BYTE * bytes.len();
    assert!(peak <= bound, "{peak} bytes for {} of input", bytes.len());
    // Wherever it stands, a line that does not end takes no more than an event may.
    if options.max_event_bytes <= 4096 {
        let line = [b'x'; 8192];
        let ((), peak, _) = measure(|| (0..32).for_each(|_| feed(&mut aggregator, &line)));
        let bound = KEPT + PER_BYTE * bytes.len().min(options.max_event_bytes);
        assert!(
            peak <= bound,
            "{peak} bytes for an endless line, where an event has {}",
            options.max_event_bytes
        );
    }
    let ((), peak, _) = measure(|| finish(&mut aggregator, end, 0.0));
    assert!(peak <= bound + KEPT, "{peak} bytes for the end");
}

/// An item has the limit's size and one event more; its JSON has escapes where its text had a byte, and names.
fn check_item(item: &streamgauge::Item, options: &Options) {
    use streamgauge::json::ToJson;
    let most = options.max_item_bytes.saturating_add(options.max_event_bytes);
    if most < 10_000 {
        let len = item.to_json().len();
        assert!(len <= 1024 + 8 * most, "an item of {len} bytes, where the limits are {most} together");
    }
}
