//! JSON strings: where they end, what they say, and how they are written.

use std::borrow::Cow;

use super::JsonText;

/// Finds the end of the string whose content begins at `at`: the place behind its closing quote, and whether
/// there is a backslash in it. `None` when there is no end, or when it is not spelled as JSON wants it.
pub fn end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut is_escaped = false;
    loop {
        at = next_special(bytes, at)?;
        match bytes.get(at)? {
            b'"' => return Some((at + 1, is_escaped)),
            b'\\' => {
                is_escaped = true;
                at = match bytes.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at + 2,
                    b'u' => {
                        code_unit(bytes, at)?;
                        at + 6
                    }
                    _ => return None,
                };
            }
            // A control character.
            _ => return None,
        }
    }
}

/// The first quote, backslash or control character at or after `at`.
pub fn next_special(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = specials(u64::from_le_bytes(*block));
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    let found = rest.iter().position(|byte| *byte < b' ' || *byte == b'"' || *byte == b'\\')?;
    Some(at + found)
}

/// The high bit of the first byte that is a quote, a backslash or a control character. (Bytes above the first
/// may be marked too: a subtraction borrows from the next byte only when its own byte was found.)
fn specials(block: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let zero_in = |block: u64| block.wrapping_sub(EACH) & !block;
    let quotes = zero_in(block ^ (EACH * b'"' as u64));
    let slashes = zero_in(block ^ (EACH * b'\\' as u64));
    let controls = block.wrapping_sub(EACH * b' ' as u64) & !block;
    (quotes | slashes | controls) & HIGH
}

/// What a string says. `content` is what is between the quotes, checked before.
pub(super) fn unescape(content: &str) -> JsonText<'static> {
    let bytes = content.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut has_lone = false;
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        out.extend_from_slice(rest.get(..plain).unwrap_or_default());
        at += plain;
        let short = match bytes.get(at + 1) {
            None => break,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0C,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let unit = code_unit(bytes, at).unwrap_or_default();
                at += 6;
                let trailing = match unit {
                    0xD800..=0xDBFF => code_unit(bytes, at).filter(|unit| is_trailing(*unit)),
                    _ => None,
                };
                at += if trailing.is_some() { 6 } else { 0 };
                let code = match trailing {
                    Some(low) => 0x1_0000 + ((u32::from(unit) & 0x3FF) << 10) + (u32::from(low) & 0x3FF),
                    None => unit.into(),
                };
                has_lone |= push_wtf8(&mut out, code);
                continue;
            }
            Some(other) => *other,
        };
        out.push(short);
        at += 2;
    }
    if has_lone {
        return JsonText::Wtf8(out);
    }
    match String::from_utf8(out) {
        Ok(text) => JsonText::Utf8(Cow::Owned(text)),
        Err(error) => JsonText::Wtf8(error.into_bytes()),
    }
}

/// Appends a code point as UTF-8; a surrogate in the same way, and says that it was one.
fn push_wtf8(out: &mut Vec<u8>, code: u32) -> bool {
    if let Some(character) = char::from_u32(code) {
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        return false;
    }
    let continuation = |shift: u32| 0x80 | ((code >> shift) as u8 & 0x3F);
    out.extend_from_slice(&[0xED, continuation(6), continuation(0)]);
    true
}

fn is_trailing(unit: u16) -> bool {
    (0xDC00..=0xDFFF).contains(&unit)
}

/// JSON with the escapes of unpaired surrogates, which only JavaScript takes, replaced by U+FFFD; `None` when
/// it has none of them.
pub fn paired(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', bytes.get(at..).unwrap_or_default()) {
        let escape = at + found;
        let Some(unit) = code_unit(bytes, escape) else {
            at = escape + 2;
            continue;
        };
        at = escape + 6;
        match unit {
            0xD800..=0xDBFF if code_unit(bytes, at).is_some_and(is_trailing) => at += 6,
            0xD800..=0xDFFF => {
                let out = out.get_or_insert_default();
                out.push_str(text.get(copied..escape)?);
                out.push_str("\\ufffd");
                copied = at;
            }
            _ => {}
        }
    }
    let mut out = out?;
    out.push_str(text.get(copied..)?);
    Some(out)
}

/// The code unit of the escape `\uXXXX` at `at`, if there is one.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = bytes.get(at..)?.first_chunk::<6>()? else { return None };
    digits.iter().try_fold(0_u16, |unit, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        Some(unit << 4 | u16::from(value))
    })
}
