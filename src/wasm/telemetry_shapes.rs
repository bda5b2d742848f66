//! The objects that telemetry exchanges with JavaScript; `pkg/src/core.d.ts` has them in TypeScript.

use std::borrow::Cow;

use wasm_bindgen::JsValue;

use super::telemetry_object::{Fields, json_of};
use crate::error::Error;
use crate::json::{self, JsonText, Object, Raw, write_list};
use crate::otlp::queue::Stats;
use crate::otlp::{ExportId, Format, Limits, Output, Resource, Signal, UnloadBatch, WorkerOptions};
use crate::telemetry::gen_ai::{GenAi, Names};
use crate::telemetry::{AttributeTypes, ContentPolicy, Session, SseEvents, TraceParent};

/// The instrumentation scope's name, and the SDK's.
pub(super) const SCOPE: &str = "streamgauge";

/// `TelemetryCoreSettings` of `pkg/src/core.d.ts`.
pub(super) struct JsSettings {
    pub(super) session: Session,
    pub(super) sse_events: SseEvents,
    pub(super) stream_timings: bool,
    pub(super) format: Format,
    pub(super) resource: Resource<'static>,
    pub(super) frame_overhead: usize,
    pub(super) exports: bool,
    pub(super) worker: WorkerOptions,
    pub(super) limits: Limits,
    /// How the conventions for generative AI are followed, and whether the catalog's events are recorded, too.
    pub(super) gen_ai: Option<(GenAi, bool)>,
    /// `None`: no metrics.
    pub(super) metrics_interval_ms: Option<f64>,
}

impl JsSettings {
    pub(super) fn read(value: &JsValue) -> Result<Self, Error> {
        let json = json_of(value, "telemetry", &[])?;
        let js = Fields::of(&json, "telemetry");
        let defaults = Limits::default();
        let trace = js
            .text_some("traceparent")
            .and_then(|header| TraceParent::parse(&header).map_err(|error| js.fail(error)).ok());
        let settings = Self {
            session: Session {
                conversation_id: js.text("conversationId"),
                app_version: js.text("appVersion"),
                auth_mode: js.text_some("authMode"),
                account_id: js.text_some("accountId"),
                terminal_type: js.text("terminalType"),
                model: js.text("model"),
                slug: js.text("slug"),
                attribute_types: match js.one_of("attributeTypes", &["codex", "typed"]) {
                    0 => AttributeTypes::Codex,
                    _ => AttributeTypes::Typed,
                },
                prompts: if js.flag("logUserPrompt") { ContentPolicy::Full } else { ContentPolicy::Redacted },
                tool_arguments: content_policy(&js, "logToolArguments"),
                tool_output: content_policy(&js, "logToolOutput"),
                trace,
            },
            sse_events: match js.one_of("sseEvents", &["all", "summary", "off"]) {
                0 => SseEvents::All,
                1 => SseEvents::Summary,
                _ => SseEvents::Off,
            },
            stream_timings: js.flag("streamTimings"),
            format: match js.one_of("format", &["json", "protobuf"]) {
                0 => Format::Json,
                _ => Format::Protobuf,
            },
            resource: resource(&js),
            frame_overhead: js.number("frameOverhead") as usize,
            exports: js.flag("exports"),
            worker: worker_options(&js),
            limits: Limits {
                attribute_count: size(&js, "attributeCountLimit", defaults.attribute_count),
                value_length: js.number_some("attributeValueLengthLimit").map(|length| length as usize),
                ..defaults
            },
            gen_ai: gen_ai(&js),
            metrics_interval_ms: js.number_some("metricsIntervalMs"),
        };
        js.finish(settings)
    }
}

fn gen_ai(js: &Fields<'_>) -> Option<(GenAi, bool)> {
    let codex = match js.one_of("conventions", &["codex", "gen_ai", "both"]) {
        0 => return None,
        conventions => conventions == 2,
    };
    let names = match js.one_of("semconv", &["1.41.0", "latest"]) {
        0 => &Names::V1_41,
        _ => &Names::LATEST,
    };
    let (provider, content) = (js.text_some("provider"), content_policy(js, "captureContent"));
    Some((GenAi { names, provider, content }, codex))
}

/// `true`, `false`, or a number of bytes.
fn content_policy(js: &Fields<'_>, name: &str) -> ContentPolicy {
    match js.get(name).map(Raw::as_str) {
        Some("true") => ContentPolicy::Full,
        Some("false") => ContentPolicy::Redacted,
        _ => ContentPolicy::AtMost(js.number(name).max(0.0) as usize),
    }
}

