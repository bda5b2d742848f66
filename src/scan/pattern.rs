//! Events that repeat the one before them, all but a text.
//!
//! Of two chunks of a stream mostly nothing differs but the delta: ids, model, fingerprint, indices and punctuation are
//! the same, byte for byte. So an event that was read by the book can be remembered as a pattern: its bytes as they
//! came, with gaps where the delta is and where there may be anything (padding, a counter). An event that has the same
//! bytes around its gaps is JSON, because that one was, and means the same, but for its text. Comparing bytes costs a
//! small part of reading them.
//!
//! What an event has to be like for that is each wire's business ([`Repetition`]); whatever is different in any way
//! is read by the book.

use core::ops::Range;

use crate::json::{self, JsonText, Place};
use crate::sse::Frame;

/// Larger events are not remembered.
const MAX_EVENT_BYTES: usize = 8 * 1024;

/// What an event was found to be: something that may come again with another text.
#[derive(Debug)]
pub struct Repetition<M> {
    /// What is to be done with the text.
    pub meaning: M,
    /// Where the text is: a JSON string.
    pub text: Place,
    /// Strings, numbers and spaces that mean nothing.
    pub free: Vec<Place>,
}

/// An event that matched.
#[derive(Debug)]
pub struct Repeated<'p, 'a, M> {
    /// What is to be done with the text.
    pub meaning: &'p M,
    /// The event's name.
    pub event: &'p str,
    /// The text.
    pub text: JsonText<'a>,
    /// How many bytes of the input the event takes, its blank line included.
    pub len: usize,
    /// How many field lines it has.
    pub fields: u64,
}

/// The pattern of a stream's last event.
///
/// Of the last one only: an earlier one may have said something else of what keeps its last value.
#[derive(Debug)]
pub struct LastEvent<M> {
    pattern: Option<(M, Pattern)>,
    /// How many events are still to pass before the next one is remembered.
    pause: u32,
    /// How many were remembered since one came again.
    futile: u32,
}

impl<M> Default for LastEvent<M> {
    fn default() -> Self {
        Self { pattern: None, pause: 0, futile: 0 }
    }
}

/// Not generic, so that it is compiled in this crate, for speed.
#[derive(Debug)]
struct Pattern {
    event: String,
    /// The event as it came, or only its data, when it came in pieces.
    bytes: Vec<u8>,
    /// Where in it its data are.
    data: Range<usize>,
    gaps: Vec<Gap>,
    /// How many field lines it has; `None` when there are only its data.
    fields: Option<u64>,
}

#[derive(Debug)]
struct Gap {
    /// Where in the pattern's bytes it is; of a string its content.
    place: Range<usize>,
    kind: GapKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GapKind {
    Text,
    AnyString,
    AnyNumber,
    /// Spaces, or none.
    Padding,
}

impl<M> LastEvent<M> {
    /// Looks whether `input` begins with the last event, with another text. `limit` is the most bytes it may have.
    pub fn find<'a>(&mut self, input: &'a [u8], limit: usize) -> Option<Repeated<'_, 'a, M>> {
        let (meaning, pattern) = self.pattern.as_ref()?;
        let found = pattern.find_event(input, limit)?;
        self.futile = 0;
        Some(pattern.repeated(meaning, found))
    }

    /// Looks whether a frame is the last event with another text. `bytes` is its event as it came, where that was in one
    /// piece.
    pub fn find_frame<'a>(&mut self, frame: &Frame<'a>, bytes: Option<&[u8]>) -> Option<Repeated<'_, 'a, M>> {
        let (meaning, pattern) = self.pattern.as_mut()?;
        let found = pattern.find_frame(frame, bytes)?;
        self.futile = 0;
        Some(pattern.repeated(meaning, found))
    }

    /// Another event came. Returns whether it should be offered to [`LastEvent::learn`]: not each, when none ever
    /// comes again.
    pub fn forget(&mut self) -> bool {
        self.pattern = None;
        self.pause = self.pause.saturating_sub(1);
        self.pause == 0
    }

    /// Remembers an event: its bytes as they came, where that was in one piece, its frame, and what it was found to be.
    pub fn learn(&mut self, bytes: Option<&[u8]>, frame: &Frame<'_>, repetition: Repetition<M>) {
        let Repetition { meaning, text, free } = repetition;
        self.pattern = Pattern::new(bytes, frame, text, free).map(|pattern| (meaning, pattern));
        self.futile = self.futile.saturating_add(1);
        if self.futile >= 8 {
            self.pause = 1 << (self.futile / 8).min(6);
        }
    }
}

struct Found<'a> {
    text: JsonText<'a>,
    len: usize,
}

impl Pattern {
    fn new(bytes: Option<&[u8]>, frame: &Frame<'_>, text: Place, free: Vec<Place>) -> Option<Self> {
        if frame.data.len() > MAX_EVENT_BYTES {
            return None;
        }
        let mut gaps = vec![Gap::new(text, true)?];
        for place in free {
            let gap = Gap::new(place, false)?;
            let after = gaps.iter().position(|other| other.place.start > gap.place.start);
            gaps.insert(after.unwrap_or(gaps.len()), gap);
        }
        let mut pattern = Self {
            event: frame.event.to_owned(),
            bytes: frame.data.as_bytes().to_vec(),
            data: 0..frame.data.len(),
            gaps,
            fields: None,
        };
        if let Some(bytes) = bytes {
            pattern.complete(bytes, frame);
        }
        Some(pattern)
    }

