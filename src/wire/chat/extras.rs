//! Provider fields that have no place in the item's own shape, kept as they came.

use std::collections::BTreeMap;

use crate::item::Provider;
use crate::json::{self, Raw};

/// Unknown fields of one object over the stream: arrays grow by their elements, everything else keeps its
/// last value that says something.
#[derive(Debug, Default)]
pub(super) struct Extras {
    fields: Vec<(String, Extra)>,
    by_name: BTreeMap<String, usize>,
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
        let extra = self.slot(key);
        if let Extra::Last(_) = extra {
            *extra = Extra::List(String::new());
        }
        if let Extra::List(list) = extra {
            json::each_element(raw, |element| append(list, element));
        }
    }

    /// Takes note of a field whose every value is the whole of it: the last one stays.
    pub(super) fn replace(&mut self, key: &[u8], raw: Raw<'_>) {
        if json::is_blank(raw) {
            return;
        }
        match self.slot(key) {
            // Most such fields repeat with every chunk.
            Extra::Last(last) if last == raw => {}
            Extra::Last(last) => {
                last.clear();
                last.push_str(raw);
            }
            list @ Extra::List(_) => *list = Extra::Last(raw.to_owned()),
        }
    }

    /// Whether a list was noted: content of a kind that has no place of its own.
    pub(super) fn has_list(&self) -> bool {
        self.fields.iter().any(|(_, extra)| matches!(extra, Extra::List(_)))
    }

    /// Adds the fields to provider fields.
    pub(super) fn write_to(&self, provider: &mut Provider) {
        for (name, extra) in &self.fields {
            let json = match extra {
                Extra::Last(last) => last.clone(),
                Extra::List(list) => format!("[{list}]"),
            };
            provider.insert(name, json);
        }
    }

    #[allow(clippy::indexing_slicing, reason = "`at` is the position just found or pushed")]
    fn slot(&mut self, key: &[u8]) -> &mut Extra {
        let name = String::from_utf8_lossy(key);
        let at = match self.by_name.get(name.as_ref()) {
            Some(at) => *at,
            None => {
                let at = self.fields.len();
                self.by_name.insert(name.clone().into_owned(), at);
                self.fields.push((name.into_owned(), Extra::Last(String::new())));
                at
            }
        };
        &mut self.fields[at].1
    }
}

/// Appends a value to a comma-separated list.
pub(super) fn append(list: &mut String, raw: Raw<'_>) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(raw);
}
