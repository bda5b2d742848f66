//! `StreamReader`, the class that reads a source.

use js_sys::{Array, Object, Promise, Uint8Array};
use serde_json::{Value, json};
use streamgauge::StreamReader;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use super::batch::{Decoder, State};
use super::host::{self, Abort, Feed, Then};
use super::splits::{Way, random_ways, ways};
use super::table::{self, Case};
use super::{Crossed, assert_bad_option, bad_options, differences, js, js_options, report};

const TEXT: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
const FINISH: &[u8] = b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &[u8] = b"data: [DONE]\n\n";

/// The two kinds of sources that can be told to stop.
const KINDS: [fn(&Feed) -> JsValue; 2] = [|feed| feed.stream().into(), Feed::iterable];

/// A call of `pull`, as a promise.
fn pull(reader: &StreamReader) -> Promise {
    Promise::new(&mut |resolve, reject| {
        let settled = match reader.pull(resolve.clone()) {
            Ok(true) => resolve.call0(&JsValue::UNDEFINED),
            Ok(false) => return,
            Err(error) => reject.call1(&JsValue::UNDEFINED, &error),
        };
        settled.expect("a promise's functions do not throw");
    })
}

/// A reader and what was read of it.
struct Read {
    reader: StreamReader,
    decoder: Decoder,
    events: Vec<Value>,
}

impl Read {
    fn new(source: impl Into<JsValue>) -> Self {
        Self::with(source, &json!({}), &JsValue::UNDEFINED)
    }

    fn with(source: impl Into<JsValue>, options: &Value, signal: &JsValue) -> Self {
        Self::open(source.into(), js(options), signal.clone())
    }

    fn open(source: JsValue, options: JsValue, signal: JsValue) -> Self {
        let reader = StreamReader::new(source, options, signal).expect("source and options are good");
        let decoder = Decoder::new(reader.control());
        Self { reader, decoder, events: Vec::new() }
    }

    /// One call of `pull`. Returns the kinds of its events.
    async fn next(&mut self) -> Vec<Value> {
        self.wait_for(pull(&self.reader)).await
    }

    async fn wait_for(&mut self, next: Promise) -> Vec<Value> {
        JsFuture::from(host::in_time(&next)).await.expect("pull() comes to something");
        let events = self.decoder.read();
        assert!(!events.is_empty() || self.decoder.state() != State::Open, "pull() came to nothing");
        let kinds = events.iter().map(|event| event["type"].clone()).collect();
        self.events.extend(events);
        kinds
    }

    async fn drained(mut self) -> Self {
        while self.decoder.state() == State::Open {
            self.next().await;
        }
        let state = if self.reader.error().is_some() { State::Failed } else { State::Completed };
        assert_eq!(self.decoder.state(), state);
        assert_eq!(self.next().await, Vec::<Value>::new(), "nothing after the end");
        self
    }

    fn error(&self) -> Value {
        self.reader.error().as_deref().map_or(Value::Null, super::json)
    }

    fn items(&self) -> Value {
        super::json(&self.reader.items())
    }

    fn ended_by(&self) -> Value {
        super::json(&self.reader.snapshot())["ended_by"].clone()
    }

    fn assert_fails(&self, code: &str, message: &str) {
        let error = self.error();
        assert_eq!((&error["code"], &error["message"]), (&json!(code), &json!(message)), "{error}");
    }
}

fn hi(status: Option<&str>) -> Value {
    let content = json!([{"type": "output_text", "text": "Hi"}]);
    let mut item = json!({"type": "message", "role": "assistant", "content": content});
    if let Some(status) = status {
        item["status"] = json!(status);
    }
    json!([item])
}

fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

fn none() -> JsValue {
    JsValue::UNDEFINED
}

async fn cross(case: &Case, way: &Way<'_>, source: impl FnOnce(&Feed) -> JsValue) -> Crossed {
    let feed = Feed::of(way.chunks.iter().copied(), Then::Close);
    let Read { reader, events, .. } =
        Read::open(source(&feed), js_options(&case.options), none()).drained().await;
    Crossed { events, error: reader.error(), items: reader.items(), snapshot: reader.snapshot() }
}

