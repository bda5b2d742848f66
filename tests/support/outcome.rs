//! Runs a stream through the aggregator and puts what came out into the shape of the corpus's expectations.

#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use serde_json::{Map, Value, json};
use streamgauge::json::ToJson;
use streamgauge::{Aggregator, Error, Item, Options, StreamEvent};

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
        StreamEvent::ReasoningSummaryDelta { summary_index, delta } => {
            json!({"type": "reasoning_summary.delta", "summary_index": summary_index, "delta": delta})
        }
        StreamEvent::RefusalDelta { choice, delta } => delta_event("refusal.delta", choice, delta),
        StreamEvent::ToolCallDelta { choice, index, call_id, name, delta } => {
            let mut value = delta_event("tool_call.delta", choice, delta);
            value["index"] = json!(index);
            value["call_id"] = json!(call_id);
            value["name"] = json!(name);
            value
        }
        StreamEvent::OutputItemAdded { index, item } => with_choice(
            json!({"type": "output_item.added", "index": index, "item": tree(&item.to_json())}),
            item,
        ),
        StreamEvent::OutputItemDone { item } => {
            with_choice(json!({"type": "output_item.done", "item": tree(&item.to_json())}), item)
        }
        StreamEvent::Created(created) => with_type("created", json!(created)),
        StreamEvent::Raw(frame) => with_type("raw", json!(frame)),
        StreamEvent::Completed(completion) => with_type("completed", tree(&completion.to_json())),
        other => panic!("an event that this test does not know: {other:?}"),
    }
}

/// JSON as a tree. Numbers beyond any double, which are JSON but have no place in one, are told as strings.
pub fn tree(json: &str) -> Value {
    if let Ok(tree) = serde_json::from_str(json) {
        return tree;
    }
    let mut told = String::new();
    for (at, piece) in json.replace("\\\\", "\\u005c").replace("\\\"", "\\u0022").split('"').enumerate() {
        if at > 0 {
            told.push('"');
        }
        if at % 2 == 1 {
            told.push_str(piece);
            continue;
        }
        for token in piece.split_inclusive([',', ':', '[', ']', '{', '}', ' ', '\t', '\n', '\r']) {
            let number = token.trim_end_matches(|last: char| !last.is_ascii_digit());
            match number.parse::<f64>() {
                Ok(value) if value.is_infinite() => {
                    told.push_str(&token.replace(number, &format!("\"{number}\"")))
                }
                _ => told.push_str(token),
            }
        }
    }
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// An item's event carries the choice's index beside the item's own. What is passed on as it came may have a field of
/// that name, which means nothing.
fn with_choice(mut event: Value, item: &Item) -> Value {
    if let (false, Some(choice)) = (matches!(item, Item::Verbatim(_)), event["item"].get("choice").cloned()) {
        event["choice"] = choice;
    }
    event
}

fn aggregate(aggregator: &Aggregator) -> Value {
    let mut summary = json!(aggregator.summary());
    summary["timings"].take();
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
        "responses": responses_json(aggregator), "blocks": blocks_json(aggregator),
        "summary": summary,
    })
}

/// The items in the shape of the corpus's expectations for Anthropic streams.
fn blocks_json(aggregator: &Aggregator) -> Value {
    let blocks = aggregator.items().into_iter().map(|item| {
        let json = tree(&item.to_json());
        let provider = &json["provider"];
        let len = |name: &str| provider[name].as_str().map_or(0, str::len);
        let text = |part: &Value| part["text"].as_str().unwrap_or_default().to_owned();
        let text = || json["content"].as_array().into_iter().flatten().map(text).collect::<String>();
        match (&*item, json["type"].as_str().unwrap_or_default()) {
            (_, "message") => {
                let mut block = json!({"type": "text", "text": text()});
                if let Some(citations) = provider["citations"].as_array() {
                    block["citations"] = json!(citations.len());
                }
                block
            }
            (_, "reasoning") if provider["type"] == "redacted_thinking" => {
                json!({"type": "redacted_thinking", "data_len": len("data")})
            }
            (_, "reasoning") => {
                json!({"type": "thinking", "thinking": text(), "signature_len": len("signature")})
            }
            (_, "function_call") => {
                let (id, name, arguments) = (&json["call_id"], &json["name"], &json["arguments"]);
                json!({"type": "tool_use", "id": id, "name": name, "arguments": arguments})
            }
            (Item::Verbatim(block), kind @ ("server_tool_use" | "mcp_tool_use")) => {
                let (id, name, input) = (&json["id"], &json["name"], block.field("input"));
                json!({"type": kind, "id": id, "name": name, "arguments": input})
            }
            (_, kind) => json!({"type": kind}),
        }
    });
    blocks.collect()
}

