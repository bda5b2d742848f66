//! Which events may come again with another text (see `src/scan/pattern.rs`): deltas of one block, with nothing in them but
//! a text. Anthropic's servers pad their events with spaces, of another number each time.

use super::AnthropicStream;
use super::event::{Delta, DeltaKind, Event};
use crate::json::Raw;
use crate::pattern::Repetition;

/// What is done with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockDelta {
    /// The place of the block that it is of.
    pub(super) at: usize,
}

/// Finds the one text of an event that was handled just now.
pub(crate) fn find(stream: &AnthropicStream, raw: Raw<'_>) -> Option<Repetition<BlockDelta>> {
    let mut has_more = false;
    let event = Event::read(raw, |_, _| has_more = true);
    let others = [event.message, event.content_block, event.usage, event.error];
    if has_more || event.kind.as_deref() != Some("content_block_delta") || others.iter().any(Option::is_some)
    {
        return None;
    }
    let delta_raw = event.delta?;
    let delta = Delta::read(delta_raw);
    if !delta.is_plain || !matches!(delta.kind, DeltaKind::Text | DeltaKind::Thinking | DeltaKind::Input) {
        return None;
    }
    let at = stream.open_block(event.index)?;
    // A block of a type that is not known may have kept it apart.
    stream.blocks.get(at).filter(|block| block.appends(delta.kind))?;
    let free = raw.padding_after(delta_raw).into_iter().collect();
    Some(Repetition { meaning: BlockDelta { at }, text: delta.value?.place()?, free })
}
