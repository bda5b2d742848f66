//! The SSE framer: tables, the shared corpus, a naive oracle, limits and cost. Every input at every split.

#[path = "support/framing.rs"]
mod framing;
#[path = "support/say.rs"]
mod say;
#[path = "support/splits.rs"]
mod splits;

use framing::{End, Outcome, Seen, oracle, run_with, seen};
use say::say;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::Value;
use splits::{Rng, Way, random_ways, ways};
use streamgauge::sse::{FrameTooLarge, Framer};

const ROOMY: usize = 16 << 20;

fn run(limit: usize, way: &Way<'_>, end: End) -> Outcome {
    run_with(&mut Framer::new(limit), &way.chunks, end)
}

/// The corpus and the tables name what they check; the counts and errors beyond that must agree with one another.
fn frames_only(frames: &[Seen]) -> Vec<Seen> {
    frames.iter().map(|frame| Seen { utf8_error: None, ..frame.clone() }).collect()
}

#[test]
fn table() {
    let one = "invalid utf-8 sequence of 1 bytes from index ";
    let cases: Vec<(&[u8], Vec<Seen>)> = vec![
        (b"", vec![]),
        (b"\r\n\n\r\r\n", vec![]),
        (b"data: hi\n\n", vec![seen("hi")]),
        (b"data:hi\r\rdata:  two \r\r", vec![seen("hi"), seen(" two ")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", vec![seen("a"), seen("b")]),
        (b"data: a\n\rdata: b\r\n\n", vec![seen("a"), seen("b")]),
        (b"data\n\ndata\ndata\n\ndata:\ndata: \ndata\n\n", vec![seen(""), seen("\n"), seen("\n\n")]),
        (b"\xEF\xBB\xBFdata: a\n\n\xEF\xBB\xBFdata: b\n\n", vec![seen("a")]),
        (b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\ndata: \xEF\xBB\xBFb\n\n", vec![seen("\u{FEFF}b")]),
        (b"\xEF\xBBdata: a\n\ndata: b\n\n", vec![seen("b")]),
        (b"\xEF\xBB\ndata: b\n\n", vec![seen("b")]),
        (b"\xEF\xBB\xBF\ndata: b\n\n", vec![seen("b")]),
        (b":\n: ping\ndata: a\n:::\ndata: b\n\n", vec![seen("a\nb")]),
        (b"event: x\n\ndata: a\n\nevent: y\nevent: z\ndata\n\n", vec![seen("a"), seen("").event("z")]),
        (b"event: x\nevent\ndata: a\nevent:  y \n\n", vec![seen("a").event(" y ")]),
        (b"event: x\ndata: a\nevent:\n\n", vec![seen("a")]),
        (b"id: 1\n\ndata: a\nid\n\ndata: b\n\n", vec![seen("a"), seen("b")]),
        (b"data: a\nid: 1\n\nid: 2\0\ndata: b\n\n", vec![seen("a").id("1"), seen("b").id("1")]),
        (b"id: 1\nid: 2\nid: \0\n\ndata: a\n\n", vec![seen("a").id("2")]),
        (b"id: \xC3\xA9\xFF\ndata: a\n\n", vec![seen("a").id("\u{E9}\u{FFFD}")]),
        (b"retry: 012\ndata: a\n\ndata: b\n\n", vec![seen("a").retry(12), seen("b")]),
        (b"retry: 5\nretry: +6\nretry: 7 \nretry:\nretry: -1\ndata: a\n\n", vec![seen("a").retry(5)]),
        (b"retry: 99999999999999999999\ndata: a\n\n", vec![seen("a").retry(u64::MAX)]),
        (b"Data: a\n data: b\ndata : c\ndatas: d\ndat: e\nda\0ta: f\ndata: g\n\n", vec![seen("g")]),
        (b"data: a:b\ndata:: c\n\n", vec![seen("a:b\n: c")]),
        (b"data: \0\ndata: \xE2\x80\xA8\x0B\x0C\n\n", vec![seen("\0\n\u{2028}\u{B}\u{C}")]),
        (b"data: \x80\x80\n\n", vec![seen("\u{FFFD}\u{FFFD}").invalid(&format!("{one}0"))]),
        (
            b"data: ok\ndata: \xFF\n\ndata: b\n\n",
            vec![seen("ok\n\u{FFFD}").invalid(&format!("{one}3")), seen("b")],
        ),
        (
            b"data: \xF0\x9F\x98x\xED\xA0\n\n",
            vec![seen("\u{FFFD}x\u{FFFD}\u{FFFD}").invalid("invalid utf-8 sequence of 3 bytes from index 0")],
        ),
        (b"event: e\xFF\ndata: a\n\n", vec![seen("a").event("e\u{FFFD}").invalid(&format!("{one}1"))]),
        (b"data: \xF0\x9F\x98\x80\n\n", vec![seen("\u{1F600}")]),
    ];
    for (at, (input, expected)) in cases.iter().enumerate() {
        for way in ways(input, at as u64) {
            for end in [End::Strict, End::Flush] {
                let outcome = run(ROOMY, &way, end);
                assert_eq!(
                    outcome.frames,
                    *expected,
                    "case {at} {:?}, {way}",
                    input.escape_ascii().to_string()
                );
                assert_eq!(outcome.error, None);
            }
        }
    }
}

#[test]
fn unterminated_events_are_flushed_only_on_request() {
    let cut = "incomplete utf-8 byte sequence from index 0";
    let cases: Vec<(&[u8], Vec<Seen>)> = vec![
        (b"data: a", vec![seen("a")]),
        (b"data: a\n", vec![seen("a")]),
        (b"data: a\r", vec![seen("a")]),
        (b"data", vec![seen("")]),
        (b"dat", vec![]),
        (b"event: x", vec![]),
        (b"\xEF\xBB", vec![]),
        (b": ping", vec![]),
        (b"{\"error\":1}", vec![]),
        (b"data: a\nid: 7\nevent: e\nretry: 9", vec![seen("a").id("7").event("e").retry(9)]),
        (b"data: a\nid: 7\0", vec![seen("a")]),
        (b"data: \xF0\x9F", vec![seen("\u{FFFD}").invalid(cut)]),
    ];
    for (input, expected) in &cases {
        for way in ways(input, 11) {
            assert_eq!(run(ROOMY, &way, End::Strict).frames, [], "{way}");
            let flushed = run(ROOMY, &way, End::Flush);
            assert_eq!(flushed.frames, *expected, "{:?}, {way}", input.escape_ascii().to_string());
        }
    }
    let count = |input: &[u8], end| {
        let outcome = run_with(&mut Framer::new(ROOMY), &[input], end);
        (outcome.comments, outcome.fields, outcome.ignored_lines)
    };
    assert_eq!(count(b": ping", End::Flush), (1, 0, 0));
    assert_eq!(count(b"data: a", End::Flush), (0, 1, 0));
    assert_eq!(count(b"{\"error\":1}", End::Flush), (0, 0, 1));
    assert_eq!(count(b"\xEF\xBB", End::Flush), (0, 0, 1));
    assert_eq!(count(b"\n\n", End::Flush), (0, 0, 0));
    assert_eq!(count(b":\n\n<html>\nid: \0\nretry: x\ndata\nevent:\n", End::Strict), (1, 4, 1));
}

#[test]
fn an_unterminated_id_is_committed_by_finish_only() {
    let mut framer = Framer::new(ROOMY);
    assert_eq!(
        framer.poll_frame(&mut &b"id: 1\ndata: a\n\nid: 2\n"[..]).map(|frame| frame.is_some()),
        Ok(true)
    );
    assert_eq!(framer.poll_frame(&mut &b"id: 2\n"[..]), Ok(None));
    assert_eq!(framer.last_event_id(), "1");
    assert_eq!(framer.finish(), Ok(None));
    assert_eq!(framer.last_event_id(), "2");
}

#[test]
fn reset_forgets_everything() {
    let input = b"\xEF\xBB\xBFdata: a\n\n: c\nfoo\n";
    let fresh = run_with(&mut Framer::new(64), &[input], End::Flush);
    let before: [&[u8]; 7] = [
        b"",
        b"\xEF\xBB",
        b"id: 9\nretry: 8\nevent: e\ndata: old\r\n\r",
        b"id: 9\ndata: old\nid: 1",
        b":",
        b"x\r",
        &[b'x'; 65],
    ];
    for left_over in before {
        let mut framer = Framer::new(64);
        run_with(&mut framer, &[left_over], End::Strict);
        framer.reset();
        assert_eq!(framer.buffered_bytes(), 0);
        assert_eq!(run_with(&mut framer, &[input], End::Flush), fresh);
    }
}

#[test]
fn corpus() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/sse_framing.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        say(format_args!("{} is absent: the framing corpus is not checked", path.display()));
        return;
    };
    let (mut right, mut total) = (0, 0);
    for (at, line) in text.lines().enumerate() {
        let case: Value = serde_json::from_str(line).expect("a JSON line");
        total += 1;
        match corpus_case(&case, at as u64) {
            Ok(()) => right += 1,
            Err(wrong) => println!("{}: {wrong}", case["name"]),
        }
    }
    say(format_args!("{right} of {total} framing cases right"));
    assert_eq!(right, total);
}

fn corpus_case(case: &Value, seed: u64) -> Result<(), String> {
    let decode = |chunk: &Value| {
        base64::engine::general_purpose::STANDARD.decode(chunk.as_str().expect("base64")).expect("base64")
    };
    let chunks: Vec<Vec<u8>> = case["chunks"].as_array().expect("chunks").iter().map(decode).collect();
    let arrived: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    let bytes = chunks.concat();
    let tagged = |tag: &str| case["tags"].as_array().is_some_and(|tags| tags.iter().any(|each| each == tag));
    let strict = corpus_frames(&case["expected"]);
    let flushed = case.get("expected_with_eof_flush").map_or_else(|| strict.clone(), corpus_frames);

    let check = |chunks: &[&[u8]], way: &str| {
        for (end, expected) in [(End::Strict, &strict), (End::Flush, &flushed)] {
            let outcome = run_with(&mut Framer::new(ROOMY), chunks, end);
            if frames_only(&outcome.frames) != *expected || outcome.error.is_some() {
                return Err(format!(
                    "{end:?}, {way}: {:?}",
                    outcome.frames.iter().take(8).collect::<Vec<_>>()
                ));
            }
            if outcome.frames.iter().any(|frame| frame.utf8_error.is_some()) && !tagged("invalid-utf8") {
                return Err(format!("{end:?}, {way}: valid UTF-8 reported as invalid"));
            }
            let last_event_id = case["final_last_event_id"].as_str().expect("an id");
            let strictly = end == End::Strict;
            if strictly
                && (outcome.last_event_id, outcome.retry)
                    != (last_event_id.into(), case["final_retry"].as_u64())
            {
                return Err(format!("{way}: last event id or retry"));
            }
            if Some(outcome.comments) != case["comments"].as_u64() {
                return Err(format!("{end:?}, {way}: {} comments", outcome.comments));
            }
        }
        Ok(())
    };
    check(&arrived, "as it arrived")?;
    if tagged("huge") {
        return random_ways(&bytes, seed, 12).try_for_each(|way| check(&way.chunks, &way.to_string()));
    }
    ways(&bytes, seed).try_for_each(|way| check(&way.chunks, &way.to_string()))
}

fn corpus_frames(frames: &Value) -> Vec<Seen> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let frame = |frame: &Value| Seen {
        event: text(&frame["event"]),
        data: text(&frame["data"]),
        id: text(&frame["id"]),
        retry: frame["retry"].as_u64(),
        utf8_error: None,
    };
    frames.as_array().expect("frames").iter().map(frame).collect()
}

