//! When the tokens of a stream arrived, in simulated time: the gaps between them, stalls, tokens per second; on `completed`, in the
//! summary, and in the log records.

use serde_json::{Value, json};
use streamgauge::flat::FlatBatch;
use streamgauge::{Aggregator, Error, ErrorCode, Options, StreamEvent, Timings};

/// What happens at a moment, in milliseconds since the stream was opened.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many chunks with a delta arrive as one network chunk.
    Tokens(f64, usize),
    /// Bytes that bring no delta.
    Bytes(f64, &'static str),
    Ends(f64, End),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Clean,
    Idle,
    Broken,
    Aborted,
}
use End::{Aborted, Broken, Clean, Idle};
use Step::{Bytes, Ends, Tokens};

const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const PING: &str = ": ping\n\n";
const EMPTY: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n";
const HALF: &str = "data: {\"choices\":[{\"index\":0,\"del";
const OTHER_HALF: &str = "ta\":{\"content\":\"hi\"}}]}\n\n";
const CALL: &str = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n";
const USAGE_12: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":12,\"total_tokens\":13}}\n\n";
const TEXT_AND_DONE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n";

const OPENED_AT: f64 = 77_000.5;

fn run(steps: &[Step], options: &Options) -> Aggregator {
    let mut aggregator = Aggregator::new(options.clone(), OPENED_AT);
    for step in steps {
        apply(&mut aggregator, *step);
    }
    aggregator
}

fn apply(aggregator: &mut Aggregator, step: Step) {
    match step {
        Tokens(at, count) => aggregator.handle_bytes(TEXT.repeat(count).as_bytes(), OPENED_AT + at),
        Bytes(at, bytes) => aggregator.handle_bytes(bytes.as_bytes(), OPENED_AT + at),
        Ends(at, Clean) => aggregator.handle_end(OPENED_AT + at),
        Ends(at, Idle) => aggregator.handle_idle_timeout(OPENED_AT + at),
        Ends(at, Broken) => aggregator.handle_transport_error("reset", OPENED_AT + at),
        Ends(at, Aborted) => {
            aggregator.handle_failure(Error::new(ErrorCode::Aborted, "aborted"), OPENED_AT + at);
        }
    }
}

/// `[first byte, first token, first text, duration], [gaps, p50, p95, max], [stalls, total], tokens per second`
fn flat(timings: &Value) -> Value {
    let (gaps, stalls) = (&timings["gaps"], &timings["stalls"]);
    json!([
        [
            timings["time_to_first_byte_ms"],
            timings["time_to_first_token_ms"],
            timings["time_to_first_text_ms"],
            timings["duration_ms"]
        ],
        [gaps["count"], gaps["p50_ms"], gaps["p95_ms"], gaps["max_ms"]],
        [stalls["count"], stalls["total_ms"]],
        timings["tokens_per_second"]
    ])
}

/// JSON's 10.0 and 10 are one number.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        _ => left.as_f64() == right.as_f64() && left.is_null() == right.is_null(),
    }
}

type Row = (&'static str, &'static [Step], Value);

