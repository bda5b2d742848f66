//! Reads a batch as `pkg/src/decode.ts` does: through the control block, out of the module's memory.

use std::collections::HashMap;

use js_sys::{Uint8Array, Uint32Array, WebAssembly};
use serde_json::{Value, json};
use streamgauge::StreamEvent;
use wasm_bindgen::JsCast;

use super::outcome::event_json;

const ROW_LEN: u32 = 4;

/// How far the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    Completed,
    Failed,
}

/// Turns the batches of one aggregator into events.
pub struct Decoder {
    control: u32,
    /// Id and name of each call, by choice and index.
    calls: HashMap<(u32, u32), (String, String)>,
}

impl Decoder {
    pub fn new(control: u32) -> Self {
        Self { control, calls: HashMap::new() }
    }

    pub fn state(&self) -> State {
        match self.numbers(self.control, 8)[5] {
            0 => State::Open,
            1 => State::Completed,
            2 => State::Failed,
            other => panic!("state {other}"),
        }
    }

    /// The events of the batch that the last call left.
    pub fn read(&mut self) -> Vec<Value> {
        let control = self.numbers(self.control, 8);
        let [rows, table, text, text_bytes, is_ascii] = control[..5] else { unreachable!() };
        if rows == 0 {
            assert_eq!(text_bytes, 0, "a text without rows");
            return Vec::new();
        }
        let text = String::from_utf8(self.bytes(text, text_bytes)).expect("the text is UTF-8");
        assert_eq!(is_ascii == 1, text.is_ascii(), "is_ascii of {text:?}");
        let units: Vec<u16> = text.encode_utf16().collect();
        let table = self.numbers(table, rows * ROW_LEN);
        let mut events = Vec::new();
        let mut start = 0;
        for row in table.chunks_exact(ROW_LEN as usize) {
            let [kind, choice, aux, end] = *row else { unreachable!() };
            let end = end as usize;
            let text = String::from_utf16(&units[start..end]).expect("no row ends inside a character");
            events.extend(self.event(kind, (choice, aux), &text));
            start = end;
        }
        assert_eq!(start, units.len(), "text after the last row");
        events
    }

    fn event(&mut self, kind: u32, (choice, aux): (u32, u32), text: &str) -> Option<Value> {
        let parsed = || super::json(text);
        let with_type = |kind: &str| {
            let mut value = parsed();
            value["type"] = json!(kind);
            value
        };
        let with_choice = |mut event: Value| {
            if choice != 0 {
                event["choice"] = json!(choice);
            }
            event
        };
        Some(match kind {
            0 => with_type("created"),
            1 => with_choice(json!({"type": "output_item.added", "index": aux, "item": parsed()})),
            2 => event_json(StreamEvent::OutputTextDelta { choice, delta: text }),
            3 => event_json(StreamEvent::ReasoningDelta { choice, delta: text }),
            4 => event_json(StreamEvent::RefusalDelta { choice, delta: text }),
            5 => {
                let named = serde_json::from_str(text).expect("id and name");
                self.calls.insert((choice, aux), named);
                return None;
            }
            6 => {
                let (call_id, name) = &self.calls[&(choice, aux)];
                event_json(StreamEvent::ToolCallDelta { choice, index: aux, call_id, name, delta: text })
            }
            7 => with_choice(json!({"type": "output_item.done", "item": parsed()})),
            8 => with_type("raw"),
            9 => with_type("completed"),
            other => panic!("a row of kind {other}"),
        })
    }

    fn numbers(&self, address: u32, len: u32) -> Vec<u32> {
        let address = address / 4;
        // Copied by the host first: a Vec may grow the memory, which detaches its buffer.
        Uint32Array::new(&buffer()).slice(address, address + len).to_vec()
    }

    fn bytes(&self, address: u32, len: u32) -> Vec<u8> {
        Uint8Array::new(&buffer()).slice(address, address + len).to_vec()
    }
}

fn buffer() -> wasm_bindgen::JsValue {
    wasm_bindgen::memory().unchecked_into::<WebAssembly::Memory>().buffer()
}
