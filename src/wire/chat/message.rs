//! Whole `message` objects in a stream: of a body that is no stream, of a last chunk that repeats
//! everything (MiniMax), of chunks that carry the text so far beside the delta (Perplexity), or of servers
//! that send messages where deltas belong.

use crate::json::{self, JsonText, Raw};

/// What messages said so far. They count only for what no delta brings, which is known at the end.
#[derive(Debug, Default)]
pub(super) struct WholeMessage {
    /// The messages that do not repeat each other, oldest first; usually one.
    parts: Vec<Part>,
    len: usize,
}

#[derive(Debug)]
struct Part {
    raw: String,
    content: Option<String>,
}

impl WholeMessage {
    /// Takes note of a message. One that continues the last one's content replaces it (cumulative); one
    /// with other content is kept beside it. Returns whether it bears anything.
    pub(super) fn note(&mut self, raw: Raw<'_>) -> bool {
        let content = json::field(raw, b"content").and_then(json::text).map(JsonText::into_lossy);
        let content = content.filter(|content| !content.is_empty());
        let bears = content.is_some() || !raw.is_blank();
        let part = Part { raw: raw.as_str().to_owned(), content };
        self.len += part.raw.len();
        match self.parts.last_mut() {
            Some(last) if part.continues(last) => {
                self.len -= last.raw.len();
                *last = part;
            }
            _ => self.parts.push(part),
        }
        bears
    }

    /// How many bytes were gathered.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn into_parts(self) -> impl Iterator<Item = String> {
        self.parts.into_iter().map(|part| part.raw)
    }
}

impl Part {
    fn continues(&self, last: &Part) -> bool {
        match (&last.content, &self.content) {
            (Some(before), Some(now)) => now.starts_with(before.as_str()),
            // A message without content may bring the calls that belong to the text before it.
            (Some(_), None) => false,
            (None, _) => last.raw == self.raw || !self.raw.is_empty() && last.is_poor(),
        }
    }

    /// Whether it holds nothing but a role.
    fn is_poor(&self) -> bool {
        let mut poor = true;
        json::each_field(Raw::from_text(&self.raw), |key, value| poor &= key == b"role" || value.is_blank());
        poor
    }
}
