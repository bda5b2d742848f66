//! One output item, from its announcement to its end.

use std::sync::Arc;

use super::event::{PartKind, Target};
use super::growing::Growing;
use super::names::Names;
use super::part::{Parts, part};
use super::think::{Tagged, Thoughts};
use super::written::Written;
use crate::event_queue::{EventQueue, Named};
use crate::item::{Item, Status};
use crate::json::{self, JsonText, Raw};
use crate::options::Include;
use crate::think;
use crate::wire::verbatim;

/// An item while it streams, then what it became.
#[derive(Debug, Default)]
pub(super) struct OutputItem {
    /// `output_index`; servers may leave it out.
    pub(super) index: Option<u64>,
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) call_id: String,
    name: String,
    /// No announcement came: a delta was its first sign.
    is_begun: bool,
    /// The item as `output_item.added` (or its first delta) described it.
    skeleton: String,
    content: Parts,
    summary: Parts,
    field: Option<Field>,
    /// Its place among the calls, and where its names stand in the queue.
    call: Option<(u32, Named)>,
    size: usize,
    /// What tags in its texts mark as thoughts (`think.rs`).
    pub(super) thoughts: Thoughts,
    /// What it became: the item, and ahead of it its thoughts.
    done: Vec<Arc<Item>>,
}

/// A string field of the item: a call's arguments.
#[derive(Debug)]
struct Field {
    name: &'static str,
    text: Growing,
}

impl OutputItem {
    /// An item that was announced, or came as a whole.
    pub(super) fn announced(raw: Raw<'_>, index: Option<u64>) -> Self {
        let mut item = Self { index, ..Self::default() };
        item.describe(raw);
        item
    }

    /// An item of which a delta is the first sign.
    pub(super) fn begun(target: Target, index: Option<u64>, id: &str, call_id: &str) -> Self {
        let kind = target.item_kind();
        let mut skeleton = format!("{{\"type\":\"{kind}\"");
        if !id.is_empty() {
            skeleton.push_str(",\"id\":");
            json::write_string(&mut skeleton, id);
        }
        if matches!(kind, "function_call" | "custom_tool_call") {
            skeleton.push_str(",\"name\":\"\",\"call_id\":");
            json::write_string(&mut skeleton, call_id);
        }
        skeleton.push_str(match kind {
            "message" => ",\"role\":\"assistant\",\"content\":[]",
            "reasoning" => ",\"summary\":[]",
            _ => "",
        });
        skeleton.push('}');
        Self { is_begun: true, ..Self::announced(Raw::from_text(&skeleton), index) }
    }

    /// Takes the description of an announcement, the last one if there are several.
    pub(super) fn describe(&mut self, raw: Raw<'_>) {
        let names = Names::read(raw);
        self.kind = names.kind;
        self.id = names.id;
        self.call_id = names.call_id;
        self.name = names.name;
        if let Some((_, named)) = &mut self.call {
            named.changed();
        }
        self.size = self.size.saturating_sub(self.skeleton.len()) + raw.len();
        self.skeleton = verbatim::clean(raw).into_owned();
    }

    /// Whether an announcement or a finished item may be this one. Ids do not count: Copilot sends
    /// another with each event.
    pub(super) fn may_be(&self, names: &Names) -> bool {
        let same = |mine: &str, other: &str| mine.is_empty() || other.is_empty() || mine == other;
        same(&self.kind, &names.kind) && same(&self.call_id, &names.call_id)
    }

    /// Whether it is a call that the caller has to answer, of a kind whose arguments are streamed.
    pub(super) fn is_call(&self) -> bool {
        matches!(self.kind.as_str(), "function_call" | "custom_tool_call")
    }

    pub(super) fn is_open(&self) -> bool {
        self.done.is_empty()
    }

    pub(super) fn done(&self) -> Option<&Arc<Item>> {
        self.done.last()
    }

    /// Whether parts of its content came on their own.
    pub(super) fn has_content(&self) -> bool {
        !self.content.is_empty()
    }