#[wasm_bindgen_test]
async fn every_case_crosses_unchanged() {
    let cases = table::cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let whole = ways(&case.bytes, 0).take(1);
        for (at, way) in whole.chain(random_ways(&case.bytes, 3, 2)).enumerate() {
            let crossed = match at {
                0 => cross(case, &way, |feed| feed.response(200, none()).into()).await,
                1 => cross(case, &way, |feed| feed.stream().into()).await,
                _ => cross(case, &way, Feed::iterable).await,
            };
            wrong.extend(differences(case, &way, &crossed));
        }
    }
    report(&wrong, cases.len());
}

#[wasm_bindgen_test]
async fn every_source_is_read_to_its_end() {
    let stream = [TEXT, FINISH].concat();
    let feed = || Feed::of(stream.chunks(10), Then::Close);
    let whole = Uint8Array::from(stream.as_slice());
    let padded = Uint8Array::from([b"data: no\n\n", stream.as_slice(), b"data: no\n\n"].concat().as_slice());
    let view = Uint8Array::new_with_byte_offset_and_length(&padded.buffer(), 10, whole.length());
    let data_view = js_sys::DataView::new(&padded.buffer(), 10, stream.len());
    let text = |chunk: &[u8]| JsValue::from_str(std::str::from_utf8(chunk).expect("ASCII"));
    let table: Vec<(&str, JsValue)> = vec![
        ("Response", feed().response(200, none()).into()),
        ("ReadableStream", feed().stream().into()),
        ("async iterable", feed().iterable()),
        ("async iterable of strings", Feed::of_values(stream.chunks(10).map(text), Then::Close).iterable()),
        ("array of chunks", stream.chunks(10).map(bytes).collect::<Array>().into()),
        ("Uint8Array", whole.clone().into()),
        ("a part of a buffer", view.into()),
        ("DataView", data_view.into()),
        ("ArrayBuffer", whole.buffer().into()),
    ];
    for (name, source) in table {
        let read = Read::new(source).drained().await;
        let kinds: Vec<_> = read.events.iter().map(|event| event["type"].clone()).collect();
        assert_eq!(kinds, ["output_text.delta", "output_item.done", "completed"], "{name}");
        assert_eq!((read.error(), read.items()), (Value::Null, hi(None)), "{name}");
        assert_eq!(read.ended_by(), "end_of_stream", "{name}");
    }
    // A source that ended by itself is not told to stop, and its lock goes back.
    let feed = feed();
    let source = feed.stream();
    Read::new(source.clone()).drained().await;
    assert_eq!((feed.cancels(), source.locked()), (0, false));
}

#[wasm_bindgen_test]
async fn nothing_is_read_before_it_is_asked_for() {
    let feed = Feed::of([TEXT, TEXT, FINISH], Then::Close);
    let mut read = Read::new(feed.stream());
    JsFuture::from(host::delay(5.0)).await.expect("time passes");
    assert_eq!(feed.reads(), 0);
    for reads in 1..3 {
        assert_eq!(read.next().await, ["output_text.delta"]);
        JsFuture::from(host::delay(5.0)).await.expect("time passes");
        assert_eq!(feed.reads(), reads);
    }
    assert_eq!(read.next().await, ["output_item.done", "completed"]);
}

#[wasm_bindgen_test]
async fn one_next_at_a_time() {
    let mut read = Read::new(Feed::of([TEXT], Then::Close).stream());
    let first = pull(&read.reader);
    let second = JsFuture::from(host::in_time(&pull(&read.reader))).await.expect_err("the first is pending");
    assert_eq!(second, "pull() was called while another call was pending");
    assert_eq!(read.wait_for(first).await, ["output_text.delta"]);
}

