//! The parts of an item: of its content, and of its summary.

use super::event::PartKind;
use super::growing::Growing;
use super::think::Tagged;
use super::written::Written;
use crate::event_queue::EventQueue;
use crate::json::{self, Raw};
use crate::places::Places;

/// A part of `content` or `summary`.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) kind: Option<PartKind>,
    /// As `content_part.added` or `.done` described it.
    pub(super) base: String,
    pub(super) text: Growing,
    pub(super) tagged: Tagged,
    /// Elements of `annotations`, joined by commas.
    pub(super) annotations: String,
}

/// Parts by their index, which servers may begin anywhere.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) list: Vec<(u64, Part)>,
    pub(super) places: Places,
}

impl Parts {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The part with this index, which begins if there is none.
    pub(super) fn at(&mut self, index: u64) -> &mut Part {
        let place = self.places.of_number(index).unwrap_or_else(|| {
            self.places.set_number(index, self.list.len());
            self.list.push((index, Part::default()));
            self.list.len() - 1
        });
        #[allow(clippy::indexing_slicing, reason = "the place was just found or made")]
        &mut self.list[place].1
    }
}

impl Part {
    fn write_to(&self, out: &mut String) {
        let Some(kind) = self.kind else {
            out.push_str(if self.base.is_empty() { "{}" } else { &self.base });
            return;
        };
        let mut written = Written::default();
        let mut has_annotations = self.annotations.is_empty();
        json::each_field(Raw::from_text(&self.base), |key, value| match key {
            _ if key == kind.text_field().as_bytes() => {
                written.string(kind.text_field(), self.tagged.of(self.text.as_str()));
            }
            // What was added one by one counts when the part itself tells of none.
            b"annotations" if !self.annotations.is_empty() => {
                has_annotations = true;
                match value.is_blank() {
                    true => written.raw("annotations", &format!("[{}]", self.annotations)),
                    false => written.raw("annotations", value.as_str()),
                }
            }
            _ => written.raw(&String::from_utf8_lossy(key), value.as_str()),
        });
        if self.base.is_empty() {
            let mut name = String::new();
            json::write_string(&mut name, kind.type_name());
            written.raw("type", &name);
        }
        if !written.has_field {
            written.string(kind.text_field(), self.tagged.of(self.text.as_str()));
        }
        if !has_annotations {
            written.raw("annotations", &format!("[{}]", self.annotations));
        }
        out.push_str(&written.finish());
    }
}

impl Written {
    pub(super) fn parts(&mut self, name: &str, parts: &Parts) {
        match name {
            "content" => self.has_content = true,
            _ => self.has_summary = true,
        }
        self.name(name);
        self.text.push('[');
        for (count, place) in parts.places.in_order().into_iter().enumerate() {
            if count > 0 {
                self.text.push(',');
            }
            if let Some((_, part)) = parts.list.get(place) {
                part.write_to(&mut self.text);
            }
        }
        self.text.push(']');
    }
}

pub(super) fn part<'p>(
    content: &'p mut Parts,
    summary: &'p mut Parts,
    kind: PartKind,
    at: u64,
) -> &'p mut Part {
    let parts = if kind == PartKind::SummaryText { summary } else { content };
    let part = parts.at(at);
    part.kind.get_or_insert(kind);
    part
}

pub(super) fn emit_part(kind: PartKind, at: u64, delta: &str, out: &mut EventQueue) {
    if delta.is_empty() {
        return;
    }
    match kind {
        PartKind::OutputText => out.text_delta(0, delta),
        PartKind::Refusal => out.refusal_delta(0, delta),
        PartKind::ReasoningText => out.reasoning_of_item(delta),
        PartKind::SummaryText => {
            out.reasoning_summary_delta(u32::try_from(at).unwrap_or(u32::MAX), delta);
        }
    }
}
