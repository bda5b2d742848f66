//! Token counts of a response object.

use crate::item::TokenUsage;
use crate::json::{self, Raw};

/// Reads `usage`; `None` when it says nothing (`null`, `{}`).
pub(super) fn read(raw: Raw<'_>) -> Option<TokenUsage> {
    let mut usage = TokenUsage::default();
    json::each_field(raw, |key, value| match key {
        // The second name is what gateways in front of chat servers pass on.
        b"input_tokens" | b"prompt_tokens" => set(&mut usage.input_tokens, value),
        b"output_tokens" | b"completion_tokens" => set(&mut usage.output_tokens, value),
        b"total_tokens" => set(&mut usage.total_tokens, value),
        b"input_tokens_details" | b"prompt_tokens_details" => {
            set_some(&mut usage.cached_input_tokens, json::field(value, b"cached_tokens"));
        }
        b"output_tokens_details" | b"completion_tokens_details" => {
            set_some(&mut usage.reasoning_output_tokens, json::field(value, b"reasoning_tokens"));
        }
        _ => {}
    });
    (usage != TokenUsage::default()).then_some(usage)
}

/// Whether there is more in it than the counts that are read (costs, sources, audio tokens).
pub(super) fn has_more(raw: Raw<'_>) -> bool {
    let mut more = false;
    json::each_field(raw, |key, value| match key {
        b"input_tokens" | b"output_tokens" | b"total_tokens" => {}
        b"input_tokens_details" => more |= has_other_than(value, b"cached_tokens"),
        b"output_tokens_details" => more |= has_other_than(value, b"reasoning_tokens"),
        _ => more |= !value.is_blank(),
    });
    more
}

fn has_other_than(raw: Raw<'_>, name: &[u8]) -> bool {
    let mut other = false;
    json::each_field(raw, |key, value| other |= key != name && !value.is_blank());
    other
}

fn set(slot: &mut Option<u64>, value: Raw<'_>) {
    set_some(slot, Some(value));
}

fn set_some(slot: &mut Option<u64>, value: Option<Raw<'_>>) {
    if let Some(value) = value.and_then(json::unsigned) {
        *slot = Some(value);
    }
}
