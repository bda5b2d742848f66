//! The aggregator on the wire of the Anthropic Messages API: the project's own streams
//! (`tests/fixtures/anthropic.jsonl`), in every way to split them, and what must hold for any stream. The recorded
//! streams are in `tests/corpus.rs`.

#[path = "support/mutate.rs"]
mod mutate;
#[path = "support/outcome.rs"]
mod outcome;
#[path = "support/say.rs"]
mod say;
#[path = "support/splits.rs"]
mod splits;
#[path = "support/table.rs"]
mod table;

use mutate::Mutator;
use say::say;
use std::collections::HashSet;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use outcome::Outcome;
use serde_json::{Value, json};
use splits::{Rng, random_ways, ways};
use streamgauge::{Aggregator, EndedBy, Error, ErrorCode, Include, Options, WireChoice};
use table::{Case, anthropic_cases};

const EVERYTHING: Include =
    Include { created: true, output_item_added: true, tool_call_delta: true, raw: true };

fn whole(bytes: &[u8], options: &Options) -> Outcome {
    outcome::run([bytes], options)
}

/// How many cases are right; panics with the problems of those that are not.
fn report<T>(
    what: &str,
    cases: &[T],
    name: impl Fn(&T) -> String,
    mut problems_of: impl FnMut(&T) -> Vec<String>,
) {
    let mut wrong = Vec::new();
    for case in cases {
        let problems = panic::catch_unwind(AssertUnwindSafe(|| problems_of(case)))
            .unwrap_or_else(|_| vec!["panicked (its message is further up)".to_owned()]);
        if !problems.is_empty() {
            wrong.push(format!("{}\n    {}", name(case), problems.join("\n    ")));
        }
    }
    say(format_args!("{} of {} {what} right", cases.len() - wrong.len(), cases.len()));
    assert!(wrong.is_empty(), "{} of {} {what} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn report_cases(what: &str, cases: &[Case], problems_of: impl FnMut(&Case) -> Vec<String>) {
    report(what, cases, |case| case.name.clone(), problems_of);
}

#[test]
fn every_case_is_right_in_every_way() {
    let cases = anthropic_cases();
    let mut names = HashSet::new();
    assert!(cases.iter().all(|case| names.insert(case.name.as_str())), "two cases have one name");
    report_cases("Anthropic cases", &cases, |case| {
        let first = whole(&case.bytes, &case.options);
        let mut problems = case.problems(&first.events, first.error.as_ref(), &first.aggregate);
        for way in ways(&case.bytes, 0x5eed) {
            if outcome::run(way.chunks.iter().copied(), &case.options) != first {
                problems.push(format!("{way}: another result than whole"));
                break;
            }
        }
        let named = Options { wire: WireChoice::Anthropic, ..case.options.clone() };
        // What is of no API at all is told in other words when the option says which one it should be.
        if case.options.wire == WireChoice::Auto
            && !case.name.starts_with("undecided")
            && whole(&case.bytes, &named) != first
        {
            problems.push("wire \"anthropic\" gives another result than \"auto\"".to_owned());
        }
        problems
    });
}

/// Asking for more events adds events, and changes none; each item is announced once.
#[test]
fn include_only_adds() {
    report_cases("cases with everything included", &anthropic_cases(), |case| {
        let without_extra = |mut outcome: Outcome| {
            let extra = ["output_item.added", "tool_call.delta", "raw"];
            outcome.events.retain(|event| !extra.contains(&event["type"].as_str().unwrap()));
            outcome
        };
        let everything = whole(&case.bytes, &Options { include: EVERYTHING, ..case.options.clone() });
        let nothing = whole(&case.bytes, &Options { include: Include::default(), ..case.options.clone() });
        let mut problems = Vec::new();
        let added = everything.events.iter().filter(|event| event["type"] == "output_item.added");
        for (at, event) in added.enumerate() {
            if event["index"] != json!(at) {
                problems.push(format!("added {at} has the index {}", event["index"]));
            }
        }
        if without_extra(everything) != nothing {
            problems.push("other events than without".into());
        }
        problems
    });
}

/// One end, and nothing after it; when the events are read makes no difference.
#[test]
fn the_end_comes_once_and_last() {
    report_cases("ends", &anthropic_cases(), |case| {
        let Outcome { events, error, .. } = whole(&case.bytes, &case.options);
        let mut problems = Vec::new();
        let completed = events.iter().filter(|event| event["type"] == "completed").count();
        if completed != usize::from(error.is_none()) {
            problems.push(format!("{completed} completed events, and the error {error:?}"));
        }
        if error.is_none() && events.last().is_none_or(|event| event["type"] != "completed") {
            problems.push("completed is not last".into());
        }
        let mut aggregator = Aggregator::new(case.options.clone(), 0.0);
        for chunk in case.bytes.chunks(7) {
            aggregator.handle_bytes(chunk, 0.0);
        }
        aggregator.handle_end(0.0);
        aggregator
            .handle_bytes(b"data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"late\"}}\n\n", 1.0);
        aggregator.handle_idle_timeout(1.0);
        if drain(&mut aggregator) != events || aggregator.error().cloned() != error {
            problems.push("read late, or fed after the end, it gives other events".into());
        }
        let items: Vec<_> = aggregator.items().iter().map(|item| json!(**item)).collect();
        let done: Vec<_> = done_items(&events).cloned().collect();
        if items.len() != done.len() || done.iter().any(|item| !items.contains(item)) {
            problems.push(format!("emitted {done:?} but has {items:?}"));
        }
        problems
    });
}

fn drain(aggregator: &mut Aggregator) -> Vec<Value> {
    std::iter::from_fn(|| aggregator.poll_event().map(outcome::event_json)).collect()
}

fn done_items(events: &[Value]) -> impl Iterator<Item = &Value> {
    events.iter().filter(|event| event["type"] == "output_item.done").map(|event| &event["item"])
}

fn frame(payload: &str) -> Vec<u8> {
    format!("data: {payload}\n\n").into_bytes()
}

fn text_delta(index: usize, delta: &str) -> Vec<u8> {
    let delta = json!({"type": "text_delta", "text": delta});
    frame(&json!({"type": "content_block_delta", "index": index, "delta": delta}).to_string())
}

fn block_start(index: usize, block: &Value) -> Vec<u8> {
    frame(&json!({"type": "content_block_start", "index": index, "content_block": block}).to_string())
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"claude-x","content":[]}}"#;
const END_TURN: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