const TOKENS: &[&[u8]] = &[
    b"data",
    b"data",
    b"data: ",
    b"data:",
    b"event",
    b"event: ",
    b"id",
    b"id: ",
    b"retry",
    b"retry: ",
    b"retry:1",
    b":",
    b":",
    b" ",
    b"\n",
    b"\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xEF",
    b"\xBF",
    b"\xFF",
    b"\xE2\x82\xAC",
    b"\xE2\x82",
    b"\xF0\x9F\x98\x80",
    b"\xF0\x9F",
    b"\xED\xA0\x80",
    b"\x80",
    b"x",
    b"7",
    b"{\"a\":1}",
    b"[DONE]",
    b"foo: bar",
    b"da",
    b"\t",
];

fn random_input(rng: &mut Rng) -> Vec<u8> {
    let tokens = rng.below(40) + 1;
    let mut input = if rng.below(4) == 0 { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
    (0..tokens).for_each(|_| input.extend_from_slice(rng.pick::<&[u8]>(TOKENS)));
    input
}

#[test]
fn agrees_with_the_oracle() {
    for seed in 0..6000 {
        let input = random_input(&mut Rng::new(seed));
        for end in [End::Strict, End::Flush] {
            let expected = oracle(&input, end);
            let random = random_ways(&input, seed, 6);
            for way in ways(&input, seed).take(2).chain(random) {
                let shown = || format!("seed {seed}, {end:?}, {way}: {}", input.escape_ascii());
                let mut outcome = run(ROOMY, &way, end);
                for frame in &mut outcome.frames {
                    // No token holds U+FFFD itself.
                    let repaired = frame.data.contains('\u{FFFD}') || frame.event.contains('\u{FFFD}');
                    assert_eq!(frame.utf8_error.is_some(), repaired, "{}", shown());
                    frame.utf8_error = None;
                }
                assert_eq!(outcome, expected, "{}", shown());
            }
        }
    }
}

#[test]
fn limits_do_not_depend_on_the_split() {
    let mut failed = 0;
    for seed in 0..1500 {
        let mut rng = Rng::new(seed);
        let input = random_input(&mut rng);
        let limit = rng.below(24);
        let whole = run_with(&mut Framer::new(limit), &[&input], End::Flush);
        failed += usize::from(whole.error.is_some());
        for way in ways(&input, seed) {
            let shown = format!("seed {seed}, limit {limit}, {way}: {}", input.escape_ascii());
            assert_eq!(run(limit, &way, End::Flush), whole, "{shown}");
        }
    }
    println!("{failed} of 1500 exceeded their limit");
    assert!((300..1400).contains(&failed), "{failed}: the limits are not near the inputs' sizes");
}

#[test]
fn the_limit_is_exact() {
    // The least limit with which each input passes: the longest of (what earlier lines left + this line).
    // Lines that are no event stream's add up until there is one that is.
    let cases: [(&[u8], usize); 15] = [
        (b"data: 0123456789\n\n", 16),
        (b"data: 0123456789\r\n\r\n", 16),
        (b"data: 0123456789\n\ndata: 0123456789\n\n", 16),
        (b"data: abc\ndata: d\n\n", 10),
        (b"data: abc\ndata: d\n: no limit for a comment\ndata: e\n\n", 12),
        (b"event: name\ndata: d\n\n", 11),
        (b"event: name\ndata: defghi\n\n", 16),
        (b"event: name\nevent: n\ndata\n\n", 12),
        (b"id: 1234\ndata: abc\n\n", 13),
        (b"id: 1234\n\ndata: abc\n\n", 9),
        (b"<!DOCTYPE html>\n<html>\n", 21),
        (b"<br />\n<br />\n: hi\n<br />\n<br />\n", 12),
        (b"<br />\n\n<br />\ndata: 0123456789\n\n<br />\n<br />\n<br />\n", 16),
        (b"\xEF\xBB\xBFdata: abc\n\n", 9),
        (b"\xEF\xBB\n\n", 2),
    ];
    for (input, least) in cases {
        for way in ways(input, 3) {
            let shown = format!("{}, {way}", input.escape_ascii());
            assert_eq!(run(least, &way, End::Flush).error, None, "{shown}");
            let limit = least - 1;
            assert_eq!(run(limit, &way, End::Flush).error, Some(FrameTooLarge { limit }), "{shown}");
        }
    }
    assert_eq!(FrameTooLarge { limit: 7 }.to_string(), "event larger than 7 bytes");
}

#[test]
fn frames_before_a_too_large_event_are_kept() {
    let input = b"data: a\n\ndata: b\n\ndata: far too large\n\ndata: c\n\n";
    for way in ways(input, 5) {
        let outcome = run(12, &way, End::Flush);
        assert_eq!(
            (outcome.frames, outcome.error),
            (vec![seen("a"), seen("b")], Some(FrameTooLarge { limit: 12 }))
        );
    }
}

/// Feeds `chunk` up to 1600 times (100 MB of 64 KiB); returns after how many it failed, and the most it held.
fn flood(framer: &mut Framer, first: &[u8], chunk: &[u8]) -> (Option<usize>, usize) {
    assert_eq!(framer.poll_frame(&mut { first }), Ok(None));
    let mut most = 0;
    for fed in 1..=1600 {
        let mut input = chunk;
        let outcome = framer.poll_frame(&mut input);
        if outcome.is_err() {
            assert_eq!(framer.buffered_bytes(), 0, "what was held is given back");
            return (Some(fed), most);
        }
        assert_eq!(outcome, Ok(None));
        most = most.max(framer.buffered_bytes());
    }
    (None, most)
}

#[test]
fn endless_lines() {
    let limit = 1 << 20;
    let chunk = vec![b'x'; 64 << 10];
    for (first, holds) in [(&b"data: "[..], limit), (b"event:", limit), (b"id:", limit), (b"retry:", limit)] {
        let (failed, most) = flood(&mut Framer::new(limit), first, &chunk);
        assert_eq!(failed, Some(16), "{}", first.escape_ascii());
        assert!(most <= holds && most >= limit / 2);
    }
    assert_eq!(flood(&mut Framer::new(limit), b"{", &chunk), (Some(16), 0), "an unknown line is not stored");
    assert_eq!(flood(&mut Framer::new(limit), b"datax: ", &chunk), (Some(16), 0));
    assert_eq!(flood(&mut Framer::new(limit), b"id: 1\nevent: e\ndata: d\ndata: ", &chunk).0, Some(16));
    // Many short lines of one event.
    let lines = b"data: 23456789\n".repeat(4096);
    let (failed, most) = flood(&mut Framer::new(limit), b"", &lines);
    assert!(failed.is_some_and(|fed| fed <= 32) && most <= limit);
    // Neither comments nor events that end add up, nor unknown lines that end, unless there is nothing else.
    assert_eq!(flood(&mut Framer::new(16), b":", &chunk), (None, 0));
    assert_eq!(flood(&mut Framer::new(16), b"", &b": comment that is longer\n".repeat(4096)), (None, 0));
    assert_eq!(flood(&mut Framer::new(16), b"retry: 1\n", &b"unknown: line\n".repeat(4096)), (None, 0));
    assert_eq!(flood(&mut Framer::new(limit), b"", &b"unknown: line\n".repeat(4096)), (Some(20), 0));
    assert_eq!(flood(&mut Framer::new(16), b"", &b"event: x\n".repeat(4096)), (None, 1));
}

#[test]
fn a_long_comment_inside_an_event_costs_nothing() {
    let input = [b"data: a\n:".to_vec(), vec![b'c'; 1 << 20], b"\ndata: b\n\n".to_vec()].concat();
    for way in random_ways(&input, 17, 8) {
        let outcome = run(16, &way, End::Strict);
        assert_eq!((outcome.frames, outcome.error, outcome.comments), (vec![seen("a\nb")], None, 1), "{way}");
    }
}

#[test]
fn many_events_in_one_chunk_are_taken_one_by_one() {
    let events: Vec<String> = (0..50_000).map(|n| format!("data: {{\"n\":{n}}}\r\n\r\n")).collect();
    let bytes = events.concat();
    let mut input = bytes.as_bytes();
    let mut framer = Framer::new(64);
    for event in &events {
        let before = input.len();
        assert!(framer.poll_frame(&mut input).is_ok_and(|frame| frame.is_some()));
        assert_eq!(before - input.len(), event.len(), "the cursor stands right behind the event");
    }
    assert_eq!(framer.poll_frame(&mut input), Ok(None));
}

/// The time for one event of `size` bytes in chunks of 256, the best of a few.
fn drip(size: usize) -> Duration {
    let bytes = [b"data: ".to_vec(), vec![b'x'; size], b"\n\n".to_vec()].concat();
    let attempt = || {
        let started = Instant::now();
        let mut framer = Framer::new(2 * ROOMY);
        let mut frames = 0;
        for mut chunk in bytes.chunks(256) {
            while let Ok(Some(frame)) = framer.poll_frame(&mut chunk) {
                assert_eq!(frame.data.len(), size);
                frames += 1;
            }
        }
        assert_eq!(frames, 1);
        started.elapsed()
    };
    (0..5).map(|_| attempt()).min().unwrap_or_default()
}

#[test]
fn a_dripping_event_costs_linear_time() {
    let mut framer = Framer::new(ROOMY);
    assert_eq!(framer.poll_frame(&mut &b"data: "[..]), Ok(None));
    for fed in 1..=8192 {
        assert_eq!(framer.poll_frame(&mut &[b'x'; 256][..]), Ok(None));
        assert_eq!(framer.buffered_bytes(), fed * 256);
    }
    // Sixty-four times the size; quadratic would be 4096 times the time, and no machine is so busy.
    let (small, large) = (drip(1 << 18), drip(1 << 24));
    assert!(large < small * 1024, "{small:?} for 256 KiB, {large:?} for 16 MiB");
}
