//! The flat table, decoded as JavaScript does it, equals the events that `poll_event` gives.

#[path = "support/batch.rs"]
mod batch;
#[path = "support/outcome.rs"]
mod outcome;
#[allow(dead_code, reason = "only the events' JSON is used here")]
#[path = "support/say.rs"]
mod say;
#[path = "support/splits.rs"]
mod splits;
#[path = "support/table.rs"]
mod table;

use batch::{Names, decode};
use say::say;

use serde_json::{Value, json};
use splits::{Way, random_ways, ways};
use streamgauge::flat::{FlatBatch, ROW_LEN};
use streamgauge::{Aggregator, Include, Options};
use table::{anthropic_cases, cases, responses_cases};

const EVERYTHING: Include =
    Include { created: true, output_item_added: true, tool_call_delta: true, raw: true };

fn polled_events(way: &Way<'_>, options: &Options) -> Vec<Value> {
    let mut aggregator = Aggregator::new(options.clone(), 0.0);
    let mut events = Vec::new();
    for chunk in &way.chunks {
        aggregator.handle_bytes(chunk, 0.0);
        events.extend(std::iter::from_fn(|| aggregator.poll_event().map(outcome::event_json)));
    }
    aggregator.handle_end(0.0);
    events.extend(std::iter::from_fn(|| aggregator.poll_event().map(outcome::event_json)));
    events
}

fn events_by_batch(way: &Way<'_>, options: &Options) -> Vec<Value> {
    let mut aggregator = Aggregator::new(options.clone(), 0.0);
    let mut batch = FlatBatch::default();
    let (mut events, mut names) = (Vec::new(), Names::new());
    for chunk in &way.chunks {
        aggregator.handle_bytes(chunk, 0.0);
        aggregator.fill_batch(&mut batch);
        events.extend(decode(&batch, &mut names));
    }
    aggregator.handle_end(0.0);
    aggregator.fill_batch(&mut batch);
    events.extend(decode(&batch, &mut names));
    aggregator.fill_batch(&mut batch);
    assert!(batch.is_empty() && batch.text().is_empty(), "the queue was emptied");
    events
}

