//! What can be read: a `Response`, a `ReadableStream`, an async iterable, or bytes.

use js_sys::{Array, ArrayBuffer, Function, Object, Promise, Reflect, Symbol, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStreamDefaultReader;

use crate::error::{Error, ErrorCode};
use crate::json;

// Whatever may run code of the caller's is imported with `catch`: an exception that passes through Rust's frames would
// leave them as a trap does.
#[wasm_bindgen]
extern "C" {
    /// What kind of built-in object a value is, e.g. `[object ArrayBuffer]`.
    #[wasm_bindgen(js_namespace = ["Object", "prototype", "toString"], js_name = call, catch)]
    fn tag(value: &JsValue) -> Result<String, JsValue>;

    #[wasm_bindgen(js_namespace = Promise, js_name = resolve, catch)]
    fn resolve(value: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_name = Uint8Array)]
    type View;
    /// Fails for a buffer that was given away.
    #[wasm_bindgen(constructor, js_class = "Uint8Array", catch)]
    fn over(buffer: &JsValue, offset: JsValue, len: JsValue) -> Result<View, JsValue>;

    /// What a read gives. Getters of their own, because a lookup by name decodes the name each time.
    type ReadResult;
    #[wasm_bindgen(method, getter, catch)]
    fn done(this: &ReadResult) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn value(this: &ReadResult) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen(module = "/src/wasm/read.js")]
extern "C" {
    /// The number of bytes that a read gave, which are in `buffer` now; `-1` of anything but bytes that fit.
    #[wasm_bindgen(js_name = takeBytes)]
    fn take_bytes(result: &JsValue, buffer: &mut [u8]) -> i32;
}

/// A source of chunks.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A locked `ReadableStream`.
    Reader(ReadableStreamDefaultReader),
    /// An async (or sync) iterator, or a reader that is not the host's own: what gives the next chunk, and the method
    /// that ends it.
    Iterator { iterator: Object, next: Function, end: &'static str },
    /// Nothing (more).
    Ended,
}

/// The status line and headers of a response that is not ok.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HttpFailure {
    pub(super) status: u16,
    pub(super) retry_after_ms: Option<u64>,
}

/// A chunk, or the end.
pub(super) enum Chunk {
    Bytes(Uint8Array),
    End,
}

impl Source {
    /// Finds out what `value` is and locks it.
    ///
    /// Objects are told by what they can do, not by their class: polyfills and other realms have other
    /// classes.
    pub(super) fn open(value: &JsValue) -> Result<(Self, Option<HttpFailure>), Error> {
        if let Some(bytes) = bytes_of(value) {
            let iterator = Array::of1(&bytes).values();
            return Ok((Self::from_iterator(&iterator, "next", "return")?, None));
        }
        if !value.is_object() {
            return Err(bad_source(value));
        }
        if has(value, "status") && has(value, "headers") && has(value, "body") {
            let failure = get(value, "ok").is_falsy().then(|| HttpFailure::of(value));
            if get(value, "bodyUsed").is_truthy() {
                return Err(Error::new(ErrorCode::BadOption, "the response's body was already read"));
            }
            let body = get(value, "body");
            if body.is_null() || body.is_undefined() {
                return Ok((Self::Ended, failure));
            }
            return Self::open(&body).map(|(source, _)| (source, failure));
        }
        if let Ok(get_reader) = get(value, "getReader").dyn_into::<Function>() {
            if get(value, "locked").is_truthy() {
                let message = "the stream is locked: another reader has it";
                return Err(Error::new(ErrorCode::BadOption, message));
            }
            let reader = get_reader.call0(value).map_err(|error| transport(&error))?;
            let source = match reader.dyn_into() {
                Ok(reader) => Self::Reader(reader),
                Err(reader) => Self::from_iterator(&reader, "read", "cancel")?,
            };
            return Ok((source, None));
        }
        for symbol in [Symbol::async_iterator(), Symbol::iterator()] {
            let method = Reflect::get(value, &symbol).unwrap_or(JsValue::UNDEFINED);
            if let Some(method) = method.dyn_ref::<Function>() {
                let iterator = method.call0(value).map_err(|error| transport(&error))?;
                return Self::from_iterator(&iterator, "next", "return").map(|source| (source, None));
            }
        }
        Err(bad_source(value))
    }

