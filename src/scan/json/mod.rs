//! The one door to JSON: everything the wires read goes through here.
//!
//! A provider's chunk is read *by need*: the document is checked once as a whole ([`Tape::document`]), then a wire
//! asks for the few fields it knows and gets each as a [`Raw`]: the text of its value, with the tape's notes of what
//! is in it. No tree is built, a field of an unexpected type never spoils its neighbours, and what is passed through
//! keeps its exact spelling.
//!
//! Strings are read as WTF-8, because some servers cut a surrogate pair (`"\ud83d"`, then `"\ude00"`)
//! between two deltas; `TextBuffer` (`text.rs`) joins the halves again.

mod fault;
mod loose;
mod number;
mod scan;
mod string;
mod write;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

pub use self::number::decimal;
pub use self::number::{number, unsigned};
pub use self::scan::Tape;
pub use self::scan::number_end;
use self::scan::{Node, Span};
pub use self::string::end as string_end;
pub use self::string::next_special;
pub use self::string::paired;
pub use self::write::ToJson;
pub use self::write::{Object, write_list, write_string, write_u64};

/// One JSON value: its text, without white space around it, and where the values within it are.
#[derive(Clone, Copy)]
pub struct Raw<'a> {
    text: &'a str,
    /// Where the text begins in the document that the nodes tell of.
    offset: u32,
    /// The value's own node and those of all within it; none for a value that is looked through as text.
    nodes: &'a [Node],
}

impl<'a> Raw<'a> {
    /// A value from its text, which must be JSON without white space around it: what [`Raw::as_str`] gave earlier.
    pub fn from_text(text: &'a str) -> Self {
        Self { text, offset: 0, nodes: &[] }
    }

    /// The value's text, as it came.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// The length of the value's text in bytes.
    #[allow(clippy::len_without_is_empty, reason = "no value has an empty text")]
    pub fn len(self) -> usize {
        self.text.len()
    }

    /// Whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.first() == Some(b'n')
    }

    /// Whether the value is an object.
    pub fn is_object(self) -> bool {
        self.first() == Some(b'{')
    }

    /// Whether the value is an array.
    pub fn is_array(self) -> bool {
        self.first() == Some(b'[')
    }

    /// Whether the value says nothing: `null`, `""`, `[]`, `{}`.
    pub fn is_blank(self) -> bool {
        match self.text {
            "null" | "\"\"" | "[]" | "{}" => true,
            // Pretty-printed emptiness, like `[ ]`; longer values are not empty.
            text if text.len() < 16 && (self.is_array() || self.is_object()) => compact(text).len() == 2,
            _ => false,
        }
    }

    /// Where the value is in its document; `None` for a value that is looked through as text.
    pub fn place(self) -> Option<Place> {
        let node = self.nodes.first()?;
        Some(Place { start: node.value.start as usize, end: node.value.end as usize, first: self.first()? })
    }

    /// Where an object may have spaces after this member of it, when there is nothing else up to its end.
    pub fn padding_after(self, last: Raw<'_>) -> Option<Place> {
        let (own, last) = (self.place()?, last.place()?);
        let end = own.end.checked_sub(1)?;
        let between = self.text.get(last.end.checked_sub(own.start)?..end.checked_sub(own.start)?)?;
        between.bytes().all(|byte| byte == b' ').then_some(Place { start: last.end, end, first: b' ' })
    }

    /// The part of the text that a span of the document marks.
    fn slice(self, span: Span) -> &'a str {
        let start = span.start.wrapping_sub(self.offset) as usize;
        let end = span.end.wrapping_sub(self.offset) as usize;
        self.text.get(start..end).unwrap_or_default()
    }

    fn first(self) -> Option<u8> {
        self.text.as_bytes().first().copied()
    }
}

/// Where a value is in its document, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    start: usize,
    end: usize,
    first: u8,
}

impl Place {
    /// Whether the value is a string or a number.
    pub fn is_leaf(&self) -> bool {
        matches!(self.first, b'"' | b'-' | b'0'..=b'9')
    }

    /// Whether it is no value but spaces between values, or a place for them.
    pub fn is_padding(&self) -> bool {
        self.first == b' '
    }

    /// Where the content of a string is, a number, or spaces, and whether it is a string; `None` for another type.
    pub fn content(self) -> Option<(Range<usize>, bool)> {
        match self.first {
            b' ' => Some((self.start..self.end, false)),
            b'"' => Some((self.start + 1..self.end - 1, true)),
            _ if self.is_leaf() => Some((self.start..self.end, false)),
            _ => None,
        }
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}

impl fmt::Display for Raw<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}

