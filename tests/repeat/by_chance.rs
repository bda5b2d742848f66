//! Streams by chance, each made from its number.

use std::thread;

use streamgauge::{InvalidUtf8, Options, WireChoice};

use crate::chat_by_chance::by_chance;
use crate::responses_by_chance::responses_by_chance;
use crate::splits::{Rng, random_ways, ways};
use crate::{EXTRA, problem, report};

const STREAMS: usize = 6_000;

/// Texts of a delta, as they stand between its quotes.
pub(super) const TEXTS: &[&[u8]] = &[
    b"",
    b"",
    b"a",
    b" word",
    b"{}",
    b"}",
    b"{\\\"a\\\":",
    b"\\n\\n",
    b"\\\\",
    b"\\ud83d",
    b"\\ude00",
    b"\\ud83dx",
    b"\\u0041",
    "é😀".as_bytes(),
    b"0123456789012345678901234567890",
    b"\xFF",
    b"\xF0\x9F",
    b"\"",
    b"\\",
    b"\\x",
    b"\n",
    b"\r",
    b"\x01",
    b"data: ",
    b"\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"",
];

/// Another field, mostly one with the same key.
pub(super) fn another(rng: &mut Rng, field: &str, known: &[&'static str]) -> &'static str {
    let key = field.split_inclusive(':').next().unwrap_or_default();
    let same: Vec<_> =
        known.iter().copied().filter(|other| other.starts_with(key) && *other != field).collect();
    if same.is_empty() || rng.below(4) == 0 { any(rng, known) } else { any(rng, &same) }
}

pub(super) fn any<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.below(of.len())]
}

fn random_options(rng: &mut Rng) -> Options {
    let mut options = Options::default();
    if rng.below(3) > 0 {
        options.include = EXTRA;
    }
    if rng.below(6) == 0 {
        options.invalid_utf8 = InvalidUtf8::Error;
    }
    if rng.below(6) == 0 {
        options.n = Some(1);
    }
    if rng.below(3) == 0 {
        options.wire = WireChoice::Chat;
    }
    if rng.below(10) == 0 {
        options.max_event_bytes = 60 + rng.below(200);
    }
    if rng.below(6) == 0 {
        options.max_item_bytes = rng.below(80);
    }
    options
}

/// `stream N` is made from the number alone.
#[test]
fn streams_by_chance() {
    let run = |first: usize, step: usize| {
        let mut wrong = Vec::new();
        for number in (first..STREAMS).step_by(step) {
            let mut rng = Rng::new(number as u64);
            let is_chat = number % 3 > 0;
            let bytes = if is_chat { by_chance(&mut rng) } else { responses_by_chance(&mut rng) };
            let mut options = random_options(&mut rng);
            if !is_chat {
                options.wire = any(&mut rng, &[WireChoice::Auto, WireChoice::Responses]);
            }
            let problem =
                problem(ways(&bytes, 0).take(1).chain(random_ways(&bytes, number as u64, 2)), &options);
            let show = |problem| format!("stream {number}: {problem}\n    b\"{}\"", bytes.escape_ascii());
            wrong.extend(problem.map(show));
        }
        wrong
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let wrong: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || run(first, threads))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    report("streams by chance", STREAMS, wrong);
}
