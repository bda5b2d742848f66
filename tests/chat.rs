//! The aggregator on the chat wire: the project's own streams (`tests/fixtures/chat.jsonl`), in every way to
//! split them, and what must hold for any stream.

#[path = "support/outcome.rs"]
mod outcome;
#[path = "support/say.rs"]
mod say;
#[path = "support/splits.rs"]
mod splits;
#[path = "support/table.rs"]
mod table;

use say::say;
use std::collections::{BTreeMap, HashSet};
use std::panic::{self, AssertUnwindSafe};

use outcome::Outcome;
use serde_json::{Value, json};
use splits::{random_ways, ways};
use streamgauge::{
    Aggregator, EndedBy, Error, ErrorCode, Include, Item, Options, StreamEvent, Timings, WireChoice,
};
use table::{Case, cases, cases_of};

fn whole(case: &Case, options: &Options) -> Outcome {
    outcome::run([case.bytes.as_slice()], options)
}

/// How many cases are right; panics with the problems of those that are not.
fn report(what: &str, cases: &[Case], mut problems_of: impl FnMut(&Case) -> Vec<String>) {
    let mut wrong = Vec::new();
    for case in cases {
        let problems = panic::catch_unwind(AssertUnwindSafe(|| problems_of(case)))
            .unwrap_or_else(|_| vec!["panicked (its message is further up)".to_owned()]);
        if !problems.is_empty() {
            wrong.push(format!("{}\n    {}", case.name, problems.join("\n    ")));
        }
    }
    say(format_args!("{} of {} {what} right", cases.len() - wrong.len(), cases.len()));
    assert!(wrong.is_empty(), "{} of {} {what} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn problems_in_every_way(case: &Case) -> Vec<String> {
    let first = whole(case, &case.options);
    let mut problems = case.problems(&first.events, first.error.as_ref(), &first.aggregate);
    for way in ways(&case.bytes, 0x5eed) {
        let split = outcome::run(way.chunks.iter().copied(), &case.options);
        if split != first {
            let difference = first_difference(&first, &split);
            problems.push(format!("{way}: another result than whole: {difference}"));
            break;
        }
    }
    let chat = Options { wire: WireChoice::Chat, ..case.options.clone() };
    if case.options.wire == WireChoice::Auto && whole(case, &chat) != first {
        problems.push("wire \"chat\" gives another result than \"auto\"".to_owned());
    }
    problems
}

fn first_difference(left: &Outcome, right: &Outcome) -> String {
    let at = left.events.iter().zip(&right.events).take_while(|(left, right)| left == right).count();
    match (left.events.get(at), right.events.get(at)) {
        (None, None) => format!("error {:?} and {:?}", left.error, right.error),
        (left, right) => format!("event {at} is {left:?} and {right:?}"),
    }
}

#[test]
fn every_case_is_right_in_every_way() {
    let cases = cases();
    let mut names = HashSet::new();
    assert!(cases.iter().all(|case| names.insert(case.name.as_str())), "two cases have one name");
    report("chat cases", &cases, problems_in_every_way);
}

/// The streams on which the well-known clients were compared; each is wrong on 16 to 19 of them.
#[test]
fn the_awkward_streams_are_right() {
    let cases = cases_of("awkward: ");
    assert_eq!(cases.len(), 47);
    report("awkward streams", &cases, problems_in_every_way);
}

/// The seed's tests, with default options and with `raw`.
#[test]
fn the_seed_is_right() {
    report("seed cases", &cases_of("seed T"), problems_in_every_way);
}

#[test]
fn the_end_comes_once_and_last() {
    report("ends", &cases(), |case| {
        let Outcome { events, error, .. } = whole(case, &case.options);
        let is_completed = |event: &&Value| event["type"] == "completed";
        let mut problems = Vec::new();
        let completed = events.iter().filter(is_completed).count();
        match error {
            None if completed != 1 => problems.push(format!("{completed} completed events")),
            None if !events.last().as_ref().is_some_and(is_completed) => {
                problems.push("completed is not last".into());
            }
            Some(_) if completed != 0 => problems.push("completed, and an error".into()),
            _ => {}
        }
        let done: Vec<_> = items_done(&events).collect();
        let tail = done.len() + completed;
        let is_tail = |event: &Value| event["type"] == "output_item.done" || event["type"] == "completed";
        if !events[events.len() - tail..].iter().all(is_tail) {
            problems.push("events between or after the items".into());
        }
        let status = if error.is_some() { json!("incomplete") } else { Value::Null };
        if let Some(item) = done.iter().find(|item| item["status"] != status) {
            problems.push(format!("a status that is not {status}: {item}"));
        }
        problems
    });
}

fn items_done(events: &[Value]) -> impl Iterator<Item = &Value> {
    events.iter().filter(|event| event["type"] == "output_item.done").map(|event| &event["item"])
}

#[test]
fn the_deltas_add_up_to_the_items() {
    report("sums of deltas", &cases(), |case| {
        let include = Include { tool_call_delta: true, ..case.options.include };
        let events = whole(case, &Options { include, ..case.options.clone() }).events;
        let mut streamed: BTreeMap<(u64, &str), String> = BTreeMap::new();
        let mut calls: BTreeMap<(u64, u64), (Value, Value, String)> = BTreeMap::new();
        let mut problems = Vec::new();
        for event in &events {
            let choice = event["choice"].as_u64().unwrap_or(0);
            let delta = event["delta"].as_str().unwrap_or_default();
            match event["type"].as_str().unwrap() {
                "tool_call.delta" => {
                    let call = calls.entry((choice, event["index"].as_u64().unwrap())).or_default();
                    (call.0, call.1) = (event["call_id"].clone(), event["name"].clone());
                    call.2.push_str(delta);
                }
                kind @ ("output_text.delta" | "reasoning.delta" | "refusal.delta") => {
                    if delta.is_empty() {
                        problems.push(format!("an empty {kind}"));
                    }
                    streamed.entry((choice, kind)).or_default().push_str(delta);
                }
                _ => {}
            }
        }
        let mut finished: BTreeMap<(u64, &str), String> = BTreeMap::new();
        for item in items_done(&events) {
            let choice = item["choice"].as_u64().unwrap_or(0);
            for part in item["content"].as_array().into_iter().flatten() {
                let (kind, text) = match part["type"].as_str().unwrap() {
                    "output_text" => ("output_text.delta", &part["text"]),
                    "reasoning_text" => ("reasoning.delta", &part["text"]),
                    "refusal" => ("refusal.delta", &part["refusal"]),
                    other => panic!("a part that this test does not know: {other}"),
                };
                finished.entry((choice, kind)).or_default().push_str(text.as_str().unwrap());
            }
            let text = match item["type"].as_str().unwrap() {
                "function_call" => item["arguments"].as_str().unwrap(),
                "custom_tool_call" => item["input"].as_str().unwrap(),
                _ => continue,
            };
            // What a server resent was already streamed as it came.
            let repaired = item["provider"].get("repaired").is_some();
            let is_this = |(of, call): (&(u64, u64), &(Value, Value, String))| {
                of.0 == choice
                    && call.0 == item["call_id"]
                    && call.1 == item["name"]
                    && (call.2 == text || (repaired && call.2.contains(text)))
            };
            if !calls.iter().any(is_this) {
                problems.push(format!("no deltas add up to {item}"));
            }
        }
        if streamed != finished {
            problems.push(format!("streamed {streamed:?} but finished {finished:?}"));
        }
        problems
    });
}

/// Asking for more events adds events, and changes none.
#[test]
fn include_only_adds() {
    report("cases with everything included", &cases(), |case| {
        let include = Include { created: true, output_item_added: true, tool_call_delta: true, raw: true };
        let extra = ["created", "output_item.added", "tool_call.delta", "raw"];
        let without_extra = |mut outcome: Outcome| {
            outcome.events.retain(|event| !extra.contains(&event["type"].as_str().unwrap()));
            outcome
        };
        let everything = whole(case, &Options { include, ..case.options.clone() });
        let mut problems = Vec::new();
        let added: Vec<_> =
            everything.events.iter().filter(|event| event["type"] == "output_item.added").collect();
        for (at, event) in added.iter().enumerate() {
            if event["index"] != json!(at) {
                problems.push(format!("added {at} has the index {}", event["index"]));
            }
        }
        let nothing = whole(case, &Options { include: Include::default(), ..case.options.clone() });
        if without_extra(everything) != nothing {
            problems.push("other events than without".into());
        }
        problems
    });
}

/// When the events are read makes no difference: after each chunk, or all at the end.
#[test]
fn late_reading_changes_nothing() {
    report("cases read at the end", &cases(), |case| {
        let expected = whole(case, &case.options).events;
        let mut problems = Vec::new();
        for way in random_ways(&case.bytes, 11, 6) {
            let mut aggregator = Aggregator::new(case.options.clone(), 0.0);
            for chunk in &way.chunks {
                aggregator.handle_bytes(chunk, 0.0);
            }
            aggregator.handle_end(0.0);
            if drain(&mut aggregator) != expected {
                problems.push(format!("{way}: other events"));
            }
        }
        problems
    });
}

/// After the end nothing happens, whatever is called.
#[test]
fn input_after_the_end_is_ignored() {
    report("ends that stay", &cases(), |case| {
        let mut aggregator = Aggregator::new(case.options.clone(), 0.0);
        aggregator.handle_bytes(&case.bytes, 0.0);
        aggregator.handle_end(0.0);
        drain(&mut aggregator);
        let error = aggregator.error().cloned();
        let items = json!(items(&aggregator));
        aggregator.handle_bytes(
            b"data: {\"choices\":[{\"delta\":{\"content\":\"late\"}}]}\n\ndata: [DONE]\n\n",
            1.0,
        );
        aggregator.handle_idle_timeout(1.0);
        aggregator.handle_transport_error("late", 1.0);
        aggregator.handle_failure(Error::new(ErrorCode::Aborted, "late"), 1.0);
        aggregator.handle_end(1.0);
        let mut problems = Vec::new();
        if !aggregator.is_finished() || aggregator.error().cloned() != error {
            problems.push(format!("the end changed from {error:?} to {:?}", aggregator.error()));
        }
        if !drain(&mut aggregator).is_empty() || json!(self::items(&aggregator)) != items {
            problems.push("late events or items".into());
        }
        problems
    });
}

fn drain(aggregator: &mut Aggregator) -> Vec<Value> {
    let mut events = Vec::new();
    while let Some(event) = aggregator.poll_event() {
        events.push(outcome::event_json(event));
    }
    events
}

fn items(aggregator: &Aggregator) -> Vec<Item> {
    aggregator.items().iter().map(|item| (**item).clone()).collect()
}

fn frame(payload: &str) -> Vec<u8> {
    format!("data: {payload}\n\n").into_bytes()
}

const TEXT: &str = r#"{"choices":[{"delta":{"content":"hi"}}]}"#;
const REASONING: &str = r#"{"choices":[{"delta":{"reasoning":"hm"}}]}"#;
const CALL: &str = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#;
const FINISH: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

#[test]
fn timings_are_the_moments_of_the_calls() {
    let times = |first: Option<f64>, token: Option<f64>, text: Option<f64>, duration: Option<f64>| Timings {
        time_to_first_byte_ms: first,
        time_to_first_token_ms: token,
        time_to_first_text_ms: text,
        duration_ms: duration,
        ..Timings::default()
    };
    let comment = b": ping\n\n".to_vec();
    let cut_text = frame(TEXT)[..20].to_vec();
    let rest_of_text = frame(TEXT)[20..].to_vec();
    let body = br#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#.to_vec();
    // Chunks arrive 10 ms apart, the first 10 ms after the opening; the end follows 10 ms after the last.
    let table: &[(&str, &[Vec<u8>], Timings)] = &[
        ("nothing", &[], times(None, None, None, Some(10.0))),
        ("comments", std::slice::from_ref(&comment), times(Some(10.0), None, None, Some(20.0))),
        (
            "reasoning, then text",
            &[comment.clone(), frame(REASONING), frame(REASONING), frame(TEXT), frame(TEXT), frame(FINISH)],
            times(Some(10.0), Some(20.0), Some(40.0), Some(70.0)),
        ),
        ("text", &[frame(TEXT), frame(FINISH)], times(Some(10.0), Some(10.0), Some(10.0), Some(30.0))),
        ("a call", &[comment.clone(), frame(CALL)], times(Some(10.0), Some(20.0), None, Some(30.0))),
        (
            "no token in empty deltas",
            &[frame(r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#), frame(TEXT)],
            times(Some(10.0), Some(20.0), Some(20.0), Some(30.0)),
        ),
        (
            "a frame that came in two parts",
            &[cut_text, rest_of_text],
            times(Some(10.0), Some(20.0), Some(20.0), Some(30.0)),
        ),
        (
            "[DONE] ends",
            &[frame(TEXT), frame("[DONE]"), frame(TEXT)],
            times(Some(10.0), Some(10.0), Some(10.0), Some(20.0)),
        ),
        (
            "an error ends",
            &[frame(TEXT), frame(r#"{"error":"x"}"#), frame(TEXT)],
            times(Some(10.0), Some(10.0), Some(10.0), Some(20.0)),
        ),
        ("a body is read at its end", &[body], times(Some(10.0), Some(20.0), Some(20.0), Some(20.0))),
        (
            "the last frame is flushed at the end",
            &[frame(TEXT)[..frame(TEXT).len() - 2].to_vec()],
            times(Some(10.0), Some(20.0), Some(20.0), Some(20.0)),
        ),
    ];
    for (name, chunks, expected) in table {
        let mut now = 5000.25;
        let mut aggregator = Aggregator::new(Options::default(), now);
        for chunk in *chunks {
            now += 10.0;
            aggregator.handle_bytes(chunk, now);
        }
        aggregator.handle_end(now + 10.0);
        let timings = aggregator.timings();
        // `timings.rs` is about the others.
        let Timings { gaps, stalls, tokens_per_second, .. } = timings;
        assert_eq!(timings, Timings { gaps, stalls, tokens_per_second, ..*expected }, "{name}");
        for event in drain(&mut aggregator).iter().filter(|event| event["type"] == "completed") {
            assert_eq!(event["timings"], json!(timings), "{name}: the completed event");
        }
    }
}

#[test]
fn a_clock_that_goes_backwards_counts_as_no_time() {
    let mut aggregator = Aggregator::new(Options::default(), 100.0);
    aggregator.handle_bytes(&frame(TEXT), 50.0);
    aggregator.handle_bytes(&frame("[DONE]"), f64::NAN);
    let timings = aggregator.timings();
    assert_eq!(timings.time_to_first_text_ms, Some(0.0));
    assert_eq!(timings.duration_ms, Some(0.0));
}

/// What ends a stream from outside: complete when every choice has finished, else the given failure.
#[test]
fn timeouts_and_broken_connections() {
    type End = fn(&mut Aggregator);
    let idle: End = |aggregator| aggregator.handle_idle_timeout(1.0);
    let broken: End = |aggregator| aggregator.handle_transport_error("connection reset", 1.0);
    let aborted: End = |aggregator| aggregator.handle_failure(Error::new(ErrorCode::Aborted, "aborted"), 1.0);
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    type Expected = Result<EndedBy, (ErrorCode, &'static str)>;
    let table: &[(&str, &[&str], End, Expected)] = &[
        ("idle at once", &[], idle, Err((ErrorCode::IdleTimeout, "idle timeout waiting for SSE"))),
        ("idle in mid-text", &[TEXT], idle, Err((ErrorCode::IdleTimeout, "idle timeout waiting for SSE"))),
        ("idle after the finish", &[TEXT, FINISH], idle, Ok(EndedBy::IdleTimeout)),
        ("idle after usage", &[TEXT, usage], idle, Ok(EndedBy::IdleTimeout)),
        ("broken in mid-text", &[TEXT], broken, Err((ErrorCode::Transport, "connection reset"))),
        ("broken after the finish", &[TEXT, FINISH], broken, Ok(EndedBy::TransportError)),
        ("aborted after the finish", &[TEXT, FINISH], aborted, Err((ErrorCode::Aborted, "aborted"))),
    ];
    for (name, payloads, end, expected) in table {
        let mut aggregator = Aggregator::new(Options::default(), 0.0);
        for payload in *payloads {
            aggregator.handle_bytes(&frame(payload), 0.0);
        }
        end(&mut aggregator);
        assert!(aggregator.is_finished(), "{name}");
        let events = drain(&mut aggregator);
        let status = match expected {
            Ok(ended_by) => {
                assert_eq!(aggregator.error(), None, "{name}");
                assert_eq!(aggregator.completion().map(|end| end.ended_by), Some(*ended_by), "{name}");
                Value::Null
            }
            Err((code, message)) => {
                assert_eq!(aggregator.error(), Some(&Error::new(*code, *message)), "{name}");
                assert!(aggregator.completion().is_none(), "{name}");
                json!("incomplete")
            }
        };
        let texts =
            items_done(&events).filter(|item| item["content"][0]["text"] == "hi" && item["status"] == status);
        assert_eq!(texts.count(), usize::from(payloads.contains(&TEXT)), "{name}: {events:?}");
    }
}

#[test]
fn what_there_is_can_be_seen_while_the_stream_runs() {
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    let named = r#"{"id":"r1","model":"m1","choices":[{"delta":{"content":"hi"}}]}"#;
    for payload in [named, REASONING, CALL] {
        aggregator.handle_bytes(&frame(payload), 0.0);
    }
    let kinds = |aggregator: &Aggregator| -> Vec<(Value, Value)> {
        let items = items(aggregator);
        items
            .iter()
            .map(|item| json!(item))
            .map(|item| (item["type"].clone(), item["status"].clone()))
            .collect()
    };
    let with = |status: Value| {
        ["reasoning", "message", "function_call"].map(|kind| (json!(kind), status.clone())).to_vec()
    };
    assert_eq!(kinds(&aggregator), with(json!("in_progress")));
    assert_eq!(aggregator.summary().response_id, "r1");
    assert!(aggregator.completion().is_none() && !aggregator.is_finished());
    aggregator.handle_bytes(&frame("[DONE]"), 0.0);
    assert_eq!(kinds(&aggregator), with(Value::Null));
    assert_eq!(aggregator.completion().map(|end| end.model).as_deref(), Some("m1"));
}

/// A message is what has text, a refusal, or media. What a provider says about a delta is no message: with
/// nothing in it, it could not go back into the next request.
#[test]
fn metadata_alone_makes_no_message() {
    let channel = r#"{"choices":[{"delta":{"channel":"commentary","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#;
    let outcome = outcome::run([frame(channel).as_slice(), &frame("[DONE]")], &Options::default());
    let kinds: Vec<_> = items_done(&outcome.events).map(|item| item["type"].clone()).collect();
    assert_eq!(kinds, ["function_call"], "{:?}", outcome.events);
}

#[test]
fn counts_of_what_went_through() {
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    let stream =
        [b": ping\n\n".to_vec(), frame(TEXT), frame("oops"), frame(FINISH), b": ping\n".to_vec()].concat();
    aggregator.handle_bytes(&stream, 0.0);
    aggregator.handle_end(0.0);
    let counts = aggregator.counts();
    assert_eq!(counts.bytes, stream.len() as u64);
    assert_eq!((counts.frames, counts.bad_frames, counts.comments), (3, 1, 2));
    let mut seen = 0;
    while let Some(event) = aggregator.poll_event() {
        seen += usize::from(matches!(event, StreamEvent::OutputTextDelta { delta: "hi", .. }));
    }
    assert_eq!(seen, 1);
}