impl Tape {
    /// Checks that `text` is one JSON document, and returns its value.
    ///
    /// # Errors
    /// The parser's own words with line and column, as the reference logs them
    /// (`expected ident at line 1 column 2`).
    pub fn document<'a>(&'a mut self, text: &'a str) -> Result<Raw<'a>, String> {
        match self.scan(text) {
            Some(nodes @ [document, ..]) => {
                let span = document.value;
                let text = text.get(span.start as usize..span.end as usize).unwrap_or_default();
                Ok(Raw { text, offset: span.start, nodes })
            }
            Some([]) => Ok(Raw::from_text(trimmed(text))),
            None => Err(fault::explain(text)),
        }
    }
}

/// Checks that `text` is one JSON document, and returns its value to be looked through as text: for what is read
/// once, or kept.
///
/// # Errors
/// The parser's own words, as [`Tape::document`].
pub fn document(text: &str) -> Result<Raw<'_>, String> {
    check(text).map(|()| Raw::from_text(trimmed(text)))
}

/// Whether `text` is one complete JSON document.
///
/// # Errors
/// The parser's words when it is not, as [`Tape::document`].
pub fn check(text: &str) -> Result<(), String> {
    if scan::is_document(text) { Ok(()) } else { Err(fault::explain(text)) }
}

/// The text without the white space of JSON around it.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// The fields of an object, in their order: keys with their escapes resolved, and values. Nothing for another type.
///
/// Keys may repeat; callers that assign let the last one win, as `JSON.parse` does.
pub fn fields(raw: Raw<'_>) -> Fields<'_> {
    Fields(Members::of(raw, b'{'))
}

/// The elements of an array, in their order. Nothing for another type.
pub fn elements(raw: Raw<'_>) -> Elements<'_> {
    Elements(Members::of(raw, b'['))
}

/// Calls `each` with every field of an object; see [`fields`].
pub fn each_field<'a>(raw: Raw<'a>, mut each: impl FnMut(&[u8], Raw<'a>)) {
    walk_fields(raw, &mut each);
}

/// One copy for all callers: in each of them the walk would be larger than what it is for.
#[inline(never)]
fn walk_fields<'a>(raw: Raw<'a>, each: &mut dyn FnMut(&[u8], Raw<'a>)) {
    for (key, value) in fields(raw) {
        each(&key, value);
    }
}

/// Finds the fields with these names, the last one of each, and hands every other field to `other`.
pub fn pick<'a, const N: usize>(
    raw: Raw<'a>,
    names: [&str; N],
    mut other: impl FnMut(&[u8], Raw<'a>),
) -> [Option<Raw<'a>>; N] {
    let mut found = [None; N];
    pick_into(raw, &names, &mut found, &mut other);
    found
}

/// Whether a key is this name. WebAssembly compares byte by byte, in a call: it is asked only when it looks good.
fn is_named(name: &[u8], key: &[u8]) -> bool {
    name.len() == key.len() && name.first() == key.first() && name.last() == key.last() && name == key
}

#[inline(never)]
fn pick_into<'a>(
    raw: Raw<'a>,
    names: &[&str],
    found: &mut [Option<Raw<'a>>],
    other: &mut dyn FnMut(&[u8], Raw<'a>),
) {
    for (key, value) in fields(raw) {
        let at = names.iter().position(|name| is_named(name.as_bytes(), &key));
        match at.and_then(|at| found.get_mut(at)) {
            Some(slot) => *slot = Some(value),
            None => other(&key, value),
        }
    }
}

/// Calls `each` with every element of an array; see [`elements`].
pub fn each_element<'a>(raw: Raw<'a>, mut each: impl FnMut(Raw<'a>)) {
    walk_elements(raw, &mut each);
}

#[inline(never)]
fn walk_elements<'a>(raw: Raw<'a>, each: &mut dyn FnMut(Raw<'a>)) {
    elements(raw).for_each(each);
}

/// See [`fields`].
#[derive(Debug)]
pub struct Fields<'a>(Members<'a>);

/// See [`elements`].
#[derive(Debug)]
pub struct Elements<'a>(Members<'a>);

/// What is left of a container.
#[derive(Debug)]
enum Members<'a> {
    /// By the tape: the container, and the nodes not yet visited.
    Taped(Raw<'a>, &'a [Node]),
    /// By the text not yet visited.
    Loose(&'a str),
}

impl<'a> Members<'a> {
    fn of(raw: Raw<'a>, bracket: u8) -> Self {
        match raw.nodes {
            _ if raw.first() != Some(bracket) => Self::Loose(""),
            [_, within @ ..] => Self::Taped(raw, within),
            [] => Self::Loose(raw.text.get(1..).unwrap_or_default()),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Cow<'a, [u8]>, Raw<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, is_escaped, value) = match &mut self.0 {
            Members::Taped(parent, rest) => {
                let (node, value) = next_node(*parent, rest)?;
                (parent.slice(node.key), node.key.is_escaped, value)
            }
            Members::Loose(rest) => {
                let (key, is_escaped) = loose::key(rest)?;
                (key, is_escaped, Raw::from_text(loose::value(rest)?))
            }
        };
        let key = match is_escaped {
            false => Cow::Borrowed(key.as_bytes()),
            true => Cow::Owned(match string::unescape(key) {
                JsonText::Utf8(text) => text.into_owned().into_bytes(),
                JsonText::Wtf8(bytes) => bytes,
            }),
        };
        Some((key, value))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Members::Taped(parent, rest) => next_node(*parent, rest).map(|(_, value)| value),
            Members::Loose(rest) => loose::value(rest).map(Raw::from_text),
        }
    }
}

