//! How an event writes its attributes: with the right types, to wherever they are wanted.

use std::borrow::Cow;

use crate::otlp::{AnyValue, Digits, Format, LogRecord};

/// How counts and flags are typed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AttributeTypes {
    /// As the reference sends them, so that dashboards made for it work: `duration_ms`, `prompt_length`, the
    /// input, output and tool token counts and `success` are strings, the others numbers.
    #[default]
    Codex,
    /// All counts are integers, `success` is a boolean.
    Typed,
}

/// Where attributes go: into a record, or encoded at once.
pub(super) trait Sink {
    fn set(&mut self, key: &'static str, value: AnyValue<'_>);

    fn text(&mut self, key: &'static str, value: &str) {
        self.set(key, AnyValue::String(Cow::Borrowed(value)));
    }
}

impl Sink for LogRecord<'_> {
    fn set(&mut self, key: &'static str, value: AnyValue<'_>) {
        let value = match value {
            AnyValue::String(text) => AnyValue::String(Cow::Owned(text.into_owned())),
            AnyValue::Int(number) => AnyValue::Int(number),
            AnyValue::Bool(flag) => AnyValue::Bool(flag),
            AnyValue::Double(number) => AnyValue::Double(number),
            // No event of the catalog has one of the others.
            _ => AnyValue::Empty,
        };
        LogRecord::set(self, key, value);
    }
}

/// Encodes attributes where they are.
#[derive(Debug)]
pub(super) struct Encoder<'b> {
    pub(super) format: Format,
    pub(super) out: &'b mut Vec<u8>,
}

impl Sink for Encoder<'_> {
    fn set(&mut self, key: &'static str, value: AnyValue<'_>) {
        self.format.write_attribute(key, &value, self.out);
    }

    fn text(&mut self, key: &'static str, value: &str) {
        self.format.write_text_attribute(key, value, self.out);
    }
}

/// Writes attributes with the right types.
#[allow(missing_debug_implementations, reason = "it is there only while an event writes its attributes")]
pub struct Fields<'s> {
    sink: &'s mut dyn Sink,
    types: AttributeTypes,
}

impl<'s> Fields<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink, types: AttributeTypes) -> Self {
        Self { sink, types }
    }

    pub(super) fn text(&mut self, key: &'static str, value: &str) {
        self.sink.text(key, value);
    }

    pub(super) fn text_some(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A number that the reference sends as a string.
    pub(super) fn count(&mut self, key: &'static str, value: u64) {
        match self.types {
            AttributeTypes::Codex => self.text(key, Digits::of(value).as_str()),
            AttributeTypes::Typed => self.number(key, value),
        }
    }

    pub(super) fn count_some(&mut self, key: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.count(key, value);
        }
    }

    /// A number that the reference sends as a number.
    pub(super) fn number(&mut self, key: &'static str, value: u64) {
        self.sink.set(key, value.into());
    }

    pub(super) fn number_some(&mut self, key: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.number(key, value);
        }
    }

    /// A number with decimals, which none of the reference's has.
    pub(super) fn decimal_some(&mut self, key: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.sink.set(key, AnyValue::Double(value));
        }
    }

    pub(super) fn flag(&mut self, key: &'static str, value: bool) {
        match self.types {
            AttributeTypes::Codex => self.text(key, if value { "true" } else { "false" }),
            AttributeTypes::Typed => self.sink.set(key, value.into()),
        }
    }
}
