//! `PushAggregator`, the class that takes bytes.

use serde_json::{Value, json};
use streamgauge::PushAggregator;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::batch::{Decoder, State};
use super::splits::{Way, random_ways};
use super::table::{self, Case};
use super::{Crossed, bad_options, differences, js, js_options, report};

fn open(options: &Value) -> PushAggregator {
    PushAggregator::new(js(options)).expect("the options are good")
}

fn cross(case: &Case, way: &Way<'_>) -> Crossed {
    let mut push = PushAggregator::new(js_options(&case.options)).expect("the options are good");
    let mut decoder = Decoder::new(push.control());
    let mut events = Vec::new();
    for chunk in &way.chunks {
        push.feed(chunk);
        events.extend(decoder.read());
    }
    push.finish();
    events.extend(decoder.read());
    let state = if push.error().is_some() { State::Failed } else { State::Completed };
    assert_eq!(decoder.state(), state, "{}", case.name);
    Crossed { events, error: push.error(), items: push.items(), snapshot: push.snapshot() }
}

#[wasm_bindgen_test]
fn every_case_crosses_unchanged() {
    let cases = table::cases();
    let mut wrong = Vec::new();
    for case in &cases {
        for way in super::splits::ways(&case.bytes, 0).take(2).chain(random_ways(&case.bytes, 7, 2)) {
            wrong.extend(differences(case, &way, &cross(case, &way)));
        }
    }
    report(&wrong, cases.len());
}

#[wasm_bindgen_test]
fn a_batch_holds_the_events_of_one_feed() {
    let mut push = open(&json!({}));
    let control = push.control();
    let mut decoder = Decoder::new(control);
    assert_eq!((decoder.read(), decoder.state()), (vec![], State::Open));
    let table = [
        (
            r#"{"choices":[{"delta":{"content":"Hi"}}]}"#,
            json!([{"type": "output_text.delta", "delta": "Hi"}]),
        ),
        (
            r#"{"choices":[{"delta":{"reasoning":"é"}},{"index":1,"delta":{"content":"\ud83d\ude00\u0000"}}]}"#,
            json!([
                {"type": "reasoning.delta", "delta": "é"},
                {"type": "output_text.delta", "delta": "😀\0", "choice": 1},
            ]),
        ),
        (r#"{"choices":[{"delta":{}}]}"#, json!([])),
        (
            r#"{"choices":[{"delta":{"content":"\ufeff"}},{"index":1,"delta":{"content":"!"}}]}"#,
            json!([
                {"type": "output_text.delta", "delta": "\u{feff}"},
                {"type": "output_text.delta", "delta": "!", "choice": 1},
            ]),
        ),
    ];
    for (payload, expected) in table {
        push.feed(format!("data: {payload}\n\n").as_bytes());
        assert_eq!((Value::from(decoder.read()), decoder.state()), (expected, State::Open), "{payload}");
        assert_eq!(push.control(), control, "the control block stays where it is");
    }
    push.feed(b"data: [DONE]\n\n");
    let kinds: Vec<_> = decoder.read().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["output_item.done", "output_item.done", "output_item.done", "completed"]);
    assert_eq!(decoder.state(), State::Completed);
    push.feed(b"data: late\n\n");
    push.finish();
    assert_eq!((decoder.read(), decoder.state()), (vec![], State::Completed), "nothing after the end");
}

/// The batch's buffers move, and the memory's old buffer is detached, when a batch is large.
#[wasm_bindgen_test]
fn a_batch_may_make_the_memory_grow() {
    let mut push = open(&json!({"maxEventBytes": 64 << 20}));
    let mut decoder = Decoder::new(push.control());
    let text = "é".repeat(8 << 20);
    push.feed(format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n").as_bytes());
    let events = decoder.read();
    assert_eq!(events.len(), 1);
    assert!(events[0]["delta"] == text.as_str(), "the text arrives whole");
    push.feed(b"data: {\"choices\":[{\"delta\":{\"content\":\"!\"}}]}\n\n");
    assert_eq!(decoder.read(), [json!({"type": "output_text.delta", "delta": "!"})]);
}

#[wasm_bindgen_test]
fn a_failed_read_keeps_what_came() {
    let mut push = open(&json!({}));
    let mut decoder = Decoder::new(push.control());
    push.feed(b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n");
    let item = |status: &str| {
        let content = json!([{"type": "output_text", "text": "Hi"}]);
        json!({"type": "message", "role": "assistant", "content": content, "status": status})
    };
    assert_eq!(super::json(&push.items()), json!([item("in_progress")]));
    push.fail("connection reset");
    let error = super::json(&push.error().expect("it failed"));
    assert_eq!(error, json!({"code": "transport", "message": "connection reset", "provider": null}));
    assert_eq!(decoder.read(), [json!({"type": "output_item.done", "item": item("incomplete")})]);
    assert_eq!(decoder.state(), State::Failed);
    assert_eq!(super::json(&push.items()), json!([item("incomplete")]));
}

#[wasm_bindgen_test]
fn bad_options_are_refused() {
    for (options, part) in bad_options() {
        let error = PushAggregator::new(options.clone()).map(|_| ()).expect_err(part);
        super::assert_bad_option(&error, part);
    }
    assert!(PushAggregator::new(JsValue::UNDEFINED).is_ok());
}