/// Gaps that are all the same, or one alone, are exact.
fn table() -> Vec<Row> {
    vec![
        ("nothing", &[Ends(5.0, Clean)], json!([[null, null, null, 5], [0, null, null, null], [0, 0], null])),
        (
            "a stream",
            &[Tokens(10.0, 1), Tokens(30.0, 1), Tokens(50.0, 1), Bytes(55.0, USAGE_12), Bytes(60.0, DONE)],
            json!([[10, 10, 10, 60], [2, 20, 20, 20], [0, 0], 300]),
        ),
        (
            "one chunk is one arrival, whatever it brings",
            &[Tokens(10.0, 50), Tokens(110.0, 7), Bytes(111.0, DONE)],
            json!([[10, 10, 10, 111], [1, 100, 100, 100], [0, 0], null]),
        ),
        (
            "all at once: no speed",
            &[Tokens(10.0, 12), Bytes(11.0, USAGE_12), Bytes(12.0, DONE)],
            json!([[10, 10, 10, 12], [0, null, null, null], [0, 0], null]),
        ),
        (
            "so are chunks of one moment",
            &[Tokens(10.0, 1), Tokens(10.0, 1), Tokens(40.0, 1), Tokens(40.0, 1), Bytes(41.0, DONE)],
            json!([[10, 10, 10, 41], [1, 30, 30, 30], [0, 0], null]),
        ),
        (
            "keep-alives, empty deltas and halves of events are no arrivals",
            &[
                Bytes(1.0, PING),
                Tokens(10.0, 1),
                Bytes(20.0, PING),
                Bytes(30.0, EMPTY),
                Bytes(40.0, HALF),
                Bytes(50.0, OTHER_HALF),
                Bytes(60.0, PING),
                Bytes(99.0, DONE),
            ],
            json!([[1, 10, 10, 99], [1, 40, 40, 40], [0, 0], null]),
        ),
        (
            "calls are tokens, though nobody asked for their deltas",
            &[Bytes(10.0, CALL), Bytes(40.0, CALL), Bytes(41.0, DONE)],
            json!([[10, 10, null, 41], [1, 30, 30, 30], [0, 0], null]),
        ),
        (
            "what comes with the end counts",
            &[Tokens(10.0, 1), Bytes(40.0, TEXT_AND_DONE)],
            json!([[10, 10, 10, 40], [1, 30, 30, 30], [0, 0], null]),
        ),
        (
            "a gap of exactly the limit is a stall, the wait for the first token is none, nor that for the end",
            &[
                Tokens(5000.0, 1),
                Tokens(6000.0, 1),
                Tokens(6999.0, 1),
                Tokens(9500.0, 1),
                Bytes(20_000.0, DONE),
            ],
            // By sorting: 999, 1000, 2501. Their buckets are 992 to 1024 and 2432 to 2560, of which the middle is told.
            json!([[5000, 5000, 5000, 20_000], [3, 1008, 2496, 2501], [2, 3501], null]),
        ),
        (
            "the silence before an idle timeout is a stall",
            &[Tokens(10.0, 1), Tokens(20.0, 1), Bytes(500.0, PING), Ends(30_020.0, Idle)],
            json!([[10, 10, 10, 30_020], [1, 10, 10, 10], [1, 30_000], null]),
        ),
        (
            ".. if long enough",
            &[Tokens(10.0, 1), Ends(900.0, Broken)],
            json!([[10, 10, 10, 900], [0, null, null, null], [0, 0], null]),
        ),
        (
            ".. and if a token came at all",
            &[Bytes(10.0, PING), Ends(9000.0, Aborted)],
            json!([[10, null, null, 9000], [0, null, null, null], [0, 0], null]),
        ),
        (
            "a clock that goes backwards: the latest moment counts",
            &[Tokens(50.0, 1), Tokens(20.0, 1), Tokens(70.0, 1), Bytes(70.0, USAGE_12), Bytes(70.0, DONE)],
            json!([[50, 50, 50, 70], [1, 20, 20, 20], [0, 0], 600]),
        ),
    ]
}

fn completed(aggregator: &mut Aggregator) -> Option<Value> {
    while let Some(event) = aggregator.poll_event() {
        if let StreamEvent::Completed(completion) = event {
            return Some(json!(completion.timings));
        }
    }
    None
}

#[test]
fn timings_are_those_of_the_arrivals() {
    for (name, steps, expected) in table() {
        let mut aggregator = run(steps, &Options::default());
        let timings = json!(aggregator.timings());
        assert!(
            same(&flat(&timings), &expected),
            "{name}:\nexpected {expected}\n but got {}",
            flat(&timings)
        );
        assert_eq!(json!(aggregator.summary().timings), timings, "{name}: the summary");
        if let Some(completion) = aggregator.completion() {
            assert_eq!(json!(completion.timings), timings, "{name}: the completion");
        }
        let is_complete = aggregator.error().is_none();
        // The text that crosses into JavaScript.
        let mut batch = FlatBatch::default();
        let mut crossing = run(steps, &Options::default());
        crossing.fill_batch(&mut batch);
        let crossed =
            batch.text().contains(&format!("\"timings\":{}", serde_json::to_string(&timings).unwrap()));
        assert_eq!(crossed, is_complete, "{name}: the batch {}", batch.text());
        assert_eq!(completed(&mut aggregator), is_complete.then_some(timings), "{name}: the event");
    }
}

