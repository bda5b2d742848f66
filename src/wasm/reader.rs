//! The pull side: reads a source when asked, and holds idle timeout, abort and cancel.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortSignal;

use super::aggregator::{BatchedAggregator, error_json};
use super::clock::{self, Timer};
use super::options;
use super::source::{self, Chunk, HttpFailure, Source};
use super::telemetry::TelemetryCore;
use crate::aggregator::Aggregator;
use crate::error::{Error, ErrorCode};
use crate::wire::provider_error;

/// How much of an HTTP error's body is read.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// A chunk is handled in parts of at most so many bytes: a source's chunks may be as large as it likes.
const LARGEST_PART: u32 = 256 * 1024;

#[wasm_bindgen]
extern "C" {
    /// Who is told of a pull's end: the facade, which throws nothing. So it is called without `catch`, which costs more than
    /// the call.
    type Ready;
    #[wasm_bindgen(method, js_name = call)]
    fn tell(this: &Ready, this_argument: &JsValue);
}

/// Reads a source and aggregates it.
///
/// Nothing happens between two calls of `pull`: no read is pending, so a slow consumer holds the source
/// back and loses nothing. Dropping it stops the timer, removes the abort listener and cancels the source.
#[wasm_bindgen(skip_typescript)]
#[derive(Debug)]
pub struct StreamReader {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    batched: RefCell<BatchedAggregator>,
    source: RefCell<Source>,
    http_failure: Option<HttpFailure>,
    idle_timeout_ms: Option<f64>,
    /// The chunk being handled, copied out of JavaScript's memory; reused, so as long as the longest chunk or part was. Of
    /// an HTTP error its body.
    buffer: RefCell<Vec<u8>>,
    /// A failed read's exception or the abort's reason, for `cause`.
    cause: RefCell<JsValue>,
    pulling: Cell<bool>,
    /// Who is told when the pull under way has come to something.
    ready: RefCell<Option<Function>>,
    /// When the pending read began; `None` while none is pending.
    waiting_since: Cell<Option<f64>>,
    interrupt: Cell<Option<Interrupt>>,
    timer: RefCell<Option<Timer>>,
    callbacks: RefCell<Option<Callbacks>>,
    signal: Option<AbortSignal>,
}

/// Why a pending read is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interrupt {
    Idle,
    Aborted,
    Cancelled,
}

/// The closures that JavaScript may call; they hold the reader weakly. One pair serves all reads: a promise
/// that never settles (a source that hangs) then leaves nothing behind.
#[derive(Debug)]
struct Callbacks {
    on_timer: Closure<dyn FnMut()>,
    on_abort: Closure<dyn FnMut()>,
    on_value: Closure<dyn FnMut(JsValue)>,
    on_error: Closure<dyn FnMut(JsValue)>,
}

#[wasm_bindgen]
impl StreamReader {
    /// Locks the source. `signal` is an `AbortSignal` or `undefined`.
    ///
    /// # Errors
    /// A bad source or option, as JSON text.
    #[wasm_bindgen(constructor)]
    pub fn new(source: JsValue, options: JsValue, signal: JsValue) -> Result<StreamReader, JsValue> {
        let opened = || {
            let (options, idle) = options::read(&options)?;
            let (source, http_failure) = Source::open(&source)?;
            Ok((options, idle, source, http_failure))
        };
        let (options, idle_timeout_ms, source, http_failure) =
            opened().map_err(|error: Error| JsValue::from(error_json(&error)))?;
        let signal = signal.is_object().then(|| signal.unchecked_into::<AbortSignal>());
        let aggregator = Aggregator::new(options, clock::now_ms());
        let inner = Rc::new(Inner {
            batched: RefCell::new(BatchedAggregator::new(aggregator)),
            source: RefCell::new(source),
            http_failure,
            idle_timeout_ms,
            buffer: RefCell::default(),
            cause: RefCell::new(JsValue::UNDEFINED),
            pulling: Cell::new(false),
            ready: RefCell::default(),
            waiting_since: Cell::new(None),
            interrupt: Cell::new(None),
            timer: RefCell::default(),
            callbacks: RefCell::default(),
            signal,
        });
        inner.listen();
        Ok(Self { inner })
    }

