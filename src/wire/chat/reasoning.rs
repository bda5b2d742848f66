//! Reasoning, in whichever fields it comes.

use super::chunk::DeltaView;
use super::extras::append;
use crate::json::{self, JsonText, Raw};
use crate::text::TextBuffer;

/// The reasoning text of a delta from its scalar fields: the first that says something, because providers
/// mirror one text in several of them. A field may be a string, or an object with `text` or `content`.
pub(super) fn scalar<'a>(delta: &DeltaView<'a>) -> Option<JsonText<'a>> {
    delta.reasoning.iter().flatten().find_map(|raw| {
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
}

#[derive(Debug)]
struct Block {
    kind: String,
    index: Option<u64>,
    id: Option<String>,
    fields: Vec<(String, Field)>,
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

    /// Merges a delta's details, and calls `text` with each piece of readable reasoning in them.
    pub(super) fn handle(&mut self, raw: Raw<'_>, mut text: impl FnMut(&JsonText<'_>)) {
        json::each_element(raw, |element| {
            if json::is_object(element) {
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
    /// continues the last block of its type.
    fn block(&mut self, element: Raw<'_>) -> &mut Block {
        let string = |name| json::field(element, name).and_then(json::nonempty_string);
        let kind = string(b"type").unwrap_or_default();
        let id = string(b"id");
        let index = json::field(element, b"index").and_then(json::unsigned);
        let continues = |block: &Block| {
            let same_id = block.id.is_none() || id.is_none() || block.id.as_deref() == id.as_deref();
            block.kind == kind && block.index == index && same_id
        };
        let at = match self.blocks.iter().rposition(continues) {
            Some(at) => at,
            None => {
                let id = id.map(Into::into);
                self.blocks.push(Block { kind: kind.into_owned(), index, id, fields: Vec::new() });
                self.blocks.len() - 1
            }
        };
        #[allow(clippy::indexing_slicing, reason = "`at` is the position just found or pushed")]
        &mut self.blocks[at]
    }
}

impl Block {
    fn merge(&mut self, element: Raw<'_>, text: &mut impl FnMut(&JsonText<'_>)) {
        json::each_field(element, |key, value| {
            let grows = matches!(key, b"text" | b"summary" | b"data");
            if json::is_null(value) {
                return;
            }
            let key = String::from_utf8_lossy(key);
            let known = self.fields.iter_mut().find(|(name, _)| *name == key).map(|(_, field)| field);
            match (known, json::text(value).filter(|_| grows)) {
                (Some(Field::Text(buffer)), Some(piece)) => {
                    buffer.push(&piece);
                    emit(&key, &piece, text);
                }
                (None, Some(piece)) => {
                    let mut buffer = TextBuffer::default();
                    buffer.push(&piece);
                    self.fields.push((key.clone().into_owned(), Field::Text(buffer)));
                    emit(&key, &piece, text);
                }
                // Everything else: the last value that says something (a signature comes late).
                (Some(Field::Raw(last)), _) if !json::is_blank(value) => {
                    last.clear();
                    last.push_str(value);
                }
                (None, None) => self.fields.push((key.into_owned(), Field::Raw(value.to_owned()))),
                _ => {}
            }
        });
        if self.id.is_none() {
            self.id = json::field(element, b"id").and_then(json::nonempty_string).map(Into::into);
        }
    }

    fn to_json(&self) -> String {
        let mut out = String::from("{");
        for (name, field) in &self.fields {
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

fn emit(key: &str, piece: &JsonText<'_>, text: &mut impl FnMut(&JsonText<'_>)) {
    if key != "data" && !piece.is_empty() {
        text(piece);
    }
}
