//! The host's side of a test: sources and signals, made in JavaScript (`host.js`).

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, ReadableStream, Response};

#[wasm_bindgen(module = "/tests/wasm_common/host.js")]
extern "C" {
    /// A source of chunks that counts what is done to it.
    pub type Feed;
    #[wasm_bindgen(constructor)]
    fn new(chunks: Array, end: &str) -> Feed;
    #[wasm_bindgen(method)]
    pub fn iterable(this: &Feed) -> JsValue;
    #[wasm_bindgen(method)]
    pub fn stream(this: &Feed) -> ReadableStream;
    #[wasm_bindgen(method)]
    pub fn response(this: &Feed, status: u16, headers: JsValue) -> Response;
    /// How many chunks were asked for.
    #[wasm_bindgen(method, getter)]
    pub fn reads(this: &Feed) -> u32;
    /// How often it was told to stop.
    #[wasm_bindgen(method, getter)]
    pub fn cancels(this: &Feed) -> u32;

    /// An `AbortController` that counts its signal's listeners.
    pub type Abort;
    #[wasm_bindgen(constructor)]
    pub fn new() -> Abort;
    #[wasm_bindgen(method, getter)]
    pub fn signal(this: &Abort) -> AbortSignal;
    #[wasm_bindgen(method, getter)]
    pub fn listeners(this: &Abort) -> i32;
    #[wasm_bindgen(method)]
    pub fn abort(this: &Abort, reason: &JsValue);

    /// Listens to the console until its `end`.
    pub type ConsoleSpy;
    #[wasm_bindgen(constructor)]
    pub fn new() -> ConsoleSpy;
    /// What was printed, in lines.
    #[wasm_bindgen(method)]
    pub fn end(this: &ConsoleSpy) -> String;

    #[wasm_bindgen(js_name = emptyResponse)]
    pub fn empty_response(status: u16) -> Response;
    pub fn delay(ms: f64) -> Promise;
    /// The promise, which fails when it takes too long.
    #[wasm_bindgen(js_name = inTime)]
    pub fn in_time(promise: &Promise) -> Promise;
    /// Whether a promise is settled, once everything that is ready has run.
    #[wasm_bindgen(js_name = isSettled)]
    pub fn is_settled(promise: &Promise) -> Promise;
}

/// What comes after the chunks.
#[derive(Debug, Clone, Copy)]
pub enum Then {
    Close,
    Hang,
    Break,
}

impl Feed {
    pub fn of<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, then: Then) -> Self {
        Self::of_values(chunks.into_iter().map(|chunk| Uint8Array::from(chunk).into()), then)
    }

    pub fn of_values(chunks: impl IntoIterator<Item = JsValue>, then: Then) -> Self {
        let end = match then {
            Then::Close => "close",
            Then::Hang => "hang",
            Then::Break => "break",
        };
        Self::new(chunks.into_iter().collect(), end)
    }
}
