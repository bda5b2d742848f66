//! A line that shows even when the test passes: the harness captures only `println!`.

use std::fmt::Display;
use std::io::Write;

/// Prints a line past the test harness.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