    /// The control block's address.
    pub fn control(&self) -> u32 {
        self.inner.batched.borrow().control()
    }

    /// Reads until there are events or the stream ended, and leaves the batch. Returns `true` when that is so at
    /// once; else `ready` is called when it is, from a microtask. One call at a time.
    ///
    /// A callback and not a promise: with one event per chunk the promises are most of the cost.
    ///
    /// # Errors
    /// When another call is under way.
    pub fn pull(&self, ready: Function) -> Result<bool, JsValue> {
        if self.inner.pulling.replace(true) {
            return Err(JsValue::from_str("pull() was called while another call was pending"));
        }
        self.inner.hold_process(true);
        let is_ready = self.inner.advance();
        if is_ready {
            self.inner.rest();
        } else {
            self.inner.ready.replace(Some(ready));
        }
        Ok(is_ready)
    }

    /// What is to be cancelled when this instance of the module can not do it any more: a stream's reader or an
    /// iterator.
    pub fn source(&self) -> JsValue {
        self.inner.source.borrow().handle()
    }

    /// Records every frame, and the end, with this telemetry.
    pub fn observe(&self, telemetry: &TelemetryCore, request: &JsValue, content: &JsValue) {
        self.inner.batched.borrow_mut().observe(telemetry, request, content);
    }

    /// Gives the stream up: a pending `pull` ends, the source is cancelled.
    pub fn cancel(&self) {
        self.inner.interrupt(Interrupt::Cancelled);
    }

    /// The failure as JSON text, if there is one.
    pub fn error(&self) -> Option<String> {
        self.inner.batched.borrow().error_json()
    }

    /// The exception behind the failure, if there is one.
    pub fn cause(&self) -> JsValue {
        self.inner.cause.borrow().clone()
    }

    /// The items so far, as JSON text.
    pub fn items(&self) -> String {
        self.inner.batched.borrow().items_json()
    }

    /// Everything that is known, as JSON text.
    pub fn snapshot(&self) -> String {
        self.inner.batched.borrow().snapshot_json()
    }
}

impl Inner {
    /// Attaches the callbacks. They hold `self` weakly, so that a dropped reader is freed.
    fn listen(self: &Rc<Self>) {
        let call = |method: fn(&Rc<Self>)| {
            let weak: Weak<Self> = Rc::downgrade(self);
            Closure::<dyn FnMut()>::new(move || {
                if let Some(inner) = weak.upgrade() {
                    method(&inner);
                }
            })
        };
        let arrive = |wrap: fn(JsValue) -> Result<JsValue, JsValue>| {
            let weak: Weak<Self> = Rc::downgrade(self);
            Closure::<dyn FnMut(JsValue)>::new(move |value| {
                if let Some(inner) = weak.upgrade() {
                    inner.arrive(wrap(value));
                }
            })
        };
        let callbacks = Callbacks {
            on_timer: call(|inner| inner.on_timer()),
            on_abort: call(|inner| inner.interrupt(Interrupt::Aborted)),
            on_value: arrive(Ok),
            on_error: arrive(Err),
        };
        if let Some(signal) = &self.signal {
            let listener = callbacks.on_abort.as_ref().unchecked_ref::<Function>();
            let _ = signal.add_event_listener_with_callback("abort", listener);
        }
        *self.callbacks.borrow_mut() = Some(callbacks);
        if self.signal.as_ref().is_some_and(|signal| source::get(signal, "aborted").is_truthy()) {
            self.interrupt(Interrupt::Aborted);
        }
    }

    /// Goes on until there is something to look at (`true`), or a read is pending.
    fn advance(&self) -> bool {
        loop {
            if let Some(interrupt) = self.interrupt.get() {
                self.give_up(interrupt);
            }
            if self.settle() {
                return true;
            }
            // Reading may call the source's own code, which may cancel the stream: nothing is borrowed meanwhile.
            let source = self.source.borrow().clone();
            match source.read() {
                Ok(promise) => {
                    self.wait(&promise);
                    if self.interrupt.get().is_none() {
                        return false;
                    }
                    self.waiting_since.set(None);
                }
                Err(error) => self.handle_rejection(error),
            }
        }
    }

    /// The pull came to its end.
    fn rest(&self) {
        self.pulling.set(false);
        self.hold_process(false);
    }

