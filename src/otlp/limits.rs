//! The limits of a record's attributes.

use std::borrow::Cow;

use super::record::LogRecord;
use super::value::{AnyValue, MAX_DEPTH};

/// How many attributes a record may have, and how large and deep their values may be.
///
/// As the specification has it, they hold for the attributes of records, not for the body, resource or scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many attributes are kept (`OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`). Default: 128.
    pub attribute_count: usize,
    /// How many characters of a string and bytes of a byte array are kept, inside arrays and maps too
    /// (`OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`). Default: all.
    pub value_length: Option<usize>,
    /// How deep arrays and maps may nest: 1 means no array or map in another. Default, and most: [`MAX_DEPTH`].
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attribute_count: 128, value_length: None, depth: MAX_DEPTH }
    }
}

impl Limits {
    /// Makes a record obey the limits; returns whether something was lost, which is worth one message at most.
    ///
    /// Call it once, when all attributes are set: those that were set last go, and are counted in
    /// [`LogRecord::dropped_attributes_count`], as are those without a name. A value that is shortened, or
    /// emptied for its depth, does not count as dropped.
    pub fn apply(&self, record: &mut LogRecord<'_>) -> bool {
        let dropped = record.attributes.keep_named(self.attribute_count);
        let counted = u32::try_from(dropped).unwrap_or(u32::MAX);
        record.dropped_attributes_count = record.dropped_attributes_count.saturating_add(counted);
        let mut lost = dropped > 0;
        for value in record.attributes.values_mut() {
            lost |= self.cut(value, 1);
        }
        lost
    }

    /// Returns whether something was cut.
    fn cut(&self, value: &mut AnyValue<'_>, depth: usize) -> bool {
        if value.is_nested() && depth > self.depth.min(MAX_DEPTH) {
            *value = AnyValue::Empty;
            return true;
        }
        // `|` and not `||` in the folds: every value is to be cut.
        match value {
            AnyValue::Array(values) => {
                values.iter_mut().fold(false, |cut, value| cut | self.cut(value, depth + 1))
            }
            AnyValue::KvList(map) => {
                map.values_mut().fold(false, |cut, value| cut | self.cut(value, depth + 1))
            }
            AnyValue::String(text) => self.value_length.is_some_and(|limit| cut_text(text, limit)),
            AnyValue::Bytes(bytes) => self.value_length.is_some_and(|limit| cut_bytes(bytes, limit)),
            AnyValue::Bool(_) | AnyValue::Double(_) | AnyValue::Empty | AnyValue::Int(_) => false,
        }
    }
}

fn cut_text(text: &mut Cow<'_, str>, limit: usize) -> bool {
    if text.len() <= limit {
        // No more bytes than characters are allowed: the common case needs no counting.
        return false;
    }
    let Some((end, _)) = text.char_indices().nth(limit) else { return false };
    match text {
        Cow::Borrowed(text) => *text = text.get(..end).unwrap_or_default(),
        Cow::Owned(text) => text.truncate(end),
    }
    true
}

