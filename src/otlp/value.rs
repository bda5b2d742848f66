//! The values of attributes and bodies, and lists of attributes with unique keys.

use std::borrow::Cow;
use std::{mem, slice};

/// How deep arrays and maps may nest: the value of an attribute or a body is at depth 1, what it holds at depth 2.
/// Arrays and maps that are deeper are encoded as [`AnyValue::Empty`].
///
/// The specification's default is 64, but each level of a map takes four levels of JSON and three of protobuf
/// messages, and the decoders in use stop at 128 (`serde_json`) and 100 (`prost`, Python's protobuf): a map that is
/// 30 deep costs the whole batch in JSON, one that is 32 deep in protobuf. This leaves room for receivers that
/// wrap a request once more.
///
/// The encoders recurse, and so does dropping a value: who converts foreign data should stop here as well.
pub const MAX_DEPTH: usize = 24;

/// From this many attributes on, a list that is built as a whole looks for duplicates by sorting.
const SORTED_FROM: usize = 48;

/// A value of OpenTelemetry's data model. Texts and bytes may be borrowed, for as long as it takes to encode them.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum AnyValue<'a> {
    /// Values, of any types.
    Array(Vec<AnyValue<'a>>),
    /// `true` or `false`.
    Bool(bool),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// A double. Those that are not finite are strings (`"NaN"`, `"Infinity"`, `"-Infinity"`) in JSON.
    Double(f64),
    /// No value, as JavaScript's `null`.
    #[default]
    Empty,
    /// A 64-bit integer.
    Int(i64),
    /// A map.
    KvList(Attributes<'a>),
    /// A text.
    String(Cow<'a, str>),
}

impl AnyValue<'_> {
    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether it is an array or a map.
    pub(super) fn is_nested(&self) -> bool {
        matches!(self, Self::Array(_) | Self::KvList(_))
    }

    /// The value to encode at `depth`: nothing in the place of what is too deep.
    pub(super) fn at_depth(&self, depth: usize) -> &Self {
        if depth > MAX_DEPTH && self.is_nested() { &Self::Empty } else { self }
    }
}

impl<'a> From<&'a str> for AnyValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(Cow::Borrowed(text))
    }
}

impl From<String> for AnyValue<'_> {
    fn from(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for AnyValue<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::String(text)
    }
}

impl From<bool> for AnyValue<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for AnyValue<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u16> for AnyValue<'_> {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for AnyValue<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for AnyValue<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// What exceeds 64 bits with a sign becomes its decimal digits, rather than another number.
impl From<u64> for AnyValue<'_> {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or_else(|_| value.to_string().into(), Self::Int)
    }
}

impl From<f64> for AnyValue<'_> {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl<'a> From<&'a [u8]> for AnyValue<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for AnyValue<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}

impl<'a> From<Vec<AnyValue<'a>>> for AnyValue<'a> {
    fn from(values: Vec<AnyValue<'a>>) -> Self {
        Self::Array(values)
    }
}

impl<'a> From<Attributes<'a>> for AnyValue<'a> {
    fn from(map: Attributes<'a>) -> Self {
        Self::KvList(map)
    }
}

impl<'a, T: Into<AnyValue<'a>>> From<Option<T>> for AnyValue<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, T::into)
    }
}

/// An attribute, or an entry of a map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyValue<'a> {
    /// The name. Attributes with an empty one are not encoded; in a map it may be empty.
    pub key: Cow<'a, str>,
    /// The value.
    pub value: AnyValue<'a>,
}

/// Attributes, or the entries of a map, in the order in which they were first set. Keys are unique.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes<'a> {
    entries: Vec<KeyValue<'a>>,
}

impl<'a> Attributes<'a> {
    /// Returns an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty list with room for `capacity` attributes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity) }
    }

    /// Sets an attribute. One that is there already keeps its place and gets the new value.
    ///
    /// This compares with every key that is there; to build a long list, collect it from an iterator.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<AnyValue<'a>>) {
        self.put(key.into(), value.into());
    }

    /// One copy for all types of keys and values.
    fn put(&mut self, key: Cow<'a, str>, value: AnyValue<'a>) {
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => self.entries.push(KeyValue { key, value }),
        }
    }

    /// Returns the value of an attribute.
    pub fn value(&self, key: &str) -> Option<&AnyValue<'a>> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Iterates over the attributes.
    pub fn iter(&self) -> slice::Iter<'_, KeyValue<'a>> {
        self.entries.iter()
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The attributes that may be sent: an attribute, unlike an entry of a map, must have a name.
    pub(super) fn named(&self) -> impl Iterator<Item = &KeyValue<'a>> {
        self.iter().filter(|attribute| !attribute.key.is_empty())
    }

    /// Keeps the first `limit` attributes that have a name; returns how many went.
    pub(super) fn keep_named(&mut self, limit: usize) -> usize {
        let before = self.entries.len();
        self.entries.retain(|attribute| !attribute.key.is_empty());
        self.entries.truncate(limit);
        before - self.entries.len()
    }

    /// Calls `each` with every key and its value, to be changed.
    pub(crate) fn each_mut(&mut self, each: &mut dyn FnMut(&str, &mut AnyValue<'a>)) {
        self.entries.iter_mut().for_each(|entry| each(&entry.key, &mut entry.value));
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut AnyValue<'a>> {
        self.entries.iter_mut().map(|entry| &mut entry.value)
    }
}

