//! The state of one choice: its texts, calls and finish reason, and the items they become.

use std::sync::Arc;

use super::chunk::{ChoiceView, DeltaView};
use super::emit::Emit;
use super::message::WholeMessage;
use super::modalities::{Audio, Logprobs};
use super::reasoning::{self, Details};
use super::repeat::DeltaKind;
use super::tool_calls::ToolCalls;
use crate::item::{Common, ContentPart, Item, Message, Provider, Reasoning, ReasoningPart, Status};
use crate::json::{self, JsonText, Raw};
use crate::text::TextBuffer;
use crate::think::{Piece, Split};
use crate::wire::extras::Extras;
use crate::wire::finish::FinishReason;

/// One choice of the response.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) index: u32,
    role: Option<String>,
    text: TextBuffer,
    /// Where the text is between tags that mark thoughts.
    split: Split,
    reasoning: TextBuffer,
    refusal: TextBuffer,
    details: Details,
    pub(super) calls: ToolCalls,
    audio: Audio,
    logprobs: Logprobs,
    /// Unknown lists in deltas: annotations, images, executed tools, content parts of other types. They
    /// belong to the message.
    delta_extras: Extras,
    /// Other unknown fields of deltas, and those of the choice itself.
    choice_extras: Extras,
    /// What `message` fields said; used for what no delta brought.
    whole: WholeMessage,
    pub(super) finish: FinishReason,
    announced: Announced,
}

/// Which items were announced by `output_item.added`.
#[derive(Debug, Default)]
struct Announced {
    reasoning: bool,
    message: bool,
}

impl Choice {
    pub(super) fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// Handles one element of `choices`. Returns whether it bears payload: a role, content, or a finish.
    pub(super) fn handle(&mut self, view: &ChoiceView<'_>, emit: &mut Emit<'_>) -> bool {
        let mut bears = false;
        if let Some(delta) = view.delta.filter(|delta| delta.is_object()) {
            bears |= self.handle_delta(delta, emit);
        }
        if let Some(text) = view.text.filter(|_| view.delta.is_none_or(Raw::is_null)).and_then(json::text) {
            bears |= !text.is_empty();
            self.push_text(&text, emit);
        }
        if let Some(message) = view.message.filter(|message| message.is_object()) {
            bears |= self.whole.note(message);
        }
        if let Some(logprobs) = view.logprobs {
            self.logprobs.note(logprobs);
        }
        // The reason may share a chunk with the last payload, so it comes after it.
        bears | view.finish_reason.is_some_and(|reason| self.finish.note(reason))
    }

    /// Handles the text of a chunk that came before with another one.
    pub(super) fn handle_repeated(&mut self, kind: DeltaKind, text: &JsonText<'_>, emit: &mut Emit<'_>) {
        match kind {
            DeltaKind::Text => self.push_text(text, emit),
            // As by the book, where an empty one is none.
            DeltaKind::Reasoning if text.is_empty() => {}
            DeltaKind::Reasoning => self.push_reasoning(text, emit),
            DeltaKind::Arguments(index) => self.calls.handle_fragment(index, text, emit),
        }
    }

    /// An unknown field of the choice.
    pub(super) fn note_extra(&mut self, key: &[u8], raw: Raw<'_>) {
        self.choice_extras.replace(key, raw);
    }

    /// How many bytes its largest item has gathered.
    pub(super) fn largest_item(&self) -> usize {
        let message = self.text.len()
            + self.refusal.len()
            + self.delta_extras.len()
            + self.choice_extras.len()
            + self.audio.len()
            + self.logprobs.len();
        let reasoning = self.reasoning.len() + self.details.len();
        message.max(reasoning).max(self.calls.largest()).max(self.whole.len())
    }

    /// Ends the choice: fills in from whole messages and settles halves of surrogate pairs.
    pub(super) fn end(&mut self, emit: &mut Emit<'_>) {
        self.fill_in(emit);
        let choice = self.index;
        let rest = self.reasoning.finish();
        if !rest.is_empty() {
            emit.out.reasoning_delta(choice, rest);
        }
        let start = self.text.len();
        self.text.finish();
        self.emit_text(start, true, emit);
        let rest = self.refusal.finish();
        if !rest.is_empty() {
            emit.out.refusal_delta(choice, rest);
        }
        self.calls.finish(emit);
        self.calls.drop_legacy_echo();
    }

    /// The items in their fixed order: reasoning, message, calls by index.
    pub(super) fn items(&self, status: Option<Status>) -> Vec<Arc<Item>> {
        let mut items = Vec::new();
        items.extend(self.reasoning_item(status).map(Arc::new));
        items.extend(self.message_item(status).map(Arc::new));
        items.extend(self.calls.items(&self.common(status)));
        items
    }

    /// Adds the fields that belong to no item.
    pub(super) fn write_to(&self, provider: &mut Provider) {
        self.choice_extras.write_to(provider);
        if self.message_item(None).is_none() {
            self.logprobs.write_to(provider);
        }
    }

    /// The fields that belong to no item.
    pub(super) fn provider(&self) -> Provider {
        let mut provider = Provider::default();
        self.write_to(&mut provider);
        provider
    }

