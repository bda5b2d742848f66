//! Members of a container that has no tape, found in its text: of what was kept from earlier chunks, and of documents
//! that are too large for a tape. The text was checked before; what does not look like JSON ends the walk.

use super::{scan, string};

/// Takes the next key and its colon off `rest`, with white space and the comma before it. Returns the key's content,
/// and whether there is a backslash in it.
pub(super) fn key<'a>(rest: &mut &'a str) -> Option<(&'a str, bool)> {
    let start = next(rest)?;
    let (end, is_escaped) = string::end(rest.as_bytes(), start + 1)?;
    let key = rest.get(start + 1..end - 1)?;
    let colon = scan::skip_space(rest.as_bytes(), end);
    *rest = rest.get(colon + 1..)?;
    Some((key, is_escaped))
}

/// Takes the next value off `rest`, with white space and the comma before it; `None` at the container's end.
pub(super) fn value<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let start = next(rest)?;
    let end = value_end(rest.as_bytes(), start)?;
    let value = rest.get(start..end)?;
    *rest = rest.get(end..)?;
    Some(value)
}

/// Where the next member begins; `None` when the container ends here.
fn next(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = scan::skip_space(bytes, 0);
    if bytes.get(at) == Some(&b',') {
        at = scan::skip_space(bytes, at + 1);
    }
    (!matches!(bytes.get(at)?, b'}' | b']')).then_some(at)
}

fn value_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut depth = 0_usize;
    loop {
        match bytes.get(at) {
            Some(b'"') => {
                at = string::end(bytes, at + 1)?.0;
                if depth == 0 {
                    return Some(at);
                }
                continue;
            }
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') if depth > 1 => depth -= 1,
            Some(b'}' | b']') if depth == 1 => return Some(at + 1),
            // A number or a literal ends where something else begins.
            Some(b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r') | None if depth == 0 => return Some(at),
            None => return None,
            Some(_) => {}
        }
        at += 1;
    }
}