#[wasm_bindgen_test]
async fn done_cancels_the_source() {
    for source in KINDS {
        let feed = Feed::of([TEXT, &[FINISH, DONE, b"data: la"].concat()], Then::Hang);
        let read = Read::new(source(&feed)).drained().await;
        assert_eq!((read.error(), read.items(), read.ended_by()), (Value::Null, hi(None), json!("done")));
        assert_eq!((feed.reads(), feed.cancels()), (2, 1));
    }
}

#[wasm_bindgen_test]
async fn a_status_that_is_not_ok_fails_with_the_providers_words() {
    let limited =
        br#"{"error":{"message":"Slow down","type":"rate_limit","code":"rate_limited","param":null}}"#;
    let headers = js(&json!({"retry-after": "2", "content-type": "application/json"}));
    let feed = Feed::of(limited.chunks(7), Then::Close);
    let read = Read::new(feed.response(429, headers)).drained().await;
    read.assert_fails("http_status", "HTTP 429: Slow down");
    let provider = read.error()["provider"].clone();
    let expected = json!({
        "status": 429, "message": "Slow down", "type": "rate_limit", "code": "rate_limited", "param": null,
        "retry_after_ms": 2000, "raw": std::str::from_utf8(limited).expect("ASCII"),
    });
    assert_eq!(provider, expected);
    assert_eq!((read.events.len(), feed.cancels()), (0, 0));

    // What a server does with the rest of the body does not matter: the status is the failure.
    let idle = json!({"idleTimeoutMs": 20});
    for (then, cancels) in [(Then::Hang, 1), (Then::Break, 0)] {
        let feed = Feed::of([b"upstream ".as_slice(), b"is down"], then);
        let read = Read::with(feed.response(503, none()), &idle, &none()).drained().await;
        assert_eq!(read.error()["code"], "http_status", "{then:?}");
        assert_eq!(read.error()["provider"]["status"], 503, "{then:?}");
        assert_eq!(read.error()["provider"]["raw"], "upstream is down", "{then:?}");
        assert_eq!(feed.cancels(), cancels, "{then:?}");
    }
    let endless = vec![b'x'; 40 * 1024];
    let feed = Feed::of([endless.as_slice(); 4], Then::Hang);
    let read = Read::with(feed.response(500, none()), &idle, &none()).drained().await;
    assert_eq!(
        (read.error()["provider"]["status"].clone(), feed.reads(), feed.cancels()),
        (json!(500), 2, 1)
    );

    let no_body = Read::new(host::empty_response(404)).drained().await;
    no_body.assert_fails("http_status", "HTTP 404");
}

#[wasm_bindgen_test]
async fn bad_sources_are_refused() {
    let locked = Feed::of([TEXT], Then::Close).stream();
    let _reader = locked.get_reader();
    let used = Feed::of([TEXT], Then::Close).response(200, none());
    JsFuture::from(used.text().expect("a promise")).await.expect("the text");
    let table: Vec<(JsValue, &str)> = vec![
        (none(), "not undefined"),
        (JsValue::NULL, "not null"),
        (JsValue::from_str("data: x"), "not string"),
        (7.into(), "not number"),
        (Object::new().into(), "not Object"),
        (Promise::resolve(&none()).into(), "not Promise"),
        (locked.into(), "locked"),
        (used.into(), "already read"),
    ];
    for (source, part) in table {
        let error = StreamReader::new(source, none(), none()).map(|_| ()).expect_err(part);
        assert_bad_option(&error, part);
    }
}

#[wasm_bindgen_test]
fn bad_options_are_refused_and_leave_the_source_alone() {
    let source = Feed::of([TEXT], Then::Close).stream();
    for (options, part) in bad_options() {
        let error = StreamReader::new(source.clone().into(), options, none()).map(|_| ()).expect_err(part);
        assert_bad_option(&error, part);
        assert!(!source.locked(), "{part}");
    }
}

#[wasm_bindgen_test]
async fn a_chunk_that_is_no_bytes_fails() {
    for source in KINDS {
        let feed = Feed::of_values([bytes(TEXT), 7.into(), bytes(DONE)], Then::Hang);
        let read = Read::new(source(&feed)).drained().await;
        read.assert_fails("bad_option", "the source gave number where bytes (Uint8Array) belong");
        assert_eq!((read.items(), feed.cancels()), (hi(Some("incomplete")), 1));
    }
}

