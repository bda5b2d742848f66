//! Thoughts between tags in the text of a message (`src/think`): the message without them.

use super::event::PartKind;
use super::item::OutputItem;
use super::part::emit_part;
use crate::event_queue::EventQueue;
use crate::json::{self, Raw, write_string};
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
        match self.kind.as_str() {
            "message" => self.thoughts.began_inside = think.begins_inside(0),
            // Reasoning that came without deltas.
            "reasoning" if !self.has_content() => each_text(raw, "reasoning_text", &mut |_, text| {
                think.tell_field(0, text);
            }),
            _ => {}
        }
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
        let (mut json, mut thoughts) = (String::new(), String::new());
        let whole = raw.as_str();
        let mut copied = 0;
        each_text(raw, "output_text", &mut |value, text| {
            let inside = std::mem::take(&mut begins_inside);
            if let Some((visible, taken)) = think.take_out(text, inside) {
                // Where the value is in the whole, of which it is a part.
                let start = value.as_ptr() as usize - whole.as_ptr() as usize;
                json.push_str(whole.get(copied..start).unwrap_or_default());
                write_string(&mut json, &visible);
                copied = start + value.len();
                thoughts.push_str(&taken);
            }
        });
        json.push_str(whole.get(copied..).unwrap_or_default());
        (copied > 0).then_some((json, thoughts))
    }
}

/// The texts of the parts of one type in an item's content: as it is written, and what it says.
fn each_text(raw: Raw<'_>, kind: &str, each: &mut dyn FnMut(&str, &str)) {
    let Some(content) = json::field(raw, b"content") else { return };
    json::each_element(content, |part| {
        let is_kind =
            json::field(part, b"type").is_some_and(|value| value.as_str().trim_matches('"') == kind);
        if let Some(value) = json::field(part, b"text").filter(|_| is_kind)
            && let Some(text) = json::text(value)
        {
            each(value.as_str(), &text.into_lossy());
        }
    });
}
