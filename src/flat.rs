//! Events -> one text and one table: how a batch crosses into JavaScript.
//!
//! The text holds every event's text one after the other; a table row is four `u32`:
//! `kind, choice, aux, end`, where `end` is the event's end in the text in UTF-16 code units, so that
//! JavaScript decodes the text once and takes slices. Events that are rare and have structure (items, the
//! completion, raw frames) have JSON as their text, which the facade parses. See `pkg/src/decode.ts`.

use crate::event_queue::{EventQueue, Kind, Payload};
use crate::json::{ToJson, write_list, write_string};
use crate::text;

/// Numbers per table row.
pub const ROW_LEN: usize = 4;

/// A batch of events, ready to cross.
#[derive(Debug, Default)]
pub struct FlatBatch {
    text: String,
    table: Vec<u32>,
    utf16_len: u32,
}

/// Buffers that one huge batch made larger than this are given back.
const KEPT_CAPACITY: usize = 256 * 1024;

impl FlatBatch {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The table, [`ROW_LEN`] numbers per event.
    pub fn table(&self) -> &[u32] {
        &self.table
    }

    /// How many rows the table has.
    pub fn len(&self) -> usize {
        self.table.len() / ROW_LEN
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether the text is plain ASCII, so that bytes and UTF-16 code units are the same.
    pub fn is_ascii(&self) -> bool {
        self.utf16_len as usize == self.text.len()
    }

    /// Replaces the content by the queued events and empties the queue.
    pub(crate) fn fill(&mut self, queue: &mut EventQueue) {
        self.text.clear();
        self.text.shrink_to(KEPT_CAPACITY);
        self.table.clear();
        self.table.shrink_to(KEPT_CAPACITY / 4);
        self.utf16_len = 0;
        if queue.has_only_text() {
            // Nearly every batch: the queue's text is the batch's, and where it is ASCII the ends are the same too.
            queue.swap_text(&mut self.text);
            let is_ascii = self.text.is_ascii();
            let mut start = 0;
            for row in queue.text_rows() {
                self.utf16_len = match is_ascii {
                    true => row.text_end as u32,
                    false => self.utf16_len.wrapping_add(utf16_len(self.text.get(start..row.text_end))),
                };
                start = row.text_end;
                self.table.extend_from_slice(&[row.kind as u32, row.choice, row.aux, self.utf16_len]);
            }
        } else {
            let batches_have_names = !queue.names_were_polled;
            for (row, delta, payload) in queue.rows() {
                // Names that an earlier batch had.
                if let Some(Payload::Call { is_news: false, .. }) = payload
                    && row.kind == Kind::ToolCallNamed
                    && batches_have_names
                {
                    continue;
                }
                let start = self.text.len();
                match (row.kind, payload) {
                    (Kind::ToolCallDelta, _) | (_, None) => self.text.push_str(delta),
                    (_, Some(payload)) => push_json(&mut self.text, payload),
                }
                self.utf16_len = self.utf16_len.wrapping_add(utf16_len(self.text.get(start..)));
                self.table.extend_from_slice(&[row.kind as u32, row.choice, row.aux, self.utf16_len]);
            }
        }
        queue.clear();
    }
}

fn utf16_len(text: Option<&str>) -> u32 {
    let units = text.map_or(0, text::utf16_len);
    // A batch is one feed's events: the facade feeds at most a network chunk at a time, far below 4 GiB.
    units as u32
}

fn push_json(out: &mut String, payload: &Payload) {
    match payload {
        Payload::Created(created) => created.write_json(out),
        Payload::Item(item) => item.write_json(out),
        Payload::Call { names, .. } => {
            write_list(out, &[&names.call_id, &names.name], &mut |text, out| write_string(out, text))
        }
        Payload::Raw(frame) => frame.write_json(out),
        Payload::Completed(completion) => completion.write_json(out),
    }
}
