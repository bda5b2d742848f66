//! The one door to JSON: everything the wires read goes through here.
//!
//! A provider's chunk is read *by need*: the document is checked once as a whole, then a wire asks for
//! the few fields it knows and gets each as the JSON text of its value ([`Raw`]). No tree is built, a field
//! of an unexpected type never spoils its neighbours, and what is passed through keeps its exact spelling.
//!
//! Strings are read as WTF-8, because some servers cut a surrogate pair (`"\ud83d"`, then `"\ude00"`)
//! between two deltas; `TextBuffer` (`src/text.rs`) joins the halves again. `serde_json` documents this
//! (`deserialize_bytes`) where reading into a `String` would fail.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The text of one JSON value, without white space around it.
pub type Raw<'a> = &'a str;

/// A JSON string's content, before the question whether it is valid Unicode is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonText<'a> {
    /// Valid Unicode.
    Utf8(Cow<'a, str>),
    /// Holds at least one unpaired surrogate, as WTF-8.
    Wtf8(Vec<u8>),
}

impl JsonText<'_> {
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
}

/// Checks that `text` is one JSON document and returns its value's text.
///
/// # Errors
/// The parser's own words with line and column, as the reference logs them
/// (`expected ident at line 1 column 2`).
pub fn document(text: &str) -> Result<Raw<'_>, String> {
    serde_json::from_str::<&RawValue>(text).map(RawValue::get).map_err(|error| {
        // The reference reads into a tree, whose errors have other words here and there (`trailing comma`).
        let read = serde_json::from_str::<Tree>(text);
        read.err().unwrap_or(error).to_string()
    })
}

/// Whether `text` is one complete JSON document.
///
/// # Errors
/// The parser's words when it is not.
pub fn check(text: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|error| error.to_string())
}

/// Calls `each` with every key (escapes resolved) and value of an object; does nothing for another type.
///
/// Keys may repeat; callers that assign let the last one win, as `JSON.parse` does.
pub fn each_field<'a>(raw: Raw<'a>, mut each: impl FnMut(&[u8], Raw<'a>)) {
    fields(raw, &mut each);
}

/// One copy for all callers: the visitor is large, a call through a pointer is cheap beside a field's parse.
fn fields<'a>(raw: Raw<'a>, each: &mut dyn FnMut(&[u8], Raw<'a>)) {
    if is_object(raw) {
        let visitor = FieldsVisitor { each };
        // The text was checked by `document`, so an error here cannot happen; if it did, the fields
        // before it stand.
        let _ = serde_json::Deserializer::from_str(raw).deserialize_map(visitor);
    }
}

/// Calls `each` with every element of an array; does nothing for another type.
pub fn each_element<'a>(raw: Raw<'a>, mut each: impl FnMut(Raw<'a>)) {
    elements(raw, &mut each);
}

fn elements<'a>(raw: Raw<'a>, each: &mut dyn FnMut(Raw<'a>)) {
    if is_array(raw) {
        let visitor = ElementsVisitor { each };
        let _ = serde_json::Deserializer::from_str(raw).deserialize_seq(visitor);
    }
}

/// The value of one field of an object, if it is there.
pub fn field<'a>(raw: Raw<'a>, name: &[u8]) -> Option<Raw<'a>> {
    let mut found = None;
    each_field(raw, |key, value| {
        if key == name {
            found = Some(value);
        }
    });
    found
}

/// The content of a string; `None` for another type.
pub fn text(raw: Raw<'_>) -> Option<JsonText<'_>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(JsonText::Utf8(Cow::Borrowed(inner)));
    }
    let bytes = serde_json::Deserializer::from_str(raw).deserialize_bytes(Bytes).ok()?.into_owned();
    Some(match String::from_utf8(bytes) {
        Ok(text) => JsonText::Utf8(Cow::Owned(text)),
        Err(error) => JsonText::Wtf8(error.into_bytes()),
    })
}

/// A string that is there and not empty, for ids, names and the like.
pub fn nonempty_string(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    match text(raw)? {
        JsonText::Utf8(text) if text.is_empty() => None,
        JsonText::Utf8(text) => Some(text),
        wtf8 @ JsonText::Wtf8(_) => Some(Cow::Owned(wtf8.into_lossy())),
    }
}

