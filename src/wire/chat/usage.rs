//! Token counts, wherever a provider puts them.

use crate::item::TokenUsage;
use crate::json::{self, Raw};

/// Gathers usage over the stream: field by field, the last value that is not null wins.
///
/// Three places are kept apart and asked in this order when the stream ends: the chunk's `usage`,
/// Groq's `x_groq.usage`, and a choice's own `usage` (Moonshot's older API).
#[derive(Debug, Default)]
pub(super) struct UsageTracker {
    places: [Option<TokenUsage>; 3],
}

/// Where usage was found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Chunk = 0,
    Groq = 1,
    Choice = 2,
}

impl UsageTracker {
    /// Merges a usage object; anything else (`null`) says nothing. Returns whether it said something.
    pub(super) fn merge(&mut self, place: Place, raw: Raw<'_>) -> bool {
        let read = read(raw);
        if read == TokenUsage::default() {
            return false;
        }
        if let Some(slot) = self.places.get_mut(place as usize) {
            let merged = slot.get_or_insert_default();
            merge_field(&mut merged.input_tokens, read.input_tokens);
            merge_field(&mut merged.cached_input_tokens, read.cached_input_tokens);
            merge_field(&mut merged.output_tokens, read.output_tokens);
            merge_field(&mut merged.reasoning_output_tokens, read.reasoning_output_tokens);
            merge_field(&mut merged.total_tokens, read.total_tokens);
        }
        true
    }

    /// The result so far.
    pub(super) fn total(&self) -> Option<TokenUsage> {
        self.places.iter().flatten().next().copied()
    }
}

fn merge_field(slot: &mut Option<u64>, value: Option<u64>) {
    if value.is_some() {
        *slot = value;
    }
}

fn read(raw: Raw<'_>) -> TokenUsage {
    let names = [
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "reasoning_tokens",
        // Gateways that speak of the Responses API's names on this wire.
        "input_tokens",
        "output_tokens",
        // Names for cached tokens: DeepSeek, Moonshot and Together, Mistral, Anthropic behind gateways.
        "prompt_cache_hit_tokens",
        "cached_tokens",
        "num_cached_tokens",
        "cache_read_input_tokens",
    ];
    let [
        prompt,
        completion,
        total,
        prompt_details,
        completion_details,
        reasoning,
        input,
        output,
        cached @ ..,
    ] = json::pick(raw, names, |_, _| {});
    let count = |raw: Option<Raw<'_>>| raw.and_then(json::unsigned);
    let nested = |raw: Option<Raw<'_>>, name| count(raw.and_then(|raw| json::field(raw, name)));
    TokenUsage {
        input_tokens: count(prompt).or(count(input)),
        // The first that is there counts, OpenAI's own before all others.
        cached_input_tokens: nested(prompt_details, b"cached_tokens").or(cached.into_iter().find_map(count)),
        output_tokens: count(completion).or(count(output)),
        reasoning_output_tokens: nested(completion_details, b"reasoning_tokens").or(count(reasoning)),
        total_tokens: count(total),
    }
}
