//! For users of serde: what has a form as JSON is serialised as that.

/// Lets users of serde serialise what has a form as JSON: with `serde_json`, to the very same text.
macro_rules! serialize_by_json {
    ($($name:ty),+ $(,)?) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let json = $crate::json::ToJson::to_json(self);
                let raw = serde_json::value::RawValue::from_string(json).map_err(serde::ser::Error::custom)?;
                raw.serialize(serializer)
            }
        }
    )+};
}
pub(crate) use serialize_by_json;
