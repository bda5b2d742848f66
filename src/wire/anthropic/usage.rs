//! Token counts, merged field by field: `message_start` brings the input's, `message_delta` the output's, and newer
//! input counts when tools ran on the server.

use crate::item::{Provider, TokenUsage};
use crate::json::{self, Raw, ToJson};
use crate::wire::extras::Extras;
use crate::wire::verbatim;

#[derive(Debug, Default)]
pub(super) struct Usage {
    counts: TokenUsage,
    /// Every field, with its last value.
    fields: Extras,
    /// Whether there is more in them than the counts.
    has_more: bool,
}

impl Usage {
    pub(super) fn note(&mut self, raw: Raw<'_>) {
        json::each_field(raw, |key, value| {
            let counts = &mut self.counts;
            let (slot, count) = match key {
                b"input_tokens" => (&mut counts.input_tokens, Some(value)),
                b"output_tokens" => (&mut counts.output_tokens, Some(value)),
                b"cache_read_input_tokens" => (&mut counts.cached_input_tokens, Some(value)),
                _ => {
                    self.has_more |= !value.is_blank();
                    let is_details = key == b"output_tokens_details";
                    let count = is_details.then(|| json::field(value, b"thinking_tokens")).flatten();
                    (&mut counts.reasoning_output_tokens, count)
                }
            };
            *slot = count.and_then(json::unsigned).or(*slot);
            self.fields.replace(key, Raw::from_text(&verbatim::clean(value)));
        });
    }

    /// The counts as sent: what was read from a cache, or written to one, is not in `input_tokens` on this API. `None`
    /// when none came.
    pub(super) fn counts(&self) -> Option<TokenUsage> {
        (self.counts != TokenUsage::default()).then_some(self.counts)
    }

    /// Adds everything that came, when it is more than the counts.
    pub(super) fn write_to(&self, provider: &mut Provider) {
        if self.has_more {
            let mut fields = Provider::default();
            self.fields.write_to(&mut fields);
            provider.insert("usage", fields.to_json());
        }
    }
}