/// `message_stop` completes at once, whatever the connection does.
#[test]
fn message_stop_ends_at_once() {
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    aggregator.handle_bytes(&[frame(START), frame(STOP)].concat(), 5.0);
    assert!(aggregator.is_finished());
    assert_eq!(aggregator.completion().map(|end| end.ended_by), Some(EndedBy::TerminalEvent));
    assert_eq!(aggregator.timings().duration_ms, Some(5.0));
}

/// After a reason to stop, nothing that ends the stream from outside makes it fail.
#[test]
fn a_reason_to_stop_is_enough() {
    type End = fn(&mut Aggregator);
    let table: &[(End, EndedBy)] = &[
        (|it| it.handle_idle_timeout(1.0), EndedBy::IdleTimeout),
        (|it| it.handle_transport_error("reset", 1.0), EndedBy::TransportError),
        (|it| it.handle_end(1.0), EndedBy::EndOfStream),
    ];
    for (end, ended_by) in table {
        let mut aggregator = Aggregator::new(Options::default(), 0.0);
        aggregator.handle_bytes(&[frame(START), text_delta(0, "hi"), frame(END_TURN)].concat(), 0.0);
        assert!(!aggregator.is_finished());
        end(&mut aggregator);
        assert_eq!(aggregator.completion().map(|end| end.ended_by), Some(*ended_by));
        assert_eq!(json!(*aggregator.items()[0])["status"], Value::Null);
    }
}

