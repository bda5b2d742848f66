//! A batch, decoded as JavaScript does it.

use std::collections::HashMap;

use serde_json::{Value, json};
use streamgauge::flat::{FlatBatch, ROW_LEN};

use crate::outcome::tree;

/// Each call's id and name by choice and index, as batches have told them so far.
pub type Names = HashMap<(u32, u32), Value>;

/// The events of one batch. The numbers are those of `pkg/src/decode.ts`.
pub fn decode(batch: &FlatBatch, names: &mut Names) -> Vec<Value> {
    let text: Vec<u16> = batch.text().encode_utf16().collect();
    assert_eq!(batch.is_ascii(), batch.text().is_ascii());
    assert_eq!(batch.table().len(), batch.len() * ROW_LEN);
    assert_eq!(batch.is_empty(), batch.table().is_empty());
    let mut events = Vec::new();
    let mut start = 0;
    for row in batch.table().chunks_exact(ROW_LEN) {
        let [kind, choice, aux, end] = *row else { panic!("a row of {} numbers", row.len()) };
        // Cutting a surrogate pair in two would fail here.
        let piece = String::from_utf16(&text[start..end as usize]).expect("rows end between characters");
        start = end as usize;
        let parsed = || tree(&piece);
        let mut event = match kind {
            0 => parsed(),
            1 => json!({"index": aux, "item": parsed()}),
            2..=4 => json!({"delta": piece}),
            5 => {
                names.insert((choice, aux), parsed());
                continue;
            }
            6 => {
                let named = &names[&(choice, aux)];
                json!({"delta": piece, "index": aux, "call_id": named[0], "name": named[1]})
            }
            7 => json!({"item": parsed()}),
            8 | 9 => parsed(),
            10 => json!({"delta": piece, "summary_index": aux}),
            other => panic!("kind {other}"),
        };
        let kinds = [
            "created",
            "output_item.added",
            "output_text.delta",
            "reasoning.delta",
            "refusal.delta",
            "",
            "tool_call.delta",
            "output_item.done",
            "raw",
            "completed",
            "reasoning_summary.delta",
        ];
        event["type"] = json!(kinds[kind as usize]);
        if matches!(kind, 1..=4 | 6 | 7) && choice != 0 {
            event["choice"] = json!(choice);
        }
        events.push(event);
    }
    assert_eq!(start, text.len(), "the rows cover the text");
    events
}
