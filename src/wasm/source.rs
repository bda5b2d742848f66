//! What can be read: a `Response`, a `ReadableStream`, an async iterable, or bytes.

use js_sys::{Array, ArrayBuffer, Function, Object, Promise, Reflect, Symbol, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader, Response};

use crate::error::{Error, ErrorCode};
use crate::json;

#[wasm_bindgen]
extern "C" {
    /// What kind of built-in object a value is, e.g. `[object ArrayBuffer]`.
    #[wasm_bindgen(js_namespace = ["Object", "prototype", "toString"], js_name = call)]
    fn tag(value: &JsValue) -> String;

    /// What a read gives. Getters of their own, because a lookup by name decodes the name each time.
    type ReadResult;
    #[wasm_bindgen(method, getter, catch)]
    fn done(this: &ReadResult) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn value(this: &ReadResult) -> Result<JsValue, JsValue>;
}

/// A source of chunks.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A locked `ReadableStream`.
    Reader(ReadableStreamDefaultReader),
    /// An async (or sync) iterator.
    Iterator { iterator: Object, next: Function },
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
            return Ok((Self::from_iterator(iterator.unchecked_into())?, None));
        }
        if !value.is_object() {
            return Err(bad_source(value));
        }
        if has(value, "status") && has(value, "headers") && has(value, "body") {
            let response = value.unchecked_ref::<Response>();
            let failure = (!response.ok()).then(|| HttpFailure::of(response));
            if response.body_used() {
                return Err(Error::new(ErrorCode::BadOption, "the response's body was already read"));
            }
            let body = get(value, "body");
            if body.is_null() || body.is_undefined() {
                return Ok((Self::Ended, failure));
            }
            return Self::open(&body).map(|(source, _)| (source, failure));
        }
        if is_function(&get(value, "getReader")) {
            let stream = value.unchecked_ref::<ReadableStream>();
            if stream.locked() {
                let message = "the stream is locked: another reader has it";
                return Err(Error::new(ErrorCode::BadOption, message));
            }
            let reader = stream.get_reader();
            return Ok((Self::Reader(reader.unchecked_into()), None));
        }
        for symbol in [Symbol::async_iterator(), Symbol::iterator()] {
            let method = Reflect::get(value, &symbol).unwrap_or(JsValue::UNDEFINED);
            if let Some(method) = method.dyn_ref::<Function>() {
                let iterator = method.call0(value).map_err(|error| transport(&error))?;
                return Self::from_iterator(iterator.unchecked_into()).map(|source| (source, None));
            }
        }
        Err(bad_source(value))
    }

    fn from_iterator(iterator: Object) -> Result<Self, Error> {
        match get(&iterator, "next").dyn_into::<Function>() {
            Ok(next) => Ok(Self::Iterator { iterator, next }),
            Err(_) => Err(Error::new(ErrorCode::BadOption, "the source's iterator has no next()")),
        }
    }

    /// Asks for the next chunk.
    pub(super) fn read(&self) -> Result<Promise, JsValue> {
        match self {
            Self::Reader(reader) => Ok(reader.read().unchecked_into()),
            Self::Iterator { iterator, next } => Ok(Promise::resolve(&next.call0(iterator)?)),
            Self::Ended => Ok(Promise::resolve(&JsValue::UNDEFINED)),
        }
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
            Self::Iterator { iterator, .. } => {
                let Ok(method) = get(iterator, "return").dyn_into::<Function>() else { return };
                match method.call0(iterator) {
                    Ok(result) => Promise::resolve(&result),
                    Err(_) => return,
                }
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
        if let Self::Reader(reader) = self {
            reader.release_lock();
        }
    }
}

impl HttpFailure {
    fn of(response: &Response) -> Self {
        let header = |name| response.headers().get(name).ok().flatten();
        let number = |value: String| json::decimal(value.trim());
        let from_ms = header("retry-after-ms").and_then(number);
        let retry_after_ms = from_ms.or_else(|| retry_after(&header("retry-after")?));
        Self { status: response.status(), retry_after_ms: retry_after_ms.map(|delay| delay.max(0.0) as u64) }
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
    // Told by its tag: a buffer of another realm (an iframe, node:vm) is of another class.
    if value.is_object() && tag(value) == "[object ArrayBuffer]" {
        return Some(Uint8Array::new(value));
    }
    if ArrayBuffer::is_view(value) {
        let number = |name| get(value, name).as_f64().unwrap_or(0.0) as u32;
        let buffer = get(value, "buffer");
        return Some(Uint8Array::new_with_byte_offset_and_length(
            &buffer,
            number("byteOffset"),
            number("byteLength"),
        ));
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
fn get(value: &JsValue, name: &str) -> JsValue {
    if value.is_object() || value.is_function() {
        Reflect::get(value, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
    } else {
        JsValue::UNDEFINED
    }
}

fn is_function(value: &JsValue) -> bool {
    value.is_function()
}