fn resource(js: &Fields<'_>) -> Resource<'static> {
    let mut resource = Resource::default();
    let mut set = |key: Cow<'static, str>, value: String| resource.attributes.set(key, value);
    set("service.name".into(), js.text("serviceName"));
    set("service.version".into(), js.text("serviceVersion"));
    set("env".into(), js.text("environment"));
    set("telemetry.sdk.name".into(), SCOPE.to_owned());
    set("telemetry.sdk.language".into(), "webjs".to_owned());
    set("telemetry.sdk.version".into(), env!("CARGO_PKG_VERSION").to_owned());
    if let Some(own) = js.get("resourceAttributes") {
        for (key, value) in json::fields(own) {
            let value = json::text(value).map(JsonText::into_lossy).unwrap_or_default();
            set(String::from_utf8_lossy(&key).into_owned().into(), value);
        }
    }
    resource
}

/// All but the overhead, which the format decides.
fn worker_options(settings: &Fields<'_>) -> WorkerOptions {
    let mut options = WorkerOptions::default();
    let Some(worker) = settings.get("worker") else { return options };
    let js = Fields::of_raw(worker, "telemetry: worker");
    for (name, value) in [
        ("max_queue_size", &mut options.max_queue_size),
        ("max_queue_bytes", &mut options.max_queue_bytes),
        ("max_export_batch_size", &mut options.max_export_batch_size),
        ("max_request_bytes", &mut options.max_request_bytes),
    ] {
        *value = size(&js, name, *value);
    }
    for (name, value) in [
        ("scheduled_delay_ms", &mut options.scheduled_delay_ms),
        ("export_timeout_ms", &mut options.export_timeout_ms),
        ("flush_timeout_ms", &mut options.flush_timeout_ms),
        ("shutdown_timeout_ms", &mut options.shutdown_timeout_ms),
        ("retry_initial_ms", &mut options.retry.initial_ms),
        ("retry_factor", &mut options.retry.factor),
        ("retry_cap_ms", &mut options.retry.cap_ms),
    ] {
        *value = js.number_some(name).unwrap_or(*value);
    }
    options.retry.max_elapsed_ms = js.number_some("retry_max_elapsed_ms").or(options.retry.max_elapsed_ms);
    if let Err(error) = js.finish(()) {
        settings.fail(error);
    }
    options
}

fn size(js: &Fields<'_>, name: &str, default: usize) -> usize {
    // `as` saturates: what is more than the address space holds is as good as no limit.
    js.number_some(name).map_or(default, |size| size as usize)
}

/// `WorkerOutput` of `pkg/src/core.d.ts`, as JSON text.
pub(super) fn output_json(output: &Output) -> String {
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
    match output {
        Output::Send { id, attempt, records, body_len, deadline_ms } => {
            object.string("type", "send");
            write_id(&mut object, *id);
            object.number("attempt", u64::from(*attempt));
            object.number("records", *records as u64);
            object.number("body_len", *body_len as u64);
            object.optional_millis("deadline_ms", Some(*deadline_ms));
        }
        Output::Cancel { id } => {
            object.string("type", "cancel");
            object.number("id", id.0.into());
        }
        Output::WakeAt(at_ms) => {
            object.string("type", "wake_at");
            object.optional_millis("at_ms", *at_ms);
        }
        Output::FlushDone { ids, result } => {
            object.string("type", "flush_done");
            write_list(object.key("ids"), ids, &mut |id, out| out.push_str(&id.0.to_string()));
            object.string("result", result.as_str());
        }
        Output::ShutdownDone { result } => {
            object.string("type", "shutdown_done");
            object.string("result", result.as_str());
        }
    }
    object.end();
    out
}

fn write_id(object: &mut Object<'_>, id: ExportId) {
    object.number("id", id.0.into());
    object.string("signal", if id.signal() == Signal::Logs { "logs" } else { "metrics" });
}

/// `TelemetryStats` of `pkg/src/telemetry/driver.ts`, as JSON text.
pub(super) fn stats_json(stats: &Stats, metrics: Option<&Stats>) -> String {
    let mut out = String::new();
    write_stats(stats, metrics, &mut out);
    out
}

fn write_stats(stats: &Stats, metrics: Option<&Stats>, out: &mut String) {
    let mut object = Object::begin(out);
    object.number("queued", stats.queued as u64);
    object.number("queued_bytes", stats.queued_bytes as u64);
    object.number("in_flight", stats.in_flight as u64);
    object.number("exported", stats.exported);
    object.number("rejected", stats.rejected);
    let mut dropped = Object::begin(object.key("dropped"));
    dropped.number("fatal", stats.dropped.fatal);
    dropped.number("queue_full", stats.dropped.queue_full);
    dropped.number("retries_exhausted", stats.dropped.retries_exhausted);
    dropped.number("shutdown", stats.dropped.shutdown);
    dropped.number("too_large", stats.dropped.too_large);
    dropped.number("unload", stats.dropped.unload);
    dropped.end();
    object.number("requests", stats.requests);
    object.number("retried", stats.retried);
    object.optional_string("last_error", stats.last_error.as_deref());
    object.optional_string("last_warning", stats.last_warning.as_deref());
    object.optional_millis("last_export_ms", stats.last_export_ms);
    if let Some(metrics) = metrics {
        write_stats(metrics, None, object.key("metrics"));
    }
    object.end();
}

/// The batches to send at once, as JSON text.
pub(super) fn unload_json(batches: &[UnloadBatch]) -> String {
    let mut out = String::new();
    write_list(&mut out, batches, &mut |batch, out| {
        let mut object = Object::begin(out);
        write_id(&mut object, batch.id);
        object.number("records", batch.records as u64);
        object.number("body_len", batch.body_len as u64);
        object.end();
    });
    out
}
