//! Reasoning, in whichever fields it comes.

use super::chunk::DeltaView;
use crate::field_map::FieldMap;
use crate::json::{self, JsonText, Raw};
use crate::places::Places;
use crate::text::TextBuffer;
use crate::wire::extras::append;

/// The reasoning text of a delta from its scalar fields: the first that says something, because providers
/// mirror one text in several of them. A field may be a string, or an object with `text` or `content`.
pub(super) fn scalar<'a>(delta: &DeltaView<'a>) -> Option<JsonText<'a>> {
    delta.reasoning.into_iter().flatten().find_map(|raw| {
        let read = |raw| json::text(raw).filter(|text| !text.is_empty());
        read(raw).or_else(|| {
            let inner = |name| json::field(raw, name).and_then(read);
            inner(b"text").or_else(|| inner(b"content"))
        })
    })
}

/// `reasoning_details` (OpenRouter's form, also of Vercel's gateway, MiniMax and others): the blocks that
/// must go back into the next request, with signatures and encrypted data.
#[derive(Debug, Default)]
pub(super) struct Details {
    blocks: Vec<Block>,
    /// The newest block of each type, and of each type and index.
    newest: Places,
    len: usize,
}

#[derive(Debug, Default)]
struct Block {
    id: Option<String>,
    fields: FieldMap<Field>,
}

#[derive(Debug)]
enum Field {
    /// Grows by what each chunk brings.
    Text(TextBuffer),
    /// As it came.
    Raw(String),
}

impl Details {
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// How many bytes were gathered, about.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Merges a delta's details, and calls `text` with each piece of readable reasoning in them.
    pub(super) fn handle(&mut self, raw: Raw<'_>, mut text: impl FnMut(&JsonText<'_>)) {
        json::each_element(raw, |element| {
            if element.is_object() {
                self.len += element.len();
                self.block(element).merge(element, &mut text);
            }
        });
    }

    /// The merged blocks as a JSON array.
    pub(super) fn to_json(&self) -> String {
        let mut list = String::new();
        for block in &self.blocks {
            append(&mut list, &block.to_json());
        }
        format!("[{list}]")
    }

    /// The block that an element continues: same type and index, no other id. An element without index
    /// continues the newest block of its type.
    fn block(&mut self, element: Raw<'_>) -> &mut Block {
        let string = |name| json::field(element, name).and_then(json::nonempty_string);
        let kind = string(b"type").unwrap_or_default();
        let id = string(b"id");
        let by_kind = format!("{kind}/");
        let index = json::field(element, b"index").and_then(json::unsigned);
        let key = index.map_or_else(|| by_kind.clone(), |index| format!("{kind}/{index}"));
        let continues = |at: &usize| {
            let known = self.blocks.get(*at).and_then(|block| block.id.as_deref());
            known.is_none() || id.is_none() || known == id.as_deref()
        };
        let at = match self.newest.of_name(&key).filter(continues) {
            Some(at) => at,
            None => {
                self.blocks.push(Block::default());
                self.blocks.len() - 1
            }
        };
        self.newest.set_name(&key, at);
        self.newest.set_name(&by_kind, at);
        #[allow(clippy::indexing_slicing, reason = "`at` is the position just found or pushed")]
        &mut self.blocks[at]
    }
}

impl Block {
    fn merge(&mut self, element: Raw<'_>, text: &mut impl FnMut(&JsonText<'_>)) {
        json::each_field(element, |key, value| {
            if value.is_null() {
                return;
            }
            let grows = matches!(key, b"text" | b"summary" | b"data");
            let name = String::from_utf8_lossy(key);
            let piece = json::text(value).filter(|_| grows);
            match (self.fields.get_mut(&name), piece) {
                (Some(Field::Text(buffer)), Some(piece)) => {
                    buffer.push(&piece);
                    emit(&name, &piece, text);
                }
                (None, Some(piece)) => {
                    let mut buffer = TextBuffer::default();
                    buffer.push(&piece);
                    self.fields.insert(&name, Field::Text(buffer));
                    emit(&name, &piece, text);
                }
                // Everything else: the last value that says something (a signature comes late).
                (Some(Field::Raw(last)), _) if !value.is_blank() => {
                    last.clear();
                    last.push_str(value.as_str());
                }
                (None, None) => self.fields.insert(&name, Field::Raw(value.as_str().to_owned())),
                _ => {}
            }
        });
        if self.id.is_none() {
            self.id = json::field(element, b"id").and_then(json::nonempty_string).map(Into::into);
        }
    }

    fn to_json(&self) -> String {
        let mut out = String::from("{");
        for (name, field) in self.fields.iter() {
            if out.len() > 1 {
                out.push(',');
            }
            json::write_string(&mut out, name);
            out.push(':');
            match field {
                Field::Text(buffer) => {
                    let mut buffer = buffer.clone();
                    buffer.finish();
                    json::write_string(&mut out, buffer.as_str());
                }
                Field::Raw(raw) => out.push_str(raw),
            }
        }
        out.push('}');
        out
    }
}

fn emit(name: &str, piece: &JsonText<'_>, text: &mut impl FnMut(&JsonText<'_>)) {
    if name != "data" && !piece.is_empty() {
        text(piece);
    }
}
