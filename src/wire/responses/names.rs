//! What tells one item from another.

use crate::json::{self, Raw};

/// The fields of an item that say which it is.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) call_id: String,
    pub(super) name: String,
}

impl Names {
    pub(super) fn read(raw: Raw<'_>) -> Self {
        let mut names = Self::default();
        let string = |value| json::nonempty_string(value).unwrap_or_default().into_owned();
        json::each_field(raw, |key, value| match key {
            b"type" => names.kind = string(value),
            b"id" => names.id = string(value),
            b"call_id" => names.call_id = string(value),
            b"name" => names.name = string(value),
            _ => {}
        });
        names
    }
}
