//! Provider fields that have no place in the item's own shape, kept as they came.

use std::collections::BTreeMap;

use crate::item::Provider;
use crate::json::{self, Raw};

/// Unknown fields of one object over the stream: arrays grow by their elements, everything else keeps its
/// last value that says something.
#[derive(Debug, Default)]
pub(super) struct Extras {
    fields: BTreeMap<Vec<u8>, Extra>,
}

#[derive(Debug)]
enum Extra {
    /// The last value.
    Last(String),
    /// Elements, joined by commas.
    List(String),
}

impl Extras {
    /// Takes note of a field of a delta: arrays are appended.
    pub(super) fn note(&mut self, key: &[u8], raw: Raw<'_>) {
        if json::is_blank(raw) {
            return;
        }
        if !json::is_array(raw) {
            return self.replace(key, raw);
        }
        if !matches!(self.fields.get(key), Some(Extra::List(_))) {
            self.fields.insert(key.to_vec(), Extra::List(String::new()));
        }
        if let Some(Extra::List(list)) = self.fields.get_mut(key) {
            json::each_element(raw, |element| append(list, element));
        }
    }

    /// Takes note of a field whose every value is the whole of it: the last one stays.
    pub(super) fn replace(&mut self, key: &[u8], raw: Raw<'_>) {
        if json::is_blank(raw) {
            return;
        }
        match self.fields.get_mut(key) {
            // Most such fields repeat with every chunk.
            Some(Extra::Last(last)) if last == raw => {}
            Some(Extra::Last(last)) => {
                last.clear();
                last.push_str(raw);
            }
            _ => {
                self.fields.insert(key.to_vec(), Extra::Last(raw.to_owned()));
            }
        }
    }

    /// Whether nothing was noted.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Adds the fields to an item's provider fields.
    pub(super) fn write_to(&self, provider: &mut Provider) {
        for (key, extra) in &self.fields {
            let json = match extra {
                Extra::Last(last) => last.clone(),
                Extra::List(list) => format!("[{list}]"),
            };
            provider.insert(String::from_utf8_lossy(key), json);
        }
    }
}

/// Appends a value to a comma-separated list.
pub(super) fn append(list: &mut String, raw: Raw<'_>) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(raw);
}