    /// Puts around the data what is around those of an event that came in one piece.
    fn complete(&mut self, bytes: &[u8], frame: &Frame<'_>) {
        let Some((start, fields)) = data_start(bytes, frame) else { return };
        let (Some(before), Some(after)) = (bytes.get(..start), bytes.get(start + frame.data.len()..)) else {
            return;
        };
        self.bytes = [before, &self.bytes, after].concat();
        for range in self.gaps.iter_mut().map(|gap| &mut gap.place).chain([&mut self.data]) {
            *range = range.start + start..range.end + start;
        }
        self.fields = Some(fields);
    }

    fn repeated<'p, 'a, M>(&'p self, meaning: &'p M, found: Found<'a>) -> Repeated<'p, 'a, M> {
        let Self { event, fields, .. } = self;
        Repeated { meaning, event, text: found.text, len: found.len, fields: fields.unwrap_or_default() }
    }

    fn find_event<'a>(&self, input: &'a [u8], limit: usize) -> Option<Found<'a>> {
        self.fields?;
        self.find(input, 0..self.bytes.len()).filter(|found| found.len <= limit)
    }

    fn find_frame<'a>(&mut self, frame: &Frame<'a>, bytes: Option<&[u8]>) -> Option<Found<'a>> {
        let is_like = frame.event == self.event && frame.utf8_error.is_none() && frame.retry.is_none();
        let found = self.find(frame.data.as_bytes(), self.data.clone()).filter(|_| is_like)?;
        if found.len != frame.data.len() {
            return None;
        }
        if let (None, Some(bytes)) = (self.fields, bytes) {
            self.complete(bytes, frame);
        }
        Some(found)
    }

    /// Looks whether `input` begins with this part of the event, whose gaps are all in it.
    fn find<'a>(&self, input: &'a [u8], part: Range<usize>) -> Option<Found<'a>> {
        // The bytes of the pattern that are compared next begin at `from`, those of the input at `at`.
        let (mut from, mut at) = (part.start, 0);
        let mut text = None;
        for gap in &self.gaps {
            let same = self.bytes.get(from..gap.place.start)?;
            at = after_same(input, at, same)?;
            from = gap.place.end;
            at = match gap.kind {
                GapKind::AnyNumber => json::number_end(input, at)?,
                GapKind::Padding => {
                    let rest = input.get(at..)?;
                    at + rest.iter().take_while(|byte| **byte == b' ').count()
                }
                kind => {
                    let (end, is_escaped) = json::string_end(input, at)?;
                    let content = input.get(at..end - 1)?;
                    // Around the gaps the bytes are as UTF-8 as the remembered ones.
                    let content = core::str::from_utf8(content).ok()?;
                    if kind == GapKind::Text {
                        text = Some(json::content(content, is_escaped));
                    }
                    end - 1
                }
            };
        }
        let len = after_same(input, at, self.bytes.get(from..part.end)?)?;
        Some(Found { text: text?, len })
    }
}

impl Gap {
    fn new(place: Place, is_text: bool) -> Option<Self> {
        let is_padding = place.is_padding();
        let (range, is_string) = place.content()?;
        let kind = match (is_text, is_string) {
            (true, true) => GapKind::Text,
            (false, true) => GapKind::AnyString,
            (false, false) if is_padding => GapKind::Padding,
            (false, false) => GapKind::AnyNumber,
            (true, false) => return None,
        };
        Some(Self { place: range, kind })
    }
}

/// Where in the bytes of an event its data begin, and how many field lines it has. Only for an event that is an
/// `event` line or none, one `data` line, and a blank one: anything else leaves more behind than its data.
fn data_start(bytes: &[u8], frame: &Frame<'_>) -> Option<(usize, u64)> {
    let line_end: &[u8] = if bytes.ends_with(b"\r\n\r\n") { b"\r\n" } else { b"\n" };
    let rest = bytes.strip_suffix(line_end)?.strip_suffix(line_end)?.strip_suffix(frame.data.as_bytes())?;
    let mut lines = rest;
    let mut fields = 1;
    if let Some(after) = lines.strip_prefix(b"event:") {
        let after = after.strip_prefix(b" ").unwrap_or(after);
        lines = after.strip_prefix(frame.event.as_bytes())?.strip_prefix(line_end)?;
        fields += 1;
    }
    (lines == b"data: " || lines == b"data:").then_some((rest.len(), fields))
}

/// The place behind `same`, if the input has it at `at`.
fn after_same(input: &[u8], at: usize, same: &[u8]) -> Option<usize> {
    let end = at + same.len();
    is_same(input.get(at..end)?, same).then_some(end)
}

/// Whether two slices of one length are equal. The comparison that comes with WebAssembly goes byte by byte.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let (left_blocks, left_rest) = left.as_chunks::<16>();
    let (right_blocks, right_rest) = right.as_chunks::<16>();
    let word = |block: &[u8; 16]| u128::from_le_bytes(*block);
    let mut blocks = left_blocks.iter().zip(right_blocks);
    if !blocks.all(|(left, right)| word(left) == word(right)) {
        return false;
    }
    left_rest.iter().zip(right_rest).all(|(left, right)| left == right)
}