/// The last value of a key wins, in the place of the first, as with [`Attributes::set`].
impl<'a, K: Into<Cow<'a, str>>, V: Into<AnyValue<'a>>> FromIterator<(K, V)> for Attributes<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        let mut attributes = Self::with_capacity(pairs.size_hint().0.min(SORTED_FROM));
        let mut pairs = pairs.map(|(key, value)| (key.into(), value.into()));
        for (key, value) in pairs.by_ref().take(SORTED_FROM) {
            attributes.set(key, value);
        }
        let unique = attributes.len();
        attributes.entries.extend(pairs.map(|(key, value)| KeyValue { key, value }));
        if attributes.len() > unique {
            attributes.entries = last_wins(attributes.entries);
        }
        attributes
    }
}

impl<'l, 'a> IntoIterator for &'l Attributes<'a> {
    type Item = &'l KeyValue<'a>;
    type IntoIter = slice::Iter<'l, KeyValue<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Makes keys unique in O(n log n): a map with 100 000 entries must not take minutes.
fn last_wins(mut entries: Vec<KeyValue<'_>>) -> Vec<KeyValue<'_>> {
    // Places, by key and then in order: the entries of one key are a run.
    let mut order: Vec<usize> = (0..entries.len()).collect();
    let key = |place: usize| entries.get(place).map(|entry| &*entry.key);
    order.sort_unstable_by(|&left, &right| (key(left), left).cmp(&(key(right), right)));
    let runs: Vec<(usize, usize)> = order
        .chunk_by(|&left, &right| key(left) == key(right))
        .filter_map(|run| Some((*run.first()?, *run.last()?)))
        .collect();

    let mut unique = vec![None; entries.len()];
    for (first, last) in runs {
        let value = entries.get_mut(last).map(|entry| mem::take(&mut entry.value));
        if let Some(slot) = unique.get_mut(first) {
            *slot = value;
        }
    }
    let pairs = entries.into_iter().zip(unique);
    pairs.filter_map(|(entry, value)| value.map(|value| KeyValue { value, ..entry })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_however_a_list_is_built() {
        for count in [1, 3, SORTED_FROM - 1, SORTED_FROM, SORTED_FROM + 1, 200, 1000] {
            let pairs = || (0..count).map(|i| (format!("k{}", i * 7 % (count / 2 + 1)), i as i64));
            let collected: Attributes<'_> = pairs().collect();
            let mut set = Attributes::new();
            pairs().for_each(|(key, value)| set.set(key, value));
            assert_eq!(collected, set, "{count}");
            let mut keys: Vec<_> = set.iter().map(|entry| &entry.key).collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), set.len());
        }
        let mut attributes = Attributes::with_capacity(2);
        attributes.set("a", 1_i64);
        attributes.set("b", 2_i64);
        attributes.set("a", "new");
        assert_eq!(attributes.len(), 2);
        assert_eq!(attributes.iter().map(|entry| &*entry.key).collect::<String>(), "ab");
        assert_eq!(attributes.value("a"), Some(&"new".into()));
        assert_eq!(attributes.value("c"), None);
    }

    #[test]
    fn a_long_list_is_built_in_no_time() {
        let start = std::time::Instant::now();
        let map: Attributes<'_> = (0..200_000_i64).map(|i| (format!("key {}", i % 150_000), i)).collect();
        assert_eq!(map.len(), 150_000);
        assert_eq!(map.value("key 0"), Some(&AnyValue::Int(150_000)));
        assert!(start.elapsed().as_secs() < 10);
    }

    #[test]
    fn values_are_made_of_what_rust_has() {
        let table: [(AnyValue<'_>, AnyValue<'_>); 12] = [
            ("x".into(), AnyValue::String(Cow::Borrowed("x"))),
            (String::from("x").into(), AnyValue::String(Cow::Borrowed("x"))),
            (Cow::Borrowed("x").into(), AnyValue::String(Cow::Borrowed("x"))),
            (true.into(), AnyValue::Bool(true)),
            (7_i32.into(), AnyValue::Int(7)),
            (7_u32.into(), AnyValue::Int(7)),
            ((i64::MAX as u64).into(), AnyValue::Int(i64::MAX)),
            ((i64::MAX as u64 + 1).into(), AnyValue::String(Cow::Borrowed("9223372036854775808"))),
            (1e300.into(), AnyValue::Double(1e300)),
            (vec![1_u8].into(), AnyValue::Bytes(Cow::Borrowed(&[1]))),
            (None::<bool>.into(), AnyValue::Empty),
            (Some(500_u16).into(), AnyValue::Int(500)),
        ];
        for (made, expected) in table {
            assert_eq!(made, expected);
        }
        assert!(AnyValue::default().is_empty());
    }
}
