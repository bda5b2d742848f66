//! One content block, from its start to its stop, and the item that it becomes.
//!
//! A block is an item, in the order of the blocks. Text is a message, thinking a reasoning item, a call of a tool of the
//! caller's a function call; what these cannot say is in their `provider`. Every other block (tools that the server
//! runs, their results, what this version has never heard of) is passed on as the API sent it.

use std::sync::Arc;

use super::event::{Delta, DeltaKind};
use crate::event_queue::{EventQueue, Named};
use crate::field_map::FieldMap;
use crate::item::{Common, ContentPart, FunctionCall, Item, Message, Provider, Reasoning, ReasoningPart};
use crate::item::{Status, Verbatim};
use crate::json::{self, JsonText, Object, Raw};
use crate::options::Include;
use crate::text::TextBuffer;
use crate::think::{Piece, Split, reasoning};
use crate::wire::extras::append;
use crate::wire::verbatim::clean;

/// A block while it streams, then the item that it became.
#[derive(Debug)]
pub(super) struct Block {
    kind: Kind,
    /// As `content_block_start` described it.
    base: String,
    id: String,
    name: String,
    /// Its `index`, where its place in the list does not say it.
    index: Option<u64>,
    text: TextBuffer,
    /// Where the text is between tags that mark thoughts, and these.
    split: Split,
    thoughts: String,
    signature: String,
    /// Citations, joined by commas.
    citations: String,
    /// The fields that the last `compaction_delta` brought, and deltas of unknown types, joined by commas.
    encrypted: String,
    unknown: String,
    /// Its place among the calls, and where its names stand in the queue.
    call: Option<(u32, Named)>,
    size: usize,
    /// What it became: one item, and ahead of it the thoughts of a text.
    done: Vec<Arc<Item>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Redacted,
    Call,
    /// Any other; the field that its deltas make, once one came.
    Other(Option<&'static str>),
}

impl Kind {
    /// The field that the text is.
    fn text_field(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("text"),
            Self::Thinking => Some("thinking"),
            Self::Call => Some("input"),
            Self::Redacted => None,
            Self::Other(field) => field,
        }
    }
}

impl Block {
    /// A block that was announced; its text is still to be taken ([`Block::begin`]).
    pub(super) fn announced(raw: Raw<'_>, index: Option<u64>) -> Self {
        let [kind, id, name] = json::pick(raw, ["type", "id", "name"], |_, _| {});
        let string =
            |raw: Option<Raw<'_>>| raw.and_then(json::nonempty_string).unwrap_or_default().into_owned();
        let kind = match string(kind).as_str() {
            "text" => Kind::Text,
            "thinking" => Kind::Thinking,
            "redacted_thinking" => Kind::Redacted,
            "tool_use" => Kind::Call,
            _ => Kind::Other(None),
        };
        Self {
            kind,
            base: clean(raw).into_owned(),
            id: string(id),
            name: string(name),
            index,
            text: TextBuffer::default(),
            split: Split::default(),
            thoughts: String::new(),
            signature: String::new(),
            citations: String::new(),
            encrypted: String::new(),
            unknown: String::new(),
            call: None,
            size: raw.len(),
            done: Vec::new(),
        }
    }

