//! Attributes of the caller's own: what a JavaScript value is in OpenTelemetry's data model.
//!
//! Nothing here fails. What is no value (`undefined`, functions, symbols) and what throws when it is looked at is left
//! out, in an array it is a null; its neighbours stay.

use js_sys::{Array, BigInt, Function, Reflect};
use wasm_bindgen::prelude::*;

use super::source::bytes_of;
use crate::otlp::{AnyValue, Attributes, MAX_DEPTH};

/// How many values one event may have, those inside of others included: an object that is shared by many, or a large
/// one given by mistake, is not to hold up the caller. What comes after is left out.
const MAX_VALUES: usize = 2_000;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = Object)]
    fn keys(object: &JsValue) -> Result<Array, JsValue>;

    /// What kind of built-in object a value is, e.g. `[object Error]`.
    #[wasm_bindgen(catch, js_namespace = ["Object", "prototype", "toString"], js_name = call)]
    fn tag(value: &JsValue) -> Result<String, JsValue>;

    #[wasm_bindgen(catch, js_name = String)]
    fn text_of(value: &JsValue) -> Result<String, JsValue>;
}

/// The attributes that an object's own enumerable properties are.
pub(super) fn attributes(object: &JsValue) -> Vec<(String, AnyValue<'static>)> {
    Reader { left: MAX_VALUES, path: Vec::new() }.entries(object).unwrap_or_default()
}

struct Reader {
    /// How many more values may be read.
    left: usize,
    /// The objects that the value is in, the attributes themselves not counted.
    path: Vec<JsValue>,
}

impl Reader {
    fn value(&mut self, value: &JsValue) -> Option<AnyValue<'static>> {
        self.left = self.left.checked_sub(1)?;
        if value.is_null() {
            Some(AnyValue::Empty)
        } else if let Some(flag) = value.as_bool() {
            Some(flag.into())
        } else if let Some(number) = value.as_f64() {
            Some(number_value(number))
        } else if let Some(text) = value.as_string() {
            Some(text.into())
        } else if let Some(integer) = value.dyn_ref::<BigInt>() {
            integer_value(integer)
        } else if value.is_object() {
            // Asked first: what throws here would throw where it could not be caught.
            let tag = tag(value).ok()?;
            match bytes_of(value) {
                Some(bytes) => Some(bytes.to_vec().into()),
                None if matches!(&*tag, "[object Error]" | "[object DOMException]") => {
                    text_of(value).ok().map(AnyValue::from)
                }
                None => self.nested(value),
            }
        } else {
            None
        }
    }

    fn nested(&mut self, value: &JsValue) -> Option<AnyValue<'static>> {
        // Deeper the encoders write nothing, and a value that holds itself has no end.
        if self.path.len() >= MAX_DEPTH || self.path.contains(value) {
            return Some(AnyValue::Empty);
        }
        self.path.push(value.clone());
        let read = self.object(value);
        self.path.pop();
        read
    }

    fn object(&mut self, value: &JsValue) -> Option<AnyValue<'static>> {
        if Array::is_array(value) {
            let length = value.unchecked_ref::<Array>().length();
            let values = (0..length).map_while(|index| {
                let value = Reflect::get_u32(value, index).unwrap_or_default();
                (self.left > 0).then(|| self.value(&value).unwrap_or_default())
            });
            return Some(AnyValue::Array(values.collect()));
        }
        // As for JSON: that of a `Date` is its ISO text.
        let to_json = Reflect::get(value, &JsValue::from_str("toJSON")).ok()?;
        if let Some(to_json) = to_json.dyn_ref::<Function>() {
            let json = to_json.call0(value).ok()?;
            return self.value(&json);
        }
        let mut map = Attributes::new();
        // Two keys may be the same once their lone surrogates are gone.
        self.entries(value)?.into_iter().for_each(|(key, value)| map.set(key, value));
        Some(AnyValue::KvList(map))
    }

    /// `None` if the object does not tell its keys.
    fn entries(&mut self, object: &JsValue) -> Option<Vec<(String, AnyValue<'static>)>> {
        let mut entries = Vec::new();
        for key in keys(object).ok()?.iter() {
            if self.left == 0 {
                break;
            }
            let value = Reflect::get(object, &key).ok().and_then(|value| self.value(&value));
            if let (Some(name), Some(value)) = (key.as_string(), value) {
                entries.push((name, value));
            }
        }
        Some(entries)
    }
}

/// A whole number is an integer, as far as 64 bits go.
fn number_value(number: f64) -> AnyValue<'static> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if number.fract() == 0.0 && (-END..END).contains(&number) {
        AnyValue::Int(number as i64)
    } else {
        AnyValue::Double(number)
    }
}

/// What exceeds 64 bits becomes its decimal digits, rather than another number.
fn integer_value(integer: &BigInt) -> Option<AnyValue<'static>> {
    let digits = String::from(integer.to_string(10).ok()?);
    Some(digits.parse().map_or_else(|_| digits.into(), AnyValue::Int))
}
