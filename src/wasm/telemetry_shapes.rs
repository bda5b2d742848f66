//! The objects that telemetry exchanges with JavaScript; `pkg/src/core.d.ts` has them in TypeScript.

use wasm_bindgen::JsValue;

use super::object::Fields;
use crate::error::{Error, ErrorCode};
use crate::json::{Object, write_list};
use crate::otlp::queue::Stats;
use crate::otlp::retry::RetryOptions;
use crate::otlp::{Format, Limits, Output, Resource, UnloadBatch, WorkerOptions};
use crate::telemetry::{
    ApiRequest, AttributeTypes, ContentPolicy, ConversationStarts, Session, SseEvents, ToolDecision,
    ToolResult, TraceParent,
};

/// The instrumentation scope's name, and the SDK's.
pub(super) const SCOPE: &str = "streamgauge";

/// `TelemetryCoreSettings` of `pkg/src/core.d.ts`.
pub(super) struct JsSettings {
    pub(super) session: Session,
    pub(super) sse_events: SseEvents,
    pub(super) format: Format,
    pub(super) resource: Resource<'static>,
    pub(super) frame_overhead: usize,
    pub(super) exports: bool,
    pub(super) worker: WorkerOptions,
    pub(super) limits: Limits,
}

impl JsSettings {
    pub(super) fn read(value: &JsValue) -> Result<Self, Error> {
        let js = Fields::of(value, "telemetry")?;
        let attribute_types = match js.text("attributeTypes")?.as_str() {
            "codex" => AttributeTypes::Codex,
            "typed" => AttributeTypes::Typed,
            other => return Err(unknown("attributeTypes", other, "\"codex\" or \"typed\"")),
        };
        let sse_events = match js.text("sseEvents")?.as_str() {
            "all" => SseEvents::All,
            "summary" => SseEvents::Summary,
            "off" => SseEvents::Off,
            other => return Err(unknown("sseEvents", other, "\"all\", \"summary\" or \"off\"")),
        };
        let format = match js.text("format")?.as_str() {
            "json" => Format::Json,
            "protobuf" => Format::Protobuf,
            other => return Err(unknown("format", other, "\"json\" or \"protobuf\"")),
        };
        let session = Session {
            conversation_id: js.text("conversationId")?,
            app_version: js.text("appVersion")?,
            auth_mode: js.text_some("authMode")?,
            account_id: js.text_some("accountId")?,
            terminal_type: js.text("terminalType")?,
            model: js.text("model")?,
            slug: js.text("slug")?,
            attribute_types,
            prompts: if js.flag("logUserPrompt")? { ContentPolicy::Full } else { ContentPolicy::Redacted },
            tool_arguments: content_policy(&js, "logToolArguments")?,
            tool_output: content_policy(&js, "logToolOutput")?,
            trace: js.text_some("traceparent")?.as_deref().map(TraceParent::parse).transpose()?,
        };
        let limits = Limits::default();
        Ok(Self {
            session,
            sse_events,
            format,
            resource: resource(&js)?,
            frame_overhead: js.number("frameOverhead")? as usize,
            exports: js.flag("exports")?,
            worker: worker_options(&js.value("worker")?)?,
            limits: Limits {
                attribute_count: size(&js, "attributeCountLimit", limits.attribute_count)?,
                value_length: js.number_some("attributeValueLengthLimit")?.map(|length| length as usize),
                ..limits
            },
        })
    }
}

/// `true`, `false`, or a number of bytes.
fn content_policy(js: &Fields<'_>, name: &str) -> Result<ContentPolicy, Error> {
    let value = js.value(name)?;
    Ok(match (value.as_bool(), value.as_f64()) {
        (Some(true), _) => ContentPolicy::Full,
        (Some(false), _) => ContentPolicy::Redacted,
        (None, Some(bytes)) => ContentPolicy::AtMost(bytes.max(0.0) as usize),
        (None, None) => {
            let message = format!("telemetry: {name} must be true, false or a number of bytes");
            return Err(Error::new(ErrorCode::BadOption, message));
        }
    })
}