    fn from_iterator(iterator: &JsValue, next: &str, end: &'static str) -> Result<Self, Error> {
        match get(iterator, next).dyn_into::<Function>() {
            Ok(next) => Ok(Self::Iterator { iterator: iterator.clone().unchecked_into(), next, end }),
            Err(_) => Err(Error::new(ErrorCode::BadOption, "the source's iterator has no next()")),
        }
    }

    /// What there is to cancel, if anything.
    pub(super) fn handle(&self) -> JsValue {
        match self {
            Self::Reader(reader) => reader.into(),
            Self::Iterator { iterator, .. } => iterator.into(),
            Self::Ended => JsValue::UNDEFINED,
        }
    }

    /// Asks for the next chunk.
    pub(super) fn read(&self) -> Result<Promise, JsValue> {
        match self {
            Self::Reader(reader) => Ok(reader.read().unchecked_into()),
            Self::Iterator { iterator, next, .. } => resolve(&next.call0(iterator)?),
            Self::Ended => resolve(&JsValue::UNDEFINED),
        }
    }

    /// Moves the bytes of a usual result into `buffer`, and returns them; [`Source::chunk`] knows the rest.
    pub(super) fn take_chunk<'a>(result: &JsValue, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let len = usize::try_from(take_bytes(result, buffer)).ok()?;
        buffer.get(..len)
    }

    /// Reads what such a promise resolved to.
    pub(super) fn chunk(result: &JsValue) -> Result<Chunk, Error> {
        if !result.is_object() {
            return Ok(Chunk::End);
        }
        let result = result.unchecked_ref::<ReadResult>();
        if result.done().is_ok_and(|done| done.is_truthy()) {
            return Ok(Chunk::End);
        }
        let value = match result.value().unwrap_or(JsValue::UNDEFINED).dyn_into::<Uint8Array>() {
            Ok(bytes) => return Ok(Chunk::Bytes(bytes)),
            Err(value) => value,
        };
        if let Some(text) = value.as_string() {
            return Ok(Chunk::Bytes(Uint8Array::from(text.as_bytes())));
        }
        bytes_of(&value).map(Chunk::Bytes).ok_or_else(|| {
            let kind = type_name(&value);
            Error::new(
                ErrorCode::BadOption,
                format!("the source gave {kind} where bytes (Uint8Array) belong"),
            )
        })
    }

    /// Tells the source that nothing more will be read. Its answer is of no interest.
    pub(super) fn cancel(&self) {
        let promise = match self {
            Self::Reader(reader) => {
                let promise = reader.cancel();
                reader.release_lock();
                promise.unchecked_into::<Promise>()
            }
            Self::Iterator { iterator, end, .. } => {
                let promise = call(iterator, end).and_then(|result| resolve(&result));
                self.release();
                let Ok(promise) = promise else { return };
                promise
            }
            Self::Ended => return,
        };
        wasm_bindgen_futures::spawn_local(async move {
            // A rejection here only says that the source was broken already.
            let _ = JsFuture::from(promise).await;
        });
    }

    /// Gives the lock back after the source's own end.
    pub(super) fn release(&self) {
        match self {
            Self::Reader(reader) => reader.release_lock(),
            Self::Iterator { iterator, end: "cancel", .. } => {
                let _ = call(iterator, "releaseLock");
            }
            Self::Iterator { .. } | Self::Ended => {}
        }
    }
}

