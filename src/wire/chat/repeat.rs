//! Which chunks may come again with another text (see `src/scan/pattern.rs`), and what is done with that text.
//!
//! A chunk qualifies when all in it but one text would change nothing if it came again: fields that keep their last
//! value, names that are set once, `null`s. Whatever adds up (lists, log probabilities, whole messages) disqualifies it.

use super::chunk::{ChoiceView, Chunk, DeltaView};
use crate::json::{self, Place, Raw};
use crate::options::Options;
use crate::pattern::Repetition;

/// What the one text of a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delta {
    /// The choice that it is of.
    pub(super) choice: u32,
    pub(super) kind: DeltaKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeltaKind {
    Text,
    Reasoning,
    /// A fragment of the arguments of the call with this index, without id and name.
    Arguments(Option<u64>),
}

/// Finds the one text of a chunk that was handled just now.
pub(crate) fn find(raw: Raw<'_>, options: &Options) -> Option<Repetition<Delta>> {
    let chunk = Chunk::read(raw, |_, _| {});
    if chunk.x_groq.is_some() {
        return None;
    }
    let mut elements = json::elements(chunk.choices?);
    let (element, None) = (elements.next()?, elements.next()) else { return None };
    let mut changes = false;
    let choice = ChoiceView::read(element, |_, _| {});
    changes |= choice.finish_reason.is_some_and(|reason| !reason.is_blank());
    for field in [choice.logprobs, choice.message, choice.text, choice.usage, choice.error] {
        changes |= field.is_some_and(|value| !value.is_null());
    }
    let delta_raw = choice.delta.filter(|delta| delta.is_object())?;
    let delta = DeltaView::read(delta_raw, |_, value| changes |= value.is_array() && !value.is_blank());
    for field in [delta.refusal, delta.audio, delta.reasoning_details] {
        changes |= field.is_some_and(|value| !value.is_blank());
    }
    // Empty ones say something too: one is a sign of a call, the other is kept as a part.
    changes |= delta.function_call.is_some_and(|value| !value.is_null());
    changes |= delta.content.is_some_and(Raw::is_object);
    if changes {
        return None;
    }
    let says = |raw: &Raw<'_>| !raw.is_blank();
    let mut texts = delta.reasoning.into_iter().flatten().filter(says).map(|raw| (DeltaKind::Reasoning, raw));
    let texts = texts.by_ref().chain(delta.content.filter(says).map(|raw| (DeltaKind::Text, raw)));
    let calls = delta.tool_calls.filter(says);
    let mut found = texts.collect::<Vec<_>>();
    if let Some(calls) = calls {
        found.push(arguments(calls)?);
    }
    let [(kind, text)] = found.as_slice() else { return None };
    // Of an id that is there the first counts: by now it may change with every chunk.
    let padding = json::pick(raw, ["id", "created", "obfuscation", "p"], |_, _| {});
    let delta_padding = json::pick(delta_raw, ["obfuscation", "p"], |_, _| {});
    let padding = padding.into_iter().chain(delta_padding).flatten().filter(says);
    let free = padding.filter_map(Raw::place).filter(Place::is_leaf).collect();
    let choice = super::choice_index(&choice, options);
    Some(Repetition { meaning: Delta { choice, kind: *kind }, text: text.place()?, free })
}

/// The fragment of the one call in a list that brings nothing else.
fn arguments(calls: Raw<'_>) -> Option<(DeltaKind, Raw<'_>)> {
    let mut elements = json::elements(calls);
    let (call, None) = (elements.next()?, elements.next()) else { return None };
    let (mut index, mut function) = (None, None);
    for (key, value) in json::fields(call) {
        match key.as_ref() {
            b"index" => index = Some(json::unsigned(value)?),
            b"function" if function.is_none() => function = Some(value),
            b"type" => {}
            _ if value.is_blank() => {}
            _ => return None,
        }
    }
    let mut arguments = None;
    for (key, value) in json::fields(function?) {
        match key.as_ref() {
            b"arguments" => arguments = Some(value),
            b"name" if value.is_blank() => {}
            _ => return None,
        }
    }
    Some((DeltaKind::Arguments(index), arguments?))
}
