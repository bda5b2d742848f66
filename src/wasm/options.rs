//! Options, as the facade hands them over.

use wasm_bindgen::JsValue;

use super::object::Fields;
use crate::error::{Error, ErrorCode};
use crate::options::{InvalidUtf8, Options, WireChoice};
use crate::think::ThinkTags;

/// How long nothing may arrive, by default: five minutes, as the reference's providers have it.
const IDLE_TIMEOUT_MS: f64 = 300_000.0;

/// The core's options and the idle timeout in milliseconds (`None`: no timeout). The facade has turned `undefined` into
/// absence and checked unknown names.
pub(super) fn read(value: &JsValue) -> Result<(Options, Option<f64>), Error> {
    let mut options = Options::default();
    if value.is_undefined() {
        return Ok((options, Some(IDLE_TIMEOUT_MS)));
    }
    let js = Fields::of(value, "options")?;
    if let Some(wire) = js.text_some("wire")? {
        options.wire = WireChoice::parse(&wire)?;
    }
    if let Some(bytes) = js.number_some("maxEventBytes")? {
        options.max_event_bytes = size("maxEventBytes", bytes)?;
    }
    if let Some(bytes) = js.number_some("maxItemBytes")? {
        options.max_item_bytes = size("maxItemBytes", bytes)?;
    }
    if let Some(n) = js.number_some("n")? {
        options.n = Some(size("n", n)?.try_into().unwrap_or(u32::MAX));
    }
    let think = js.text_some("thinkTags")?;
    options.think_tags =
        ThinkTags::parse(think.as_deref().unwrap_or("off"), js.texts_some("thinkTagNames")?)?;
    if let Some(stall) = js.number_some("stallMs")? {
        options.stall_ms = size("stallMs", stall)?.try_into().unwrap_or(u32::MAX);
    }
    options.invalid_utf8 = match js.text_some("invalidUtf8")?.as_deref() {
        None | Some("replace") => InvalidUtf8::Replace,
        Some("error") => InvalidUtf8::Error,
        Some(other) => {
            let message = format!("invalidUtf8 must be \"replace\" or \"error\", not \"{other}\"");
            return Err(Error::new(ErrorCode::BadOption, message));
        }
    };
    for name in js.texts_some("include")?.unwrap_or_default() {
        options.include.add(&name)?;
    }
    let idle = js.number_some("idleTimeoutMs")?.unwrap_or(IDLE_TIMEOUT_MS);
    if idle.is_nan() || idle < 0.0 {
        let message = "idleTimeoutMs must be a number of milliseconds, 0 for none";
        return Err(Error::new(ErrorCode::BadOption, message));
    }
    Ok((options, Some(idle).filter(|idle| *idle > 0.0 && idle.is_finite())))
}

fn size(name: &str, value: f64) -> Result<usize, Error> {
    if value >= 1.0 && value.fract() == 0.0 {
        // `as` saturates: what is more than the address space holds is as good as no limit.
        Ok(value as usize)
    } else if value == f64::INFINITY {
        Ok(usize::MAX)
    } else {
        Err(Error::new(ErrorCode::BadOption, format!("{name} must be a whole number of at least 1")))
    }
}
