//! Which events may come again with another text (see `src/scan/pattern.rs`), and what is done with that text.

use super::ResponsesStream;
use super::event::{Event, PartKind, Target};
use crate::error::Error;
use crate::event_queue::EventQueue;
use crate::json::{self, JsonText, Place, Raw};
use crate::options::Options;
use crate::pattern::Repetition;

/// A delta of a text: which text, and the names of its item as they came.
#[derive(Debug)]
pub(crate) struct Delta {
    target: Target,
    at: u64,
    output_index: Option<u64>,
    item_id: Option<String>,
    call_id: Option<String>,
}

/// Finds the text of an event that was handled just now, if it is a delta and nothing else.
pub(crate) fn find(raw: Raw<'_>) -> Option<Repetition<Delta>> {
    let event = Event::read(raw);
    let target = Target::of_stem(event.kind.as_deref()?.strip_suffix(".delta")?)?;
    let delta = event.delta.filter(|delta| json::text(*delta).is_some_and(|text| !text.is_empty()))?;
    let owned = |raw: Option<Raw<'_>>| raw.map(|raw| raw.as_str().to_owned());
    let meaning = Delta {
        target,
        at: part_index(target, &event),
        output_index: event.output_index,
        item_id: owned(event.item_id),
        call_id: owned(event.call_id),
    };
    // The number of the event says nothing that its place does not; the other is padding against traffic analysis.
    let padding = json::pick(raw, ["sequence_number", "obfuscation"], |_, _| {});
    let free = padding.into_iter().flatten().filter_map(Raw::place).filter(Place::is_leaf).collect();
    Some(Repetition { meaning, text: delta.place()?, free })
}

/// Which part of its item a text is.
pub(super) fn part_index(target: Target, event: &Event<'_>) -> u64 {
    let index = match target {
        Target::Part(PartKind::SummaryText) => event.summary_index,
        _ => event.content_index,
    };
    index.unwrap_or(0)
}

impl ResponsesStream {
    /// Handles a delta that came before, now with another text.
    ///
    /// # Errors
    /// `event_too_large` when an item outgrew its limit.
    pub(crate) fn handle_repeated(
        &mut self,
        delta: &Delta,
        text: &JsonText<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<(), Error> {
        let mut event = Event::default();
        event.output_index = delta.output_index;
        event.item_id = delta.item_id.as_deref().map(Raw::from_text);
        event.call_id = delta.call_id.as_deref().map(Raw::from_text);
        if !text.is_empty() {
            self.push_text((delta.target, delta.at), &event, text, options, out);
        }
        self.check_size(options)
    }
}