#[test]
fn how_long_a_stall_is_can_be_chosen() {
    let steps = [Tokens(0.0, 1), Tokens(100.0, 1), Tokens(350.0, 1), Bytes(360.0, DONE)];
    for (stall_ms, count, total_ms) in [(1, 2, 350.0), (100, 2, 350.0), (101, 1, 250.0), (251, 0, 0.0)] {
        let Timings { stalls, .. } = run(&steps, &Options { stall_ms, ..Options::default() }).timings();
        assert_eq!((stalls.count, stalls.total_ms), (count, total_ms), "{stall_ms}");
    }
}

/// While the stream runs there is what there is so far.
#[test]
fn timings_so_far() {
    let aggregator = run(&[Tokens(10.0, 1), Tokens(15.0, 1)], &Options::default());
    let expected = json!([[10, 10, 10, null], [1, 5, 5, 5], [0, 0], null]);
    assert!(same(&flat(&json!(aggregator.timings())), &expected));
}

/// Quantiles of whole streams beside those of a sorted list.
#[test]
fn quantiles_are_within_the_error() {
    let mut seed = 9_u64;
    for _ in 0..60 {
        let (mut at, mut gaps, mut steps) = (0.0, Vec::new(), vec![Tokens(0.0, 1)]);
        for _ in 0..200 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Mostly a few milliseconds, now and then seconds, in thousandths.
            let magnitude = if seed >> 60 == 0 { 4_000_000 } else { 40_000 };
            let gap = ((seed >> 20) % magnitude) as f64 / 1000.0;
            at += gap;
            gaps.push(gap);
            steps.push(Tokens(at, 1));
        }
        let timings = run(&steps, &Options::default()).timings();
        gaps.sort_by(f64::total_cmp);
        for (told, exact) in [(timings.gaps.p50_ms, gaps[99]), (timings.gaps.p95_ms, gaps[189])] {
            let told = told.unwrap();
            // Moments are rounded to a thousandth.
            assert!((told - exact).abs() <= (exact / 32.0).max(0.07) + 0.002, "{told} for {exact}");
        }
        assert!((timings.gaps.max_ms.unwrap() - gaps[199]).abs() < 0.002);
        let stalls: Vec<_> = gaps.iter().filter(|gap| **gap >= 1000.0).collect();
        assert_eq!(timings.stalls.count, stalls.len() as u64);
    }
}

#[cfg(feature = "otel")]
mod records {
    use super::{Aborted, Bytes, DONE, Ends, Options, Step, Tokens, USAGE_12, Value, json};
    use streamgauge::otlp::{Format, Limits};
    use streamgauge::telemetry::{AttributeTypes, ContentPolicy, Recorder, Session, SseEvents, StreamCounts};

    fn session() -> Session {
        Session {
            conversation_id: "c".into(),
            app_version: "1".into(),
            auth_mode: None,
            account_id: None,
            terminal_type: "t".into(),
            model: "m".into(),
            slug: "m".into(),
            attribute_types: AttributeTypes::Codex,
            prompts: ContentPolicy::Redacted,
            tool_arguments: ContentPolicy::Full,
            tool_output: ContentPolicy::Full,
            trace: None,
        }
    }

