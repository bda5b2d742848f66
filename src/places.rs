//! Where things stand in a list, by number or by name.
//!
//! One tree for all of them: every further kind of key in a `BTreeMap` brings its own copy of the tree's code into the
//! module, some 4 KB each. A tree and not a hash table, because its order is of use, and nobody's choice of names can
//! make it slow.

use std::collections::BTreeMap;

/// Places by key. Keys are numbers or names: one kind for each `Places`, or they might meet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    by_key: BTreeMap<Vec<u8>, usize>,
}

impl Places {
    pub(crate) fn of_number(&self, number: u64) -> Option<usize> {
        self.of_key(&number.to_be_bytes())
    }

    pub(crate) fn of_name(&self, name: &str) -> Option<usize> {
        self.of_key(name.as_bytes())
    }

    /// Sets the place of a number; the last one set counts.
    pub(crate) fn set_number(&mut self, number: u64, place: usize) {
        self.set(number.to_be_bytes().to_vec(), place);
    }

    /// Sets the place of a name; the last one set counts.
    pub(crate) fn set_name(&mut self, name: &str, place: usize) {
        self.set(name.as_bytes().to_vec(), place);
    }

    /// The places in the order of their numbers or names.
    pub(crate) fn in_order(&self) -> Vec<usize> {
        self.by_key.values().copied().collect()
    }

    fn of_key(&self, key: &[u8]) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    fn set(&mut self, key: Vec<u8>, place: usize) {
        self.by_key.insert(key, place);
    }
}

/// The places of a list's elements in the order of their keys; equal ones stay as they are.
pub(crate) fn sorted(keys: impl Iterator<Item = u64>) -> Vec<usize> {
    let mut places = Places::default();
    for (place, key) in keys.enumerate() {
        places.set([key.to_be_bytes(), (place as u64).to_be_bytes()].concat(), place);
    }
    places.in_order()
}