/// A whole number that is not negative: `7`, `7.0`, or `"7"` (some gateways quote indices).
pub fn unsigned(raw: Raw<'_>) -> Option<u64> {
    let digits = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    if let Ok(value) = digits.parse::<u64>() {
        return Some(value);
    }
    let value = digits.parse::<f64>().ok()?;
    // 2^53: the largest range in which a JSON number that went through a double is exact.
    ((0.0..=9_007_199_254_740_992.0).contains(&value) && value.fract() == 0.0).then_some(value as u64)
}

/// A number, as written or quoted.
pub fn number(raw: Raw<'_>) -> Option<f64> {
    raw.trim_matches('"').parse().ok().filter(|value: &f64| value.is_finite())
}

/// Whether the value is `null`.
pub fn is_null(raw: Raw<'_>) -> bool {
    raw == "null"
}

/// Whether the value is an object.
pub fn is_object(raw: Raw<'_>) -> bool {
    raw.starts_with('{')
}

/// Whether the value is an array.
pub fn is_array(raw: Raw<'_>) -> bool {
    raw.starts_with('[')
}

/// Whether the value says nothing: `null`, `""`, `[]`, `{}`.
pub fn is_blank(raw: Raw<'_>) -> bool {
    match raw {
        "null" | "\"\"" | "[]" | "{}" => true,
        // Pretty-printed emptiness, like `[ ]`; longer values are not empty.
        _ if raw.len() < 16 && (is_array(raw) || is_object(raw)) => compact(raw).len() == 2,
        _ => false,
    }
}

/// The same value without white space between tokens; numbers and strings keep their spelling.
pub fn compact(raw: Raw<'_>) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut in_string = false;
    let mut escaped = false;
    for character in raw.chars() {
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

/// JSON with the escapes of unpaired surrogates, which only JavaScript takes, replaced by U+FFFD; `None` when
/// it has none of them.
pub fn paired(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', bytes.get(at..).unwrap_or_default()) {
        let escape = at + found;
        let Some(unit) = code_unit(bytes, escape) else {
            at = escape + 2;
            continue;
        };
        at = escape + 6;
        match unit {
            0xD800..=0xDBFF if matches!(code_unit(bytes, at), Some(0xDC00..=0xDFFF)) => at += 6,
            0xD800..=0xDFFF => {
                let out = out.get_or_insert_default();
                out.push_str(text.get(copied..escape)?);
                out.push_str("\\ufffd");
                copied = at;
            }
            _ => {}
        }
    }
    let mut out = out?;
    out.push_str(text.get(copied..)?);
    Some(out)
}

/// The code unit of the escape `\uXXXX` at `at`, if there is one.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    // Serialising a `str` cannot fail; the fallback keeps the output well-formed all the same.
    match serde_json::to_string(text) {
        Ok(json) => out.push_str(&json),
        Err(_) => out.push_str("\"\""),
    }
}

struct FieldsVisitor<'f, 'de> {
    each: &'f mut dyn FnMut(&[u8], Raw<'de>),
}

impl<'de> Visitor<'de> for FieldsVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Bytes)? {
            let value: &'de RawValue = map.next_value()?;
            (self.each)(&key, value.get());
        }
        Ok(())
    }
}

struct ElementsVisitor<'f, 'de> {
    each: &'f mut dyn FnMut(Raw<'de>),
}

impl<'de> Visitor<'de> for ElementsVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element::<&'de RawValue>()? {
            (self.each)(value.get());
        }
        Ok(())
    }
}

/// Reads a string as WTF-8 bytes, borrowed where it has no escapes.
struct Bytes;

impl<'de> DeserializeSeed<'de> for Bytes {
    type Value = Cow<'de, [u8]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Bytes {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }
}

impl JsonText<'_> {
    /// The same text, owned.
    pub fn into_owned(self) -> JsonText<'static> {
        match self {
            Self::Utf8(text) => JsonText::Utf8(Cow::Owned(text.into_owned())),
            Self::Wtf8(bytes) => JsonText::Wtf8(bytes),
        }
    }
}

/// Reads as a tree would, and keeps nothing.
struct Tree;

impl<'de> serde::Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Tree>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Tree, Tree>()?.is_some() {}
        Ok(self)
    }
}