    /// The description of a block of which a delta is the first sign; `None` for a delta that tells of none.
    pub(super) fn described_by(delta: DeltaKind) -> Option<Raw<'static>> {
        let base = match delta {
            DeltaKind::Text | DeltaKind::Citation => r#"{"type":"text"}"#,
            DeltaKind::Thinking | DeltaKind::Signature => r#"{"type":"thinking"}"#,
            DeltaKind::Input => r#"{"type":"tool_use"}"#,
            DeltaKind::Compaction => r#"{"type":"compaction"}"#,
            DeltaKind::Unknown => return None,
        };
        Some(Raw::from_text(base))
    }

    /// Takes what the announcement has of the text (servers that are not Anthropic's begin there), counts the block
    /// among the calls, and gives its first signs.
    pub(super) fn begin(&mut self, calls: &mut u32, include: Include, out: &mut EventQueue) {
        if self.kind == Kind::Call {
            self.call = Some((*calls, Named::default()));
            *calls = calls.saturating_add(1);
            self.emit("", include, out);
            return;
        }
        let base = std::mem::take(&mut self.base);
        if let (Kind::Text | Kind::Thinking, Some(field)) = (self.kind, self.kind.text_field())
            && let Some(text) = json::field(Raw::from_text(&base), field.as_bytes()).and_then(json::text)
        {
            self.push(&text, include, out);
        }
        self.base = base;
    }

    /// Whether this is the same block, announced again before anything came of it.
    pub(super) fn is_announced_by(&self, raw: Raw<'_>) -> bool {
        self.is_open() && self.size == raw.len() && self.base == clean(raw)
    }

    /// Whether such a delta can be of this block.
    pub(super) fn takes(&self, delta: DeltaKind) -> bool {
        match (self.kind, delta) {
            _ if !self.is_open() => false,
            (_, DeltaKind::Signature | DeltaKind::Citation | DeltaKind::Unknown) => true,
            (Kind::Text, DeltaKind::Text)
            | (Kind::Thinking, DeltaKind::Thinking)
            | (Kind::Call, DeltaKind::Input)
            | (Kind::Other(_), _) => true,
            _ => false,
        }
    }

    /// Whether such a delta goes on with the text, as far as is known.
    pub(super) fn appends(&self, delta: DeltaKind) -> bool {
        let field = self.kind.text_field();
        field.is_some() && field == delta.text_field()
    }

    /// Takes a delta. Returns whether it was of a known type.
    pub(super) fn apply(
        &mut self,
        delta: &Delta<'_>,
        raw: Raw<'_>,
        include: Include,
        out: &mut EventQueue,
    ) -> bool {
        match delta.kind {
            DeltaKind::Text | DeltaKind::Thinking | DeltaKind::Input | DeltaKind::Compaction => {}
            DeltaKind::Signature => {
                if let Some(signature) = delta.text() {
                    self.sign(&signature.into_lossy());
                }
                return true;
            }
            DeltaKind::Citation => {
                if let Some(citation) = delta.value.filter(|citation| !citation.is_blank()) {
                    if self.citations.is_empty()
                        && let Some(first) = json::field(Raw::from_text(&self.base), b"citations")
                    {
                        json::each_element(first, |first| append(&mut self.citations, first.as_str()));
                    }
                    self.size += citation.len();
                    append(&mut self.citations, &clean(citation));
                }
                return true;
            }
            DeltaKind::Unknown => {
                self.keep(raw);
                return false;
            }
        }
        if self.kind == Kind::Other(None) {
            self.kind = Kind::Other(delta.kind.text_field());
        }
        if !self.appends(delta.kind) {
            self.keep(raw);
            return true;
        }
        if let Some(text) = delta.text() {
            self.push(&text, include, out);
        }
        if delta.kind == DeltaKind::Compaction
            && let Some(encrypted) = json::field(raw, b"encrypted_content").filter(|value| !value.is_null())
        {
            self.size = (self.size + encrypted.len()).saturating_sub(self.encrypted.len());
            self.encrypted = clean(encrypted).into_owned();
        }
        true
    }

    /// Appends to the text.
    pub(super) fn push(&mut self, delta: &JsonText<'_>, include: Include, out: &mut EventQueue) {
        let before = self.text.len();
        self.text.push(delta);
        self.emit_since(before, false, include, out);
    }

    /// Ends the text: a half of a surrogate pair stays alone. A call without deltas has the arguments of its
    /// announcement; none, once it is finished, means that the tool takes none.
    pub(super) fn settle(&mut self, is_finished: bool, include: Include, out: &mut EventQueue) {
        if !self.is_open() {
            return;
        }
        let before = self.text.len();
        self.text.finish();
        if self.kind == Kind::Call && self.text.as_str().trim().is_empty() {
            let input = json::field(Raw::from_text(&self.base), b"input").filter(|input| !input.is_blank());
            let none = JsonText::Utf8(if is_finished { "{}" } else { "" }.into());
            let input = input.and_then(|input| {
                // Text where an object belongs.
                json::text(input).or_else(|| Some(JsonText::Utf8(input.as_str().into())))
            });
            self.text.push(&input.unwrap_or(none));
            self.text.finish();
        }
        self.emit_since(before, true, include, out);
    }

    /// It is finished: only what it became is kept.
    pub(super) fn finish(&mut self, items: Vec<Arc<Item>>) {
        self.done = items;
        self.thoughts = String::new();
        self.base = String::new();
        self.text = TextBuffer::default();
        self.signature = String::new();
        self.citations = String::new();
        self.encrypted = String::new();
        self.unknown = String::new();
        self.call = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.done.is_empty()
    }

    /// Whether it is a call that the caller has to answer.
    pub(super) fn is_call(&self) -> bool {
        self.kind == Kind::Call
    }

    /// How many bytes it has gathered.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What `output_item.added` tells: the item without its text, or the block as the API announced it.
    pub(super) fn announcement(&self, role: &str) -> Arc<Item> {
        match self.kind {
            Kind::Other(_) => Arc::new(verbatim(&self.base)),
            _ => self.build(role, Some(Status::InProgress)),
        }
    }

    /// What it is now: an item, and ahead of it the thoughts of a text; `status` is for one that is not finished.
    pub(super) fn push_items(&self, role: &str, status: Option<Status>, items: &mut Vec<Arc<Item>>) {
        if self.is_open() {
            if !self.thoughts.is_empty() {
                items.push(Arc::new(reasoning(&self.thoughts, status)));
            }
            items.push(self.build(role, status));
        }
        items.extend_from_slice(&self.done);
    }

    fn build(&self, role: &str, status: Option<Status>) -> Arc<Item> {
        if let Kind::Other(field) = self.kind {
            return Arc::new(verbatim(&self.rewritten(field, status)));
        }
        let text = self.text.as_str();
        let mut common = Common { status, ..Common::default() };
        self.write_provider(&mut common.provider);
        Arc::new(match self.kind {
            Kind::Text => {
                let part = (!text.is_empty()).then(|| ContentPart::OutputText { text: text.to_owned() });
                Item::Message(Message { role: role.to_owned(), content: part.into_iter().collect(), common })
            }
            Kind::Call => {
                if status != Some(Status::InProgress)
                    && !text.is_empty()
                    && let Err(error) = json::check(text)
                {
                    common.provider.insert_str("arguments_error", &error);
                }
                let (name, call_id) = (self.name.clone(), self.id.clone());
                Item::FunctionCall(FunctionCall { name, arguments: text.to_owned(), call_id, common })
            }
            Kind::Thinking | Kind::Redacted | Kind::Other(_) => {
                let part = (!text.is_empty()).then(|| ReasoningPart::ReasoningText { text: text.to_owned() });
                let content = part.into_iter().collect();
                Item::Reasoning(Reasoning { summary: Vec::new(), content, common })
            }
        })
    }

    /// What the item's shape cannot say.
    fn write_provider(&self, provider: &mut Provider) {
        json::each_field(Raw::from_text(&self.base), |key, value| {
            let is_said = match key {
                // A redacted block is told by its type.
                b"type" => self.kind != Kind::Redacted,
                b"id" | b"name" | b"input" => self.kind == Kind::Call,
                b"text" => self.kind == Kind::Text,
                b"thinking" => self.kind == Kind::Thinking,
                b"signature" => !self.signature.is_empty(),
                b"citations" => !self.citations.is_empty(),
                _ => false,
            };
            if !is_said && !value.is_blank() {
                provider.insert(&String::from_utf8_lossy(key), value.as_str().to_owned());
            }
        });
        if !self.signature.is_empty() {
            provider.insert_str("signature", &self.signature);
        }
        for (name, list) in [("citations", &self.citations), ("deltas", &self.unknown)] {
            if !list.is_empty() {
                provider.insert(name, list_of(list));
            }
        }
        if let Some(index) = self.index {
            let mut number = String::new();
            json::write_u64(&mut number, index);
            provider.insert("index", number);
        }
    }

    /// The block of an unknown type with what its deltas brought.
    fn rewritten(&self, field: Option<&'static str>, status: Option<Status>) -> String {
        let mut own = FieldMap::default();
        let text = self.text.as_str();
        match field {
            Some(field) if !text.is_empty() => {
                // A piece of JSON is no JSON yet.
                let is_json = field == "input" && json::check(text).is_ok();
                let input = is_json.then(|| clean(Raw::from_text(text.trim())).into_owned());
                own.insert(field, input.unwrap_or_else(|| string_of(text)));
            }
            _ => {}
        }
        if !self.encrypted.is_empty() {
            own.insert("encrypted_content", self.encrypted.clone());
        }
        if !self.signature.is_empty() {
            own.insert("signature", string_of(&self.signature));
        }
        for (name, list) in [("citations", &self.citations), ("deltas", &self.unknown)] {
            if !list.is_empty() {
                own.insert(name, list_of(list));
            }
        }
        if let Some(status) = status {
            own.insert("status", string_of(status.as_str()));
        }
        if own.is_empty() {
            return self.base.clone();
        }
        let base = Raw::from_text(&self.base);
        let mut out = String::new();
        let mut object = Object::begin(&mut out);
        json::each_field(base, |key, value| {
            let key = String::from_utf8_lossy(key);
            object.raw(&key, own.get(&key).map_or(value.as_str(), String::as_str));
        });
        for (name, json) in own.iter().filter(|(name, _)| json::field(base, name.as_bytes()).is_none()) {
            object.raw(name, json);
        }
        object.end();
        out
    }

    /// The API sends a signature at once; in pieces it is joined, sent again it replaces.
    fn sign(&mut self, signature: &str) {
        if signature.starts_with(&self.signature) {
            self.signature.clear();
        }
        self.size += signature.len();
        self.signature.push_str(signature);
    }

    fn keep(&mut self, delta: Raw<'_>) {
        self.size += delta.len();
        append(&mut self.unknown, &clean(delta));
    }

    fn emit_since(&mut self, before: usize, is_end: bool, include: Include, out: &mut EventQueue) {
        if self.kind == Kind::Text && out.splits(&self.split) {
            return self.split_since(before, is_end, include, out);
        }
        let text = std::mem::take(&mut self.text);
        let added = text.as_str().get(before..).unwrap_or_default();
        self.size += added.len();
        if !added.is_empty() {
            self.emit(added, include, out);
        }
        self.text = text;
    }

    fn split_since(&mut self, before: usize, is_end: bool, include: Include, out: &mut EventQueue) {
        let new = self.text.take_since(before);
        self.size += new.len();
        let Self { text, split, thoughts, .. } = self;
        out.split(0, split, (&new, is_end), &mut |out, piece| match piece {
            Piece::Visible(piece) => {
                text.put_back(piece);
                out.text_delta(0, piece);
            }
            Piece::Thought(piece) => out.thought_of_item(thoughts, piece, include.output_item_added),
        });
    }

    fn emit(&mut self, delta: &str, include: Include, out: &mut EventQueue) {
        match (self.kind, &mut self.call) {
            (Kind::Text, _) => out.text_delta(0, delta),
            (Kind::Thinking, _) => out.reasoning_of_item(delta),
            (_, Some((number, named))) if include.tool_call_delta => {
                out.tool_call_delta((0, *number), named, (&self.id, &self.name), delta);
            }
            (_, Some(_)) => out.note_token(),
            (_, None) => {}
        }
    }
}

fn verbatim(json: &str) -> Item {
    let kind = json::field(Raw::from_text(json), b"type").and_then(json::nonempty_string);
    Item::Verbatim(Verbatim::new(kind.unwrap_or_default().into_owned(), json.to_owned()))
}

fn string_of(text: &str) -> String {
    let mut out = String::new();
    json::write_string(&mut out, text);
    out
}

fn list_of(elements: &str) -> String {
    ["[", elements, "]"].concat()
}
