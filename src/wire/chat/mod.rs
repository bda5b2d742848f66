//! OpenAI Chat Completions and its dialects: chunks -> events and items.
//!
//! Source: the API reference's chat completion chunk object, and what over thirty providers make of it;
//! each module says which deviations it handles.

mod arguments;
mod choice;
mod chunk;
mod emit;
pub(super) mod message;
mod modalities;
mod reasoning;
mod repeat;
mod tool_calls;
mod usage;

use self::choice::Choice;
use self::chunk::{ChoiceView, Chunk};
use self::emit::Emit;
pub(crate) use self::repeat::{Delta, find as find_repetition};
use self::usage::{Place, UsageTracker};
use super::provider_error;
use crate::error::{Error, ErrorCode};
use crate::event::{Completion, Created, EndedBy};
use crate::event_queue::EventQueue;
use crate::item::{Provider, Status};
use crate::json::{self, JsonText, Raw};
use crate::options::Options;
use crate::places::Places;
use crate::timings::Timings;
use crate::wire::ChoiceSummary;
use crate::wire::extras::Extras;

/// The state of one chat stream.
#[derive(Debug, Default)]
pub(crate) struct ChatStream {
    id: Identity,
    model: Identity,
    choices: Vec<Choice>,
    by_index: Places,
    usage: UsageTracker,
    /// A chunk without choices brought usage: by contract the last one before `[DONE]`.
    saw_usage_chunk: bool,
    /// Fields of the chunks that have no place elsewhere.
    extras: Extras,
    created: bool,
    largest_item: usize,
    /// At most so many bytes have come since every choice was measured.
    unmeasured: usize,
    /// The choice of the last repeated chunk, and its place.
    last: Option<(u32, usize)>,
}

