//! The project's own streams, `tests/fixtures/chat.jsonl`, `responses.jsonl` and `anthropic.jsonl`: one case per line.
//!
//! A case is a stream (`sse`, or `sse_base64` when it is not UTF-8), the `options` as JavaScript spells them, and
//! what comes out: `events` (all of them, in order; the timings are not compared), `aggregate` (those fields
//! that are named; shaped like `*.expected.json` of the corpus), `error` (none given: the stream completes).
#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use base64::Engine;
use serde::Deserialize;
use serde_json::{Map, Value};
use streamgauge::{Error, InvalidUtf8, Options, ThinkTags, WireChoice};

/// One line of the table.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    pub options: Options,
    pub events: Option<Vec<Value>>,
    pub aggregate: Option<Value>,
    pub error: Option<ExpectedError>,
}

/// How a stream has to fail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    code: String,
    /// A part of the message.
    message: Option<String>,
    /// Fields of the provider's error: `type`, `code` (any JSON value; null for none), `param`, `retry_after_ms`.
    #[serde(default)]
    provider: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    /// Why the case is there; for people.
    #[serde(rename = "note")]
    _note: String,
    sse: Option<String>,
    sse_base64: Option<String>,
    #[serde(default)]
    options: LineOptions,
    events: Option<Vec<Value>>,
    aggregate: Option<Value>,
    error: Option<ExpectedError>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LineOptions {
    wire: Option<String>,
    n: Option<u32>,
    #[serde(default)]
    include: Vec<String>,
    invalid_utf8: Option<String>,
    max_event_bytes: Option<usize>,
    max_item_bytes: Option<usize>,
    think_tags: Option<String>,
    think_tag_names: Option<Vec<String>>,
}

/// Every case of the table.
pub fn cases() -> Vec<Case> {
    read("chat.jsonl", include_str!("../fixtures/chat.jsonl"))
}

/// Every case of the Responses API's table.
pub fn responses_cases() -> Vec<Case> {
    read("responses.jsonl", include_str!("../fixtures/responses.jsonl"))
}

/// Every case of Anthropic's table.
pub fn anthropic_cases() -> Vec<Case> {
    read("anthropic.jsonl", include_str!("../fixtures/anthropic.jsonl"))
}

fn read(file: &str, text: &str) -> Vec<Case> {
    text.lines().enumerate().map(|(at, line)| case(line, &format!("{file}, line {}", at + 1))).collect()
}

/// The cases whose name begins with `prefix`.
pub fn cases_of(prefix: &str) -> Vec<Case> {
    cases().into_iter().filter(|case| case.name.starts_with(prefix)).collect()
}

fn case(line: &str, place: &str) -> Case {
    let line: Line = serde_json::from_str(line).unwrap_or_else(|error| panic!("{place}: {error}"));
    let bytes = match (line.sse, line.sse_base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(text)) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
        _ => panic!("{place}: either sse or sse_base64"),
    };
    let options = line.options.read();
    let (events, aggregate, error) = (line.events, line.aggregate, line.error);
    Case { name: line.name, bytes, options, events, aggregate, error }
}

impl LineOptions {
    fn read(self) -> Options {
        let mut options = Options { n: self.n, ..Options::default() };
        if let Some(wire) = self.wire {
            options.wire = WireChoice::parse(&wire).unwrap();
        }
        for name in self.include {
            options.include.add(&name).unwrap();
        }
        options.invalid_utf8 = match self.invalid_utf8.as_deref() {
            None | Some("replace") => InvalidUtf8::Replace,
            Some("error") => InvalidUtf8::Error,
            Some(other) => panic!("invalidUtf8 {other:?}"),
        };
        let think = self.think_tags.as_deref().unwrap_or("off");
        options.think_tags = ThinkTags::parse(think, self.think_tag_names).unwrap();
        options.max_event_bytes = self.max_event_bytes.unwrap_or(options.max_event_bytes);
        options.max_item_bytes = self.max_item_bytes.unwrap_or(options.max_item_bytes);
        options
    }
}

impl Case {
    /// What is not as the case wants it, one line each.
    pub fn problems(&self, events: &[Value], error: Option<&Error>, aggregate: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        match (&self.error, error) {
            (None, Some(error)) => problems.push(format!("fails: {error}")),
            (Some(expected), None) => problems.push(format!("does not fail with {}", expected.code)),
            (Some(expected), Some(error)) => problems.extend(expected.differences(error)),
            (None, None) => {}
        }
        if let Some(expected) = &self.events {
            let events: Vec<Value> = events.iter().map(without_timings).collect();
            for at in 0..expected.len().max(events.len()) {
                let (want, got) = (expected.get(at), events.get(at));
                if want != got {
                    let show = |event: Option<&Value>| event.map_or("nothing".into(), Value::to_string);
                    problems.push(format!("event {at}: expected {} but got {}", show(want), show(got)));
                }
            }
        }
        if let Some(expected) = &self.aggregate {
            compare(expected, aggregate, "aggregate", &mut problems);
        }
        problems
    }
}

impl ExpectedError {
    fn differences(&self, error: &Error) -> Vec<String> {
        let mut out = Vec::new();
        if error.code.as_str() != self.code {
            out.push(format!("error: expected {} but got {error}", self.code));
        }
        if let Some(part) = self.message.as_ref().filter(|part| !error.message.contains(part.as_str())) {
            out.push(format!("error message: expected {part:?} in {:?}", error.message));
        }
        for (name, expected) in &self.provider {
            let provider = error.provider.as_deref();
            let text = |text: Option<&String>| text.map_or(Value::Null, |text| Value::from(text.as_str()));
            let actual = match name.as_str() {
                "type" => text(provider.and_then(|provider| provider.kind.as_ref())),
                "param" => text(provider.and_then(|provider| provider.param.as_ref())),
                "code" => provider
                    .and_then(|provider| provider.code.as_deref())
                    .map_or(Value::Null, |code| serde_json::from_str(code).unwrap()),
                "retry_after_ms" => {
                    provider.and_then(|provider| provider.retry_after_ms).map_or(Value::Null, Value::from)
                }
                other => panic!("a provider field that this test does not know: {other}"),
            };
            if actual != *expected {
                out.push(format!("error provider {name}: expected {expected} but got {actual}"));
            }
        }
        out
    }
}

/// The fields that `expected` names, at any depth; lists have to be of one length.
fn compare(expected: &Value, actual: &Value, path: &str, problems: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                compare(value, &actual[name], &format!("{path}.{name}"), problems);
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (at, item) in items.iter().enumerate() {
                compare(item, &others[at], &format!("{path}[{at}]"), problems);
            }
        }
        _ if expected == actual => {}
        _ => problems.push(format!("{path}: expected {expected} but got {actual}")),
    }
}

fn without_timings(event: &Value) -> Value {
    let mut event = event.clone();
    if event["type"] == "completed" {
        event.as_object_mut().unwrap().shift_remove("timings");
    }
    event
}