    /// How many bytes it has gathered.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Counts it among the calls; its first sign is an event without a delta.
    pub(super) fn number_call(&mut self, calls: &mut u32, include: Include, out: &mut EventQueue) {
        if self.call.is_none() && self.is_call() {
            self.call = Some((*calls, Named::default()));
            *calls = calls.saturating_add(1);
            self.emit_field("", include, out);
        }
    }

    /// A call's id that a delta tells.
    pub(super) fn note_call_id(&mut self, call_id: &str) {
        if self.call_id.is_empty() && !call_id.is_empty() {
            call_id.clone_into(&mut self.call_id);
            if let Some((_, named)) = &mut self.call {
                named.changed();
            }
        }
    }

    /// Appends a delta.
    pub(super) fn push(
        &mut self,
        (target, at): (Target, u64),
        delta: &JsonText<'_>,
        include: Include,
        out: &mut EventQueue,
    ) {
        match target {
            Target::Part(kind) => {
                let part = part(&mut self.content, &mut self.summary, kind, at);
                let added = part.text.text.push(delta);
                self.size += added.len();
                part.tagged.emit((kind, at, false), added, &mut self.thoughts, include, out);
            }
            Target::Field(_, name) => {
                let field = self.field.get_or_insert_with(|| Field { name, text: Growing::default() });
                let before = field.text.text.len();
                let added = field.text.text.push(delta).len();
                self.size += added;
                self.emit_field_since(before, include, out);
            }
        }
    }

    /// Streams a text of which no event told.
    pub(super) fn stream_text(
        &mut self,
        (kind, at): (PartKind, u64),
        text: &str,
        include: Include,
        out: &mut EventQueue,
    ) {
        let mut tagged = Tagged::default();
        tagged.emit((kind, at, false), text, &mut self.thoughts, include, out);
        tagged.emit((kind, at, true), "", &mut self.thoughts, include, out);
    }

    /// Takes a whole text: what no delta brought is streamed now.
    pub(super) fn complete(
        &mut self,
        (target, at): (Target, u64),
        whole: &JsonText<'_>,
        include: Include,
        out: &mut EventQueue,
    ) {
        match target {
            Target::Part(kind) => {
                let part = part(&mut self.content, &mut self.summary, kind, at);
                let before = part.text.as_str().len();
                let added = part.text.complete(whole);
                part.tagged.emit((kind, at, false), added, &mut self.thoughts, include, out);
                part.tagged.replace(part.text.whole.as_deref(), out);
                self.size = (self.size + part.text.as_str().len()).saturating_sub(before);
            }
            Target::Field(_, name) => {
                let field = self.field.get_or_insert_with(|| Field { name, text: Growing::default() });
                let (before, streamed) = (field.text.as_str().len(), field.text.text.len());
                field.text.complete(whole);
                self.size = (self.size + field.text.as_str().len()).saturating_sub(before);
                self.emit_field_since(streamed, include, out);
            }
        }
    }

    /// Describes a part: `content_part.added`, or `.done` with its whole text.
    pub(super) fn note_part(
        &mut self,
        (is_summary, at): (bool, u64),
        raw: Raw<'_>,
        include: Include,
        out: &mut EventQueue,
    ) {
        let kind = json::field(raw, b"type").and_then(json::nonempty_string);
        let kind = kind.and_then(|kind| PartKind::of_type(&kind));
        let kind = kind.map(|kind| if is_summary { PartKind::SummaryText } else { kind });
        let parts = if is_summary { &mut self.summary } else { &mut self.content };
        let part = parts.at(at);
        self.size = (self.size + raw.len()).saturating_sub(part.base.len());
        part.base = verbatim::clean(raw).into_owned();
        part.kind = kind.or(part.kind);
        if let Some(kind) = kind
            && let Some(text) = json::field(raw, kind.text_field().as_bytes()).and_then(json::text)
            && !text.is_empty()
        {
            self.complete((Target::Part(kind), at), &text, include, out);
        }
    }

    /// `output_text.annotation.added`.
    pub(super) fn note_annotation(&mut self, at: u64, raw: Raw<'_>) {
        let part = part(&mut self.content, &mut self.summary, PartKind::OutputText, at);
        if !part.annotations.is_empty() {
            part.annotations.push(',');
        }
        part.annotations.push_str(&verbatim::clean(raw));
        self.size += raw.len() + 1;
    }

