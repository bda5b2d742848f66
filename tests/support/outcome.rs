//! Runs a stream through the aggregator and puts what came out into the shape of the corpus's expectations.

#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use serde_json::{Map, Value, json};
use streamgauge::{Aggregator, Error, Options, StreamEvent};

/// Everything that came out of one stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub events: Vec<Value>,
    pub error: Option<Error>,
    /// The aggregate, in the shape of `*.expected.json`.
    pub aggregate: Value,
}

/// Feeds the chunks, then a clean end.
pub fn run<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, options: &Options) -> Outcome {
    let mut aggregator = Aggregator::new(options.clone(), 0.0);
    let mut events = Vec::new();
    for chunk in chunks {
        aggregator.handle_bytes(chunk, 0.0);
        drain(&mut aggregator, &mut events);
    }
    aggregator.handle_end(0.0);
    drain(&mut aggregator, &mut events);
    let error = aggregator.error().cloned();
    let aggregate = aggregate(&aggregator);
    Outcome { events, error, aggregate }
}

fn drain(aggregator: &mut Aggregator, events: &mut Vec<Value>) {
    while let Some(event) = aggregator.poll_event() {
        events.push(event_json(event));
    }
}

/// An event as the facade hands it to JavaScript.
pub fn event_json(event: StreamEvent<'_>) -> Value {
    let delta_event = |kind: &str, choice: u32, delta: &str| {
        let mut value = json!({"type": kind, "delta": delta});
        if choice != 0 {
            value["choice"] = json!(choice);
        }
        value
    };
    let with_type = |kind: &str, mut value: Value| {
        value["type"] = json!(kind);
        value
    };
    match event {
        StreamEvent::OutputTextDelta { choice, delta } => delta_event("output_text.delta", choice, delta),
        StreamEvent::ReasoningDelta { choice, delta } => delta_event("reasoning.delta", choice, delta),
        StreamEvent::RefusalDelta { choice, delta } => delta_event("refusal.delta", choice, delta),
        StreamEvent::ToolCallDelta { choice, index, call_id, name, delta } => {
            let mut value = delta_event("tool_call.delta", choice, delta);
            value["index"] = json!(index);
            value["call_id"] = json!(call_id);
            value["name"] = json!(name);
            value
        }
        StreamEvent::OutputItemAdded { index, item } => {
            with_choice(json!({"type": "output_item.added", "index": index, "item": item}))
        }
        StreamEvent::OutputItemDone { item } => {
            with_choice(json!({"type": "output_item.done", "item": item}))
        }
        StreamEvent::Created(created) => with_type("created", json!(created)),
        StreamEvent::Raw(frame) => with_type("raw", json!(frame)),
        StreamEvent::Completed(completion) => with_type("completed", json!(completion)),
        other => panic!("an event that this test does not know: {other:?}"),
    }
}

/// An item's event carries the choice's index beside the item's own.
fn with_choice(mut event: Value) -> Value {
    if let Some(choice) = event["item"].get("choice").cloned() {
        event["choice"] = choice;
    }
    event
}

fn aggregate(aggregator: &Aggregator) -> Value {
    let summary = json!(aggregator.summary());
    let choices: Vec<Value> = aggregator.choices().iter().map(choice_json).collect();
    let empty = json!({"content": "", "reasoning": "", "tool_calls": [], "finish_reason": null});
    let first = choices.first().cloned().unwrap_or(empty);
    let usage = &summary["token_usage"];
    let usage = match usage {
        Value::Null => Value::Null,
        usage => json!({
            "input": usage["input_tokens"], "output": usage["output_tokens"],
            "cached": usage["cached_input_tokens"], "reasoning": usage["reasoning_output_tokens"],
            "total": usage["total_tokens"],
        }),
    };
    let nullable = |value: &Value| if value == "" { Value::Null } else { value.clone() };
    let normalized = match (&summary["finish_reason_normalized"], aggregator.error()) {
        (Value::Null, Some(error)) if error.provider.is_some() => json!("error"),
        (normalized, _) => normalized.clone(),
    };
    json!({
        "id": nullable(&summary["response_id"]), "model": nullable(&summary["model"]),
        "choices": choices,
        "content": first["content"], "reasoning": first["reasoning"], "tool_calls": first["tool_calls"],
        "finish_reason": first["finish_reason"], "finish_reason_normalized": normalized, "usage": usage,
    })
}

fn choice_json(choice: &streamgauge::ChoiceSummary) -> Value {
    let mut out = Map::new();
    let (mut content, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    out.insert("index".into(), json!(choice.index));
    for item in &choice.items {
        let item = json!(**item);
        match item["type"].as_str() {
            Some("message") => {
                for part in item["content"].as_array().into_iter().flatten() {
                    content.push_str(part["text"].as_str().unwrap_or_default());
                    if let Some(refusal) = part["refusal"].as_str() {
                        out.insert("refusal".into(), json!(refusal));
                    }
                }
                let provider = &item["provider"];
                if let Some(audio) = provider["audio"].as_object() {
                    let pieces = audio["data"].as_array().map_or(0, Vec::len);
                    let (id, transcript) = (&audio["id"], &audio["transcript"]);
                    out.insert(
                        "audio".into(),
                        json!({"id": id, "transcript": transcript, "data_chunks": pieces}),
                    );
                }
                for name in ["annotations", "images"] {
                    if let Some(list) = provider[name].as_array() {
                        out.insert(name.into(), json!(list.len()));
                    }
                }
            }
            Some("reasoning") => {
                for part in item["content"].as_array().into_iter().flatten() {
                    reasoning.push_str(part["text"].as_str().unwrap_or_default());
                }
                if let Some(details) = item["provider"].get("reasoning_details") {
                    out.insert("reasoning_details".into(), details.clone());
                }
            }
            Some("function_call") if item["provider"]["legacy_function_call"] == true => {
                let call = json!({"name": item["name"], "arguments": item["arguments"]});
                out.insert("function_call".into(), call);
            }
            Some("function_call") => {
                let mut call =
                    json!({"id": item["call_id"], "name": item["name"], "arguments": item["arguments"]});
                if let Some(repaired) = item["provider"].get("repaired") {
                    call["repaired"] = repaired.clone();
                }
                calls.push(call);
            }
            // The corpus's shape has no word for it: the events show it.
            Some("custom_tool_call") => {}
            other => panic!("an item that this test does not know: {other:?}"),
        }
    }
    out.insert("content".into(), json!(content));
    out.insert("reasoning".into(), json!(reasoning));
    out.insert("tool_calls".into(), json!(calls));
    out.insert("finish_reason".into(), json!(choice.finish_reason));
    Value::Object(out)
}
