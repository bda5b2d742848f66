//! Reading JavaScript's objects field by field, each with the type that belongs there.
//!
//! Not by `serde-wasm-bindgen`: its deserializer for a handful of shapes was a tenth of the module, a good part of it for
//! putting numbers into its own messages.

use js_sys::{Array, Reflect};
use wasm_bindgen::prelude::*;

use crate::error::{Error, ErrorCode};

/// An object of the caller's.
#[derive(Debug)]
pub(super) struct Fields<'o> {
    object: &'o JsValue,
    /// What the object is, for messages.
    what: &'static str,
}

impl<'o> Fields<'o> {
    /// # Errors
    /// `bad_option` when the value is no object; so for every field below that has another type.
    pub(super) fn of(object: &'o JsValue, what: &'static str) -> Result<Self, Error> {
        let fields = Self { object, what };
        if object.is_object() { Ok(fields) } else { Err(fields.bad("it", "an object")) }
    }

    /// A field's value; `undefined` when it is not there. A getter that throws is the caller's error, in its own words.
    pub(super) fn value(&self, name: &str) -> Result<JsValue, Error> {
        Reflect::get(self.object, &JsValue::from_str(name))
            .map_err(|error| Error::new(ErrorCode::BadOption, super::source::describe(&error)))
    }

    pub(super) fn text_some(&self, name: &str) -> Result<Option<String>, Error> {
        self.some(name, |value| value.as_string(), "a string")
    }

    pub(super) fn number_some(&self, name: &str) -> Result<Option<f64>, Error> {
        self.some(name, |value| value.as_f64(), "a number")
    }

    /// A list of strings.
    pub(super) fn texts_some(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let read = |value: &JsValue| {
            let array = value.dyn_ref::<Array>()?;
            array.iter().map(|element| element.as_string()).collect()
        };
        self.some(name, read, "an array of strings")
    }

    fn some<T>(
        &self,
        name: &str,
        read: impl FnOnce(&JsValue) -> Option<T>,
        kind: &str,
    ) -> Result<Option<T>, Error> {
        let value = self.value(name)?;
        if value.is_undefined() || value.is_null() {
            return Ok(None);
        }
        read(&value).map(Some).ok_or_else(|| self.bad(name, kind))
    }

    fn bad(&self, name: &str, kind: &str) -> Error {
        Error::new(ErrorCode::BadOption, format!("{}: {name} must be {kind}", self.what))
    }
}
