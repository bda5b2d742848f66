//! The JSON of an item or a part, field by field.

use crate::json;

/// A JSON object while it is written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) has_status: bool,
    pub(super) has_content: bool,
    pub(super) has_summary: bool,
    pub(super) has_field: bool,
}

impl Written {
    pub(super) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.text.push_str(json);
    }

    pub(super) fn status(&mut self, json: &str) {
        self.has_status = true;
        self.raw("status", json);
    }

    pub(super) fn string(&mut self, name: &str, text: &str) {
        self.has_field |= name != "call_id";
        self.name(name);
        json::write_string(&mut self.text, text);
    }

    pub(super) fn finish(mut self) -> String {
        if self.text.is_empty() {
            self.text.push('{');
        }
        self.text.push('}');
        self.text
    }

    pub(super) fn name(&mut self, name: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        json::write_string(&mut self.text, name);
        self.text.push(':');
    }
}