    /// Goes on after a read or an interrupt, and tells who pulls when there is something to look at.
    fn go_on(&self) {
        if self.pulling.get() && self.advance() {
            self.rest();
            let ready = self.ready.take();
            if let Some(ready) = ready {
                ready.unchecked_ref::<Ready>().tell(&JsValue::UNDEFINED);
            }
        }
    }

    /// Moves events into the batch; ends the source with the stream. Returns whether the caller has
    /// something to look at.
    fn settle(&self) -> bool {
        let mut batched = self.batched.borrow_mut();
        let has_events = batched.fill();
        let is_finished = batched.aggregator.is_finished();
        drop(batched);
        if is_finished {
            self.close();
        }
        has_events || is_finished
    }

    /// Waits for a read.
    fn wait(&self, promise: &Promise) {
        self.waiting_since.set(Some(clock::now_ms()));
        self.start_timer();
        if let Some(callbacks) = self.callbacks.borrow().as_ref() {
            let _ = promise.then2(&callbacks.on_value, &callbacks.on_error);
        }
    }

    /// The pending read came to something. After an interrupt nobody waits for it any more.
    fn arrive(&self, result: Result<JsValue, JsValue>) {
        if self.waiting_since.take().is_none() {
            return;
        }
        match result {
            Ok(value) => self.handle_read(&value),
            Err(error) => self.handle_rejection(error),
        }
        self.go_on();
    }

    fn handle_read(&self, value: &JsValue) {
        let now = clock::now_ms();
        if self.http_failure.is_none() && self.handle_usual_read(value, now) {
            return;
        }
        match Source::chunk(value) {
            Ok(Chunk::Bytes(bytes)) => {
                // None also of a chunk whose buffer was given away: there is nothing to copy.
                let len = bytes.length();
                let mut buffer = self.buffer.borrow_mut();
                if self.http_failure.is_some() {
                    let start = buffer.len();
                    let room = len.min(ERROR_BODY_LIMIT.saturating_sub(start) as u32);
                    buffer.resize(start + room as usize, 0);
                    bytes.subarray(0, room).copy_to(buffer.get_mut(start..).unwrap_or_default());
                    if buffer.len() >= ERROR_BODY_LIMIT {
                        drop(buffer);
                        self.fail_with_http_status();
                    }
                    return;
                }
                let mut at = 0;
                while at < len {
                    let end = len.min(at + LARGEST_PART);
                    let part = (end - at) as usize;
                    let room = buffer.len().max(part);
                    buffer.resize(room, 0);
                    let part = buffer.get_mut(..part).unwrap_or_default();
                    bytes.subarray(at, end).copy_to(part);
                    self.batched.borrow_mut().aggregator.handle_bytes(part, now);
                    at = end;
                }
            }
            Ok(Chunk::End) => {
                self.source.replace(Source::Ended).release();
                if self.http_failure.is_some() {
                    self.fail_with_http_status();
                } else {
                    self.batched.borrow_mut().aggregator.handle_end(now);
                }
            }
            Err(error) => self.batched.borrow_mut().aggregator.handle_failure(error, now),
        }
    }

    /// Handles bytes that fit the buffer, in one step over the boundary; anything else is left.
    fn handle_usual_read(&self, value: &JsValue, now: f64) -> bool {
        // Out of the cell, because a getter of the source's may run, and cancel the stream.
        let mut buffer = self.buffer.take();
        let bytes = Source::take_chunk(value, &mut buffer);
        if let Some(bytes) = bytes {
            self.batched.borrow_mut().aggregator.handle_bytes(bytes, now);
        }
        let is_handled = bytes.is_some();
        self.buffer.replace(buffer);
        is_handled
    }

    fn handle_rejection(&self, error: JsValue) {
        // A broken source needs no cancelling, but its lock goes back.
        self.source.replace(Source::Ended).release();
        if source::is_abort(&error) {
            self.cause.replace(error);
            return self.give_up(Interrupt::Aborted);
        }
        let message = source::describe(&error);
        self.cause.replace(error);
        if self.http_failure.is_some() {
            return self.fail_with_http_status();
        }
        self.batched.borrow_mut().aggregator.handle_transport_error(&message, clock::now_ms());
    }