    /// Streams the halves of surrogate pairs that waited for their other half.
    pub(super) fn settle(&mut self, include: Include, out: &mut EventQueue) {
        if !self.is_open() {
            return;
        }
        for parts in [&mut self.content, &mut self.summary] {
            for place in parts.places.in_order() {
                if let Some((at, part)) = parts.list.get_mut(place)
                    && let Some(kind) = part.kind
                {
                    let added = part.text.text.finish();
                    part.tagged.emit((kind, *at, true), added, &mut self.thoughts, include, out);
                }
            }
        }
        if let Some(field) = &mut self.field {
            let before = field.text.text.len();
            field.text.text.finish();
            self.emit_field_since(before, include, out);
        }
    }

    /// It is finished: only the item is kept.
    pub(super) fn finish(&mut self, items: Vec<Arc<Item>>) {
        self.done = items;
        self.thoughts.text = String::new();
        self.skeleton = String::new();
        self.content = Parts::default();
        self.summary = Parts::default();
        self.field = None;
        self.call = None;
    }

    /// What `output_item.added` tells: as the API announced it, or what its first delta says of it.
    pub(super) fn announcement(&self) -> Arc<Item> {
        if self.is_begun {
            self.build(Some(Status::InProgress))
        } else {
            Arc::new(verbatim::item(Raw::from_text(&self.skeleton)))
        }
    }

    /// What it is now: the item, and ahead of it the thoughts of a message.
    pub(super) fn push_items(&self, status: Option<Status>, items: &mut Vec<Arc<Item>>) {
        if self.is_open() {
            self.push_thoughts(status, items);
            items.push(self.build(status));
        }
        items.extend_from_slice(&self.done);
    }

    pub(super) fn push_thoughts(&self, status: Option<Status>, items: &mut Vec<Arc<Item>>) {
        let text = &self.thoughts.text;
        if !text.is_empty() {
            items.push(Arc::new(think::reasoning(text, status)));
        }
    }

    /// The item as it is now. Its status is the given one, or says that it is complete if it has one.
    fn build(&self, status: Option<Status>) -> Arc<Item> {
        let status = status.map(|status| match status {
            Status::InProgress => "\"in_progress\"",
            Status::Incomplete => "\"incomplete\"",
        });
        let field = self.field.as_ref();
        let mut written = Written::default();
        json::each_field(Raw::from_text(&self.skeleton), |key, value| match key {
            b"status" => written.status(status.unwrap_or("\"completed\"")),
            b"content" if !self.content.is_empty() => written.parts("content", &self.content),
            b"summary" if !self.summary.is_empty() => written.parts("summary", &self.summary),
            b"call_id" if !self.call_id.is_empty() => written.string("call_id", &self.call_id),
            _ => match field.filter(|field| field.name.as_bytes() == key) {
                Some(field) => written.string(field.name, field.text.as_str()),
                None => written.raw(&String::from_utf8_lossy(key), value.as_str()),
            },
        });
        if !written.has_summary && !self.summary.is_empty() {
            written.parts("summary", &self.summary);
        }
        if !written.has_content && !self.content.is_empty() {
            written.parts("content", &self.content);
        }
        if let Some(field) = field.filter(|_| !written.has_field) {
            written.string(field.name, field.text.as_str());
        }
        if let Some(status) = status.filter(|_| !written.has_status) {
            written.status(status);
        }
        Arc::new(verbatim::item(Raw::from_text(&written.finish())))
    }

    fn emit_field_since(&mut self, before: usize, include: Include, out: &mut EventQueue) {
        let Some(field) = self.field.take() else { return };
        let added = field.text.text.as_str().get(before..).unwrap_or_default();
        if !added.is_empty() {
            self.emit_field(added, include, out);
        }
        self.field = Some(field);
    }

    fn emit_field(&mut self, delta: &str, include: Include, out: &mut EventQueue) {
        let Some((number, named)) = &mut self.call else { return };
        if include.tool_call_delta {
            out.tool_call_delta((0, *number), named, (&self.call_id, &self.name), delta);
        } else {
            out.note_token();
        }
    }
}
