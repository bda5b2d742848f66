//! The OTLP encoders: requests of any records, as `prost` and `serde_json` decode them, before and after limits.

use std::borrow::Cow;

use arbitrary::{Result, Unstructured};
use streamgauge::otlp::{AnyValue, Attributes, Limits, LogRecord, MAX_DEPTH, Resource, Scope, Severity};

use crate::otlp_request::Request;

/// Input: what requests are made of.
pub fn check(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    // Where the bytes are used up, everything is empty.
    let Ok(mut made) = request(&mut bytes) else { return };
    made.check();
    let Ok(limits) = limits(&mut bytes) else { return };
    for record in &mut made.records {
        let before = record.attributes.len();
        let counted = record.dropped_attributes_count;
        let lost = limits.apply(record);
        let dropped = before - record.attributes.len();
        assert!(record.attributes.len() <= limits.attribute_count);
        let expected = counted.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
        assert_eq!(record.dropped_attributes_count, expected);
        assert!(lost || dropped == 0);
        record.attributes.iter().for_each(|pair| within(&pair.value, &limits, 1));
        assert!(!limits.apply(record), "what obeys the limits is left alone");
    }
    made.check();
}

fn within(value: &AnyValue<'_>, limits: &Limits, depth: usize) {
    let most = limits.value_length.unwrap_or(usize::MAX);
    match value {
        AnyValue::Array(values) => {
            assert!(depth <= limits.depth.min(MAX_DEPTH));
            values.iter().for_each(|value| within(value, limits, depth + 1));
        }
        AnyValue::KvList(map) => {
            assert!(depth <= limits.depth.min(MAX_DEPTH));
            map.iter().for_each(|pair| within(&pair.value, limits, depth + 1));
        }
        AnyValue::String(text) => assert!(text.chars().count() <= most),
        AnyValue::Bytes(bytes) => assert!(bytes.len() <= most),
        AnyValue::Bool(_) | AnyValue::Double(_) | AnyValue::Empty | AnyValue::Int(_) => {}
    }
}

fn request<'a>(bytes: &mut Unstructured<'a>) -> Result<Request<'a>> {
    let resource = Resource { attributes: attributes(bytes, 1)?, schema_url: text(bytes)? };
    let scope = Scope {
        name: text(bytes)?,
        version: text(bytes)?,
        attributes: attributes(bytes, 1)?,
        schema_url: text(bytes)?,
    };
    let records = (0..bytes.int_in_range(0..=4)?).map(|_| record(bytes)).collect::<Result<_>>()?;
    Ok(Request { resource, scope, records })
}

fn record<'a>(bytes: &mut Unstructured<'a>) -> Result<LogRecord<'a>> {
    Ok(LogRecord {
        time_unix_nano: bytes.arbitrary()?,
        observed_time_unix_nano: bytes.arbitrary()?,
        severity_number: Severity::new(bytes.arbitrary()?),
        severity_text: text(bytes)?,
        event_name: text(bytes)?,
        body: if bytes.arbitrary()? { Some(value(bytes, 1)?) } else { None },
        attributes: attributes(bytes, 1)?,
        dropped_attributes_count: bytes.arbitrary()?,
        flags: bytes.arbitrary()?,
        trace_id: bytes.arbitrary()?,
        span_id: bytes.arbitrary()?,
    })
}

fn attributes<'a>(bytes: &mut Unstructured<'a>, depth: usize) -> Result<Attributes<'a>> {
    let mut pairs = Vec::new();
    // Built as a whole, a long list looks for repeated keys in another way.
    while pairs.len() < 100 && bytes.ratio(3_u8, 4_u8)? && !bytes.is_empty() {
        pairs.push((text(bytes)?, value(bytes, depth)?));
    }
    Ok(if bytes.arbitrary()? {
        pairs.into_iter().collect()
    } else {
        let mut attributes = Attributes::new();
        pairs.into_iter().for_each(|(key, value)| attributes.set(key, value));
        attributes
    })
}

fn value<'a>(bytes: &mut Unstructured<'a>, depth: usize) -> Result<AnyValue<'a>> {
    let kinds = if depth > MAX_DEPTH + 3 { 6 } else { 8 };
    Ok(match bytes.int_in_range(0..=kinds - 1)? {
        0 => AnyValue::Empty,
        1 => AnyValue::Bool(bytes.arbitrary()?),
        2 => AnyValue::Int(bytes.arbitrary()?),
        3 => AnyValue::Double(bytes.arbitrary()?),
        4 => AnyValue::Bytes(Cow::Borrowed(bytes.arbitrary()?)),
        5 => AnyValue::String(text(bytes)?),
        6 => AnyValue::KvList(attributes(bytes, depth + 1)?),
        _ => {
            // One in another, so that the depths at which things end are reached.
            let mut values = Vec::new();
            while values.len() < 20 && bytes.arbitrary()? && !bytes.is_empty() {
                values.push(value(bytes, depth + 1)?);
            }
            AnyValue::Array(values)
        }
    })
}

fn text<'a>(bytes: &mut Unstructured<'a>) -> Result<Cow<'a, str>> {
    // Few keys, so that some come again.
    Ok(match bytes.int_in_range(0..=5)? {
        0 => "".into(),
        1 => "k".into(),
        2 => String::from(char::from(bytes.arbitrary::<u8>()?)).into(),
        _ => Cow::Borrowed(bytes.arbitrary()?),
    })
}

fn limits(bytes: &mut Unstructured<'_>) -> Result<Limits> {
    Ok(Limits {
        attribute_count: bytes.int_in_range(0..=60)?,
        value_length: if bytes.arbitrary()? { Some(bytes.int_in_range(0..=30)?) } else { None },
        depth: bytes.int_in_range(0..=MAX_DEPTH + 2)?,
    })
}