impl HttpFailure {
    fn of(response: &JsValue) -> Self {
        let headers = get(response, "headers");
        let header = |name: &str| {
            let method = get(&headers, "get").dyn_into::<Function>().ok()?;
            method.call1(&headers, &JsValue::from_str(name)).ok()?.as_string()
        };
        let number = |value: String| json::decimal(value.trim());
        let from_ms = header("retry-after-ms").and_then(number);
        let retry_after_ms = from_ms.or_else(|| retry_after(&header("retry-after")?));
        let status = get(response, "status").as_f64().unwrap_or(0.0) as u16;
        Self { status, retry_after_ms: retry_after_ms.map(|delay| delay.max(0.0) as u64) }
    }
}

/// RFC 9110 section 10.2.3: seconds, or a date.
fn retry_after(value: &str) -> Option<f64> {
    let value = value.trim();
    if let Some(seconds) = json::decimal(value) {
        return Some(seconds * 1000.0).filter(|delay| delay.is_finite());
    }
    Some(js_sys::Date::parse(value) - js_sys::Date::now()).filter(|delay| delay.is_finite())
}

/// A read that failed, in words: fetch's own message says little (`terminated`), its cause more.
pub(super) fn transport(error: &JsValue) -> Error {
    Error::new(ErrorCode::Transport, describe(error))
}

/// An exception's message, with its cause's.
pub(super) fn describe(error: &JsValue) -> String {
    let message = |value: &JsValue| get(value, "message").as_string().filter(|text| !text.is_empty());
    let own = message(error).or_else(|| error.as_string());
    let own = own.unwrap_or_else(|| format!("the source failed with {}", type_name(error)));
    match message(&get(error, "cause")) {
        Some(cause) if cause != own => format!("{own}: {cause}"),
        _ => own,
    }
}

/// Whether an exception is an abort by its name; `AbortSignal.timeout()` aborts with a `TimeoutError`.
pub(super) fn is_abort(error: &JsValue) -> bool {
    get(error, "name").as_string().is_some_and(|name| name == "AbortError" || name == "TimeoutError")
}

fn bad_source(value: &JsValue) -> Error {
    let kind = type_name(value);
    let message = format!(
        "the source must be a Response, a ReadableStream, an async iterable of Uint8Array, or bytes, not {kind}"
    );
    Error::new(ErrorCode::BadOption, message)
}

/// Bytes as they are, without a copy.
pub(super) fn bytes_of(value: &JsValue) -> Option<Uint8Array> {
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Some(bytes.clone());
    }
    let over = |buffer: &JsValue, offset, len| {
        // There is nothing to read in a buffer that was given away.
        View::over(buffer, offset, len)
            .map_or_else(|_| Uint8Array::new_with_length(0), JsCast::unchecked_into)
    };
    // Told by its tag: a buffer of another realm (an iframe, node:vm) is of another class.
    if value.is_object() && tag(value).is_ok_and(|tag| tag == "[object ArrayBuffer]") {
        return Some(over(value, JsValue::UNDEFINED, JsValue::UNDEFINED));
    }
    if ArrayBuffer::is_view(value) {
        return Some(over(&get(value, "buffer"), get(value, "byteOffset"), get(value, "byteLength")));
    }
    None
}

fn type_name(value: &JsValue) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    let class = get(&get(value, "constructor"), "name").as_string();
    class.filter(|_| value.is_object()).unwrap_or_else(|| value.js_typeof().as_string().unwrap_or_default())
}

fn has(value: &JsValue, name: &str) -> bool {
    Reflect::has(value, &JsValue::from_str(name)).unwrap_or(false)
}

/// A property, `undefined` when there is none or reading it fails.
pub(super) fn get(value: &JsValue, name: &str) -> JsValue {
    if value.is_object() || value.is_function() {
        Reflect::get(value, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
    } else {
        JsValue::UNDEFINED
    }
}

/// Calls a method without arguments; fails when there is none.
fn call(value: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    get(value, name).dyn_into::<Function>()?.call0(value)
}
