//! One text, delta by delta: what of it is thoughts, what is text, what are tags.

use std::mem;

use super::Tags;

/// How far a text is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Split {
    place: Place,
    began_inside: bool,
    /// The beginning of what may be a tag.
    held: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Nothing came.
    #[default]
    Start,
    /// Nothing but white space and blocks of thoughts came.
    Outside,
    /// Nothing but white space came of thoughts that need no opening tag.
    Opening,
    Inside,
    /// Visible text came: tags mean nothing any more.
    Answer,
}

/// What comes next in a text.
pub(super) enum Step<'t> {
    Visible(&'t str),
    Thought(&'t str),
    /// Thoughts ended with a closing tag.
    Closed,
}

/// What a text begins with.
enum Tag {
    None,
    /// It is too short to tell.
    Maybe,
    Opening(usize),
    Closing(usize),
}

impl Split {
    /// Whether anything came. Of a text that nobody splits nothing does.
    pub(crate) fn is_begun(&self) -> bool {
        self.place != Place::Start
    }

    /// Whether all that comes is visible.
    pub(crate) fn is_past(&self) -> bool {
        self.place == Place::Answer
    }

    /// Whether it began with thoughts that need no opening tag.
    pub(crate) fn began_inside(&self) -> bool {
        self.began_inside
    }

    pub(super) fn begin(&mut self, inside: bool) {
        self.began_inside = inside;
        self.place = if inside { Place::Opening } else { Place::Outside };
    }

    pub(super) fn advance(&mut self, tags: &Tags, text: &str, is_end: bool, step: &mut dyn FnMut(Step<'_>)) {
        let mut joined = mem::take(&mut self.held);
        let mut rest = text;
        if !joined.is_empty() {
            joined.push_str(text);
            rest = &joined;
        }
        while !rest.is_empty() {
            let after = match self.place {
                Place::Answer => {
                    step(Step::Visible(rest));
                    None
                }
                Place::Start | Place::Outside | Place::Opening => self.before(tags, rest, is_end, step),
                Place::Inside => self.inside(tags, rest, is_end, step),
            };
            rest = after.unwrap_or_default();
        }
    }

    /// White space, then perhaps a tag. Returns what comes behind it.
    fn before<'t>(
        &mut self,
        tags: &Tags,
        text: &'t str,
        is_end: bool,
        step: &mut dyn FnMut(Step<'_>),
    ) -> Option<&'t str> {
        let rest = text.trim_start();
        if let Some(blank) = text.strip_suffix(rest).filter(|blank| !blank.is_empty()) {
            step(if self.place == Place::Opening { Step::Thought(blank) } else { Step::Visible(blank) });
        }
        let len = match tags.at(rest, true) {
            _ if rest.is_empty() => 0,
            Tag::Maybe if !is_end => {
                self.held.push_str(rest);
                return None;
            }
            Tag::Opening(len) => {
                self.place = Place::Inside;
                len
            }
            // The opening one was in the prompt, and there were no thoughts.
            Tag::Closing(len) => {
                self.place = Place::Outside;
                len
            }
            Tag::None | Tag::Maybe => {
                self.place = if self.place == Place::Opening { Place::Inside } else { Place::Answer };
                0
            }
        };
        rest.get(len..)
    }

    /// Thoughts, up to a closing tag.
    fn inside<'t>(
        &mut self,
        tags: &Tags,
        text: &'t str,
        is_end: bool,
        step: &mut dyn FnMut(Step<'_>),
    ) -> Option<&'t str> {
        let mut after = None;
        let mut end = text.len();
        let mut from = 0;
        while let Some(next) = memchr::memchr(b'<', text.as_bytes().get(from..).unwrap_or_default()) {
            let at = from + next;
            let rest = text.get(at..).unwrap_or_default();
            from = at + 1;
            match tags.at(rest, false) {
                Tag::Closing(len) => {
                    self.place = Place::Outside;
                    after = rest.get(len..);
                }
                Tag::Maybe if !is_end => self.held.push_str(rest),
                _ => continue,
            }
            end = at;
            break;
        }
        if let Some(thought) = text.get(..end).filter(|thought| !thought.is_empty()) {
            step(Step::Thought(thought));
        }
        if after.is_some() {
            step(Step::Closed);
        }
        after
    }
}

impl Tags {
    fn at(&self, text: &str, may_open: bool) -> Tag {
        let mut found = Tag::None;
        for (tag, opens) in &self.0 {
            if *opens && !may_open {
                continue;
            }
            if text.starts_with(tag.as_str()) {
                return if *opens { Tag::Opening(tag.len()) } else { Tag::Closing(tag.len()) };
            }
            if tag.starts_with(text) {
                found = Tag::Maybe;
            }
        }
        found
    }
}
