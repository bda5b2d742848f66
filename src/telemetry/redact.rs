//! What of people's content may leave: prompts, tool arguments, tool output.

use std::borrow::Cow;

/// What the reference writes instead of a prompt.
pub const REDACTED: &str = "[REDACTED]";

/// How much of a content goes into a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentPolicy {
    /// All of it.
    Full,
    /// Nothing: the record says `[REDACTED]`.
    Redacted,
    /// The beginning, at most this many bytes of UTF-8, cut between characters.
    AtMost(usize),
}

impl ContentPolicy {
    /// The part of `content` that may leave.
    pub fn apply(self, content: &str) -> &str {
        match self {
            Self::Full => content,
            Self::Redacted => REDACTED,
            Self::AtMost(limit) => {
                let mut end = limit.min(content.len());
                while !content.is_char_boundary(end) {
                    end -= 1;
                }
                content.get(..end).unwrap_or_default()
            }
        }
    }

    /// The same of a text that may be owned.
    pub(super) fn apply_to(self, content: Cow<'_, str>) -> Cow<'_, str> {
        match content {
            Cow::Borrowed(content) => self.apply(content).into(),
            Cow::Owned(content) => self.apply(&content).to_owned().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_cut_between_characters() {
        let table = [
            (ContentPolicy::Full, "a😀b", "a😀b"),
            (ContentPolicy::Redacted, "a😀b", REDACTED),
            (ContentPolicy::AtMost(0), "a😀b", ""),
            (ContentPolicy::AtMost(1), "a😀b", "a"),
            (ContentPolicy::AtMost(4), "a😀b", "a"),
            (ContentPolicy::AtMost(5), "a😀b", "a😀"),
            (ContentPolicy::AtMost(99), "a😀b", "a😀b"),
        ];
        for (policy, content, expected) in table {
            assert_eq!(policy.apply(content), expected, "{policy:?}");
        }
    }
}
