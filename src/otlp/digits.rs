//! Decimal digits of whole numbers, without an allocation and without `core::fmt`.

/// The decimal digits of a number.
pub(crate) struct Digits {
    bytes: [u8; 20],
    start: usize,
}

impl Digits {
    pub(crate) fn of(value: u64) -> Self {
        // In parts of nine digits, because WebAssembly divides 32-bit numbers by ten without a division.
        const PART: u64 = 1_000_000_000;
        let mut digits = Self { bytes: [b'0'; 20], start: 20 };
        let mut rest = value;
        while rest >= PART {
            let end = digits.start - 9;
            digits.write((rest % PART) as u32);
            // The part's leading zeros stay.
            digits.start = end;
            rest /= PART;
        }
        digits.write(rest as u32);
        digits
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Writes a number before what is there.
    fn write(&mut self, mut value: u32) {
        let Some(free) = self.bytes.get_mut(..self.start) else { return };
        for digit in free.iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            self.start -= 1;
            value /= 10;
            if value == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_as_std_does() {
        let mut table = vec![0, 1, 9, 10, 99, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX];
        table.extend(
            (0..20).flat_map(|power| [10_u64.pow(power), 10_u64.pow(power) - 1, 10_u64.pow(power) + 7]),
        );
        table.extend((0..64).map(|shift| 0xDEAD_BEEF_1234_5677_u64 >> shift));
        for value in table {
            assert_eq!(Digits::of(value).as_str(), value.to_string());
        }
    }
}
