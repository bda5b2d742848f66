//! Provider fields that have no place in the item's own shape, kept as they came.

use crate::field_map::FieldMap;
use crate::item::Provider;
use crate::json::{self, Raw};

/// Unknown fields of one object over the stream: arrays grow by their elements, everything else keeps its
/// last value that says something.
#[derive(Debug, Default)]
pub(super) struct Extras {
    fields: FieldMap<Extra>,
    len: usize,
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
        if raw.is_blank() {
            return;
        }
        if !raw.is_array() {
            return self.replace(key, raw);
        }
        let name = String::from_utf8_lossy(key);
        if !matches!(self.fields.get(&name), Some(Extra::List(_))) {
            self.fields.insert(&name, Extra::List(String::new()));
            self.len += name.len();
        }
        if let Some(Extra::List(list)) = self.fields.get_mut(&name) {
            let before = list.len();
            json::each_element(raw, |element| append(list, element.as_str()));
            self.len += list.len() - before;
        }
    }

    /// Takes note of a field whose every value is the whole of it: the last one stays.
    pub(super) fn replace(&mut self, key: &[u8], raw: Raw<'_>) {
        if raw.is_blank() {
            return;
        }
        let name = String::from_utf8_lossy(key);
        match self.fields.get_mut(&name) {
            // Most such fields repeat with every chunk.
            Some(Extra::Last(last)) if last == raw.as_str() => {}
            Some(Extra::Last(last)) => {
                self.len = self.len + raw.len() - last.len();
                last.clear();
                last.push_str(raw.as_str());
            }
            _ => {
                self.fields.insert(&name, Extra::Last(raw.as_str().to_owned()));
                self.len += name.len() + raw.len();
            }
        }
    }

    /// How many bytes were gathered.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether a list was noted: content of a kind that has no place of its own.
    pub(super) fn has_list(&self) -> bool {
        self.fields.iter().any(|(_, extra)| matches!(extra, Extra::List(_)))
    }

    /// Adds the fields to provider fields.
    pub(super) fn write_to(&self, provider: &mut Provider) {
        for (name, extra) in self.fields.iter() {
            let json = match extra {
                Extra::Last(last) => last.clone(),
                Extra::List(list) => format!("[{list}]"),
            };
            provider.insert(name, json);
        }
    }
}

/// Appends a value to a comma-separated list.
pub(super) fn append(list: &mut String, json: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(json);
}
