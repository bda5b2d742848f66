//! What a stream may cost: time in proportion to its length, a limit for what is kept, no stack overflow, no
//! panic; and the same result however it is split, also for streams that make no sense.

#[path = "support/mutate.rs"]
mod mutate;
#[path = "support/say.rs"]
mod say;
#[path = "support/splits.rs"]
mod splits;
#[path = "support/table.rs"]
mod table;

use mutate::Mutator;
use say::say;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use splits::{Rng, random_way};
use streamgauge::flat::FlatBatch;
use streamgauge::{Aggregator, ErrorCode, Include, InvalidUtf8, Item, Options, StreamEvent};
use table::cases;

const NETWORK_CHUNK: usize = 16 * 1024;
const EVERYTHING: Include =
    Include { created: true, output_item_added: true, tool_call_delta: true, raw: true };

fn with_everything() -> Options {
    Options { include: EVERYTHING, ..Options::default() }
}

fn frame(payload: &str) -> String {
    format!("data: {payload}\n\n")
}

fn delta(delta: &str) -> String {
    frame(&format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{delta}}}]}}"#))
}

fn call(call: &str) -> String {
    delta(&format!(r#"{{"tool_calls":[{call}]}}"#))
}

fn repeat(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut all, at| {
        all.push_str(&piece(at));
        all
    })
}

/// Feeds a stream in network chunks, reads every event and drops it. Returns the aggregator, and how many events
/// there were.
fn run(stream: &[u8], options: &Options, chunk: usize) -> (Aggregator, usize) {
    let mut aggregator = Aggregator::new(options.clone(), 0.0);
    let mut events = 0;
    for chunk in stream.chunks(chunk) {
        aggregator.handle_bytes(chunk, 0.0);
        while aggregator.poll_event().is_some() {
            events += 1;
        }
    }
    aggregator.handle_end(0.0);
    while aggregator.poll_event().is_some() {
        events += 1;
    }
    (aggregator, events)
}

// ------------------------------------------------------------------------------------------------ time

static ALONE: Mutex<()> = Mutex::new(());

/// The best of three; of more when they are short, because those suffer most from what else the machine does.
fn best_time(mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    let mut total = Duration::ZERO;
    for run in 0..30 {
        if run >= 3 && total > Duration::from_millis(60) {
            break;
        }
        let start = Instant::now();
        work();
        let time = start.elapsed();
        best = best.min(time);
        total += time;
    }
    best
}

/// To be held by every test that works for long: they run in parallel, measurements must not.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Four times the input may cost less than twelve times the time: 4 is linear, 16 is quadratic. `build` gets a
/// size to which the stream's length is in proportion.
fn assert_linear(name: &str, options: &Options, size: usize, build: impl Fn(usize) -> String) {
    assert_linear_in_chunks(name, options, NETWORK_CHUNK, size, build);
}

fn assert_linear_in_chunks(
    name: &str,
    options: &Options,
    chunk: usize,
    size: usize,
    build: impl Fn(usize) -> String,
) {
    let _alone = alone();
    let (small, large) = (build(size / 4), build(size));
    let lengths = large.len() as f64 / small.len() as f64;
    assert!((3.0..5.5).contains(&lengths), "{name}: {lengths} times the length, not 4");
    let mut ratio = f64::MAX;
    // A busy machine gets another chance; what is quadratic stays so, and what takes long is no noise.
    for _ in 0..3 {
        let time = |stream: &str| best_time(|| drop(run(stream.as_bytes(), options, chunk))).as_secs_f64();
        let (short, long) = (time(&small), time(&large));
        ratio = ratio.min(long / short.max(0.000_5));
        if ratio < 12.0 {
            println!("{name}: {} KB in {:.1} ms, {ratio:.1} times a quarter", large.len() / 1000, long * 1e3);
            return;
        }
        if long > 0.5 {
            break;
        }
    }
    panic!("{name}: a quarter of the stream costs 1/{ratio:.1} of the time, which is not linear");
}

#[test]
fn small_deltas() {
    let stream = |count| repeat(count, |_| delta(r#"{"content":"ab"}"#));
    assert_linear("200 000 deltas", &Options::default(), 200_000, stream);
    assert_linear("50 000 deltas, everything included", &with_everything(), 50_000, stream);
    let three = |count| repeat(count, |_| delta(r#"{"content":"a","reasoning":"b","refusal":"c"}"#));
    assert_linear("50 000 deltas of three texts", &Options::default(), 50_000, three);
}

#[test]
fn one_call_in_many_fragments() {
    let named = |_| call(r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"1,"}}"#);
    assert_linear("100 000 named fragments", &Options::default(), 100_000, |n| repeat(n, named));
    assert_linear("100 000 named fragments, with deltas", &with_everything(), 100_000, |n| repeat(n, named));
    let churn = |at| call(&format!(r#"{{"index":0,"id":"a{at}","function":{{"arguments":"1,"}}}}"#));
    assert_linear("40 000 fragments, each with another id", &Options::default(), 40_000, |n| {
        repeat(n, churn)
    });
    let name = |at: usize| call(&format!(r#"{{"index":0,"function":{{"name":"{}"}}}}"#, at % 10));
    assert_linear("40 000 pieces of a name", &Options::default(), 40_000, |n| repeat(n, name));
    let legacy = |_| delta(r#"{"function_call":{"name":"f","arguments":"1,"}}"#);
    assert_linear("40 000 legacy fragments", &Options::default(), 40_000, |n| repeat(n, legacy));
}

#[test]
fn many_calls() {
    let by_index = |at| {
        call(&format!(r#"{{"index":{at},"id":"call_{at}","function":{{"name":"f","arguments":"{{}}"}}}}"#))
    };
    assert_linear("10 000 calls by index", &Options::default(), 10_000, |n| repeat(n, by_index));
    assert_linear("10 000 calls by index, everything included", &with_everything(), 10_000, |n| {
        repeat(n, by_index)
    });
    let by_id = |at| call(&format!(r#"{{"id":"call_{at}","function":{{"name":"f","arguments":"{{}}"}}}}"#));
    assert_linear("10 000 calls by id", &Options::default(), 10_000, |n| repeat(n, by_id));
    let by_name = |_| call(r#"{"function":{"name":"f","arguments":"{}"}}"#);
    assert_linear("10 000 calls by name", &Options::default(), 10_000, |n| repeat(n, by_name));
    let index_0 = |at| call(&format!(r#"{{"index":0,"id":"call_{at}","function":{{"name":"f"}}}}"#));
    assert_linear("10 000 calls with index 0", &Options::default(), 10_000, |n| repeat(n, index_0));
    let backwards =
        |at: usize| call(&format!(r#"{{"index":{},"function":{{"arguments":"{{}}"}}}}"#, 1_000_000 - at));
    assert_linear("10 000 calls backwards", &Options::default(), 10_000, |n| repeat(n, backwards));
    let (_, events) = run(repeat(10_000, by_index).as_bytes(), &Options::default(), NETWORK_CHUNK);
    assert_eq!(events, 10_000, "one item each");
}

#[test]
fn many_calls_and_a_legacy_one_in_fragments() {
    let both = |n: usize| {
        let calls =
            repeat(n, |at| call(&format!(r#"{{"index":{at},"function":{{"name":"f","arguments":"[1]"}}}}"#)));
        calls + &repeat(n, |_| delta(r#"{"function_call":{"name":"f","arguments":"1,"}}"#))
    };
    assert_linear("20 000 calls, and a legacy one", &Options::default(), 20_000, both);
}

#[test]
fn many_calls_and_a_large_legacy_one() {
    let both = |n: usize| {
        let calls =
            repeat(n, |at| call(&format!(r#"{{"index":{at},"function":{{"name":"f","arguments":"[1]"}}}}"#)));
        let numbers = "1,".repeat(n * 10);
        let begin = delta(&format!(r#"{{"function_call":{{"name":"f","arguments":"[{numbers}"}}}}"#));
        calls + &begin + &delta(r#"{"function_call":{"arguments":"1]"}}"#)
    };
    assert_linear("8 000 calls, and a large legacy one", &Options::default(), 8_000, both);
}

#[test]
fn many_choices() {
    let choice = |at| frame(&format!(r#"{{"choices":[{{"index":{at},"delta":{{"content":"x"}}}}]}}"#));
    assert_linear("5 000 choices", &Options::default(), 5_000, |n| repeat(n, choice));
    let rounds = |n| repeat(4, |_| repeat(n / 4, choice));
    assert_linear("5 000 choices, four rounds", &Options::default(), 5_000, rounds);
    let at_once = |n| {
        frame(&format!(
            r#"{{"choices":[{}{{}}]}}"#,
            repeat(n, |at| format!(r#"{{"index":{at},"delta":{{"content":"x"}}}},"#))
        ))
    };
    assert_linear("5 000 choices in one chunk", &Options::default(), 5_000, at_once);
}

/// Each chunk repeats all before it, so the input grows with the square of the chunks; the work must not
/// grow faster than the input.
#[test]
fn cumulative_chunks() {
    let chunks_of = |bytes: usize| ((2 * bytes) as f64).sqrt() as usize;
    let message = |at: usize| {
        let text = "x".repeat(at * 20);
        frame(&format!(r#"{{"choices":[{{"index":0,"message":{{"content":"{text}"}}}}]}}"#))
    };
    assert_linear("cumulative messages", &Options::default(), 400_000, |n| repeat(chunks_of(n), message));
    let beside = |at: usize| {
        let text = "x".repeat(at * 20);
        let choice = format!(r#"{{"index":0,"delta":{{"content":"x"}},"message":{{"content":"{text}"}}}}"#);
        frame(&format!(r#"{{"choices":[{choice}]}}"#))
    };
    assert_linear("cumulative messages beside deltas", &Options::default(), 400_000, |n| {
        repeat(chunks_of(n), beside)
    });
    let arguments = |at: usize| {
        let text = "x".repeat(at * 20);
        call(&format!(r#"{{"index":0,"function":{{"name":"f","arguments":"[\"{text}"}}}}"#))
    };
    assert_linear("cumulative arguments", &Options::default(), 400_000, |n| repeat(chunks_of(n), arguments));
    let separate = |at| frame(&format!(r#"{{"choices":[{{"index":0,"message":{{"content":"{at} "}}}}]}}"#));
    assert_linear("20 000 messages that do not continue", &Options::default(), 20_000, |n| {
        repeat(n, separate)
    });
    let empty = |_| frame(r#"{"choices":[{"index":0,"message":{"role":"assistant"}}]}"#);
    assert_linear("20 000 empty messages", &Options::default(), 20_000, |n| repeat(n, empty));
}

#[test]
fn many_blocks_of_reasoning() {
    let block = |at| format!(r#"{{"type":"reasoning.text","text":"x","index":{at}}}"#);
    let details = |at| delta(&format!(r#"{{"reasoning_details":[{}]}}"#, block(at)));
    assert_linear("20 000 blocks of reasoning", &Options::default(), 20_000, |n| repeat(n, details));
    assert_linear("40 000 pieces of one block", &Options::default(), 40_000, |n| repeat(n, |_| details(0)));
}

#[test]
fn many_keys_in_a_block_of_reasoning() {
    let keys = |n| {
        let fields = repeat(n, |at| format!(r#""key_{at}":1,"#));
        delta(&format!(r#"{{"reasoning_details":[{{{fields}"type":"x"}}]}}"#))
    };
    assert_linear("60 000 keys in a block", &Options::default(), 60_000, keys);
}

#[test]
fn many_extras() {
    let annotations = |_| delta(r#"{"content":"x","annotations":[{"type":"url_citation"}]}"#);
    assert_linear("40 000 annotations", &Options::default(), 40_000, |n| repeat(n, annotations));
    let audio = |_| delta(r#"{"audio":{"id":"a","data":"QUJD","transcript":"x"}}"#);
    assert_linear("40 000 pieces of audio", &Options::default(), 40_000, |n| repeat(n, audio));
    let logprobs = |_| {
        let entry = r#"{"token":"x","logprob":-1}"#;
        frame(&format!(r#"{{"choices":[{{"delta":{{"content":"x"}},"logprobs":{{"content":[{entry}]}}}}]}}"#))
    };
    assert_linear("40 000 logprobs", &Options::default(), 40_000, |n| repeat(n, logprobs));
    let unknown =
        |at| frame(&format!(r#"{{"key_{at}":{at},"choices":[{{"delta":{{"key_{at}":1}},"key_{at}":1}}]}}"#));
    assert_linear("60 000 unknown fields", &Options::default(), 60_000, |n| {
        repeat(n, unknown) + &frame("[DONE]")
    });
}

#[test]
fn odd_bodies() {
    let value = |_| r#"{"choices":[{"delta":{"content":"x"}}]}"#.to_owned();
    let line = |at| value(at) + "\n";
    assert_linear("NDJSON of 40 000 lines", &Options::default(), 40_000, |n| repeat(n, line));
    assert_linear("a list of 40 000 chunks", &Options::default(), 40_000, |n| {
        format!("[{}{}]", repeat(n, |at| value(at) + ",\n"), value(0))
    });
    assert_linear("40 000 values in one frame", &Options::default(), 40_000, |n| {
        repeat(n, |at| format!("data: {}", line(at)))
    });
    assert_linear("200 000 comments", &Options::default(), 200_000, |n| {
        repeat(n, |_| ": ping\n\n".to_owned())
    });
    assert_linear("200 000 empty frames", &Options::default(), 200_000, |n| {
        repeat(n, |_| "data:\n\n".to_owned())
    });
    assert_linear("40 000 broken frames", &with_everything(), 40_000, |n| {
        repeat(n, |_| frame("{\"choices\":"))
    });
    assert_linear("a text of 4 MB", &Options::default(), 400_000, |n| {
        repeat(n, |_| "some text\n".to_owned())
    });
}

#[test]
fn one_large_event_in_small_pieces() {
    let text = |n: usize| delta(&format!(r#"{{"content":"{}"}}"#, "x".repeat(n)));
    assert_linear_in_chunks("4 MB in pieces of 64 bytes", &Options::default(), 64, 4_000_000, text);
    let escapes = |n: usize| delta(&format!(r#"{{"content":"{}"}}"#, r"\ud83d".repeat(n / 6)));
    assert_linear_in_chunks("1 MB of lone surrogates", &Options::default(), 64, 1_000_000, escapes);
    let body = |n: usize| format!(r#"{{"choices":[{{"message":{{"content":"{}"}}}}]}}"#, "x".repeat(n));
    assert_linear_in_chunks("a JSON body of 4 MB", &Options::default(), 64, 4_000_000, body);
}

// ------------------------------------------------------------------------------------------------ limits

/// The error's code, and type, status and length of text of each item.
fn end_of(stream: &[u8], options: &Options, chunk: usize) -> (Option<ErrorCode>, Vec<(String, usize)>) {
    let (aggregator, _) = run(stream, options, chunk);
    let items = aggregator.items();
    let items = items.iter().map(|item| match &**item {
        Item::Message(message) => (format!("message {:?}", message.common.status), text_len(message)),
        Item::Reasoning(reasoning) => (format!("reasoning {:?}", reasoning.common.status), 0),
        Item::FunctionCall(call) => (format!("call {:?}", call.common.status), call.arguments.len()),
        other => (format!("{other:?}"), 0),
    });
    (aggregator.error().map(|error| error.code), items.collect())
}

fn text_len(message: &streamgauge::item::Message) -> usize {
    serde_json::to_value(&message.content).unwrap()[0]["text"].as_str().map_or(0, str::len)
}

#[test]
fn an_event_that_is_too_large_ends_the_stream_and_keeps_what_came() {
    let _alone = alone();
    let options = Options { max_event_bytes: 64 * 1024, ..Options::default() };
    let start = delta(r#"{"content":"hello"}"#)
        + &call(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}"#);
    let stream =
        start.clone() + &delta(&format!(r#"{{"content":"{}"}}"#, "x".repeat(70_000))) + &frame("[DONE]");
    let endless = start + "data: " + &"x".repeat(10 << 20);
    for (stream, chunk) in
        [(&stream, 1), (&stream, NETWORK_CHUNK), (&stream, usize::MAX), (&endless, NETWORK_CHUNK)]
    {
        let (error, items) = end_of(stream.as_bytes(), &options, chunk);
        assert_eq!(error, Some(ErrorCode::EventTooLarge));
        assert_eq!(
            items,
            [("message Some(Incomplete)".to_owned(), 5), ("call Some(Incomplete)".to_owned(), 1)]
        );
    }
}

#[test]
fn an_item_that_is_too_large_ends_the_stream_and_keeps_what_came() {
    let options = Options { max_item_bytes: 1000, ..Options::default() };
    let stream = |count| repeat(count, |_| delta(r#"{"content":"0123456789"}"#)) + &frame("[DONE]");
    assert_eq!(end_of(stream(100).as_bytes(), &options, 64), (None, vec![("message None".to_owned(), 1000)]));
    let (error, items) = end_of(stream(5000).as_bytes(), &options, 64);
    assert_eq!(error, Some(ErrorCode::EventTooLarge));
    assert_eq!(items, [("message Some(Incomplete)".to_owned(), 1010)], "up to the delta that was too much");
    let arguments =
        repeat(200, |_| call(r#"{"index":3,"id":"a","function":{"name":"f","arguments":"0123456789"}}"#));
    let (error, items) = end_of(arguments.as_bytes(), &options, NETWORK_CHUNK);
    assert_eq!(error, Some(ErrorCode::EventTooLarge));
    assert_eq!(items, [("call Some(Incomplete)".to_owned(), 1010)]);
    let reasoning = repeat(200, |_| delta(r#"{"reasoning":"0123456789"}"#));
    assert_eq!(end_of(reasoning.as_bytes(), &options, NETWORK_CHUNK).0, Some(ErrorCode::EventTooLarge));
}

/// Whatever an item gathers is kept in memory, so it counts: not only its text.
#[test]
fn the_item_limit_holds_for_all_that_an_item_gathers() {
    let options = Options { max_item_bytes: 1000, ..Options::default() };
    let message = |at| frame(&format!(r#"{{"choices":[{{"message":{{"content":"{at} 0123456789"}}}}]}}"#));
    let logprobs =
        r#"{"choices":[{"delta":{"content":""},"logprobs":{"content":[{"token":"0123456789"}]}}]}"#;
    let table = [
        ("a refusal", repeat(500, |_| delta(r#"{"refusal":"0123456789"}"#))),
        (
            "a name",
            repeat(500, |_| {
                call(r#"{"index":0,"function":{"name":"0123456789"}}"#)
                    + &call(r#"{"index":0,"function":{"name":"x"}}"#)
            }),
        ),
        ("custom input", repeat(500, |_| call(r#"{"index":0,"custom":{"name":"f","input":"0123456789"}}"#))),
        ("a call's own fields", repeat(500, |_| call(r#"{"index":0,"steps":["0123456789"]}"#))),
        ("messages", repeat(500, message)),
        (
            "details: text",
            repeat(500, |_| {
                delta(r#"{"reasoning":"","reasoning_details":[{"type":"t","text":"0123456789"}]}"#)
            }),
        ),
        (
            "details: data",
            repeat(500, |_| delta(r#"{"reasoning_details":[{"type":"t","data":"0123456789"}]}"#)),
        ),
        (
            "details: blocks",
            repeat(500, |at| delta(&format!(r#"{{"reasoning_details":[{{"type":"t","index":{at}}}]}}"#))),
        ),
        ("audio", repeat(500, |_| delta(r#"{"audio":{"id":"a","data":"MDEyMzQ1Njc4OQ=="}}"#))),
        ("a transcript", repeat(500, |_| delta(r#"{"audio":{"id":"a","transcript":"0123456789"}}"#))),
        ("annotations", repeat(500, |_| delta(r#"{"annotations":[{"type":"url_citation"}]}"#))),
        (
            "content parts",
            repeat(500, |_| delta(r#"{"content":[{"type":"reference","reference_ids":[1]}]}"#)),
        ),
        ("logprobs", repeat(500, |_| frame(logprobs))),
    ];
    let fails =
        |stream: &str| end_of(stream.as_bytes(), &options, NETWORK_CHUNK).0 == Some(ErrorCode::EventTooLarge);
    let unlimited: Vec<_> =
        table.iter().filter(|(_, stream)| !fails(stream)).map(|(name, _)| *name).collect();
    assert!(unlimited.is_empty(), "without a limit: {}", unlimited.join(", "));
}

/// One line fails as soon as it is too long; of a body of many lines only its end shows that it was no stream.
#[test]
fn a_body_that_is_too_large_fails() {
    let _alone = alone();
    let limit = Options::default().max_event_bytes;
    let one_line = format!(r#"{{"choices":[{{"message":{{"content":"{}"}}}}]}}"#, "x".repeat(20 << 20));
    let lines = format!("[\n{}1]", repeat(20 << 17, |_| "[1,2,3],\n".to_owned()));
    let text = "x".repeat(20 << 20);
    for (body, at_most) in
        [(one_line, limit + NETWORK_CHUNK), (lines, usize::MAX), (text, limit + NETWORK_CHUNK)]
    {
        let mut aggregator = Aggregator::new(Options::default(), 0.0);
        let mut read = 0;
        for chunk in body.as_bytes().chunks(NETWORK_CHUNK) {
            aggregator.handle_bytes(chunk, 0.0);
            if aggregator.is_finished() {
                break;
            }
            read += chunk.len();
        }
        aggregator.handle_end(0.0);
        assert_eq!(aggregator.error().map(|error| error.code), Some(ErrorCode::EventTooLarge));
        assert!(read <= at_most, "{read} bytes were read");
    }
}

/// A stream has no limit of its own, whatever its first line looks like.
#[test]
fn a_long_stream_with_an_odd_first_line_is_no_body() {
    let options = Options { max_event_bytes: 10_000, ..Options::default() };
    let stream = "{\"status\":\"starting\"}\n\n".to_owned()
        + &repeat(1000, |_| delta(r#"{"content":"0123456789"}"#))
        + &frame("[DONE]");
    for chunk in [1, 1000, 20_000, 1_000_000] {
        let end = end_of(stream.as_bytes(), &options, chunk);
        assert_eq!(end, (None, vec![("message None".to_owned(), 10_000)]), "in chunks of {chunk}");
    }
}

// ------------------------------------------------------------------------------------------------ depth

/// On a stack of 512 KiB: half of what WebAssembly has.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(512 * 1024).spawn(work).unwrap();
    thread.join().unwrap();
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let _alone = alone();
    on_a_small_stack(|| {
        let depth = 100_000;
        let list = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let object = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let parts = format!("{}1{}", r#"[{"type":"thinking","thinking":"#.repeat(depth), "}]".repeat(depth));
        let error = format!("{}1{}", r#"{"error":"#.repeat(depth), "}".repeat(depth));
        let unclosed = "[".repeat(depth);
        let mut places = Vec::new();
        for value in [&list, &object, &parts, &error] {
            for field in [
                "content",
                "reasoning",
                "reasoning_details",
                "refusal",
                "role",
                "tool_calls",
                "function_call",
                "audio",
                "unknown",
            ] {
                places.push(delta(&format!(r#"{{"{field}":{value}}}"#)));
                places.push(frame(&format!(r#"{{"choices":[{{"message":{{"{field}":{value}}}}}]}}"#)));
            }
            for field in ["arguments", "name", "unknown"] {
                places.push(call(&format!(r#"{{"index":0,"function":{{"name":"f","{field}":{value}}}}}"#)));
                places.push(call(&format!(r#"{{"index":0,"{field}":{value}}}"#)));
            }
            for field in
                ["delta", "message", "text", "finish_reason", "logprobs", "usage", "error", "unknown"]
            {
                places.push(frame(&format!(r#"{{"choices":[{{"{field}":{value}}}]}}"#)));
            }
            for field in
                ["id", "choices", "usage", "x_groq", "error", "detail", "base_resp", "unknown", "type"]
            {
                places.push(frame(&format!(r#"{{"{field}":{value}}}"#)));
                places.push(frame(&format!(r#"{{"choices":[],"{field}":{value}}}"#)));
                places.push(format!(r#"{{"{field}":{value}}}"#));
            }
            places.push(frame(value));
            places.push((*value).clone());
            places.push(format!("event: error\n{}", frame(value)));
            places.push(format!("{value}\n{value}\n"));
        }
        places.push(frame(&unclosed));
        places.push(unclosed);
        let text = delta(r#"{"content":"hi"}"#);
        for place in &places {
            for stream in [place.clone(), text.clone() + place + &frame("[DONE]")] {
                let (aggregator, _) = run(stream.as_bytes(), &with_everything(), NETWORK_CHUNK);
                assert!(aggregator.is_finished());
                let items: Vec<_> = aggregator.items();
                serde_json::to_string(&items).unwrap();
            }
        }
        println!("{} places with {depth} levels", places.len());
    });
}

#[test]
fn deep_arguments_are_kept() {
    on_a_small_stack(|| {
        let depth = 100_000;
        let object = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let stream = call(&format!(r#"{{"index":0,"function":{{"name":"f","arguments":{object}}}}}"#))
            + &frame("[DONE]");
        let (aggregator, _) = run(stream.as_bytes(), &Options::default(), NETWORK_CHUNK);
        let items = aggregator.items();
        let [item] = items.as_slice() else { panic!("{} items", items.len()) };
        let Item::FunctionCall(call) = &**item else { panic!("{item:?}") };
        assert!(call.arguments == object, "written out as it came");
        assert!(call.common.provider.is_empty(), "and valid");
    });
}

// ------------------------------------------------------------------------------------------------ fuzz

const MUTATIONS: usize = 20_000;

fn random_options(rng: &mut Rng) -> Options {
    let mut options = Options::default();
    if rng.below(2) == 0 {
        options.include = EVERYTHING;
    }
    if rng.below(4) == 0 {
        options.invalid_utf8 = InvalidUtf8::Error;
    }
    if rng.below(4) == 0 {
        options.n = Some(1);
    }
    if rng.below(6) == 0 {
        options.max_event_bytes = rng.below(600);
    }
    if rng.below(6) == 0 {
        options.max_item_bytes = rng.below(20);
    }
    options
}

/// Everything that can be seen of a stream, as text: also what no JSON tree can hold (numbers beyond any range).
fn seen<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, options: &Options) -> String {
    let mut aggregator = Aggregator::new(options.clone(), 0.0);
    let mut out = String::new();
    let mut ends = 0;
    let mut drain = |aggregator: &mut Aggregator| {
        while let Some(event) = aggregator.poll_event() {
            assert_eq!(ends, 0, "an event after the end: {event:?}");
            ends += usize::from(matches!(event, StreamEvent::Completed(_)));
            writeln!(out, "{event:?}").unwrap();
        }
    };
    for chunk in chunks {
        aggregator.handle_bytes(chunk, 0.0);
        drain(&mut aggregator);
    }
    aggregator.handle_end(0.0);
    drain(&mut aggregator);
    assert!(aggregator.is_finished());
    assert_eq!(ends, usize::from(aggregator.error().is_none()), "one completion, or an error");
    let summary = (aggregator.error(), aggregator.choices(), aggregator.summary());
    writeln!(out, "{summary:#?}\n{}", serde_json::to_string(&aggregator.items()).unwrap()).unwrap();
    out
}

fn by_batches(bytes: &[u8], options: &Options) {
    let mut aggregator = Aggregator::new(options.clone(), 0.0);
    let mut batch = FlatBatch::default();
    aggregator.handle_bytes(bytes, 0.0);
    aggregator.fill_batch(&mut batch);
    aggregator.handle_end(0.0);
    aggregator.fill_batch(&mut batch);
}

#[test]
fn mutated_streams_never_panic_and_do_not_depend_on_the_split() {
    let _alone = alone();
    let seeds: Vec<Vec<u8>> = cases().into_iter().map(|case| case.bytes).collect();
    let mutator = Mutator::of_streams("chat", 4096);
    let mut wrong = Vec::new();
    for number in 0..MUTATIONS {
        let mut rng = Rng::new(number as u64);
        let bytes = mutator.mutated(&mut rng, &seeds);
        let options = random_options(&mut rng);
        let way = random_way(&bytes, number as u64, 1 + rng.below(60));
        let results = panic::catch_unwind(AssertUnwindSafe(|| {
            by_batches(&bytes, &options);
            (seen([bytes.as_slice()], &options), seen(way.chunks.iter().copied(), &options))
        }));
        let problem = match results {
            Err(_) => "panicked".to_owned(),
            Ok((whole, split)) => {
                match whole.lines().zip(split.lines()).find(|(left, right)| left != right) {
                    None if whole == split => continue,
                    None => format!("{way}: more or fewer events"),
                    Some((left, right)) => format!("{way}: whole and split differ:\n    {left}\n    {right}"),
                }
            }
        };
        wrong.push(format!(
            "mutation {number}: {problem}\n    {options:?}\n    b\"{}\"",
            bytes.escape_ascii()
        ));
    }
    say(format_args!("{} of {MUTATIONS} mutated streams right", MUTATIONS - wrong.len()));
    assert!(
        wrong.is_empty(),
        "{} wrong, the first:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(3)].join("\n")
    );
}