#[wasm_bindgen_test]
async fn a_broken_source_is_a_transport_error() {
    for source in KINDS {
        let read = Read::new(source(&Feed::of([TEXT], Then::Break))).drained().await;
        read.assert_fails("transport", "terminated: other side closed");
        let cause = read.reader.cause();
        assert!(cause.is_instance_of::<js_sys::TypeError>(), "the source's own exception is kept: {cause:?}");
        assert_eq!(read.items(), hi(Some("incomplete")));

        // What is complete by its finish_reason is no failure.
        let read = Read::new(source(&Feed::of([TEXT, FINISH], Then::Break))).drained().await;
        assert_eq!((read.error(), read.ended_by()), (Value::Null, json!("transport_error")));
        assert_eq!(read.items(), hi(None));
    }
    let source = Feed::of([TEXT], Then::Break).stream();
    Read::new(source.clone()).drained().await;
    assert!(!source.locked(), "the lock goes back");
}

#[wasm_bindgen_test]
async fn silence_ends_in_an_idle_timeout() {
    let idle = json!({"idleTimeoutMs": 30});
    for source in KINDS {
        let feed = Feed::of([TEXT], Then::Hang);
        let read = Read::with(source(&feed), &idle, &none()).drained().await;
        read.assert_fails("idle_timeout", "idle timeout waiting for SSE");
        assert_eq!((read.items(), feed.cancels()), (hi(Some("incomplete")), 1));
        let duration = super::json(&read.reader.snapshot())["timings"]["duration_ms"].as_f64();
        assert!(duration.is_some_and(|duration| duration >= 28.0), "after {duration:?} ms");

        let feed = Feed::of([TEXT, FINISH], Then::Hang);
        let read = Read::with(source(&feed), &idle, &none()).drained().await;
        assert_eq!((read.error(), read.ended_by()), (Value::Null, json!("idle_timeout")));
        assert_eq!((read.items(), feed.cancels()), (hi(None), 1));
    }
}

/// One timer serves many reads: it is set anew when the read that it finds began later.
#[wasm_bindgen_test]
async fn each_read_has_the_whole_idle_time() {
    let feed = Feed::of([TEXT], Then::Hang);
    let mut read = Read::with(feed.stream(), &json!({"idleTimeoutMs": 60}), &none());
    read.next().await;
    JsFuture::from(host::delay(40.0)).await.expect("time passes");
    let read = read.drained().await;
    read.assert_fails("idle_timeout", "idle timeout waiting for SSE");
    let duration = super::json(&read.reader.snapshot())["timings"]["duration_ms"].as_f64();
    assert!(duration.is_some_and(|duration| duration >= 95.0), "after {duration:?} ms");
}

/// Only waiting for the source counts, not the time that the caller takes.
#[wasm_bindgen_test]
async fn a_slow_reader_is_no_idle_source() {
    let feed = Feed::of([TEXT, FINISH, DONE], Then::Hang);
    let mut read = Read::with(feed.stream(), &json!({"idleTimeoutMs": 30}), &none());
    assert_eq!(read.next().await, ["output_text.delta"]);
    JsFuture::from(host::delay(100.0)).await.expect("time passes");
    let read = read.drained().await;
    assert_eq!((read.error(), read.ended_by()), (Value::Null, json!("done")));
}

#[wasm_bindgen_test]
async fn an_abort_ends_a_pending_read() {
    let reason = JsValue::from_str("changed my mind");
    for source in KINDS {
        let feed = Feed::of([TEXT, FINISH], Then::Hang);
        let abort = Abort::new();
        let mut read = Read::with(source(&feed), &json!({}), &abort.signal());
        assert_eq!(abort.listeners(), 1);
        assert_eq!(read.next().await, ["output_text.delta"]);
        let pending = pull(&read.reader);
        assert_eq!(JsFuture::from(host::is_settled(&pending)).await, Ok(JsValue::FALSE));
        abort.abort(&reason);
        assert_eq!(read.wait_for(pending).await, Vec::<Value>::new());
        let read = read.drained().await;
        read.assert_fails("aborted", "the stream was aborted");
        assert_eq!(read.reader.cause(), reason);
        assert_eq!(read.items(), hi(Some("incomplete")));
        assert_eq!((feed.cancels(), abort.listeners()), (1, 0));
    }
}

