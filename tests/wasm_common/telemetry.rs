//! The telemetry's class, with and without the feature `otel`: the hooks are there, flushes end, and a stream is the
//! same with it. Without the feature nothing is ever asked of the host.

use serde_json::json;
use streamgauge::{PushAggregator, TelemetryCore};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::js;

const BODY: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n";

fn telemetry() -> TelemetryCore {
    let settings = json!({
        "conversationId": "c", "model": "m", "slug": "m", "appVersion": "1", "terminalType": "t",
        "serviceName": "s", "serviceVersion": "1", "environment": "test", "logUserPrompt": false,
        "logToolArguments": true, "logToolOutput": 4, "attributeTypes": "codex", "sseEvents": "all", "streamTimings": false,
        "format": "json", "frameOverhead": 0, "exports": true, "worker": {},
        "conventions": "both", "semconv": "1.41.0", "captureContent": false, "metricsIntervalMs": 1000,
    });
    #[cfg(feature = "otel")]
    return TelemetryCore::new(js(&settings)).expect("the settings are good");
    #[cfg(not(feature = "otel"))]
    TelemetryCore::new(js(&settings))
}

fn outputs(core: &TelemetryCore) -> Vec<serde_json::Value> {
    std::iter::from_fn(|| core.poll()).map(|text| super::json(&text)).collect()
}

#[wasm_bindgen_test]
fn a_stream_is_the_same_and_its_records_wait() {
    let core = telemetry();
    core.user_prompt("explain this");
    let mut push = PushAggregator::new(js(&json!({}))).expect("the options are good");
    push.observe(&core, &js(&json!({"model": "m", "server_port": 1})), &JsValue::UNDEFINED);
    push.feed(BODY);
    assert!(push.error().is_none());
    assert!(push.items().contains("\"hi\""));
    let stats = super::json(&core.stats());
    let recorded = if cfg!(feature = "otel") { 4 } else { 0 };
    assert_eq!(stats["queued"], json!(recorded), "the prompt, two events and the request: {stats}");
}

#[wasm_bindgen_test]
fn a_request_without_a_stream_is_recorded_or_not() {
    let core = telemetry();
    core.request_failed(&js(&json!({"model": "m"})), Some(503), "busy", false);
    let stats = super::json(&core.stats());
    let recorded = if cfg!(feature = "otel") { 2 } else { 0 };
    assert_eq!(stats["queued"], json!(recorded), "its details and the exception: {stats}");
    core.shutdown(None);
    let signals: Vec<_> = outputs(&core)
        .into_iter()
        .filter(|output| output["type"] == "send")
        .map(|output| output["signal"].clone())
        .collect();
    let expected = if cfg!(feature = "otel") { json!(["logs", "metrics"]) } else { json!([]) };
    assert_eq!(json!(signals), expected);
}

#[wasm_bindgen_test]
fn an_event_of_ones_own_waits_too() {
    let core = telemetry();
    core.log("app.x", &js(&json!({"deep": {"list": [1, 0.5, "a", null, true]}})));
    let stats = super::json(&core.stats());
    assert_eq!(stats["queued"], json!(u8::from(cfg!(feature = "otel"))), "{stats}");
}

#[wasm_bindgen_test]
fn a_flush_asks_for_an_export_or_is_done() {
    let core = telemetry();
    core.user_prompt("explain this");
    let flush = core.flush(None);
    let outputs = outputs(&core);
    if cfg!(feature = "otel") {
        let send = outputs.iter().find(|output| output["type"] == "send").expect("an export");
        let body = core.body(send["id"].as_u64().expect("its id") as u32);
        let text = String::from_utf8(body).expect("JSON");
        assert!(text.contains("codex.user_prompt") && text.contains("[REDACTED]"), "{text}");
    } else {
        assert_eq!(outputs, [json!({"type": "flush_done", "ids": [flush], "result": "ok"})]);
        assert!(core.body(1).is_empty());
    }
}

#[wasm_bindgen_test]
fn nothing_recorded_means_nothing_to_do() {
    let core = telemetry();
    core.shutdown(None);
    let done: Vec<_> =
        outputs(&core).into_iter().filter(|output| output["type"] == "shutdown_done").collect();
    assert_eq!(done, [json!({"type": "shutdown_done", "result": "ok"})]);
}