    /// `finish_reason` in OpenAI's words.
    pub(super) fn finish_normalized(&self) -> Option<String> {
        self.finish.normalized(!self.calls.is_empty())
    }

    /// Takes from whole messages, field by field, what no delta brought.
    fn fill_in(&mut self, emit: &mut Emit<'_>) {
        let has_text = !self.text.is_empty() || self.split.is_begun();
        let has_reasoning = !self.reasoning.is_empty();
        let has_details = !self.details.is_empty();
        let has_calls = !self.calls.is_empty();
        let has_refusal = !self.refusal.is_empty();
        let has_audio = !self.audio.is_empty();
        let has_extras = self.delta_extras.has_list();
        for raw in std::mem::take(&mut self.whole).into_parts() {
            let (lists, others) = (&mut self.delta_extras, &mut self.choice_extras);
            let mut view = DeltaView::read(Raw::from_text(&raw), |key, value| match value.is_array() {
                true if has_extras => {}
                true => lists.note(key, value),
                false => others.replace(key, value),
            });
            view.content = view.content.filter(|_| !has_text);
            view.reasoning = view.reasoning.map(|field| field.filter(|_| !has_reasoning));
            view.reasoning_details = view.reasoning_details.filter(|_| !has_details && !has_reasoning);
            view.tool_calls = view.tool_calls.filter(|_| !has_calls);
            view.function_call = view.function_call.filter(|_| !has_calls);
            view.refusal = view.refusal.filter(|_| !has_refusal);
            view.audio = view.audio.filter(|_| !has_audio);
            self.apply(&view, emit);
        }
    }

    fn handle_delta(&mut self, raw: Raw<'_>, emit: &mut Emit<'_>) -> bool {
        let (lists, others) = (&mut self.delta_extras, &mut self.choice_extras);
        let view = DeltaView::read(raw, |key, value| {
            if value.is_array() { lists.note(key, value) } else { others.replace(key, value) }
        });
        self.apply(&view, emit)
    }

    fn apply(&mut self, view: &DeltaView<'_>, emit: &mut Emit<'_>) -> bool {
        let mut bears = false;
        if let Some(role) = view.role.and_then(json::nonempty_string) {
            bears = true;
            if self.role.is_none() {
                self.role = Some(role.into_owned());
            }
        }
        bears |= self.apply_reasoning(view, emit);
        if let Some(content) = view.content {
            bears |= self.apply_content(content, emit);
        }
        if let Some(refusal) = view.refusal.and_then(json::text).filter(|text| !text.is_empty()) {
            bears = true;
            self.push_refusal(&refusal, emit);
        }
        if let Some(raw) = view.tool_calls {
            self.calls.handle(raw, emit);
        }
        if let Some(raw) = view.function_call {
            self.calls.handle_legacy(raw, emit);
        }
        bears |= view.tool_calls.or(view.function_call).is_some_and(|raw| !raw.is_blank());
        if let Some(audio) = view.audio.filter(|audio| audio.is_object()) {
            bears = true;
            announce_message(&mut self.announced, self.role.as_deref(), emit);
            self.audio.note(audio);
        }
        bears
    }

    fn apply_reasoning(&mut self, view: &DeltaView<'_>, emit: &mut Emit<'_>) -> bool {
        let scalar = reasoning::scalar(view);
        let mut bears = scalar.is_some();
        if let Some(text) = &scalar {
            self.push_reasoning(text, emit);
        }
        if let Some(details) = view.reasoning_details {
            // Their text mirrors the scalar field when both are there.
            let mut pieces = Vec::new();
            self.details.handle(details, |piece| pieces.push(piece.clone().into_owned()));
            bears |= !details.is_blank();
            if !self.details.is_empty() {
                announce_reasoning(&mut self.announced, emit);
            }
            if scalar.is_none() {
                for piece in &pieces {
                    self.push_reasoning(piece, emit);
                }
            }
        }
        bears
    }

    /// Content is a string, or parts (Mistral): text, thinking, and others that are kept as they are.
    fn apply_content(&mut self, raw: Raw<'_>, emit: &mut Emit<'_>) -> bool {
        if let Some(text) = json::text(raw) {
            self.push_text(&text, emit);
            return !text.is_empty();
        }
        let mut bears = false;
        if raw.is_object() {
            return self.apply_part(raw, emit);
        }
        json::each_element(raw, |part| bears |= self.apply_part(part, emit));
        bears
    }

    fn apply_part(&mut self, part: Raw<'_>, emit: &mut Emit<'_>) -> bool {
        if let Some(text) = json::text(part) {
            self.push_text(&text, emit);
            return !text.is_empty();
        }
        let string = |name| json::field(part, name).and_then(json::text);
        let kind = string(b"type").map(JsonText::into_lossy).unwrap_or_default();
        match kind.as_str() {
            "thinking" => {
                let Some(thinking) = json::field(part, b"thinking") else { return false };
                if let Some(text) = json::text(thinking) {
                    self.push_reasoning(&text, emit);
                }
                json::each_element(thinking, |inner| {
                    if let Some(text) = json::field(inner, b"text").and_then(json::text) {
                        self.push_reasoning(&text, emit);
                    }
                });
            }
            "refusal" => {
                if let Some(refusal) = string(b"refusal") {
                    self.push_refusal(&refusal, emit);
                }
            }
            "" | "text" | "output_text" => match string(b"text") {
                Some(text) => self.push_text(&text, emit),
                None => self.delta_extras.note(b"content_parts", Raw::from_text(&format!("[{part}]"))),
            },
            _ => self.delta_extras.note(b"content_parts", Raw::from_text(&format!("[{part}]"))),
        }
        true
    }