/// What ends a stream from outside before its terminal event did, keeps the items.
#[test]
fn timeouts_and_broken_connections_keep_the_items() {
    type End = fn(&mut Aggregator);
    let table: &[(&str, End, ErrorCode, &str)] = &[
        ("idle", |it| it.handle_idle_timeout(1.0), ErrorCode::IdleTimeout, "idle timeout waiting for SSE"),
        ("broken", |it| it.handle_transport_error("reset", 1.0), ErrorCode::Transport, "reset"),
        (
            "cut",
            |it| it.handle_end(1.0),
            ErrorCode::StreamIncomplete,
            "the stream ended before the message was complete (no message_stop, no stop_reason)",
        ),
        (
            "aborted",
            |it| it.handle_failure(Error::new(ErrorCode::Aborted, "aborted"), 1.0),
            ErrorCode::Aborted,
            "aborted",
        ),
    ];
    for (name, end, code, message) in table {
        let mut aggregator = Aggregator::new(Options::default(), 0.0);
        aggregator.handle_bytes(&text_delta(0, "hi"), 0.0);
        let running: Vec<_> = aggregator.items().iter().map(|item| json!(**item)["status"].clone()).collect();
        assert_eq!(running, ["in_progress"], "{name}");
        end(&mut aggregator);
        assert_eq!(aggregator.error(), Some(&Error::new(*code, *message)), "{name}");
        let events = drain(&mut aggregator);
        let items: Vec<_> = done_items(&events).collect();
        assert_eq!(items.len(), 1, "{name}");
        assert_eq!(
            (&items[0]["status"], &items[0]["content"][0]["text"]),
            (&json!("incomplete"), &json!("hi"))
        );
    }
}

#[test]
fn timings_are_the_moments_of_the_first_deltas() {
    let thinking =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#;
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    for (at, payload) in [START, thinking].iter().enumerate() {
        aggregator.handle_bytes(&frame(payload), 10.0 * (at + 1) as f64);
    }
    aggregator.handle_bytes(&text_delta(1, "hi"), 30.0);
    let timings = aggregator.timings();
    assert_eq!(timings.time_to_first_byte_ms, Some(10.0));
    assert_eq!(timings.time_to_first_token_ms, Some(20.0));
    assert_eq!(timings.time_to_first_text_ms, Some(30.0));
}

