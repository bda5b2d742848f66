//! One pass over a JSON document that checks it and notes where each value is.
//!
//! The notes are a [`Tape`]: one [`Node`] per value, in the order of the text, each with the length of its subtree.
//! Whoever looks for a field walks nodes instead of bytes, so no byte of a frame is looked at twice.

use super::string;

/// Where one value of a document is, and how its key is spelled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// The key's content, without its quotes; nothing for an element and for the document's own value.
    pub(super) key: Span,
    /// The value's text.
    pub(super) value: Span,
    /// How many nodes the value and all within it take.
    len: u32,
}

/// A range of bytes in the document, and whether there is a backslash in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) is_escaped: bool,
}

impl Node {
    /// How many nodes the value and all within it take.
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }
}

/// The nodes of one document; reused from document to document.
#[derive(Debug, Default)]
pub struct Tape {
    nodes: Vec<Node>,
    /// The containers that are open, outermost first.
    open: Vec<Open>,
}

/// A container that is open.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_object: bool,
    /// The number of its node.
    node: u32,
}

/// The most nodes that are noted. A document with more (its nodes would take several times its own size) is read
/// without a tape. No chunk of a stream that anyone has seen has a hundredth of them.
const MAX_NODES: usize = 1 << 15;

/// How many nodes keep their memory from one document to the next.
const KEPT_NODES: usize = 1 << 10;

/// Whether `text` is one JSON document.
pub(super) fn is_document(text: &str) -> bool {
    Tape::default().scan_document(text.as_bytes(), 0).is_some()
}

impl Tape {
    /// Checks that `text` is one JSON document and notes its nodes; none of a document that is too large. `None` when
    /// it is no document.
    pub(super) fn scan(&mut self, text: &str) -> Option<&[Node]> {
        self.nodes.clear();
        self.nodes.shrink_to(KEPT_NODES);
        self.open.clear();
        self.open.shrink_to(KEPT_NODES);
        let limit = if u32::try_from(text.len()).is_ok() { MAX_NODES } else { 0 };
        self.scan_document(text.as_bytes(), limit)?;
        if self.nodes.len() >= limit {
            self.nodes.clear();
        }
        Some(&self.nodes)
    }

    fn scan_document(&mut self, bytes: &[u8], limit: usize) -> Option<()> {
        let mut at = skip_space(bytes, 0);
        let mut key = Span::default();
        loop {
            let start = at;
            let first = *bytes.get(at)?;
            let mut is_escaped = false;
            match first {
                b'"' => (at, is_escaped) = string::end(bytes, at + 1)?,
                b'{' | b'[' => at += 1,
                b'-' | b'0'..=b'9' => at = number_end(bytes, at)?,
                b't' => at = literal_end(bytes, at, b"true")?,
                b'f' => at = literal_end(bytes, at, b"false")?,
                b'n' => at = literal_end(bytes, at, b"null")?,
                _ => return None,
            }
            let number = self.nodes.len();
            if number < limit {
                let value = Span { start: start as u32, end: at as u32, is_escaped };
                self.nodes.push(Node { key, value, len: 1 });
            }
            let mut after_value = true;
            if matches!(first, b'{' | b'[') {
                self.open.push(Open { is_object: first == b'{', node: number as u32 });
                at = skip_space(bytes, at);
                after_value = matches!(bytes.get(at), Some(b'}' | b']'));
            }
            if after_value && self.close(bytes, &mut at)? {
                return Some(());
            }
            key = Span::default();
            if self.open.last().is_some_and(|open| open.is_object) {
                if bytes.get(at) != Some(&b'"') {
                    return None;
                }
                let (end, is_escaped) = string::end(bytes, at + 1)?;
                key = Span { start: at as u32 + 1, end: end as u32 - 1, is_escaped };
                at = skip_space(bytes, end);
                if bytes.get(at) != Some(&b':') {
                    return None;
                }
                at = skip_space(bytes, at + 1);
            }
        }
    }

    /// Behind a value: ends what is closed here, up to the comma before the next value. Returns whether the document
    /// is at its end.
    #[inline(always)]
    fn close(&mut self, bytes: &[u8], at: &mut usize) -> Option<bool> {
        loop {
            *at = skip_space(bytes, *at);
            let Some(open) = self.open.last().copied() else {
                return (*at == bytes.len()).then_some(true);
            };
            match *bytes.get(*at)? {
                b',' => {
                    *at = skip_space(bytes, *at + 1);
                    return Some(false);
                }
                b'}' if open.is_object => {}
                b']' if !open.is_object => {}
                _ => return None,
            }
            *at += 1;
            self.open.pop();
            let count = self.nodes.len() as u32;
            if let Some(node) = self.nodes.get_mut(open.node as usize) {
                node.len = count - open.node;
                node.value.end = *at as u32;
            }
        }
    }
}

/// The place of the first byte at or after `at` that is not white space.
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

fn literal_end(bytes: &[u8], at: usize, literal: &[u8]) -> Option<usize> {
    bytes.get(at..)?.starts_with(literal).then_some(at + literal.len())
}

/// The place behind the number at `at`; `None` unless it is spelled as JSON wants it.
pub fn number_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match bytes.get(at)? {
        b'0' => at + 1,
        _ => digits_end(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits_end(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits_end(bytes, at)?;
    }
    // A digit here follows a leading zero.
    (!matches!(bytes.get(at), Some(b'0'..=b'9'))).then_some(at)
}

/// The place behind one or more digits.
fn digits_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    (at > start).then_some(at)
}
