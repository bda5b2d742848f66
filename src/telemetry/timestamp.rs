//! `event.timestamp`: RFC 3339 in UTC with exactly three fraction digits.

/// The text of a moment, e.g. `2025-01-01T00:00:00.000Z`.
#[derive(Debug)]
pub(super) struct Timestamp([u8; 24]);

impl Timestamp {
    /// The text of a Unix time in nanoseconds.
    pub(super) fn of(unix_nanos: u64) -> Self {
        let millis = unix_nanos / 1_000_000;
        // 64 bits of nanoseconds end in the year 2554.
        let (seconds, fraction) = (millis / 1000, (millis % 1000) as u32);
        let (days, second_of_day) = ((seconds / 86_400) as u32, (seconds % 86_400) as u32);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        let mut text = Self(*b"0000-00-00T00:00:00.000Z");
        for (end, value) in
            [(4, year), (7, month), (10, day), (13, hour), (16, minute), (19, second), (23, fraction)]
        {
            text.write(end, value);
        }
        text
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Writes the digits of `value` so that the last is before `end`.
    fn write(&mut self, end: usize, mut value: u32) {
        for digit in self.0.get_mut(..end).unwrap_or_default().iter_mut().rev() {
            if value == 0 {
                break;
            }
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
}

/// The Gregorian date of a day since 1970-01-01. Years are counted from March, so that the leap day is the
/// last of a year; 400 years have 146 097 days.
fn civil(days: u32) -> (u32, u32, u32) {
    let shifted = days + 719_468; // days from 0000-03-01
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u32::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (1_735_689_600_000_000_000, "2025-01-01T00:00:00.000Z"),
            (1_767_225_600_123_456_789, "2026-01-01T00:00:00.123Z"),
            (4_107_542_399_000_000_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "2554-07-21T23:34:33.709Z"),
        ];
        for (nanos, expected) in table {
            assert_eq!(Timestamp::of(nanos).as_str(), expected);
        }
    }
}