#[test]
fn what_is_not_used_is_counted() {
    let stream = [
        frame(START),
        frame(r#"{"type":"ping"}"#),
        frame(r#"{"type":"never_heard_of","x":1}"#),
        text_delta(0, "a"),
        frame(r#"{"type":"content_block_delta","index":0,"delta":{"type":"new_delta"}}"#),
        frame(r#"{"type":"content_block_delta","index":1,"delta":{"type":"new_delta"}}"#),
        frame(r#"{"type":"content_block_start","index":1}"#),
        frame("not-json"),
        b": ping\n\n".to_vec(),
        frame(r#"{"no":"type"}"#),
        frame(STOP),
    ];
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    aggregator.handle_bytes(&stream.concat(), 0.0);
    let counts = aggregator.counts();
    assert_eq!((counts.frames, counts.bad_frames, counts.comments, counts.unknown_events), (10, 1, 1, 5));
    assert!(aggregator.completion().is_some());
}

/// Deltas add up to the items, in every case that completes.
#[test]
fn deltas_add_up_to_the_items() {
    report_cases("sums of deltas", &anthropic_cases(), |case| {
        let outcome = whole(&case.bytes, &Options { include: EVERYTHING, ..case.options.clone() });
        let sum = |kind: &str| -> String {
            let deltas = outcome.events.iter().filter(|event| event["type"] == kind);
            deltas.map(|event| event["delta"].as_str().unwrap()).collect()
        };
        // In the order of the blocks; deltas of interleaved ones are not.
        let is_interleaved = case.name.contains("interleaved blocks");
        let aggregate = &outcome.aggregate;
        let calls = aggregate["tool_calls"].as_array().unwrap().iter();
        let calls: String = calls.map(|call| call["arguments"].as_str().unwrap()).collect();
        let mut problems = Vec::new();
        for (kind, text) in [
            ("output_text.delta", aggregate["content"].as_str().unwrap()),
            ("reasoning.delta", aggregate["reasoning"].as_str().unwrap()),
            ("tool_call.delta", calls.as_str()),
        ] {
            if sum(kind) != text && !is_interleaved {
                problems.push(format!("{kind}: {:?} but the items have {text:?}", sum(kind)));
            }
        }
        problems
    });
}

/// An event that repeats the last one but for its text, and one read by the book, give the same: padded or not, in
/// blocks of every type, and when something else comes between.
#[test]
fn repeated_events_mean_the_same() {
    let mut rng = Rng::new(7);
    let deltas = [
        r#"{"type":"text_delta","text":"@"}"#,
        r#"{"type":"thinking_delta","thinking":"@"}"#,
        r#"{"type":"input_json_delta","partial_json":"@"}"#,
        r#"{"type":"text_delta","text":"@","more":"@"}"#,
        r#"{"text":"@","type":"text_delta"}"#,
        r#"{"type":"signature_delta","signature":"@"}"#,
        r#"{"type":"future_delta","text":"@"}"#,
    ];
    let texts = ["a", "", r"\ud83d", r"\ude00", "é", r"\n", "  ", r#"\"}"#];
    for number in 0..300 {
        let mut bytes = frame(START);
        for _ in 0..20 {
            let (index, delta) = (rng.below(3), *rng.pick(&deltas));
            let (padding, ending) = (*rng.pick(&["", " ", "      "]), *rng.pick(&["\n\n", "\r\n\r\n"]));
            for _ in 0..1 + rng.below(4) {
                let delta = delta.replace('@', rng.pick::<&str>(&texts));
                let pad = padding.repeat(rng.below(3));
                let start =
                    format!(r#"data: {{"type":"content_block_delta","index":{index},"delta":{delta}"#);
                bytes.extend(format!("{start}{pad}}}{ending}").into_bytes());
            }
        }
        let options = Options {
            include: Include { tool_call_delta: true, ..Include::default() },
            ..Options::default()
        };
        let by_pattern = whole(&bytes, &options);
        // A byte alone is never matched.
        let by_the_book = outcome::run(bytes.chunks(1), &options);
        assert!(by_pattern == by_the_book, "stream {number}: {}", String::from_utf8_lossy(&bytes));
    }
}

/// Limits hold for what one item gathers, by deltas or at once, and keep what came before.
#[test]
fn items_are_limited() {
    let delta =
        |delta: Value| frame(&json!({"type": "content_block_delta", "index": 1, "delta": delta}).to_string());
    let large = "x".repeat(600);
    let many: Vec<u8> = (0..100).flat_map(|_| text_delta(1, "0123456789")).collect();
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("deltas", many),
        ("a text in an announcement", block_start(1, &json!({"type": "text", "text": large}))),
        ("a result", block_start(1, &json!({"type": "web_search_tool_result", "content": large}))),
        ("a signature", delta(json!({"type": "signature_delta", "signature": large}))),
        ("a citation", delta(json!({"type": "citations_delta", "citation": {"cited_text": large}}))),
        ("a compaction", delta(json!({"type": "compaction_delta", "encrypted_content": large}))),
        (
            "a delta of an unknown type",
            [text_delta(1, "a"), delta(json!({"type": "new_delta", "x": large}))].concat(),
        ),
    ];
    for (name, bytes) in table {
        let options = Options { max_item_bytes: 500, ..Options::default() };
        let first = text_delta(0, "first");
        let outcome = outcome::run([&frame(START), &first, bytes.as_slice(), &frame(STOP)], &options);
        let error = outcome.error.unwrap_or_else(|| panic!("{name}: no error"));
        assert_eq!(error.code, ErrorCode::EventTooLarge, "{name}");
        assert_eq!(error.message, "item larger than 500 bytes (maxItemBytes)", "{name}");
        let items: Vec<_> = done_items(&outcome.events).collect();
        assert_eq!(items[0]["content"][0]["text"], "first", "{name}");
        assert!(items.iter().all(|item| item.to_string().len() < 1000), "{name}: {items:?}");
    }
}

/// Twice the stream takes about twice the time: for one long text, many blocks, much that is kept beside a text.
#[test]
fn time_is_in_proportion_to_length() {
    let delta = |index: usize, delta: Value| {
        frame(&json!({"type": "content_block_delta", "index": index, "delta": delta}).to_string())
    };
    type Delta<'d> = &'d dyn Fn(usize, Value) -> Vec<u8>;
    type Shape = fn(usize, Delta<'_>) -> Vec<u8>;
    let shapes: [(&str, Shape); 6] = [
        ("one text", |n, _| (0..n).flat_map(|_| text_delta(0, "word ")).collect()),
        ("many blocks", |n, _| (0..n).flat_map(|at| text_delta(at, "word ")).collect()),
        ("many blocks at one index", |n, _| {
            (0..n).flat_map(|at| block_start(0, &json!({"type": "tool_use", "id": at.to_string()}))).collect()
        }),
        ("a signature in pieces", |n, delta| {
            (0..n).flat_map(|_| delta(0, json!({"type": "signature_delta", "signature": "ab"}))).collect()
        }),
        ("many citations", |n, delta| {
            (0..n)
                .flat_map(|at| delta(0, json!({"type": "citations_delta", "citation": {"at": at}})))
                .collect()
        }),
        ("unknown deltas and fields", |n, delta| {
            let event = |at| json!({"type": "message_delta", "delta": {format!("field{at}"): 1}}).to_string();
            (0..n)
                .flat_map(|at| [delta(0, json!({"type": "new_delta"})), frame(&event(at))].concat())
                .collect()
        }),
    ];
    for (name, shape) in shapes {
        let time = |bytes: &[u8]| {
            let run = || {
                let options = Options { max_event_bytes: usize::MAX, ..Options::default() };
                let start = Instant::now();
                let mut aggregator = Aggregator::new(options, 0.0);
                for chunk in bytes.chunks(16 * 1024) {
                    aggregator.handle_bytes(chunk, 0.0);
                    aggregator.discard_events();
                }
                aggregator.handle_end(0.0);
                start.elapsed().as_secs_f64()
            };
            (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
        };
        // Other tests run beside this one: one good measurement of several is enough.
        let mut times = (0..5).map(|_| (time(&shape(5_000, &delta)), time(&shape(20_000, &delta))));
        let is_linear = times.any(|(short, long)| {
            say(format_args!("{name}: {:.1} ms, four times as long: {:.1} ms", short * 1e3, long * 1e3));
            long < short * 8.0 + 0.01
        });
        assert!(is_linear, "{name}: not in proportion");
    }
}

/// Broken, shuffled and cut streams never panic, and give the same events however they are split.
#[test]
fn mutated_streams_never_panic() {
    let cases = anthropic_cases();
    let frames: Vec<Vec<u8>> = cases
        .iter()
        .flat_map(|case| {
            let text = String::from_utf8_lossy(&case.bytes).into_owned();
            text.split_inclusive("\n\n").map(|frame| frame.as_bytes().to_vec()).collect::<Vec<_>>()
        })
        .collect();
    let mut rng = Rng::new(20);
    let mutator = Mutator::of_streams("anthropic", 1 << 20);
    let count = 6_000;
    for number in 0..count {
        let mut bytes = Vec::new();
        for _ in 0..1 + rng.below(8) {
            bytes.extend_from_slice(rng.pick::<Vec<u8>>(&frames));
        }
        for _ in 0..rng.below(4) {
            mutator.change(&mut rng, &frames, &mut bytes);
        }
        let include = if rng.below(2) == 0 { EVERYTHING } else { Include::default() };
        let wire = *rng.pick(&[WireChoice::Auto, WireChoice::Anthropic]);
        let max_item_bytes = *rng.pick(&[40, 400, 1 << 20]);
        let options = Options { include, wire, max_item_bytes, ..Options::default() };
        let all = panic::catch_unwind(|| whole(&bytes, &options));
        let Ok(all) = all else { panic!("mutation {number} panics: {:?}", String::from_utf8_lossy(&bytes)) };
        for way in random_ways(&bytes, number, 2) {
            let split = outcome::run(way.chunks.iter().copied(), &options);
            assert!(split == all, "mutation {number}, {way}: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
    say(format_args!("{count} mutated streams"));
}
