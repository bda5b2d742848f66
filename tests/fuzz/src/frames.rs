//! The framer: the same frames at any splits; the standard's, where no limit is in the way; no more memory than the limit.

use streamgauge::sse::Framer;

use crate::allocations::measure;
use crate::framing::{End, Outcome, oracle, run_with};
use crate::splits::random_way;

/// Without a limit that matters.
const ROOMY: usize = 1 << 20;

/// Input: how large an event may be, how to split, the bytes.
pub fn check(input: &[u8]) {
    let Some(([limit, seed], bytes)) = input.split_first_chunk::<2>() else { return };
    let way = random_way(bytes, u64::from(*seed), 1 + usize::from(seed % 16));
    for end in [End::Strict, End::Flush] {
        let expected = oracle(bytes, end);
        let whole = run(ROOMY, &[bytes], end);
        let is_text = std::str::from_utf8(bytes).is_ok();
        assert!(!is_text || whole.frames.iter().all(|frame| frame.utf8_error.is_none()), "text is UTF-8");
        assert_eq!(run(ROOMY, &way.chunks, end), whole, "{way}");
        for frame in whole.frames.iter().filter(|frame| frame.utf8_error.is_some()) {
            assert!(frame.data.contains('\u{FFFD}') || frame.event.contains('\u{FFFD}'), "{frame:?}");
        }
        assert_eq!(without_utf8_errors(whole), expected, "the standard");
    }
    let limit = usize::from(*limit);
    let whole = run(limit, &[bytes], End::Flush);
    let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(run(limit, &bytewise, End::Flush), whole, "byte by byte, limit {limit}");
    assert_eq!(run(limit, &way.chunks, End::Flush), whole, "{way}, limit {limit}");
    check_memory(limit, &way.chunks);
}

fn run(limit: usize, chunks: &[&[u8]], end: End) -> Outcome {
    run_with(&mut Framer::new(limit), chunks, end)
}

fn without_utf8_errors(mut outcome: Outcome) -> Outcome {
    for frame in &mut outcome.frames {
        frame.utf8_error = None;
    }
    outcome
}

/// Some buffers, each doubled when it grows, of which none holds more than the limit, and what is decoded from them:
/// a byte that is no UTF-8 becomes three.
fn check_memory(limit: usize, chunks: &[&[u8]]) {
    let bound = 256 + 16 * limit;
    let (_framer, peak, _) = measure(|| {
        let mut framer = Framer::new(limit);
        for mut chunk in chunks.iter().copied() {
            while let Ok(Some(_)) = framer.poll_frame(&mut chunk) {}
            assert!(framer.buffered_bytes() <= limit);
        }
        framer
    });
    assert!(peak <= bound, "{peak} bytes for events of up to {limit}");
}
