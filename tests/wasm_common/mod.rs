//! What `wasm_node.rs` and `wasm_browser.rs` both run: the core's tables inside WebAssembly, and the classes that
//! JavaScript gets (`src/wasm`), seen from the host's side.

mod batch;
mod console;
mod host;
#[path = "../support/outcome.rs"]
mod outcome;
mod push;
mod reader;
#[path = "../support/splits.rs"]
mod splits;
#[path = "../support/table.rs"]
mod table;
mod tables;
mod telemetry;

use serde_json::Value;
use streamgauge::{InvalidUtf8, Options, WireChoice};
use table::Case;
use wasm_bindgen::JsValue;

/// Panics with the problems of the cases that are not right.
fn report(wrong: &[String], count: usize) {
    assert!(count > 0, "the table is empty");
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A case's options as the facade hands them over.
fn js_options(options: &Options) -> JsValue {
    let include = options.include;
    let names = [include.created, include.output_item_added, include.tool_call_delta, include.raw]
        .into_iter()
        .zip(streamgauge::Include::NAMES)
        .filter_map(|(is_on, name)| is_on.then_some(name));
    let mut json = serde_json::json!({
        "wire": match options.wire {
            WireChoice::Auto => "auto",
            WireChoice::Chat => "chat",
            WireChoice::Responses => "responses",
            WireChoice::Anthropic => "anthropic",
        },
        "maxEventBytes": options.max_event_bytes,
        "maxItemBytes": options.max_item_bytes,
        "invalidUtf8": match options.invalid_utf8 { InvalidUtf8::Replace => "replace", InvalidUtf8::Error => "error" },
        "include": names.collect::<Vec<_>>(),
    });
    if let Some(n) = options.n {
        json["n"] = n.into();
    }
    if let Some(tags) = &options.think_tags {
        json["thinkTags"] = if tags.starts_inside { "inside" } else { "auto" }.into();
        json["thinkTagNames"] = tags.names.clone().into();
    }
    js(&json)
}

fn js(json: &Value) -> JsValue {
    js_sys::JSON::parse(&json.to_string()).expect("JSON")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Everything that crossed the boundary for one stream.
struct Crossed {
    events: Vec<Value>,
    error: Option<String>,
    items: String,
    snapshot: String,
}

/// What JavaScript sees has to be what the core gives natively, and what the case says.
fn differences(case: &Case, way: &splits::Way<'_>, crossed: &Crossed) -> Vec<String> {
    let core = outcome::run(way.chunks.iter().copied(), &case.options);
    let mut problems = Vec::new();
    let mut check = |what: &str, actual: &Value, expected: &Value| {
        if actual != expected {
            problems.push(format!("{}: {way}: {what}: expected {expected} but got {actual}", case.name));
        }
    };
    let timeless = |events: &[Value]| events.iter().map(without_timings).collect::<Value>();
    check("events", &timeless(&crossed.events), &timeless(&core.events));

    let error = crossed.error.as_deref().map_or(Value::Null, json);
    check("error", &error, &core.error.as_ref().map_or(Value::Null, error_json));

    let done = core.events.iter().filter(|event| event["type"] == "output_item.done");
    check("items", &json(&crossed.items), &done.map(|event| event["item"].clone()).collect());

    let snapshot = json(&crossed.snapshot);
    for (name, of_aggregate) in [("response_id", "id"), ("model", "model")] {
        check(name, &snapshot[name], &core.aggregate[of_aggregate].as_str().unwrap_or_default().into());
    }
    problems
}

fn error_json(error: &streamgauge::Error) -> Value {
    let provider = error.provider.as_deref().map(|provider| {
        serde_json::json!({
            "status": provider.status, "message": provider.message, "type": provider.kind,
            "code": provider.code.as_deref().map(json), "param": provider.param,
            "retry_after_ms": provider.retry_after_ms, "raw": provider.raw,
        })
    });
    serde_json::json!({"code": error.code.as_str(), "message": error.message, "provider": provider})
}

fn without_timings(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(event) = event.as_object_mut() {
        event.remove("timings");
    }
    event
}

/// Options that no class takes, and a part of the message.
fn bad_options() -> Vec<(JsValue, &'static str)> {
    let table = [
        (r#"{"wire":"smoke"}"#, r#"wire must be "auto", "chat", "responses" or "anthropic", not "smoke""#),
        (r#"{"wire":7}"#, "wire must be a string"),
        (r#"{"maxEventBytes":0}"#, "maxEventBytes must be a whole number of at least 1"),
        (r#"{"maxItemBytes":-1}"#, "maxItemBytes must be a whole number of at least 1"),
        (r#"{"n":1.5}"#, "n must be a whole number of at least 1"),
        (r#"{"n":"1"}"#, "n must be a number"),
        (r#"{"invalidUtf8":"ignore"}"#, r#"invalidUtf8 must be "replace" or "error", not "ignore""#),
        (r#"{"include":["raw","cooked"]}"#, r#"not "cooked""#),
        (r#"{"include":"raw"}"#, "options: "),
        (r#"{"idleTimeoutMs":-1}"#, "idleTimeoutMs must be a number of milliseconds, 0 for none"),
        ("7", "options: "),
    ];
    table.into_iter().map(|(options, part)| (js(&json(options)), part)).collect()
}

fn assert_bad_option(thrown: &JsValue, part: &str) {
    let error = json(&thrown.as_string().expect("errors cross as JSON text"));
    assert_eq!(error["code"], "bad_option", "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(part)), "{part:?} in {error}");
    assert_eq!(error["provider"], Value::Null);
}
