//! Thoughts between tags in the text of a message (`src/think`): the message without them.

use super::event::PartKind;
use super::item::{OutputItem, emit_part};
use crate::event_queue::EventQueue;
use crate::json::{self, Object, Raw, write_string};
use crate::options::Include;
use crate::think::{Piece, Split};

/// The thoughts of a message.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    pub(super) text: String,
    /// Whether they were looked for in its deltas, and whether its first text began with them.
    are_streamed: bool,
    began_inside: bool,
}

/// Where the text of a part is between tags, and what of it is visible.
#[derive(Debug, Default)]
pub(super) struct Tagged {
    split: Split,
    visible: String,
}

impl Tagged {
    /// The part's text: what is visible of it.
    pub(super) fn of<'t>(&'t self, text: &'t str) -> &'t str {
        if self.split.is_begun() { &self.visible } else { text }
    }

    /// Streams what is new of a part; of a text what of it is clear. `is_end`: no more comes.
    pub(super) fn emit(
        &mut self,
        (kind, at, is_end): (PartKind, u64, bool),
        added: &str,
        thoughts: &mut Thoughts,
        include: Include,
        out: &mut EventQueue,
    ) {
        if kind != PartKind::OutputText || out.think.is_none() {
            return emit_part(kind, at, added, out);
        }
        let Self { split, visible } = self;
        let Thoughts { text, are_streamed, began_inside } = thoughts;
        out.split(0, split, (added, is_end), &mut |out, piece| match piece {
            Piece::Visible(piece) => {
                visible.push_str(piece);
                out.text_delta(0, piece);
            }
            Piece::Thought(piece) => out.thought_of_item(text, piece, include.output_item_added),
        });
        *are_streamed |= split.is_begun();
        *began_inside |= split.began_inside();
    }

    /// A whole text that is not what its deltas were.
    pub(super) fn replace(&mut self, whole: Option<&str>, out: &EventQueue) {
        if let (Some(whole), Some(think), true) = (whole, &out.think, self.split.is_begun()) {
            let taken = think.take_out(whole, self.split.began_inside());
            self.visible = taken.map_or_else(|| whole.to_owned(), |(visible, _)| visible);
        }
    }
}

impl OutputItem {
    /// A finished message without the thoughts in its texts, which the item then has; `None` when there are none. What its
    /// deltas brought of them stays as it was told.
    pub(super) fn take_thoughts(&mut self, raw: Raw<'_>, out: &mut EventQueue) -> Option<String> {
        let think = out.think.as_mut()?;
        if self.thoughts.are_streamed {
            return self.without_thoughts(raw, out).map(|(json, _)| json);
        }
        if self.kind == "reasoning" {
            self.note_reasoning(raw, out);
            return None;
        }
        self.thoughts.began_inside = think.begins_inside(0);
        let (json, thoughts) = self.without_thoughts(raw, out)?;
        if !out.think.as_mut()?.is_told(0, &thoughts) {
            self.thoughts.text = thoughts;
        }
        Some(json)
    }

    /// A message without the thoughts in its texts, and these; `None` when there are none.
    pub(super) fn without_thoughts(&self, raw: Raw<'_>, out: &EventQueue) -> Option<(String, String)> {
        let think = out.think.as_ref().filter(|_| self.kind == "message")?;
        let mut begins_inside = self.thoughts.began_inside;
        let mut thoughts = String::new();
        let mut has_tags = false;
        let mut json = String::new();
        let mut object = Object::begin(&mut json);
        json::each_field(raw, |key, value| {
            let written = object.key(&String::from_utf8_lossy(key));
            if key != b"content" || !value.is_array() {
                return written.push_str(value.as_str());
            }
            let mut parts = String::new();
            json::each_element(value, |part| {
                parts.push(if parts.is_empty() { '[' } else { ',' });
                let text = output_text(part).map(|text| text.into_lossy());
                match text.and_then(|text| think.take_out(&text, std::mem::take(&mut begins_inside))) {
                    None => parts.push_str(part.as_str()),
                    Some((visible, taken)) => {
                        has_tags = true;
                        thoughts.push_str(&taken);
                        write_part(&mut parts, part, &visible);
                    }
                }
            });
            written.push_str(if parts.is_empty() { "[" } else { &parts });
            written.push(']');
        });
        object.end();
        has_tags.then_some((json, thoughts))
    }

    /// Reasoning that came as a whole, without deltas.
    fn note_reasoning(&mut self, raw: Raw<'_>, out: &mut EventQueue) {
        let (Some(think), false) = (&mut out.think, self.has_content()) else { return };
        for part in json::field(raw, b"content").into_iter().flat_map(json::elements) {
            if let Some(text) = json::field(part, b"text").and_then(json::text) {
                think.tell_field(0, &text.into_lossy());
            }
        }
    }
}

fn output_text(part: Raw<'_>) -> Option<json::JsonText<'_>> {
    let kind = json::field(part, b"type").and_then(json::nonempty_string);
    kind.filter(|kind| kind == "output_text").and_then(|_| json::field(part, b"text")).and_then(json::text)
}

/// A part with another text.
fn write_part(out: &mut String, part: Raw<'_>, text: &str) {
    let mut object = Object::begin(out);
    json::each_field(part, |key, value| {
        let written = object.key(&String::from_utf8_lossy(key));
        match key {
            b"text" => write_string(written, text),
            _ => written.push_str(value.as_str()),
        }
    });
    object.end();
}