/// The items in the shape of the corpus's expectations for Responses streams.
fn responses_json(aggregator: &Aggregator) -> Value {
    let (mut content, mut reasoning, mut reasoning_text) = (String::new(), String::new(), String::new());
    let (mut refusal, mut calls, mut items) = (Value::Null, Vec::new(), Vec::new());
    for item in aggregator.items() {
        let item = tree(&item.to_json());
        let texts = |list: &str, name: &str| -> String {
            let parts = item[list].as_array().into_iter().flatten();
            parts.filter_map(|part| part[name].as_str()).collect()
        };
        let mut out = Map::new();
        out.insert("type".into(), item["type"].clone());
        match item["type"].as_str() {
            Some("message") => {
                let text = texts("content", "text");
                content.push_str(&text);
                out.insert("text".into(), json!(text));
                let refused = texts("content", "refusal");
                if !refused.is_empty() {
                    refusal = json!(refused);
                    out.insert("refusal".into(), refusal.clone());
                }
                let parts = item["content"].as_array().into_iter().flatten();
                let annotations: usize =
                    parts.map(|part| part["annotations"].as_array().map_or(0, Vec::len)).sum();
                if annotations > 0 {
                    out.insert("annotations".into(), json!(annotations));
                }
                if item["phase"].is_string() {
                    out.insert("phase".into(), item["phase"].clone());
                }
            }
            Some("reasoning") => {
                let (summary, text) = (texts("summary", "text"), texts("content", "text"));
                reasoning.push_str(&summary);
                reasoning_text.push_str(&text);
                let encrypted = item["encrypted_content"].as_str().is_some_and(|text| !text.is_empty());
                out.extend([
                    ("summary".into(), json!(summary)),
                    ("text".into(), json!(text)),
                    ("encrypted".into(), json!(encrypted)),
                ]);
            }
            Some(kind @ ("function_call" | "custom_tool_call" | "mcp_call")) => {
                let id = if kind == "mcp_call" { "id" } else { "call_id" };
                out.insert("id".into(), item[id].clone());
                for name in ["name", "arguments", "input"] {
                    if let Some(value) = item.get(name) {
                        out.insert(name.into(), value.clone());
                    }
                }
                if kind != "mcp_call" {
                    let text = item.get("arguments").unwrap_or(&item["input"]);
                    calls.push(json!({"id": item["call_id"], "name": item["name"], "arguments": text}));
                }
            }
            _ => {}
        }
        items.push(Value::Object(out));
    }
    json!({
        "items": items, "content": content, "reasoning": reasoning, "reasoning_text": reasoning_text,
        "tool_calls": calls, "refusal": refusal,
    })
}

fn choice_json(choice: &streamgauge::ChoiceSummary) -> Value {
    let mut out = Map::new();
    let (mut content, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    out.insert("index".into(), json!(choice.index));
    for item in &choice.items {
        let item = tree(&item.to_json());
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
            // The corpus's shape of a chat stream has no word for others: the events show them.
            _ => {}
        }
    }
    out.insert("content".into(), json!(content));
    out.insert("reasoning".into(), json!(reasoning));
    out.insert("tool_calls".into(), json!(calls));
    out.insert("finish_reason".into(), json!(choice.finish_reason));
    Value::Object(out)
}
