//! Numbers, as providers and headers write them.

use super::Raw;

/// A whole number that is not negative: `7`, `7.0`, or `"7"` (some gateways quote indices).
pub fn unsigned(raw: Raw<'_>) -> Option<u64> {
    let text = raw.text;
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    if let Ok(value) = digits.parse::<u64>() {
        return Some(value);
    }
    let value = decimal(digits)?;
    // 2^53: the largest range in which a JSON number that went through a double is exact.
    ((0.0..=9_007_199_254_740_992.0).contains(&value) && value.fract() == 0.0).then_some(value as u64)
}

/// A number, as written or quoted; see `decimal`.
pub fn number(raw: Raw<'_>) -> Option<f64> {
    decimal(raw.text.trim_matches('"'))
}

/// A decimal number like `1.5`, `-3` or `2e3`, to the fifteen digits or so that delays and counts have: the standard
/// library's exact conversion brings tables of 10 KB, more than all else that reads JSON here.
pub fn decimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (is_negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut value = 0.0;
    let mut has_digit = false;
    for byte in whole.bytes().chain(fraction.bytes()) {
        has_digit = true;
        value = value * 10.0 + f64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    if value == 0.0 {
        // Whatever it is multiplied by.
        return has_digit.then_some(value);
    }
    let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    // Dividing by a power of ten that is exact rounds once.
    let power = 10_f64.powi(exponent.checked_abs()?);
    let value = if exponent < 0 { value / power } else { value * power };
    value.is_finite().then_some(if is_negative { -value } else { value })
}