fn cut_bytes(bytes: &mut Cow<'_, [u8]>, limit: usize) -> bool {
    if bytes.len() <= limit {
        return false;
    }
    match bytes {
        Cow::Borrowed(bytes) => *bytes = bytes.get(..limit).unwrap_or_default(),
        Cow::Owned(bytes) => bytes.truncate(limit),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Attributes;

    fn record(pairs: impl IntoIterator<Item = (&'static str, AnyValue<'static>)>) -> LogRecord<'static> {
        LogRecord { attributes: pairs.into_iter().collect(), ..LogRecord::default() }
    }

    #[test]
    fn attributes_beyond_the_count_are_counted() {
        let limits = Limits { attribute_count: 2, ..Limits::default() };
        let mut kept = record([("a", 1.into()), ("b", 2.into()), ("a", 3.into())]);
        assert!(!limits.apply(&mut kept), "overwriting is no drop");
        assert_eq!(kept, record([("a", 3.into()), ("b", 2.into())]));

        let mut cut =
            record([("a", 1.into()), ("", 2.into()), ("b", 3.into()), ("c", 4.into()), ("d", 5.into())]);
        cut.dropped_attributes_count = 7;
        assert!(limits.apply(&mut cut));
        let expected =
            LogRecord { dropped_attributes_count: 10, ..record([("a", 1.into()), ("b", 3.into())]) };
        assert_eq!(cut, expected);
        assert!(!limits.apply(&mut cut), "once is enough");

        let mut full = LogRecord { dropped_attributes_count: u32::MAX, ..record([("a", 1.into())]) };
        Limits { attribute_count: 0, ..limits }.apply(&mut full);
        assert_eq!((full.attributes.len(), full.dropped_attributes_count), (0, u32::MAX));

        let mut many =
            LogRecord { attributes: (0..130).map(|i| (i.to_string(), i)).collect(), ..LogRecord::default() };
        assert!(Limits::default().apply(&mut many));
        assert_eq!((many.attributes.len(), many.dropped_attributes_count), (128, 2));
        assert_eq!(many.attributes.value("127"), Some(&AnyValue::Int(127)));
    }

    #[test]
    fn values_are_cut_at_characters_and_bytes_everywhere() {
        let table: &[(&str, usize, &str)] = &[
            ("", 0, ""),
            ("abc", 0, ""),
            ("abc", 2, "ab"),
            ("abc", 3, "abc"),
            ("äöü", 2, "äö"),
            ("äöü", 3, "äöü"),
            ("äöü", 4, "äöü"),
            ("😀😀", 1, "😀"),
            ("e\u{301}x", 2, "e\u{301}"),
        ];
        for &(text, limit, expected) in table {
            let limits = Limits { value_length: Some(limit), ..Limits::default() };
            let bytes = &text.as_bytes()[..text.len().min(limit)];
            for owned in [false, true] {
                let make =
                    |text: &'static str, bytes: &'static [u8]| -> (AnyValue<'static>, AnyValue<'static>) {
                        if owned {
                            (text.to_owned().into(), bytes.to_owned().into())
                        } else {
                            (text.into(), bytes.into())
                        }
                    };
                let nest = |(text, bytes): (AnyValue<'static>, AnyValue<'static>)| {
                    let map: Attributes<'_> =
                        [("long key", AnyValue::Array(vec![text.clone(), bytes]))].into_iter().collect();
                    record([("long key", text), ("map", map.into()), ("n", 123_456.into())])
                };
                let mut cut = nest(make(text, text.as_bytes()));
                let lost = limits.apply(&mut cut);
                assert_eq!(cut, nest(make(expected, bytes)), "{text:?} {limit}");
                assert_eq!(lost, text != expected || text.len() != bytes.len());
                assert_eq!(cut.dropped_attributes_count, 0);
            }
        }
    }

    #[test]
    fn arrays_and_maps_that_are_too_deep_are_emptied() {
        fn nested(levels: usize, leaf: AnyValue<'static>) -> AnyValue<'static> {
            (0..levels).fold(leaf, |inner, level| match level % 2 {
                0 => AnyValue::Array(vec![inner]),
                _ => AnyValue::KvList([("k", inner)].into_iter().collect()),
            })
        }
        for (limit, effective) in [(1, 1), (3, 3), (MAX_DEPTH, MAX_DEPTH), (64, MAX_DEPTH)] {
            let limits = Limits { depth: limit, ..Limits::default() };
            let mut fits = record([("v", nested(effective, "leaf".into()))]);
            let before = fits.clone();
            assert!(!limits.apply(&mut fits));
            assert_eq!(fits, before, "a leaf may be one deeper than the innermost array");

            let mut deep = record([("v", nested(effective + 1, "leaf".into())), ("body", 1.into())]);
            deep.body = Some(nested(effective + 1, "leaf".into()));
            assert!(limits.apply(&mut deep));
            assert_ne!(deep.attributes.value("v"), Some(&nested(effective + 1, "leaf".into())));
            assert_eq!(
                deep.body,
                Some(nested(effective + 1, "leaf".into())),
                "the limits are not for the body"
            );
            let mut levels = 0;
            let mut value = deep.attributes.value("v").unwrap();
            while let Some(inner) = match value {
                AnyValue::Array(values) => values.first(),
                AnyValue::KvList(map) => map.value("k"),
                _ => None,
            } {
                value = inner;
                levels += 1;
            }
            assert_eq!((levels, value), (effective, &AnyValue::Empty));
        }
    }
}
