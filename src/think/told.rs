//! The reasoning of one choice, which two may tell: a field of its own, and the tags in the text.
//!
//! Servers that send both send the same thoughts twice (MiniMax). Whoever says what the other one said is not heard; as soon
//! as one says something else, it tells other thoughts, and all of it is handed out, what was held back first.

use std::borrow::Cow;
use std::mem;

#[derive(Debug, Default)]
pub(super) struct Told {
    /// All that was handed out.
    text: String,
    fields: Teller,
    tags: Teller,
    has_text: bool,
}

#[derive(Debug, Default)]
struct Teller {
    /// How much of the text it has said, too.
    at: usize,
    /// What it said that was told already.
    repeated: String,
    /// It said something since it began, or since the last closing tag.
    has_begun: bool,
    /// It tells thoughts of its own.
    is_apart: bool,
}

impl Told {
    /// A text begins. Returns whether it is the first one.
    pub(super) fn begins_text(&mut self) -> bool {
        !mem::replace(&mut self.has_text, true)
    }

    /// Takes the next that one of the two says; returns what is to be handed out.
    pub(super) fn tell<'t>(&mut self, by_tags: bool, said: &'t str) -> Cow<'t, str> {
        let Self { text, fields, tags, .. } = self;
        let teller = if by_tags { tags } else { fields };
        let rest = text.get(teller.at..).unwrap_or_default();
        let (mut new, mut known) = (said, rest);
        if teller.is_apart || rest.is_empty() {
            teller.repeated.clear();
            teller.has_begun |= !said.trim_start().is_empty();
            text.push_str(said);
            teller.at = text.len();
            return said.into();
        }
        if !teller.has_begun {
            // One has white space ahead of its thoughts where the other has none.
            (new, known) = (said.trim_start(), rest.trim_start());
            teller.has_begun = !new.is_empty();
        }
        let same = new.bytes().zip(known.bytes()).take_while(|(new, known)| new == known).count();
        if same == new.len() {
            teller.at = text.len() - known.len() + same;
            teller.repeated.push_str(said);
            return Cow::default();
        }
        let out = if same == known.len() {
            // Ahead of the other one.
            teller.repeated.clear();
            new.get(same..).unwrap_or_default().into()
        } else {
            teller.is_apart = true;
            Cow::Owned(mem::take(&mut teller.repeated) + said)
        };
        text.push_str(&out);
        teller.at = text.len();
        out
    }

    /// A closing tag: thoughts that are but the beginning of the others' are other thoughts. Returns what is to be
    /// handed out.
    pub(super) fn close(&mut self) -> String {
        let repeated = mem::take(&mut self.tags.repeated);
        let rest = self.text.get(self.tags.at..).unwrap_or_default();
        let is_same = repeated.is_empty() || rest.trim_start().is_empty();
        let out = if is_same { String::new() } else { repeated };
        self.tags.is_apart |= !is_same;
        self.text.push_str(&out);
        (self.tags.at, self.tags.has_begun) = (self.text.len(), false);
        out
    }

    /// Whether thoughts that came as a whole are what was told.
    pub(super) fn is_told(&self, thoughts: &str) -> bool {
        let rest = self.text.get(self.tags.at..).unwrap_or_default();
        !thoughts.trim().is_empty()
            && [rest, &self.text].into_iter().any(|told| told.trim() == thoughts.trim())
    }
}
