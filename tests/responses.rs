//! The aggregator on the Responses API's wire: the project's own streams
//! (`tests/fixtures/responses.jsonl`), in every way to split them; the reference's unit tests; the recorded
//! corpus, where it is beside the checkout; and what must hold for any stream.

#[path = "support/mutate.rs"]
mod mutate;
#[path = "support/outcome.rs"]
mod outcome;
#[path = "support/corpus.rs"]
mod recordings;
#[path = "support/say.rs"]
mod say;
#[path = "support/splits.rs"]
mod splits;
#[path = "support/table.rs"]
mod table;

use mutate::Mutator;
use say::say;
use std::collections::HashSet;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::Instant;

use outcome::Outcome;
use serde_json::{Value, json};
use splits::{Rng, random_ways, ways};
use streamgauge::{Aggregator, EndedBy, Error, ErrorCode, Include, Options, WireChoice};
use table::{Case, responses_cases};

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
    let cases = responses_cases();
    let mut names = HashSet::new();
    assert!(cases.iter().all(|case| names.insert(case.name.as_str())), "two cases have one name");
    report_cases("Responses cases", &cases, |case| {
        let first = whole(&case.bytes, &case.options);
        let mut problems = case.problems(&first.events, first.error.as_ref(), &first.aggregate);
        for way in ways(&case.bytes, 0x5eed) {
            if outcome::run(way.chunks.iter().copied(), &case.options) != first {
                problems.push(format!("{way}: another result than whole"));
                break;
            }
        }
        let named = Options { wire: WireChoice::Responses, ..case.options.clone() };
        // What is of no API at all is told in other words when the option says which one it should be.
        if case.options.wire == WireChoice::Auto
            && !case.name.starts_with("undecided")
            && whole(&case.bytes, &named) != first
        {
            problems.push("wire \"responses\" gives another result than \"auto\"".to_owned());
        }
        problems
    });
}

