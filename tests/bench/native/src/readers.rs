//! Who reads the streams: streamgauge, and what people write who have a framing crate and serde.

use std::convert::Infallible;
use std::hint::black_box;

use eventsource_stream::Eventsource;
use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use streamgauge::sse::Framer;
use streamgauge::{Aggregator, Item, Options};

use crate::{Answer, Call};

/// The frames' data, by streamgauge's framer.
pub fn frames_by_framer(chunks: &[&[u8]], mut each: impl FnMut(&str)) {
    let mut framer = Framer::new(8 << 20);
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(frame) = framer.poll_frame(&mut input).unwrap() {
            each(frame.data);
        }
    }
    if let Some(frame) = framer.finish().unwrap() {
        each(frame.data);
    }
}

/// The frames' data, by `eventsource-stream`. The chunks are ready: nothing is ever waited for.
pub fn frames_by_eventsource_stream(chunks: &[&[u8]], mut each: impl FnMut(&str)) {
    let chunks = stream::iter(chunks.iter().map(|chunk| Ok::<_, Infallible>(*chunk)));
    block_on(async {
        let mut events = chunks.eventsource();
        while let Some(event) = events.next().await {
            each(&event.unwrap().data);
        }
    });
}

/// By streamgauge: every event is looked at, then the items are taken.
pub fn answer_by_streamgauge(chunks: &[&[u8]]) -> Answer {
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    for chunk in chunks {
        aggregator.handle_bytes(chunk, 0.0);
        while let Some(event) = aggregator.poll_event() {
            black_box(event);
        }
    }
    aggregator.handle_end(0.0);
    while let Some(event) = aggregator.poll_event() {
        black_box(event);
    }
    let completion = aggregator.completion().unwrap();
    let mut answer = Answer {
        finish_reason: completion.finish_reason.unwrap_or_default(),
        total_tokens: completion.token_usage.and_then(|usage| usage.total_tokens).unwrap_or_default(),
        ..Answer::default()
    };
    for item in aggregator.items() {
        match &*item {
            Item::Message(message) => {
                for part in &message.content {
                    if let streamgauge::item::ContentPart::OutputText { text } = part {
                        answer.text.push_str(text);
                    }
                }
            }
            Item::Reasoning(reasoning) => {
                for streamgauge::item::ReasoningPart::ReasoningText { text } in &reasoning.content {
                    answer.reasoning.push_str(text);
                }
            }
            Item::FunctionCall(call) => answer.calls.push(Call {
                id: call.call_id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            }),
            other => panic!("{other:?}"),
        }
    }
    answer
}

/// By `eventsource-stream`, and a `serde_json::Value` per frame.
pub fn answer_by_values(chunks: &[&[u8]]) -> Answer {
    let mut answer = Answer::default();
    frames_by_eventsource_stream(chunks, |data| {
        if data == "[DONE]" {
            return;
        }
        let chunk: Value = serde_json::from_str(data).unwrap();
        if let Some(total) = chunk["usage"]["total_tokens"].as_u64() {
            answer.total_tokens = total;
        }
        let choice = &chunk["choices"][0];
        if let Some(reason) = choice["finish_reason"].as_str() {
            answer.finish_reason = reason.to_owned();
        }
        let delta = &choice["delta"];
        answer.text.push_str(delta["content"].as_str().unwrap_or_default());
        answer.reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().unwrap() as usize;
            if answer.calls.len() <= index {
                answer.calls.resize_with(index + 1, Call::default);
            }
            let known = &mut answer.calls[index];
            known.id.push_str(call["id"].as_str().unwrap_or_default());
            known.name.push_str(call["function"]["name"].as_str().unwrap_or_default());
            known.arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    });
    answer
}

// The chunk as typed clients declare it.
#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
    usage: Option<Usage>,
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "model")]
    _model: String,
    #[serde(rename = "created")]
    _created: u64,
    #[serde(rename = "system_fingerprint")]
    _fingerprint: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    total_tokens: u64,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: usize,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

/// By `eventsource-stream`, and typed structs of serde.
pub fn answer_by_structs(chunks: &[&[u8]]) -> Answer {
    let mut answer = Answer::default();
    frames_by_eventsource_stream(chunks, |data| {
        if data == "[DONE]" {
            return;
        }
        let chunk: Chunk = serde_json::from_str(data).unwrap();
        if let Some(usage) = chunk.usage {
            answer.total_tokens = usage.total_tokens;
        }
        for choice in chunk.choices {
            if let Some(reason) = choice.finish_reason {
                answer.finish_reason = reason;
            }
            answer.text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            answer.reasoning.push_str(choice.delta.reasoning_content.as_deref().unwrap_or_default());
            for call in choice.delta.tool_calls.into_iter().flatten() {
                if answer.calls.len() <= call.index {
                    answer.calls.resize_with(call.index + 1, Call::default);
                }
                let known = &mut answer.calls[call.index];
                known.id.push_str(call.id.as_deref().unwrap_or_default());
                if let Some(function) = call.function {
                    known.name.push_str(function.name.as_deref().unwrap_or_default());
                    known.arguments.push_str(function.arguments.as_deref().unwrap_or_default());
                }
            }
        }
    });
    answer
}
