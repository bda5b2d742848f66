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
    let mut usage = TokenUsage::default();
    // Names for cached tokens in order of preference; the first that is there counts:
    // OpenAI, DeepSeek, Moonshot and Together, Mistral, Anthropic behind gateways.
    let mut cached: [Option<u64>; 5] = [None; 5];
    let [nested_cached, hit, plain, counted, read_input] = &mut cached;
    let mut nested_reasoning = None;
    let mut plain_reasoning = None;
    json::each_field(raw, |key, value| match key {
        b"prompt_tokens" => usage.input_tokens = json::unsigned(value),
        b"completion_tokens" => usage.output_tokens = json::unsigned(value),
        b"total_tokens" => usage.total_tokens = json::unsigned(value),
        b"prompt_tokens_details" => {
            *nested_cached = json::field(value, b"cached_tokens").and_then(json::unsigned);
        }
        b"completion_tokens_details" => {
            nested_reasoning = json::field(value, b"reasoning_tokens").and_then(json::unsigned);
        }
        b"prompt_cache_hit_tokens" => *hit = json::unsigned(value),
        b"cached_tokens" => *plain = json::unsigned(value),
        b"num_cached_tokens" => *counted = json::unsigned(value),
        b"cache_read_input_tokens" => *read_input = json::unsigned(value),
        b"reasoning_tokens" => plain_reasoning = json::unsigned(value),
        // Gateways that speak of the Responses API's names on this wire.
        b"input_tokens" => usage.input_tokens = usage.input_tokens.or(json::unsigned(value)),
        b"output_tokens" => usage.output_tokens = usage.output_tokens.or(json::unsigned(value)),
        _ => {}
    });
    usage.cached_input_tokens = cached.into_iter().flatten().next();
    usage.reasoning_output_tokens = nested_reasoning.or(plain_reasoning);
    usage
}