#[wasm_bindgen_test]
async fn an_abort_between_reads_cancels_at_once() {
    let feed = Feed::of([TEXT, DONE], Then::Close);
    let abort = Abort::new();
    let mut read = Read::with(feed.stream(), &json!({}), &abort.signal());
    read.next().await;
    abort.abort(&none());
    assert_eq!((feed.cancels(), abort.listeners()), (1, 0));
    read.drained().await.assert_fails("aborted", "the stream was aborted");
    assert_eq!(feed.reads(), 1);

    // A signal that was aborted before.
    let feed = Feed::of([TEXT, DONE], Then::Close);
    let read = Read::with(feed.stream(), &json!({}), &abort.signal());
    assert_eq!((feed.cancels(), abort.listeners()), (1, 0));
    let read = read.drained().await;
    read.assert_fails("aborted", "the stream was aborted");
    assert_eq!((feed.reads(), read.items()), (0, json!([])));
}

#[wasm_bindgen_test]
async fn a_cancel_ends_a_pending_read() {
    for source in KINDS {
        let feed = Feed::of([TEXT], Then::Hang);
        let mut read = Read::new(source(&feed));
        assert_eq!(read.next().await, ["output_text.delta"]);
        let pending = pull(&read.reader);
        assert_eq!(JsFuture::from(host::is_settled(&pending)).await, Ok(JsValue::FALSE));
        read.reader.cancel();
        assert_eq!(read.wait_for(pending).await, Vec::<Value>::new());
        let read = read.drained().await;
        read.assert_fails("aborted", "the stream was cancelled");
        assert_eq!((read.items(), feed.cancels()), (hi(Some("incomplete")), 1));
        read.reader.cancel();
        assert_eq!(feed.cancels(), 1, "the second cancel does nothing");
    }
}

#[wasm_bindgen_test]
async fn a_cancel_at_any_time() {
    // Before the first read.
    let feed = Feed::of([TEXT], Then::Close);
    let read = Read::new(feed.stream());
    read.reader.cancel();
    assert_eq!(feed.cancels(), 1);
    read.drained().await.assert_fails("aborted", "the stream was cancelled");
    assert_eq!(feed.reads(), 0);

    // In the same turn as `next`, which has not begun to read.
    let feed = Feed::of([TEXT], Then::Close);
    let mut read = Read::new(feed.stream());
    let pending = pull(&read.reader);
    read.reader.cancel();
    read.wait_for(pending).await;
    assert_eq!(feed.cancels(), 1);
    read.assert_fails("aborted", "the stream was cancelled");

    // After the end.
    let feed = Feed::of([TEXT, DONE], Then::Close);
    let read = Read::new(feed.stream()).drained().await;
    read.reader.cancel();
    assert_eq!((read.error(), read.items()), (Value::Null, hi(None)));
}

#[wasm_bindgen_test]
async fn a_dropped_reader_cancels_its_source() {
    for source in KINDS {
        let abort = Abort::new();
        let feed = Feed::of([TEXT, DONE], Then::Close);
        let mut read = Read::with(source(&feed), &json!({"idleTimeoutMs": 20}), &abort.signal());
        assert_eq!(read.next().await, ["output_text.delta"]);
        drop(read);
        assert_eq!((feed.reads(), feed.cancels(), abort.listeners()), (1, 1, 0));
        // Neither the timer nor the signal reaches what is gone.
        abort.abort(&none());
        JsFuture::from(host::delay(40.0)).await.expect("time passes");
        assert_eq!(feed.cancels(), 1);
    }
}
