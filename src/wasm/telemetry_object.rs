//! Reading the objects that telemetry is handed: settings and events.
//!
//! An object crosses as its JSON text: one call, where each field would be three, and as many texts. And a field of
//! another type than expected is noted and read as nothing, to be told at the end: leaving at each of them, with what
//! was read before to be dropped, took more of the module than all else here.

use std::borrow::Cow;
use std::cell::RefCell;

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;

use super::source::describe;
use crate::error::{Error, ErrorCode};
use crate::json::{self, JsonText, Raw};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = JSON)]
    fn stringify(value: &JsValue) -> Result<Option<String>, JsValue>;
}

/// An object's JSON text. When something in it has none, the text of its fields of these `names`.
pub(super) fn json_of(object: &JsValue, what: &str, names: &[&str]) -> Result<String, Error> {
    if !object.is_object() {
        return Err(bad(what, "it", "an object"));
    }
    if let Ok(Some(json)) = stringify(object) {
        return Ok(json);
    }
    known_json(object, names)
        .map(Option::unwrap_or_default)
        // In the words of who refused it: a getter that throws, a value that has no JSON.
        .map_err(|error| Error::new(ErrorCode::BadOption, describe(&error)))
}

fn known_json(object: &JsValue, names: &[&str]) -> Result<Option<String>, JsValue> {
    let known = Object::new();
    for name in names {
        let name = JsValue::from_str(name);
        Reflect::set(&known, &name, &Reflect::get(object, &name)?)?;
    }
    stringify(&known)
}

/// The fields of an object; what is `null` is absent.
#[derive(Debug)]
pub(super) struct Fields<'j> {
    /// What the object is, for messages.
    what: &'static str,
    fields: Vec<(Cow<'j, [u8]>, Raw<'j>)>,
    /// The first that was wrong.
    error: RefCell<Option<Error>>,
}

impl<'j> Fields<'j> {
    pub(super) fn of(json: &'j str, what: &'static str) -> Self {
        Self::of_raw(Raw::from_text(json), what)
    }

    pub(super) fn of_raw(raw: Raw<'j>, what: &'static str) -> Self {
        Self { what, fields: json::fields(raw).collect(), error: RefCell::default() }
    }

    /// What was read, if all of it was right.
    ///
    /// # Errors
    /// The first fault.
    pub(super) fn finish<T>(self, read: T) -> Result<T, Error> {
        match self.error.into_inner() {
            None => Ok(read),
            Some(error) => Err(error),
        }
    }

    /// Notes that something is wrong.
    pub(super) fn fail(&self, error: Error) {
        self.error.borrow_mut().get_or_insert(error);
    }

    pub(super) fn is_bad(&self, name: &str, kind: &str) {
        self.fail(bad(self.what, name, kind));
    }

    pub(super) fn get(&self, name: &str) -> Option<Raw<'j>> {
        let (_, value) = self.fields.iter().find(|(key, _)| **key == *name.as_bytes())?;
        Some(*value).filter(|value| !value.is_null())
    }

    pub(super) fn text_some(&self, name: &str) -> Option<String> {
        let text = json::text(self.get(name)?);
        if text.is_none() {
            self.is_bad(name, "a string");
        }
        text.map(JsonText::into_lossy)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.text_some(name).unwrap_or_else(|| {
            self.is_bad(name, "a string");
            String::new()
        })
    }

    pub(super) fn number_some(&self, name: &str) -> Option<f64> {
        let value = self.get(name)?;
        let number = value.as_str().ends_with(|last: char| last.is_ascii_digit()).then(|| value.as_str());
        let number = number.and_then(json::decimal);
        if number.is_none() {
            self.is_bad(name, "a number");
        }
        number
    }

    /// A number; JSON's `null` is one too, as there are no other words for NaN and infinity, and counts as 0.
    pub(super) fn number(&self, name: &str) -> f64 {
        let number = self.number_some(name);
        let is_there = self.fields.iter().any(|(key, _)| **key == *name.as_bytes());
        if !is_there {
            self.is_bad(name, "a number");
        }
        number.unwrap_or(0.0)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        let value = self.get(name).map(Raw::as_str);
        if !matches!(value, Some("true" | "false")) {
            self.is_bad(name, "true or false");
        }
        value == Some("true")
    }

    /// One of a list of words, by its place; 0 if it is none of them.
    pub(super) fn one_of(&self, name: &str, words: &[&str]) -> usize {
        let value = self.text(name);
        let place = words.iter().position(|word| *word == value);
        if place.is_none() {
            let mut message = format!("{name} must be one of ");
            push_list(&mut message, &mut words.iter().map(|word| Cow::Borrowed(*word)));
            message.push_str(", not \"");
            message.push_str(&value);
            message.push('"');
            self.fail(Error::new(ErrorCode::BadOption, message));
        }
        place.unwrap_or(0)
    }
}

/// Appends texts with commas between them.
pub(super) fn push_list(out: &mut String, texts: &mut dyn Iterator<Item = Cow<'_, str>>) {
    for (at, text) in texts.enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(&text);
    }
}

fn bad(what: &str, name: &str, kind: &str) -> Error {
    Error::new(ErrorCode::BadOption, format!("{what}: {name} must be {kind}"))
}