    fn push_text(&mut self, delta: &JsonText<'_>, emit: &mut Emit<'_>) {
        let start = self.text.len();
        self.text.push(delta);
        self.emit_text(start, false, emit);
    }

    /// Emits what of the text is new, once it is clear what it is.
    fn emit_text(&mut self, start: usize, is_end: bool, emit: &mut Emit<'_>) {
        if emit.out.splits(&self.split) {
            return self.split_text(start, is_end, emit);
        }
        let new = self.text.since(start);
        if !new.is_empty() {
            announce_message(&mut self.announced, self.role.as_deref(), emit);
            emit.out.text_delta(self.index, new);
        }
    }

    fn split_text(&mut self, start: usize, is_end: bool, emit: &mut Emit<'_>) {
        let new = self.text.take_since(start);
        let Self { index: choice, text, reasoning, split, announced, role, .. } = self;
        let (choice, include) = (*choice, emit.include);
        emit.out.split(choice, split, (&new, is_end), &mut |out, piece| {
            let mut emit = Emit { choice, out, include };
            match piece {
                Piece::Visible(piece) => {
                    text.put_back(piece);
                    announce_message(announced, role.as_deref(), &mut emit);
                    emit.out.text_delta(choice, piece);
                }
                Piece::Thought(piece) => {
                    reasoning.put_back(piece);
                    announce_reasoning(announced, &mut emit);
                    emit.out.reasoning_delta(choice, piece);
                }
            }
        });
    }

    fn push_reasoning(&mut self, delta: &JsonText<'_>, emit: &mut Emit<'_>) {
        let start = self.reasoning.len();
        self.reasoning.push(delta);
        if let Some(think) = &mut emit.out.think {
            let said = self.reasoning.take_since(start);
            self.reasoning.put_back(&think.tell_field(self.index, &said));
        }
        let new = self.reasoning.since(start);
        if !new.is_empty() {
            announce_reasoning(&mut self.announced, emit);
            emit.out.reasoning_delta(self.index, new);
        }
    }

    fn push_refusal(&mut self, delta: &JsonText<'_>, emit: &mut Emit<'_>) {
        let new = self.refusal.push(delta);
        if !new.is_empty() {
            announce_message(&mut self.announced, self.role.as_deref(), emit);
            emit.out.refusal_delta(self.index, new);
        }
    }

    fn common(&self, status: Option<Status>) -> Common {
        Common { status, choice: self.index, ..Common::default() }
    }

    fn reasoning_item(&self, status: Option<Status>) -> Option<Item> {
        if self.reasoning.as_str().is_empty() && self.details.is_empty() {
            return None;
        }
        let mut common = self.common(status);
        if !self.details.is_empty() {
            common.provider.insert("reasoning_details", self.details.to_json());
        }
        let mut content = Vec::new();
        if !self.reasoning.as_str().is_empty() {
            content.push(ReasoningPart::ReasoningText { text: self.reasoning.as_str().to_owned() });
        }
        Some(Item::Reasoning(Reasoning { summary: Vec::new(), content, common }))
    }

    fn message_item(&self, status: Option<Status>) -> Option<Item> {
        let mut content = Vec::new();
        if !self.text.as_str().is_empty() {
            content.push(ContentPart::OutputText { text: self.text.as_str().to_owned() });
        }
        if !self.refusal.as_str().is_empty() {
            content.push(ContentPart::Refusal { refusal: self.refusal.as_str().to_owned() });
        }
        if content.is_empty() && self.audio.is_empty() && !self.delta_extras.has_list() {
            return None;
        }
        let mut common = self.common(status);
        self.delta_extras.write_to(&mut common.provider);
        self.logprobs.write_to(&mut common.provider);
        self.audio.write_to(&mut common.provider);
        Some(message(self.role.as_deref(), content, common))
    }
}

fn announce_message(announced: &mut Announced, role: Option<&str>, emit: &mut Emit<'_>) {
    if !std::mem::replace(&mut announced.message, true) {
        emit.item_added(|common| message(role, Vec::new(), common));
    }
}

fn announce_reasoning(announced: &mut Announced, emit: &mut Emit<'_>) {
    if !std::mem::replace(&mut announced.reasoning, true) {
        let (summary, content) = (Vec::new(), Vec::new());
        emit.item_added(|common| Item::Reasoning(Reasoning { summary, content, common }));
    }
}

fn message(role: Option<&str>, content: Vec<ContentPart>, common: Common) -> Item {
    Item::Message(Message { role: role.unwrap_or("assistant").to_owned(), content, common })
}