    /// The own attributes of each record, by `event.kind` or else name, as OTLP's JSON has them.
    fn records(steps: &[Step], mode: SseEvents, timings: bool) -> Vec<(String, Vec<(String, Value)>)> {
        let mut aggregator = streamgauge::Aggregator::new(Options::default(), super::OPENED_AT);
        aggregator.observe();
        let mut observations = Vec::new();
        for step in steps {
            super::apply(&mut aggregator, *step);
            observations.extend(aggregator.take_observations());
        }
        let mut recorder = Recorder::new(session(), mode, Format::Json, Limits::default());
        recorder.record_timings(timings);
        let (mut counts, mut records) = (StreamCounts::default(), Vec::new());
        for observation in observations {
            recorder.observe(observation, &mut counts, 1, |record| {
                let record: Value = serde_json::from_slice(record).unwrap();
                records.push(record);
            });
        }
        let own = |record: &Value| {
            let all = record["attributes"].as_array().unwrap();
            let of = |name: &str| {
                all.iter().find(|pair| pair["key"] == name).map(|pair| &pair["value"]["stringValue"])
            };
            let name = of("event.kind").or(of("event.name")).unwrap().as_str().unwrap().to_owned();
            let at = all.iter().position(|pair| pair["key"] == "slug").unwrap();
            let pair = |pair: &Value| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone());
            (name, all[at + 1..].iter().map(pair).collect())
        };
        records.iter().map(own).collect()
    }

    fn int(value: u64) -> Value {
        json!({"intValue": value.to_string()})
    }

    fn double(value: f64) -> Value {
        json!({"doubleValue": value})
    }

    const STEPS: &[Step] =
        &[Tokens(10.0, 1), Tokens(30.5, 1), Tokens(2031.0, 1), Bytes(2040.0, USAGE_12), Bytes(2050.0, DONE)];

    fn expected() -> Vec<(String, Value)> {
        let pairs = [
            ("time_to_first_byte_ms", double(10.0)),
            ("time_to_first_token_ms", double(10.0)),
            ("time_to_first_text_ms", double(10.0)),
            ("gap_count", int(2)),
            ("gap_p50_ms", double(20.5)),
            ("gap_p95_ms", double(2000.5)),
            ("gap_max_ms", double(2000.5)),
            ("stall_count", int(1)),
            ("stall_total_ms", double(2000.5)),
            ("tokens_per_second", double(5.938)),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    #[test]
    fn by_mode() {
        let text = |value: &str| json!({"stringValue": value});
        let names = |records: &[(String, Vec<(String, Value)>)]| {
            records.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        for (mode, timings, kinds) in [
            (
                SseEvents::All,
                false,
                &["message", "message", "message", "message", "message", "response.completed"][..],
            ),
            (SseEvents::Off, false, &["response.completed"]),
            (SseEvents::Summary, false, &["summary", "response.completed"]),
            (SseEvents::Off, true, &["streamgauge.stream_timings", "response.completed"]),
            (SseEvents::Summary, true, &["summary", "streamgauge.stream_timings", "response.completed"]),
        ] {
            let records = records(STEPS, mode, timings);
            assert_eq!(names(&records), kinds, "{mode:?} {timings}");
            for (name, own) in records {
                let (count, ahead) = match name.as_str() {
                    "summary" => (3, vec![("duration_ms", text("2050")), ("sse_event_count", int(5))]),
                    "streamgauge.stream_timings" => {
                        (2, vec![("duration_ms", text("2050")), ("success", text("true"))])
                    }
                    // The reference's have nothing of it.
                    _ => {
                        assert!(own.iter().all(|(key, _)| !key.contains("gap") && !key.contains("first")));
                        continue;
                    }
                };
                for (at, (key, value)) in ahead.into_iter().enumerate() {
                    assert_eq!(own[at], (key.to_owned(), value), "{name}");
                }
                assert_eq!(own[count..], expected(), "{name}");
            }
        }
    }

    #[test]
    fn a_failed_stream_has_its_timings_too() {
        let records = records(&[Tokens(10.0, 1), Ends(1500.0, Aborted)], SseEvents::Off, true);
        let (name, own) = &records[0];
        assert_eq!(name, "streamgauge.stream_timings");
        let value = |key: &str| own.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        assert_eq!(value("success"), Some(json!({"stringValue": "false"})));
        assert_eq!(value("stall_count"), Some(int(1)));
        assert_eq!(value("stall_total_ms"), Some(double(1490.0)));
        assert_eq!(value("gap_p50_ms"), None, "what did not happen is omitted");
        // Nothing came: no gaps to speak of.
        let (_, own) = &self::records(&[Ends(20.0, Aborted)], SseEvents::Off, true)[0];
        assert_eq!(own.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["duration_ms", "success"]);
    }
}
