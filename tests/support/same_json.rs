//! A document as the scanner reads it, beside `serde_json`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use streamgauge::json::{self, JsonText, Raw, Tape};

/// A string's content as `serde_json` reads it when it is asked for bytes: WTF-8, where there are lone surrogates.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Bytes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Read)
    }
}

/// An object's fields in their order, repeated keys and all.
struct Fields<'a>(Vec<(Vec<u8>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(Bytes(key)) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// The words of an error, without the place.
fn words(error: &str) -> &str {
    error.split(" at line ").next().unwrap_or(error)
}

/// What a tree of `serde_json` has no room for, although it is JSON: such documents are read.
fn is_beyond_a_tree(error: &str) -> bool {
    [
        "number out of range",
        "recursion limit exceeded",
        // The first half of a surrogate pair without the second, or the second alone.
        "unexpected end of hex escape",
        "lone leading surrogate in hex escape",
    ]
    .contains(&words(error))
}

/// Compares everything that can be seen of a document. Returns whether it is JSON.
///
/// The rule of error texts: they are what reading into a [`Value`] says, also when that stumbles earlier, over something
/// that alone would be no reason to refuse the document (a lone surrogate, a number beyond any range, the 128th level).
pub fn compare(text: &str, tape: &mut Tape) -> Result<bool, String> {
    let expected = serde_json::from_str::<&RawValue>(text);
    let tree = serde_json::from_str::<Value>(text);
    let checked = json::document(text).map(|_| ());
    if json::check(text) != checked {
        return Err(format!("check says {:?}, document {checked:?}", json::check(text)));
    }
    for (way, got) in [("untaped", json::document(text)), ("taped", tape.document(text))] {
        match (&expected, got) {
            (Ok(expected), Ok(raw)) => {
                let has_lone =
                    same_tree(raw, expected.get()).map_err(|problem| format!("{way}: {problem}"))?;
                if json::paired(text).is_some() != has_lone {
                    return Err(format!("{way}: paired gives {:?}", json::paired(text)));
                }
                match &tree {
                    Err(error) if !is_beyond_a_tree(&error.to_string()) => {
                        return Err(format!("{way}: accepted, but a tree says {error}"));
                    }
                    _ => {}
                }
            }
            (Err(_), Err(error)) => match &tree {
                Err(expected) if expected.to_string() == error => {}
                tree => return Err(format!("{way}: error {error:?}, but a tree says {tree:?}")),
            },
            (Ok(_), Err(error)) => return Err(format!("{way}: refused ({error})")),
            (Err(error), Ok(_)) => return Err(format!("{way}: accepted, but {error}")),
        }
    }
    Ok(expected.is_ok())
}

/// Walks a value and its text, which `serde_json` reads level by level. Returns whether a string in it is not Unicode.
fn same_tree(raw: Raw<'_>, text: &str) -> Result<bool, String> {
    let mut has_lone = false;
    let mut left = vec![(raw, text)];
    while let Some((raw, text)) = left.pop() {
        if raw.as_str() != text || raw.len() != text.len() {
            return Err(format!("the value {text} is {raw}"));
        }
        let kind = text.as_bytes()[0];
        if (raw.is_null(), raw.is_object(), raw.is_array()) != (kind == b'n', kind == b'{', kind == b'[') {
            return Err(format!("the type of {text}"));
        }
        let expected = (kind == b'-' || kind.is_ascii_digit()).then(|| text.parse::<f64>().unwrap());
        // At the ends of a double's range the last digits, or what is next to nothing, may be lost.
        let is_usual = expected.is_none_or(|value| value == 0.0 || (1e-250..1e250).contains(&value.abs()));
        let is_short =
            text.len() < 40 && text.split(['e', 'E']).nth(1).is_none_or(|digits| digits.len() < 10);
        let number = json::number(raw).filter(|_| expected.is_some());
        if is_usual && is_short && !is_near(number, expected) {
            return Err(format!("the number {text} is {:?}", json::number(raw)));
        }
        let (mut fields, mut elements, mut string) = (Vec::new(), Vec::new(), None);
        match kind {
            b'{' => fields = serde_json::from_str::<Fields<'_>>(text).unwrap().0,
            b'[' => elements = serde_json::from_str::<Vec<&RawValue>>(text).unwrap(),
            b'"' => string = Some(serde_json::from_str::<Bytes>(text).unwrap().0),
            _ => {}
        }
        let is_blank = match kind {
            b'{' => fields.is_empty(),
            b'[' => elements.is_empty(),
            _ => matches!(text, "null" | "\"\""),
        };
        // Of long values it is not asked.
        if text.len() < 16 && raw.is_blank() != is_blank {
            return Err(format!("whether {text} is blank"));
        }
        let read = json::text(raw).map(|text| bytes_of(&text, &mut has_lone));
        if read != string {
            return Err(format!("the string {text} says {string:?} but is read as {read:?}"));
        }
        let read: Vec<_> = json::fields(raw).map(|(key, value)| (key.into_owned(), value)).collect();
        if read.len() != fields.len() {
            return Err(format!("{} fields instead of {} in {text}", read.len(), fields.len()));
        }
        for ((key, value), (expected_key, expected)) in read.into_iter().zip(&fields) {
            if key != *expected_key {
                return Err(format!("the key {expected_key:?} is read as {key:?}"));
            }
            has_lone |= std::str::from_utf8(&key).is_err();
            left.push((value, expected.get()));
        }
        // The last of several wins; looked at in some, for it costs another walk.
        if let Some((key, _)) = fields.get(text.len() % 7) {
            let last = fields.iter().rfind(|(other, _)| other == key).map(|(_, value)| value.get());
            if json::field(raw, key).map(Raw::as_str) != last {
                return Err(format!("the field {key:?} of {text}"));
            }
        }
        let read: Vec<_> = json::elements(raw).collect();
        if read.len() != elements.len() {
            return Err(format!("{} elements instead of {} in {text}", read.len(), elements.len()));
        }
        left.extend(read.into_iter().zip(elements.into_iter().map(RawValue::get)));
    }
    Ok(has_lone)
}

/// Whether two numbers are one but for the last digits of a double.
fn is_near(left: Option<f64>, right: Option<f64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => (left - right).abs() <= right.abs() * 1e-14,
        (left, right) => left.is_none() && right.is_none(),
    }
}

fn bytes_of(text: &JsonText<'_>, has_lone: &mut bool) -> Vec<u8> {
    match text {
        JsonText::Utf8(text) => text.as_bytes().to_vec(),
        JsonText::Wtf8(bytes) => {
            assert!(std::str::from_utf8(bytes).is_err(), "valid Unicode, but not given as such");
            *has_lone = true;
            bytes.clone()
        }
    }
}
