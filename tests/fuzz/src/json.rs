//! The scanner beside `serde_json`: what is JSON, in whose words it is not, what it says.

use std::cell::RefCell;

use serde_json::Value;
use streamgauge::json::{self, Tape};

use crate::same_json;

thread_local! {
    /// Reused, as the aggregator does: what one document leaves must not show in the next.
    static TAPE: RefCell<Tape> = RefCell::default();
}

/// Input: a text, as the framer decodes it.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let compared = TAPE.with_borrow_mut(|tape| same_json::compare(&text, tape));
    match compared {
        Err(problem) => panic!("{problem}"),
        Ok(false) => {}
        Ok(true) => {
            let compact = json::compact(&text);
            assert!(json::check(&compact).is_ok(), "compact makes {compact}");
            if let Ok(tree) = serde_json::from_str::<Value>(&text) {
                assert_eq!(
                    serde_json::from_str::<Value>(&compact).ok(),
                    Some(tree),
                    "compact makes {compact}"
                );
            }
        }
    }
}
