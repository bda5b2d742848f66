//! Token counts of a response object.

use crate::item::TokenUsage;
use crate::json::{self, Raw};

/// Reads `usage`; `None` when it says nothing (`null`, `{}`).
pub(super) fn read(raw: Raw<'_>) -> Option<TokenUsage> {
    // The second name of each is what gateways in front of chat servers pass on.
    let names = [
        "input_tokens",
        "prompt_tokens",
        "output_tokens",
        "completion_tokens",
        "total_tokens",
        "input_tokens_details",
        "prompt_tokens_details",
        "output_tokens_details",
        "completion_tokens_details",
    ];
    let [
        input,
        prompt,
        output,
        completion,
        total,
        input_details,
        prompt_details,
        output_details,
        completion_details,
    ] = json::pick(raw, names, |_, _| {});
    let count = |raw: Option<Raw<'_>>| raw.and_then(json::unsigned);
    let nested = |raw: Option<Raw<'_>>, name| count(raw.and_then(|raw| json::field(raw, name)));
    let usage = TokenUsage {
        input_tokens: count(input).or(count(prompt)),
        cached_input_tokens: nested(input_details, b"cached_tokens")
            .or(nested(prompt_details, b"cached_tokens")),
        output_tokens: count(output).or(count(completion)),
        reasoning_output_tokens: nested(output_details, b"reasoning_tokens")
            .or(nested(completion_details, b"reasoning_tokens")),
        total_tokens: count(total),
    };
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