    fn fail_with_http_status(&self) {
        let Some(failure) = &self.http_failure else { return };
        let body = String::from_utf8_lossy(&self.buffer.borrow()).into_owned();
        let mut provider = provider_error::from_body(failure.status, &body);
        provider.retry_after_ms = failure.retry_after_ms.or(provider.retry_after_ms);
        let error = Error::provider(ErrorCode::HttpStatus, provider);
        self.batched.borrow_mut().aggregator.handle_failure(error, clock::now_ms());
    }

    fn give_up(&self, interrupt: Interrupt) {
        let now = clock::now_ms();
        if interrupt == Interrupt::Idle && self.http_failure.is_some() {
            return self.fail_with_http_status();
        }
        let mut batched = self.batched.borrow_mut();
        let aggregator = &mut batched.aggregator;
        match interrupt {
            Interrupt::Idle => aggregator.handle_idle_timeout(now),
            Interrupt::Aborted => {
                aggregator.handle_failure(Error::new(ErrorCode::Aborted, "the stream was aborted"), now);
                // The caller does not want more: what was received is in the error's `partial`.
                aggregator.discard_events();
            }
            Interrupt::Cancelled => {
                aggregator.handle_failure(Error::new(ErrorCode::Aborted, "the stream was cancelled"), now);
                aggregator.discard_events();
            }
        }
    }

    /// Ends a pending read and frees the source at once, whether or not somebody waits.
    fn interrupt(self: &Rc<Self>, interrupt: Interrupt) {
        if self.interrupt.get().is_some() || self.batched.borrow().aggregator.is_finished() {
            return;
        }
        if interrupt == Interrupt::Aborted
            && let Some(signal) = &self.signal
        {
            self.cause.replace(source::get(signal, "reason"));
        }
        self.interrupt.set(Some(interrupt));
        if !self.pulling.get() {
            self.give_up(interrupt);
            self.batched.borrow_mut().record_observations();
            self.close();
        } else if self.waiting_since.take().is_some() {
            // Not at once: the caller may be in the middle of a call.
            let inner = Rc::clone(self);
            spawn_local(async move { inner.go_on() });
        }
    }

    /// The stream's end: the source is cancelled unless it ended by itself, the host's callbacks go.
    fn close(&self) {
        self.source.replace(Source::Ended).cancel();
        self.timer.replace(None);
        let callbacks = self.callbacks.borrow_mut().take();
        if let (Some(signal), Some(callbacks)) = (&self.signal, &callbacks) {
            let listener = callbacks.on_abort.as_ref().unchecked_ref::<Function>();
            let _ = signal.remove_event_listener_with_callback("abort", listener);
        }
        if let Some(callbacks) = callbacks {
            // One of them may be running now, and a closure must not be dropped by itself: JavaScript's
            // garbage collector frees them.
            let _ = callbacks.on_timer.into_js_value();
            let _ = callbacks.on_abort.into_js_value();
            let _ = callbacks.on_value.into_js_value();
            let _ = callbacks.on_error.into_js_value();
        }
        self.buffer.take();
    }

    /// One timer serves many reads: it is started with the first and, when it fires, looks at how long the
    /// pending read has waited.
    fn start_timer(&self) {
        if let Some(idle) = self.idle_timeout_ms
            && self.timer.borrow().is_none()
        {
            self.start_timer_in(idle);
        }
    }

    fn start_timer_in(&self, delay_ms: f64) {
        let timer =
            self.callbacks.borrow().as_ref().map(|callbacks| {
                Timer::start(callbacks.on_timer.as_ref().unchecked_ref::<Function>(), delay_ms)
            });
        self.timer.replace(timer);
    }

    fn on_timer(self: &Rc<Self>) {
        self.timer.replace(None);
        if let (Some(idle), Some(since)) = (self.idle_timeout_ms, self.waiting_since.get()) {
            let waited = clock::now_ms() - since;
            // Hosts round delays: a timer may fire up to a millisecond early.
            if waited + 1.0 >= idle {
                self.interrupt(Interrupt::Idle);
            } else {
                self.start_timer_in(idle - waited);
            }
        }
    }

    /// A timer keeps a Node process alive only while somebody waits for the stream.
    fn hold_process(&self, hold: bool) {
        if let Some(timer) = self.timer.borrow().as_ref() {
            timer.hold_process(hold);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
