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
    /// How many nodes the value and all within it take. While the value is open: its parent's number.
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
}

/// The most nodes that are noted. A document with more (its nodes would take several times its own size) is read
/// without a tape. No chunk of a stream that anyone has seen has a hundredth of them.
const MAX_NODES: usize = 1 << 15;

/// How many nodes keep their memory from one document to the next.
const KEPT_NODES: usize = 1 << 10;

/// The parent of the document's own value.
const ROOT: u32 = u32::MAX;

impl Tape {
    /// Checks that `text` is one JSON document and notes its nodes. `None` when it is not, and also when it is
    /// too large: the caller finds out by other means.
    pub(super) fn scan(&mut self, text: &str) -> Option<&[Node]> {
        self.nodes.clear();
        self.nodes.shrink_to(KEPT_NODES);
        u32::try_from(text.len()).ok()?;
        self.scan_document(text.as_bytes())?;
        Some(&self.nodes)
    }

    fn scan_document(&mut self, bytes: &[u8]) -> Option<()> {
        let mut at = skip_space(bytes, 0);
        let mut key = Span::default();
        let mut parent = ROOT;
        let mut in_object = false;
        loop {
            let start = at;
            let mut is_escaped = false;
            let mut opens = false;
            match *bytes.get(at)? {
                b'"' => (at, is_escaped) = string::end(bytes, at + 1)?,
                b'{' | b'[' => {
                    opens = true;
                    at += 1;
                }
                b'-' | b'0'..=b'9' => at = number_end(bytes, at)?,
                b't' => at = literal_end(bytes, at, b"true")?,
                b'f' => at = literal_end(bytes, at, b"false")?,
                b'n' => at = literal_end(bytes, at, b"null")?,
                _ => return None,
            }
            if self.nodes.len() >= MAX_NODES {
                return None;
            }
            let value = Span { start: start as u32, end: at as u32, is_escaped };
            let number = self.nodes.len() as u32;
            self.nodes.push(Node { key, value, len: if opens { parent } else { 1 } });
            let mut after_value = true;
            if opens {
                parent = number;
                in_object = bytes.get(start) == Some(&b'{');
                at = skip_space(bytes, at);
                after_value = matches!(bytes.get(at), Some(b'}' | b']'));
            }
            while after_value {
                if parent == ROOT {
                    return (skip_space(bytes, at) == bytes.len()).then_some(());
                }
                at = skip_space(bytes, at);
                match *bytes.get(at)? {
                    b',' => {
                        at = skip_space(bytes, at + 1);
                        break;
                    }
                    b'}' if in_object => {}
                    b']' if !in_object => {}
                    _ => return None,
                }
                at += 1;
                (parent, in_object) = self.close(parent, at, bytes)?;
            }
            key = Span::default();
            if in_object {
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

    /// Ends the open value `number`, and returns its parent and whether that is an object.
    fn close(&mut self, number: u32, end: usize, bytes: &[u8]) -> Option<(u32, bool)> {
        let count = self.nodes.len() as u32;
        let node = self.nodes.get_mut(number as usize)?;
        let parent = node.len;
        node.len = count - number;
        node.value.end = end as u32;
        let start = self.nodes.get(parent as usize).map(|node| node.value.start as usize);
        Some((parent, start.and_then(|start| bytes.get(start)) == Some(&b'{')))
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
pub(crate) fn number_end(bytes: &[u8], mut at: usize) -> Option<usize> {
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