fn resource(js: &Fields<'_>) -> Result<Resource<'static>, Error> {
    let mut resource = Resource::default();
    resource.attributes.set("service.name", js.text("serviceName")?);
    resource.attributes.set("service.version", js.text("serviceVersion")?);
    resource.attributes.set("env", js.text("environment")?);
    resource.attributes.set("telemetry.sdk.name", SCOPE);
    resource.attributes.set("telemetry.sdk.language", "webjs");
    resource.attributes.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    for (key, value) in js.text_map("resourceAttributes")? {
        resource.attributes.set(key, value);
    }
    Ok(resource)
}

/// All but the overhead, which the format decides.
fn worker_options(value: &JsValue) -> Result<WorkerOptions, Error> {
    let default = WorkerOptions::default();
    if value.is_undefined() {
        return Ok(default);
    }
    let js = Fields::of(value, "telemetry: worker")?;
    let millis = |name, default| Ok::<f64, Error>(js.number_some(name)?.unwrap_or(default));
    Ok(WorkerOptions {
        max_queue_size: size(&js, "max_queue_size", default.max_queue_size)?,
        max_queue_bytes: size(&js, "max_queue_bytes", default.max_queue_bytes)?,
        max_export_batch_size: size(&js, "max_export_batch_size", default.max_export_batch_size)?,
        max_request_bytes: size(&js, "max_request_bytes", default.max_request_bytes)?,
        scheduled_delay_ms: millis("scheduled_delay_ms", default.scheduled_delay_ms)?,
        export_timeout_ms: millis("export_timeout_ms", default.export_timeout_ms)?,
        flush_timeout_ms: millis("flush_timeout_ms", default.flush_timeout_ms)?,
        shutdown_timeout_ms: millis("shutdown_timeout_ms", default.shutdown_timeout_ms)?,
        retry: RetryOptions {
            initial_ms: millis("retry_initial_ms", default.retry.initial_ms)?,
            factor: millis("retry_factor", default.retry.factor)?,
            cap_ms: millis("retry_cap_ms", default.retry.cap_ms)?,
            max_elapsed_ms: js.number_some("retry_max_elapsed_ms")?.or(default.retry.max_elapsed_ms),
            ..default.retry
        },
        ..default
    })
}

fn size(js: &Fields<'_>, name: &str, default: usize) -> Result<usize, Error> {
    // `as` saturates: what is more than the address space holds is as good as no limit.
    Ok(js.number_some(name)?.map_or(default, |size| size as usize))
}

fn unknown(name: &str, value: &str, known: &str) -> Error {
    Error::new(ErrorCode::BadOption, format!("{name} must be {known}, not \"{value}\""))
}

/// JavaScript's numbers, where whole ones are meant.
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

/// A count that makes sense; NaN, 1e300 and the like are as good as absent.
fn known(value: Option<f64>) -> Option<u64> {
    value.filter(|value| (0.0..18_446_744_073_709_551_615.0).contains(value)).map(whole)
}

/// What an event's object is called in messages.
const EVENT: &str = "telemetry event";

pub(super) fn conversation_starts(value: &JsValue) -> Result<ConversationStarts, Error> {
    let js = Fields::of(value, EVENT)?;
    Ok(ConversationStarts {
        provider_name: js.text_some("provider_name")?,
        reasoning_effort: js.text_some("reasoning_effort")?,
        reasoning_summary: js.text_some("reasoning_summary")?,
        context_window: known(js.number_some("context_window")?),
        max_output_tokens: known(js.number_some("max_output_tokens")?),
        auto_compact_token_limit: known(js.number_some("auto_compact_token_limit")?),
        approval_policy: js.text_some("approval_policy")?,
        sandbox_policy: js.text_some("sandbox_policy")?,
        mcp_servers: js.texts_some("mcp_servers")?.map(|servers| servers.join(", ")),
        active_profile: js.text_some("active_profile")?,
    })
}

pub(super) fn api_request(value: &JsValue) -> Result<ApiRequest, Error> {
    let js = Fields::of(value, EVENT)?;
    Ok(ApiRequest {
        duration_ms: whole(js.number("duration_ms")?),
        status: js.number_some("status")?.map(|status| status as u16),
        error_message: js.text_some("error_message")?,
        attempt: whole(js.number("attempt")?),
        cf_ray: js.text_some("cf_ray")?,
    })
}

pub(super) fn tool_decision(value: &JsValue) -> Result<ToolDecision, Error> {
    let js = Fields::of(value, EVENT)?;
    let event = ToolDecision {
        tool_name: js.text("tool_name")?,
        call_id: js.text("call_id")?,
        decision: js.text("decision")?,
        source: js.text("source")?,
    };
    one_of("decision", &event.decision, &ToolDecision::DECISIONS)?;
    one_of("source", &event.source, &ToolDecision::SOURCES)?;
    Ok(event)
}

pub(super) fn tool_result(value: &JsValue) -> Result<ToolResult, Error> {
    let js = Fields::of(value, EVENT)?;
    Ok(ToolResult {
        tool_name: js.text("tool_name")?,
        call_id: js.text_some("call_id")?,
        arguments: js.text_some("arguments")?,
        duration_ms: whole(js.number("duration_ms")?),
        success: js.flag("success")?,
        output: js.text("output")?,
    })
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<(), Error> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(unknown(name, value, &format!("one of {}", known.join(", "))))
}

/// `WorkerOutput` of `pkg/src/core.d.ts`, as JSON text.
pub(super) fn output_json(output: &Output) -> String {
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
    match output {
        Output::Send { id, attempt, records, body_len, deadline_ms } => {
            object.string("type", "send");
            object.number("id", id.0.into());
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

/// `TelemetryStats` of `pkg/src/telemetry/driver.ts`, as JSON text.
pub(super) fn stats_json(stats: &Stats) -> String {
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
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
    object.end();
    out
}

/// The batches to send at once, as JSON text.
pub(super) fn unload_json(batches: &[UnloadBatch]) -> String {
    let mut out = String::new();
    write_list(&mut out, batches, &mut |batch, out| {
        let mut object = Object::begin(out);
        object.number("id", batch.id.0.into());
        object.number("records", batch.records as u64);
        object.number("body_len", batch.body_len as u64);
        object.end();
    });
    out
}
