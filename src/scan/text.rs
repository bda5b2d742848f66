//! Text that grows by deltas.

use crate::json::JsonText;

/// Accumulates the deltas of one text and keeps it valid Unicode at every moment.
///
/// A delta may end in the first half of a surrogate pair; that half waits for the next delta, is joined
/// with its second half, or becomes U+FFFD when something else follows or the text ends.
#[derive(Debug, Default, Clone)]
pub struct TextBuffer {
    text: String,
    /// A leading surrogate (`0xD800..=0xDBFF`) at the end, not yet in `text`.
    pending: Option<u16>,
}

impl TextBuffer {
    /// Appends a delta and returns the part of the text that is new (empty when a half waits).
    pub fn push(&mut self, delta: &JsonText<'_>) -> &str {
        let start = self.text.len();
        match delta {
            JsonText::Utf8(text) => {
                if !text.is_empty() {
                    self.settle();
                    self.text.push_str(text);
                }
            }
            JsonText::Wtf8(bytes) => self.push_wtf8(bytes),
        }
        self.since(start)
    }

    /// Takes back what is new since `start`. A half that waits goes on waiting.
    pub fn take_since(&mut self, start: usize) -> String {
        let new = self.since(start).to_owned();
        self.text.truncate(self.text.len() - new.len());
        new
    }

    /// Appends text that was taken back, ahead of a half that waits.
    pub fn put_back(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Ends the text: a waiting half becomes U+FFFD. Returns what that added.
    pub fn finish(&mut self) -> &str {
        let start = self.text.len();
        self.settle();
        self.since(start)
    }

    /// Forgets a half that waits: what it is part of came otherwise.
    pub fn drop_half(&mut self) {
        self.pending = None;
    }

    /// The text so far; half of a surrogate pair at its end is not in it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As [`TextBuffer::as_str`], without a copy.
    pub fn into_string(self) -> String {
        self.text
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether no delta with content has come, a waiting half included.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.pending.is_none()
    }

    /// What came after `start`.
    pub fn since(&self, start: usize) -> &str {
        self.text.get(start..).unwrap_or_default()
    }

    fn settle(&mut self) {
        if self.pending.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push_wtf8(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let valid = match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => bytes
                    .get(..error.valid_up_to())
                    .and_then(|prefix| std::str::from_utf8(prefix).ok())
                    .unwrap_or_default(),
            };
            if !valid.is_empty() {
                self.settle();
                self.text.push_str(valid);
            }
            bytes = bytes.get(valid.len()..).unwrap_or_default();
            // In WTF-8 what is not UTF-8 is a surrogate in three bytes: ED, A0..BF, 80..BF.
            let Some((&[_, second, third], rest)) = bytes.split_first_chunk::<3>() else {
                if !bytes.is_empty() {
                    self.settle();
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
                return;
            };
            self.push_surrogate(0xD000 | (u16::from(second & 0x3F) << 6) | u16::from(third & 0x3F));
            bytes = rest;
        }
    }

    fn push_surrogate(&mut self, unit: u16) {
        let is_trailing = unit >= 0xDC00;
        if let (true, Some(leading)) = (is_trailing, self.pending) {
            self.pending = None;
            let joined = char::decode_utf16([leading, unit]).next().and_then(Result::ok);
            self.text.push(joined.unwrap_or(char::REPLACEMENT_CHARACTER));
            return;
        }
        self.settle();
        if is_trailing {
            self.text.push(char::REPLACEMENT_CHARACTER);
        } else {
            self.pending = Some(unit);
        }
    }
}

/// How many UTF-16 code units a text has, which is what JavaScript counts: one per character, and two of four bytes.
pub fn utf16_len(text: &str) -> usize {
    let units = |byte: u8| usize::from(byte & 0xC0 != 0x80) + usize::from(byte >= 0xF0);
    text.bytes().map(units).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn halves_are_joined_and_lone_ones_replaced() {
        let table: &[(&[&str], &str)] = &[
            (&[r#""ok \ud83d""#, r#""\ude00 done""#], "ok 😀 done"),
            (&[r#""\ud83d""#, r#""""#, r#""\ude00""#], "😀"),
            (&[r#""\ud83d""#, r#""x""#], "\u{fffd}x"),
            (&[r#""\ude00""#], "\u{fffd}"),
            (&[r#""\ud83d""#], "\u{fffd}"),
            (&[r#""\ud83d\ud83d\ude00""#], "\u{fffd}😀"),
            (&[r#""a\ud83d\ude00b\ud83d""#, r#""\ude00\ude00""#], "a😀b😀\u{fffd}"),
            (&[r#""é\ud83d""#, r#""\ud83d\ude00""#], "é\u{fffd}😀"),
        ];
        for (deltas, expected) in table {
            let mut buffer = TextBuffer::default();
            let mut streamed = String::new();
            for delta in *deltas {
                streamed.push_str(buffer.push(&json::text(json::Raw::from_text(delta)).unwrap()));
            }
            streamed.push_str(buffer.finish());
            assert_eq!(buffer.as_str(), *expected, "{deltas:?}");
            assert_eq!(streamed, *expected, "the deltas must add up to the text: {deltas:?}");
        }
    }

    #[test]
    fn lengths_are_those_of_javascript() {
        for text in ["", "ascii", "é", "\u{7FF}\u{800}", "\u{FFFF}", "\u{10000}", "😀a😀é€", "\u{FEFF}x"]
        {
            assert_eq!(utf16_len(text), text.encode_utf16().count(), "{text:?}");
        }
    }
}
