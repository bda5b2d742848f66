//! W3C trace context: the ids that join records to a trace.

use crate::error::{Error, ErrorCode};

/// A parsed `traceparent` header, <https://www.w3.org/TR/trace-context/#traceparent-header>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace's id; not all zeros.
    pub trace_id: [u8; 16],
    /// The parent span's id; not all zeros.
    pub span_id: [u8; 8],
    /// The trace flags.
    pub flags: u8,
}

impl TraceParent {
    /// Reads `00-<32 hex>-<16 hex>-<2 hex>`; later versions may append fields.
    ///
    /// # Errors
    /// `bad_option` when it is not a valid header.
    pub fn parse(header: &str) -> Result<Self, Error> {
        Self::read(header).ok_or_else(|| {
            let shape = "00-<32 hex digits>-<16 hex digits>-<2 hex digits>";
            Error::new(ErrorCode::BadOption, format!("traceparent must be {shape}"))
        })
    }

    fn read(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (mut version, mut trace_id, mut span_id, mut flags) = ([0], [0; 16], [0; 8], [0]);
        for bytes in [&mut version[..], &mut trace_id, &mut span_id, &mut flags] {
            read_hex(parts.next()?, bytes)?;
        }
        let ([version], [flags]) = (version, flags);
        let is_valid = version != 0xFF
            && (version != 0 || parts.next().is_none())
            // It is sent as a header: what later versions append must be fit for one.
            && header.trim().bytes().all(|byte| byte.is_ascii_graphic())
            && trace_id != [0; 16]
            && span_id != [0; 8];
        is_valid.then_some(Self { trace_id, span_id, flags })
    }
}

/// Reads lower-case hex, as the standard asks.
fn read_hex(text: &str, bytes: &mut [u8]) -> Option<()> {
    let digits = text.as_bytes();
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(())
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let good = "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01";
        let parsed = TraceParent::parse(good).unwrap();
        assert_eq!((parsed.trace_id[0], parsed.span_id[7], parsed.flags), (0x5b, 0x74, 1));
        assert!(TraceParent::parse(&format!("cc{}-more", &good[2..])).is_ok());
        for bad in [
            "",
            "00",
            "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174",
            "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01-more",
            "ff-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01",
            "00-00000000000000000000000000000000-eee19b7ec3c1b174-01",
            "00-5b8efff798038103d269b633813fc60c-0000000000000000-01",
            "00-5B8EFFF798038103D269B633813FC60C-eee19b7ec3c1b174-01",
            "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b17é-01",
        ] {
            assert_eq!(TraceParent::parse(bad).unwrap_err().code, ErrorCode::BadOption, "{bad}");
        }
    }
}