#[test]
fn every_case_decodes_to_the_polled_events() {
    let cases: Vec<_> = cases().into_iter().chain(responses_cases()).chain(anthropic_cases()).collect();
    let mut wrong = Vec::new();
    for case in &cases {
        for options in [case.options.clone(), Options { include: EVERYTHING, ..case.options.clone() }] {
            let whole = ways(&case.bytes, 1).take(2);
            for way in whole.chain(random_ways(&case.bytes, 2, 6)) {
                if events_by_batch(&way, &options) != polled_events(&way, &options) {
                    wrong.push(format!("{}, {way}", case.name));
                }
            }
        }
    }
    say(format_args!(
        "{} of {} cases right by batches",
        cases.len() - wrong.len().min(cases.len()),
        cases.len()
    ));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn ends_count_utf16_units() {
    let frame = |delta: &str| format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n");
    let chunks = [
        frame(r#"{"content":"hé"}"#),
        frame(r#"{"content":"a😀"}"#),
        frame(r#"{"content":"b\ud83d"}"#),
        frame(r#"{"reasoning":"\u2028\ufeff€"}"#),
        frame(r#"{"content":"\ude00"}"#),
        frame(r#"{"refusal":"𝄞"}"#),
    ];
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    let mut batch = FlatBatch::default();
    aggregator.handle_bytes(chunks.concat().as_bytes(), 0.0);
    aggregator.fill_batch(&mut batch);
    assert_eq!(batch.text(), "héa😀b\u{2028}\u{feff}€😀𝄞");
    let ends: Vec<(u32, u32)> = batch.table().chunks(ROW_LEN).map(|row| (row[0], row[3])).collect();
    assert_eq!(ends, [(2, 2), (2, 5), (2, 6), (3, 9), (2, 11), (4, 13)]);
    assert!(!batch.is_ascii());
}

#[test]
fn a_batch_may_be_empty_and_is_used_again() {
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    let mut batch = FlatBatch::default();
    assert!(batch.is_empty() && batch.text().is_empty() && batch.is_ascii());
    aggregator.fill_batch(&mut batch);
    assert!(batch.is_empty(), "nothing came yet");
    aggregator.handle_bytes("data: {\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\n\n".as_bytes(), 0.0);
    aggregator.fill_batch(&mut batch);
    assert_eq!((batch.len(), batch.text(), batch.is_ascii()), (1, "é", false));
    aggregator.handle_bytes(b": ping\n\n", 0.0);
    aggregator.fill_batch(&mut batch);
    assert_eq!((batch.len(), batch.text(), batch.is_ascii()), (0, "", true));
}

/// Polled events are not in the batch; dropped ones are nowhere.
#[test]
fn a_batch_has_what_was_not_polled() {
    let frame = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    let mut batch = FlatBatch::default();
    aggregator.handle_bytes((frame("é1") + &frame("é2") + &frame("é3")).as_bytes(), 0.0);
    let polled = aggregator.poll_event().map(outcome::event_json);
    assert_eq!(polled, Some(json!({"type": "output_text.delta", "delta": "é1"})));
    aggregator.fill_batch(&mut batch);
    assert_eq!(
        decode(&batch, &mut Names::new()).iter().map(|event| &event["delta"]).collect::<Vec<_>>(),
        ["é2", "é3"]
    );
    assert!(aggregator.poll_event().is_none());
    aggregator.handle_bytes(frame("é4").as_bytes(), 0.0);
    aggregator.discard_events();
    aggregator.handle_bytes(frame("é5").as_bytes(), 0.0);
    aggregator.fill_batch(&mut batch);
    assert_eq!(batch.text(), "é5");
}

/// A call is named with its first delta, and again when its id or name comes late.
#[test]
fn calls_are_named_when_that_is_news() {
    let include = Include { tool_call_delta: true, ..Include::default() };
    let mut aggregator = Aggregator::new(Options { include, ..Options::default() }, 0.0);
    let frame = |call: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{call}]}}}}]}}\n\n");
    type Rows = &'static [(u32, &'static str)];
    let feeds: [(&[&str], Rows); 3] = [
        (
            &[
                r#"{"index":0,"function":{"name":"f","arguments":"é"}}"#,
                r#"{"index":0,"id":"a","function":{"arguments":"1"}}"#,
                r#"{"index":1,"id":"b","function":{"name":"g","arguments":"2"}}"#,
                r#"{"index":0,"function":{"arguments":"3"}}"#,
            ],
            &[
                (5, r#"["","f"]"#),
                (6, "é"),
                (5, r#"["a","f"]"#),
                (6, "1"),
                (5, r#"["b","g"]"#),
                (6, "2"),
                (6, "3"),
            ],
        ),
        (&[r#"{"index":1,"function":{"arguments":"4"}}"#], &[(6, "4")]),
        (&[r#"{"index":0,"function":{"arguments":"5"}}"#], &[(6, "5")]),
    ];
    let mut batch = FlatBatch::default();
    for (calls, expected) in feeds {
        let bytes: String = calls.iter().map(|call| frame(call)).collect();
        aggregator.handle_bytes(bytes.as_bytes(), 0.0);
        aggregator.fill_batch(&mut batch);
        let text: Vec<u16> = batch.text().encode_utf16().collect();
        let mut start = 0;
        let mut rows = Vec::new();
        for row in batch.table().chunks(ROW_LEN) {
            rows.push((row[0], String::from_utf16(&text[start..row[3] as usize]).unwrap()));
            start = row[3] as usize;
        }
        let expected: Vec<(u32, String)> =
            expected.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect();
        assert_eq!(rows, expected);
    }
}

/// Who polls first and takes batches later finds the names in each of them.
#[test]
fn names_that_were_polled_are_told_again() {
    let include = Include { tool_call_delta: true, ..Include::default() };
    let mut aggregator = Aggregator::new(Options { include, ..Options::default() }, 0.0);
    let frame = |call: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{call}]}}}}]}}\n\n");
    aggregator.handle_bytes(
        frame(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}"#).as_bytes(),
        0.0,
    );
    while aggregator.poll_event().is_some() {}
    let mut batch = FlatBatch::default();
    for fragment in ["2", "3"] {
        let call = format!(r#"{{"index":0,"function":{{"arguments":"{fragment}"}}}}"#);
        aggregator.handle_bytes(frame(&call).as_bytes(), 0.0);
        aggregator.fill_batch(&mut batch);
        let [event] = &decode(&batch, &mut Names::new())[..] else { panic!("one event") };
        assert_eq!(
            *event,
            json!({"type": "tool_call.delta", "delta": fragment, "index": 0, "call_id": "a", "name": "f"})
        );
    }
}
