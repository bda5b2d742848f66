//! Items as the API sent them, made fit to be passed on.

use std::borrow::Cow;

use crate::item::{Item, Verbatim};
use crate::json::{self, Raw};

/// The item, with every field in the spelling it came in.
pub(super) fn item(raw: Raw<'_>) -> Item {
    let kind = json::field(raw, b"type").and_then(json::nonempty_string).unwrap_or_default();
    Item::Verbatim(Verbatim::new(kind.into_owned(), clean(raw).into_owned()))
}

/// JSON that any reader takes, on one line: halves of surrogate pairs without their other half, which
/// only JavaScript knows, become U+FFFD.
pub(super) fn clean(raw: Raw<'_>) -> Cow<'_, str> {
    let raw = raw.as_str();
    let mut text = Cow::Borrowed(raw);
    if memchr::memchr2(b'\n', b'\r', raw.as_bytes()).is_some() {
        text = Cow::Owned(json::compact(raw));
    }
    match json::paired(&text) {
        Some(paired) => Cow::Owned(paired),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_stay() {
        let table: &[(&str, &str)] = &[
            (r#"{"a":"x"}"#, r#"{"a":"x"}"#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\uD83D\uDE00 \ud83d""#, r#""\uD83D\uDE00 \ufffd""#),
            (r#""\ude00é\ud83d\ud83d\ude00""#, r#""\ufffdé\ufffd\ud83d\ude00""#),
            (r#""\\ud83d \\\ud83d""#, r#""\\ud83d \\\ufffd""#),
            (r#""\n\u00e9""#, r#""\n\u00e9""#),
            ("{\n \"a\": 1\r\n}", r#"{"a":1}"#),
        ];
        for (raw, expected) in table {
            assert_eq!(clean(Raw::from_text(raw)), *expected, "{raw}");
        }
    }
}
