//! A text that comes in deltas, and then as a whole.

use crate::json::JsonText;
use crate::text::TextBuffer;

/// A text from its deltas, unless a `.done` event told it otherwise.
#[derive(Debug, Default)]
pub(super) struct Growing {
    pub(super) text: TextBuffer,
    pub(super) whole: Option<String>,
}

impl Growing {
    pub(super) fn as_str(&self) -> &str {
        self.whole.as_deref().unwrap_or_else(|| self.text.as_str())
    }

    /// Takes the whole text and returns what of it the deltas had not brought; nothing when they brought
    /// something else, which the whole then replaces.
    pub(super) fn complete(&mut self, whole: &JsonText<'_>) -> &str {
        let whole = whole.clone().into_lossy();
        let before = self.text.len();
        match whole.strip_prefix(self.text.as_str()) {
            Some(rest) => {
                // The whole has what became of it.
                self.text.drop_half();
                self.text.push(&JsonText::Utf8(rest.into()));
                self.whole = (self.text.as_str() != whole).then_some(whole);
                self.text.as_str().get(before..).unwrap_or_default()
            }
            None => {
                self.whole = Some(whole);
                ""
            }
        }
    }
}
