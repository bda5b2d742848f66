//! The arguments of one tool call, as they grow.

use crate::json::{self, JsonText};
use crate::text::TextBuffer;

/// Joins the fragments, follows their JSON nesting, and repairs what servers that resend do to them.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    text: TextBuffer,
    /// Where each fragment that was not empty ends in the text.
    ends: Vec<usize>,
    nesting: Nesting,
}

/// How a call's arguments were mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// Every fragment held everything so far.
    Cumulative,
    /// The last fragment repeated all others.
    Replayed,
}

impl Repair {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Cumulative => "cumulative",
            Self::Replayed => "replayed",
        }
    }
}

impl Arguments {
    /// Appends a fragment.
    pub(super) fn push(&mut self, fragment: &JsonText<'_>) {
        if !fragment.is_empty() {
            let added = self.text.push(fragment);
            self.nesting.follow(added);
            self.ends.push(self.text.len());
        }
    }

    /// Ends the text: an unpaired surrogate becomes U+FFFD.
    pub(super) fn finish(&mut self) {
        self.text.finish();
    }

    /// What was added after the text had this length.
    pub(super) fn since(&self, len: usize) -> &str {
        self.text.as_str().get(len..).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether the fragments so far are one closed object or array. Costs nothing: nesting is followed
    /// as the fragments come.
    pub(super) fn are_complete(&self) -> bool {
        self.nesting.closed && !self.nesting.overrun
    }

    /// The final text, and how it was mended. Nothing is touched when the join is valid JSON.
    pub(super) fn resolve(&self) -> (&str, Option<Repair>) {
        let joined = self.text.as_str();
        if self.ends.len() < 2 || json::check(joined).is_ok() {
            return (joined, None);
        }
        let fragments = self.fragments();
        let Some((last, others)) = fragments.split_last() else { return (joined, None) };
        if json::check(last).is_err() {
            return (joined, None);
        }
        if fragments.windows(2).all(|pair| matches!(pair, [a, b] if b.starts_with(a))) {
            return (last, Some(Repair::Cumulative));
        }
        let before = joined.len() - last.len();
        if !others.is_empty() && joined.get(..before) == Some(last) {
            return (last, Some(Repair::Replayed));
        }
        (joined, None)
    }

    fn fragments(&self) -> Vec<&str> {
        let mut start = 0;
        let text = self.text.as_str();
        let cut = |end: &usize| {
            let fragment = text.get(start..*end).unwrap_or_default();
            start = *end;
            fragment
        };
        self.ends.iter().map(cut).filter(|fragment| !fragment.is_empty()).collect()
    }
}

/// Follows brackets and strings, so that "is it one closed value?" never needs a parse.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The outermost bracket was closed.
    closed: bool,
    /// Something came before the first or after the last bracket.
    overrun: bool,
}

impl Nesting {
    fn follow(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                b'{' | b'[' if !self.closed => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    self.closed = self.depth == 0;
                }
                _ if self.depth == 0 => self.overrun = true,
                b'"' => self.in_string = true,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_joined_or_mended() {
        let table: &[(&[&str], &str, Option<Repair>, bool)] = &[
            (&[r#"{"a""#, ":1}"], r#"{"a":1}"#, None, true),
            (&["{}"], "{}", None, true),
            (&["{}", "{}"], "{}", Some(Repair::Cumulative), false),
            (
                &[r#"{"pa"#, r#"{"path":1"#, r#"{"path":1,"q":2}"#],
                r#"{"path":1,"q":2}"#,
                Some(Repair::Cumulative),
                false,
            ),
            (&[r#"{"t":"#, "1}", r#"{"t":1}"#], r#"{"t":1}"#, Some(Repair::Replayed), false),
            (&[r#"{"a":1}"#, r#"{"b":2}"#], r#"{"a":1}{"b":2}"#, None, false),
            (&[r#"{"a":"}"#, r#"\""#, r#"{"}"#], r#"{"a":"}\"{"}"#, None, true),
            (&["x"], "x", None, false),
            (&[], "", None, false),
            (&["[1,", "2]", " "], "[1,2] ", None, true),
            (&["1", "2"], "12", None, false),
        ];
        for (fragments, expected, repair, complete) in table {
            let mut arguments = Arguments::default();
            for fragment in *fragments {
                arguments.push(&JsonText::Utf8((*fragment).into()));
            }
            assert_eq!(arguments.since(0), fragments.concat());
            assert_eq!(arguments.resolve(), (*expected, *repair), "{fragments:?}");
            assert_eq!(arguments.are_complete(), *complete, "{fragments:?}");
        }
    }
}