impl ChatStream {
    /// Handles the JSON value of one chunk.
    ///
    /// # Errors
    /// `provider_error` when the chunk reports an error (after its payload was taken), `event_too_large`
    /// when an item outgrew its limit.
    pub(crate) fn handle_chunk(
        &mut self,
        raw: Raw<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<(), Error> {
        if !raw.is_object() {
            return Ok(());
        }
        if out.think.is_some() {
            self.unmeasured = self.unmeasured.saturating_add(raw.len());
        }
        let extras = &mut self.extras;
        let chunk = Chunk::read(raw, |key, value| extras.replace(key, value));
        let mut error = chunk.error(raw).map(provider_error::from_json);
        let mut bears = false;
        let mut choices = 0_usize;
        // A prologue (Azure's prompt filter results) has no choices, and no id either.
        let has_choices = chunk.choices.is_some_and(|choices| !choices.is_blank());
        if options.include.created && !self.created && has_choices {
            self.announce(&chunk, out);
        }
        for element in chunk.choices.into_iter().flat_map(json::elements) {
            choices += 1;
            let mut unknown = Vec::new();
            let view = ChoiceView::read(element, |key, value| unknown.push((key.to_vec(), value)));
            bears |= self.handle_choice(&view, unknown, options, out);
            if let Some(usage) = view.usage {
                self.usage.merge(Place::Choice, usage);
            }
            if let (None, Some(raw)) = (&error, view.error) {
                error = Some(provider_error::from_json(raw));
            }
            if error.is_none() && view.finish_reason.is_some_and(|reason| reason.as_str() == "\"error\"") {
                let mut ended = provider_error::from_json(Raw::from_text("{}"));
                ended.message = "the provider ended the stream with finish_reason \"error\"".to_owned();
                error = Some(ended);
            }
        }
        self.id.note(chunk.id, bears);
        self.model.note(chunk.model, bears);
        if let Some(usage) = chunk.usage {
            self.saw_usage_chunk |= self.usage.merge(Place::Chunk, usage) && choices == 0;
        }
        if let Some(usage) = chunk.x_groq.and_then(|groq| json::field(groq, b"usage")) {
            self.usage.merge(Place::Groq, usage);
        }
        if let (None, Some(groq)) = (&error, chunk.x_groq) {
            let reported = json::field(groq, b"error").filter(|error| !error.is_blank());
            error = reported.map(provider_error::from_json);
        }
        match error {
            Some(error) => Err(Error::provider(ErrorCode::ProviderError, error)),
            None => self.check_size(options),
        }
    }

    /// Handles a chunk that came before, now with another text.
    ///
    /// # Errors
    /// `event_too_large` when an item outgrew its limit.
    pub(crate) fn handle_repeated(
        &mut self,
        delta: Delta,
        text: &JsonText<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<(), Error> {
        let at = match self.last {
            Some((choice, at)) if choice == delta.choice => Some(at),
            _ => self.by_index.of_number(delta.choice.into()),
        };
        self.last = at.map(|at| (delta.choice, at));
        if let Some(choice) = at.and_then(|at| self.choices.get_mut(at)) {
            let include = options.include;
            choice.handle_repeated(delta.kind, text, &mut Emit { choice: delta.choice, out, include });
        }
        // Measuring costs more than all else here, and is of no use far below the limit. A half of a surrogate pair may
        // become three bytes.
        self.unmeasured = self.unmeasured.saturating_add(text.len() + 3);
        if self.largest_item.saturating_add(self.unmeasured) > options.max_item_bytes {
            self.largest_item = self.choices.iter().map(Choice::largest_item).max().unwrap_or(0);
            // Where tags are looked for, text that came long ago may only now be handed out.
            if out.think.is_none() {
                self.unmeasured = 0;
            }
        }
        self.check_size(options)
    }

    /// Whether anything of a chat stream was seen.
    pub(crate) fn has_content(&self) -> bool {
        !self.choices.is_empty() || self.usage.total().is_some()
    }

    /// Whether the end of the stream may count as the response's end: every choice gave its reason, or a
    /// chunk with nothing but usage came.
    pub(crate) fn may_complete(&self) -> bool {
        let all_finished = self.choices.iter().all(|choice| choice.finish.raw().is_some());
        (!self.choices.is_empty() && all_finished) || self.saw_usage_chunk
    }

    /// Ends every choice: what waited for more is emitted. Ending twice does nothing more.
    ///
    /// # Errors
    /// `event_too_large` when a whole message that waited until now outgrew an item's limit.
    pub(crate) fn end(&mut self, options: &Options, out: &mut EventQueue) -> Result<(), Error> {
        for at in self.by_index.in_order() {
            let Some(choice) = self.choices.get_mut(at) else { continue };
            let include = options.include;
            choice.end(&mut Emit { choice: choice.index, out, include });
            self.largest_item = self.largest_item.max(choice.largest_item());
        }
        self.check_size(options)
    }

    /// The choices with their items as they are now.
    pub(crate) fn choices(&self, status: Option<Status>) -> Vec<ChoiceSummary> {
        let summary = |at: usize| {
            let choice = self.choices.get(at)?;
            Some(ChoiceSummary {
                index: choice.index,
                finish_reason: choice.finish.raw().map(ToOwned::to_owned),
                finish_reason_normalized: choice.finish_normalized(),
                items: choice.items(status),
                provider: choice.provider(),
            })
        };
        self.by_index.in_order().into_iter().filter_map(summary).collect()
    }

    /// The response's end (or, of an unfinished one, what is known so far).
    pub(crate) fn completion(&self, ended_by: EndedBy) -> Completion {
        let first = self.by_index.in_order().first().and_then(|at| self.choices.get(*at));
        let mut provider = Provider::default();
        self.extras.write_to(&mut provider);
        if let Some(choice) = first {
            choice.write_to(&mut provider);
        }
        Completion {
            response_id: self.id.value().to_owned(),
            model: self.model.value().to_owned(),
            finish_reason: first.and_then(|choice| choice.finish.raw()).map(ToOwned::to_owned),
            finish_reason_normalized: first.and_then(Choice::finish_normalized),
            token_usage: self.usage.total(),
            ended_by,
            timings: Timings::default(),
            provider,
        }
    }

    fn handle_choice(
        &mut self,
        view: &ChoiceView<'_>,
        unknown: Vec<(Vec<u8>, Raw<'_>)>,
        options: &Options,
        out: &mut EventQueue,
    ) -> bool {
        let index = choice_index(view, options);
        let has_something = view.delta.or(view.message).or(view.text).is_some();
        let at = match self.by_index.of_number(index.into()) {
            Some(at) => at,
            // `[null]` and `[{}]` are junk, not a choice.
            None if !has_something
                && view.finish_reason.is_none_or(Raw::is_blank)
                && view.error.is_none() =>
            {
                return false;
            }
            None => {
                self.choices.push(Choice::new(index));
                self.by_index.set_number(index.into(), self.choices.len() - 1);
                self.choices.len() - 1
            }
        };
        let Some(choice) = self.choices.get_mut(at) else { return false };
        for (key, value) in unknown {
            choice.note_extra(&key, value);
        }
        let mut emit = Emit { choice: index, out, include: options.include };
        let bears = choice.handle(view, &mut emit);
        self.largest_item = self.largest_item.max(choice.largest_item());
        bears
    }

    fn check_size(&self, options: &Options) -> Result<(), Error> {
        let limit = options.max_item_bytes;
        if self.largest_item > limit {
            let message = format!("item larger than {limit} bytes (maxItemBytes)");
            return Err(Error::new(ErrorCode::EventTooLarge, message));
        }
        Ok(())
    }

    fn announce(&mut self, chunk: &Chunk<'_>, out: &mut EventQueue) {
        let string =
            |raw: Option<Raw<'_>>| raw.and_then(json::nonempty_string).unwrap_or_default().into_owned();
        self.created = true;
        out.created(Created { response_id: string(chunk.id), model: string(chunk.model) });
    }
}

/// The index of the choice that an element is of.
fn choice_index(view: &ChoiceView<'_>, options: &Options) -> u32 {
    match options.n {
        Some(1) => 0,
        _ => u32::try_from(view.index.and_then(json::unsigned).unwrap_or(0)).unwrap_or(u32::MAX),
    }
}

/// The response's id or model: the first that is not empty from a chunk that bears payload, because
/// prologues (Azure) and keep-alive chunks (oMLX) bring empty or foreign ones; else the first at all.
#[derive(Debug, Default)]
struct Identity {
    sure: Option<String>,
    guess: Option<String>,
}

impl Identity {
    fn note(&mut self, raw: Option<Raw<'_>>, bears: bool) {
        if self.sure.is_some() {
            return;
        }
        let slot = if bears { &mut self.sure } else { &mut self.guess };
        if slot.is_none() {
            *slot = raw.and_then(json::nonempty_string).map(Into::into);
        }
    }

    fn value(&self) -> &str {
        self.sure.as_deref().or(self.guess.as_deref()).unwrap_or_default()
    }
}