/// Asking for more events adds events, and changes none; each item is announced once.
#[test]
fn include_only_adds() {
    report_cases("cases with everything included", &responses_cases(), |case| {
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
    report_cases("ends", &responses_cases(), |case| {
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
            .handle_bytes(b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"late\"}\n\n", 1.0);
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
    let event = json!({
        "type": "response.output_text.delta", "output_index": index, "content_index": 0, "delta": delta,
    });
    frame(&event.to_string())
}

const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"r"}}"#;

/// The reference completes at once, whatever the connection does.
#[test]
fn completed_ends_at_once() {
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    aggregator.handle_bytes(&frame(COMPLETED), 5.0);
    assert!(aggregator.is_finished());
    assert_eq!(aggregator.completion().map(|end| end.ended_by), Some(EndedBy::TerminalEvent));
    assert_eq!(aggregator.timings().duration_ms, Some(5.0));
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
            "stream closed before response.completed",
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
    let reasoning = r#"{"type":"response.reasoning_summary_text.delta","summary_index":0,"delta":"hm"}"#;
    let created = r#"{"type":"response.created","response":{"id":"r"}}"#;
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    for (at, payload) in [created, reasoning].iter().enumerate() {
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
        frame(r#"{"type":"response.created","response":{}}"#),
        frame(r#"{"type":"response.web_search_call.searching","output_index":0}"#),
        frame(r#"{"type":"response.never_heard_of","x":1}"#),
        frame(r#"{"type":"response.output_text.delta","delta":{"not":"text"}}"#),
        frame("not-json"),
        b": ping\n\n".to_vec(),
        frame(r#"{"no":"type"}"#),
        frame(COMPLETED),
    ];
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    aggregator.handle_bytes(&stream.concat(), 0.0);
    let counts = aggregator.counts();
    assert_eq!((counts.frames, counts.bad_frames, counts.comments, counts.unknown_events), (7, 1, 1, 4));
    assert!(aggregator.completion().is_some());
}

/// What differs between an expectation of the corpus and an outcome.
fn differences(expected: &Value, outcome: &Outcome) -> Vec<String> {
    let mut out = Vec::new();
    let mut compare = |what: &str, expected: &Value, actual: &Value| {
        if expected != actual {
            out.push(format!("{what}: expected {expected} but got {actual}"));
        }
    };
    let aggregate = &outcome.aggregate;
    for name in ["id", "model", "usage"] {
        compare(name, &expected[name], &aggregate[name]);
    }
    for name in ["items", "content", "reasoning", "reasoning_text", "refusal"] {
        compare(name, &expected[name], &aggregate["responses"][name]);
    }
    let calls = aggregate["responses"]["tool_calls"].as_array().unwrap().clone();
    compare("tool_calls", &expected["tool_calls"], &json!(calls));
    let completed = outcome.events.iter().find(|event| event["type"] == "completed");
    let (status, terminal) = match (completed, &outcome.error) {
        (Some(end), _) if end["finish_reason"] == "completed" => {
            (json!("completed"), json!("response.completed"))
        }
        (Some(_), _) => (json!("incomplete"), json!("response.incomplete")),
        (None, Some(error)) if error.provider.is_some() => (json!("failed"), json!("response.failed")),
        (None, _) => (Value::Null, Value::Null),
    };
    compare("status", &expected["status"], &status);
    compare("terminal", &expected["terminal"], &terminal);
    if let Some(reason) = expected["incomplete_details"]["reason"].as_str() {
        compare("incomplete reason", &json!(reason), &completed.unwrap()["finish_reason"]);
    }
    let provider = outcome.error.as_ref().and_then(|error| error.provider.as_deref());
    let reported = expected["errors"].as_array().and_then(|errors| errors.first());
    compare("errors", &json!(reported.is_some()), &json!(provider.is_some()));
    if let (Some(reported), Some(provider)) = (reported, provider) {
        compare("error message", &reported["message"], &json!(provider.message));
        compare("error type", &reported["type"], &json!(provider.kind));
        let code: Value = serde_json::from_str(provider.code.as_deref().unwrap_or("null")).unwrap();
        compare("error code", &reported["code"], &code);
    }
    out
}

/// One expectation is not met to the letter.
fn adjusted(name: &str, mut expected: Value) -> Value {
    if name == "openai-responsereasoningtextdelta.sse" {
        // A delta without its item: the expectation has an item without type and text. Nothing is lost.
        let text = "Let me analyze";
        expected["items"] = json!([{"type": "reasoning", "summary": "", "text": text, "encrypted": false}]);
        expected["reasoning_text"] = json!(text);
    }
    expected
}

#[test]
fn every_recorded_stream_gives_its_expected_aggregate() {
    let Some(paths) = recordings::streams("responses") else { return };
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    report("corpus Responses streams", &paths, name, |path| {
        let bytes = fs::read(path).unwrap();
        let expected = fs::read_to_string(path.with_extension("sse.expected.json")).unwrap();
        let expected = adjusted(&name(path), serde_json::from_str(&expected).unwrap());
        let auto = whole(&bytes, &Options::default());
        let mut problems = differences(&expected, &auto);
        let options = Options { wire: WireChoice::Responses, ..Options::default() };
        if whole(&bytes, &options) != auto {
            problems.push("wire \"responses\" gives another result than \"auto\"".to_owned());
        }
        for way in random_ways(&bytes, 0x5eed, 6) {
            if outcome::run(way.chunks.iter().copied(), &options) != auto {
                problems.push(format!("{way}: another result than whole"));
            }
        }
        problems.extend(not_verbatim(&bytes, &auto));
        problems
    });
}

/// Items that came whole are passed on field by field.
fn not_verbatim(bytes: &[u8], outcome: &Outcome) -> Vec<String> {
    let done: Vec<_> = done_items(&outcome.events).collect();
    let text = String::from_utf8_lossy(bytes);
    let sent = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let sent = sent.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let sent = sent.filter(|event| event["type"] == "response.output_item.done");
    sent.filter(|event| !done.contains(&&event["item"]))
        .map(|event| format!("not passed on as it came: {}", event["item"]))
        .collect()
}

/// Deltas that the API streams add up to the items.
#[test]
fn recorded_deltas_add_up_to_the_items() {
    let Some(paths) = recordings::streams("responses") else { return };
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    report("sums of deltas", &paths, name, |path| {
        let bytes = fs::read(path).unwrap();
        let include = Include { tool_call_delta: true, ..Include::default() };
        let outcome = whole(&bytes, &Options { include, ..Options::default() });
        let sum = |kind: &str| -> String {
            let deltas = outcome.events.iter().filter(|event| event["type"] == kind);
            deltas.map(|event| event["delta"].as_str().unwrap()).collect()
        };
        let items = &outcome.aggregate["responses"];
        let mut problems = Vec::new();
        for (kind, text) in [
            ("output_text.delta", &items["content"]),
            ("reasoning_summary.delta", &items["reasoning"]),
            ("reasoning.delta", &items["reasoning_text"]),
        ] {
            if sum(kind) != text.as_str().unwrap() {
                problems.push(format!("{kind}: {:?} but the items have {text}", sum(kind)));
            }
        }
        let calls: String = done_items(&outcome.events)
            .filter_map(|item| match item["type"].as_str()? {
                "function_call" => item["arguments"].as_str(),
                "custom_tool_call" => item["input"].as_str(),
                _ => None,
            })
            .collect();
        if sum("tool_call.delta") != calls {
            problems.push(format!("tool_call.delta: {:?} but {calls:?}", sum("tool_call.delta")));
        }
        problems
    });
}

/// Limits hold for what one item gathers, by deltas or at once, and keep what came before.
#[test]
fn items_are_limited() {
    let item = |text: &str| json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]});
    let many: Vec<u8> = (0..100).flat_map(|_| text_delta(1, "0123456789")).collect();
    let done = |item: Value| {
        frame(&json!({"type": "response.output_item.done", "output_index": 1, "item": item}).to_string())
    };
    let completed = |item: Value| {
        frame(&json!({"type": "response.completed", "response": {"id": "r", "output": [item]}}).to_string())
    };
    let announced = |item: Value| {
        frame(&json!({"type": "response.output_item.added", "output_index": 1, "item": item}).to_string())
    };
    let summary = "x".repeat(600);
    let part = json!({"type": "response.reasoning_summary_text.done", "output_index": 1, "text": summary});
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("deltas", many),
        ("a finished item", done(item(&"x".repeat(600)))),
        ("an announced item", announced(item(&"x".repeat(600)))),
        ("an item of the response object", completed(item(&"x".repeat(600)))),
        ("a whole text", frame(&part.to_string())),
    ];
    for (name, bytes) in table {
        let options = Options { max_item_bytes: 500, ..Options::default() };
        let first = text_delta(0, "first");
        let outcome = outcome::run([first.as_slice(), &bytes, &frame(COMPLETED)], &options);
        let error = outcome.error.unwrap_or_else(|| panic!("{name}: no error"));
        assert_eq!(error.code, ErrorCode::EventTooLarge, "{name}");
        assert_eq!(error.message, "item larger than 500 bytes (maxItemBytes)", "{name}");
        let items: Vec<_> = done_items(&outcome.events).collect();
        assert_eq!(items[0]["content"][0]["text"], "first", "{name}");
        assert!(items.iter().all(|item| item.to_string().len() < 1000), "{name}: {items:?}");
    }
}

/// Twice the stream takes about twice the time: for one long text, many items, many parts, and a response
/// object that repeats everything.
#[test]
fn time_is_in_proportion_to_length() {
    let item = |at: usize| {
        json!({"type": "message", "id": format!("m{at}"), "role": "assistant",
            "content": [{"type": "output_text", "text": "hi"}]})
    };
    type Shape = fn(usize, &dyn Fn(usize) -> Value) -> Vec<u8>;
    let shapes: [(&str, Shape); 7] = [
        ("an open item and many finished ones, without indices", |n, item| {
            let delta = frame(r#"{"type":"response.output_text.delta","delta":"word"}"#);
            let event = |at| json!({"type": "response.output_item.done", "item": item(at)}).to_string();
            (0..n).flat_map(|at| [delta.clone(), frame(&event(at))].concat()).collect()
        }),
        ("one text", |n, _| (0..n).flat_map(|_| text_delta(0, "word ")).collect()),
        ("many items", |n, _| (0..n).flat_map(|at| text_delta(at, "word ")).collect()),
        ("many items without indices", |n, item| {
            let event = |at| json!({"type": "response.output_item.done", "item": item(at)}).to_string();
            (0..n).flat_map(|at| frame(&event(at))).collect()
        }),
        ("many parts", |n, _| {
            let event = |at| {
                json!({"type": "response.reasoning_summary_text.delta", "output_index": 0,
                    "summary_index": at, "delta": "word"})
            };
            (0..n).flat_map(|at: usize| frame(&event(at).to_string())).collect()
        }),
        ("many whole texts", |n, _| {
            let event =
                json!({"type": "response.output_text.done", "output_index": 0, "text": "x".repeat(50)});
            (0..n).flat_map(|_| frame(&event.to_string())).collect()
        }),
        ("a response object with other ids", |n, item| {
            let done = |at: usize| json!({"type": "response.output_item.done", "output_index": at, "item": item(at)});
            let mut bytes: Vec<u8> = (0..n).flat_map(|at| frame(&done(at).to_string())).collect();
            let output: Vec<_> = (0..n).rev().map(|at| item(at + 1_000_000)).collect();
            let response = json!({"type": "response.completed", "response": {"id": "r", "output": output}});
            bytes.extend(frame(&response.to_string()));
            bytes
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
        let mut times = (0..5).map(|_| (time(&shape(5_000, &item)), time(&shape(20_000, &item))));
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
    let cases = responses_cases();
    let frames: Vec<Vec<u8>> = cases
        .iter()
        .flat_map(|case| {
            let text = String::from_utf8_lossy(&case.bytes).into_owned();
            text.split_inclusive("\n\n").map(|frame| frame.as_bytes().to_vec()).collect::<Vec<_>>()
        })
        .collect();
    let mut rng = Rng::new(20);
    let mutator = Mutator::of_streams("responses", 1 << 20);
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
        let wire = *rng.pick(&[WireChoice::Auto, WireChoice::Responses]);
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
