//! A small map that remembers the order in which its names came.

use crate::places::Places;

/// Values by name, in order of first appearance; looking one up costs the logarithm of their number.
#[derive(Debug, Clone)]
pub(crate) struct FieldMap<T> {
    fields: Vec<(String, T)>,
    by_name: Places,
}

impl<T> Default for FieldMap<T> {
    fn default() -> Self {
        Self { fields: Vec::new(), by_name: Places::default() }
    }
}

impl<T> FieldMap<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.fields.get(self.by_name.of_name(name)?).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.fields.get_mut(self.by_name.of_name(name)?).map(|(_, value)| value)
    }

    /// Sets a value; one that is there is replaced and keeps its place.
    pub(crate) fn insert(&mut self, name: &str, value: T) {
        match self.get_mut(name) {
            Some(slot) => *slot = value,
            None => {
                self.by_name.set_name(name, self.fields.len());
                self.fields.push((name.to_owned(), value));
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }
}