/// The next value of a container, and its node.
fn next_node<'a>(parent: Raw<'a>, rest: &mut &'a [Node]) -> Option<(&'a Node, Raw<'a>)> {
    let node = rest.first()?;
    let (own, others) = rest.split_at_checked(node.len())?;
    *rest = others;
    Some((node, Raw { text: parent.slice(node.value), offset: node.value.start, nodes: own }))
}

/// The value of one field of an object, if it is there; the last one, if it is there several times.
pub fn field<'a>(raw: Raw<'a>, name: &[u8]) -> Option<Raw<'a>> {
    fields(raw).filter(|(key, _)| key.as_ref() == name).last().map(|(_, value)| value)
}

/// The content of a string; `None` for another type.
pub fn text(raw: Raw<'_>) -> Option<JsonText<'_>> {
    let content = raw.text.strip_prefix('"')?.strip_suffix('"')?;
    let is_escaped = match raw.nodes {
        [node, ..] => node.value.is_escaped,
        [] => memchr::memchr(b'\\', content.as_bytes()).is_some(),
    };
    Some(self::content(content, is_escaped))
}

/// What a string says, by what is between its quotes.
pub fn content(content: &str, is_escaped: bool) -> JsonText<'_> {
    if is_escaped { string::unescape(content) } else { JsonText::Utf8(Cow::Borrowed(content)) }
}

/// A JSON string's content, before the question whether it is valid Unicode is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonText<'a> {
    /// Valid Unicode.
    Utf8(Cow<'a, str>),
    /// Holds at least one unpaired surrogate, as WTF-8.
    Wtf8(Vec<u8>),
}

impl JsonText<'_> {
    /// The length in bytes; three for an unpaired surrogate.
    pub fn len(&self) -> usize {
        match self {
            Self::Utf8(text) => text.len(),
            Self::Wtf8(bytes) => bytes.len(),
        }
    }

    /// Whether the string is empty.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Utf8(text) => text.is_empty(),
            Self::Wtf8(bytes) => bytes.is_empty(),
        }
    }

    /// The text, with U+FFFD for each unpaired surrogate.
    pub fn into_lossy(self) -> String {
        match self {
            Self::Utf8(text) => text.into_owned(),
            wtf8 @ Self::Wtf8(_) => {
                let mut buffer = crate::text::TextBuffer::default();
                buffer.push(&wtf8);
                buffer.finish();
                buffer.into_string()
            }
        }
    }

    /// The same text, owned.
    pub fn into_owned(self) -> JsonText<'static> {
        match self {
            Self::Utf8(text) => JsonText::Utf8(Cow::Owned(text.into_owned())),
            Self::Wtf8(bytes) => JsonText::Wtf8(bytes),
        }
    }
}

/// A string that is there and not empty, for ids, names and the like.
pub fn nonempty_string(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    match text(raw)? {
        JsonText::Utf8(text) if text.is_empty() => None,
        JsonText::Utf8(text) => Some(text),
        wtf8 @ JsonText::Wtf8(_) => Some(Cow::Owned(wtf8.into_lossy())),
    }
}

/// The same value without white space between tokens; numbers and strings keep their spelling.
pub fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut in_string = false;
    let mut escaped = false;
    for character in json.chars() {
        if in_string {
            out.push(character);
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
        } else if !matches!(character, ' ' | '\t' | '\n' | '\r') {
            in_string = character == '"';
            out.push(character);
        }
    }
    out
}
