//! Bytes to frames: the [WHATWG event stream] format, and nothing but the format.
//!
//! A [`Framer`] takes bytes split in any way and yields one [`Frame`] per event. It knows no JSON and no
//! provider: what deviates from the standard is the aggregator's business. The only two liberties are that
//! [`Framer::finish`] flushes an unterminated last event (the standard drops it), and that an event may not be
//! larger than a limit.
//!
//! There is no line buffer. Every byte moves a small state machine or goes straight to the end of
//! the buffer it belongs to, so a whole line and a dripping one take the same path, no byte is looked at twice
//! by the framer, and the outcome cannot depend on where the input was split.
//!
//! [WHATWG event stream]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use core::fmt;
use core::mem;
use core::str::{self, Utf8Error};

use memchr::{memchr, memchr2};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What a buffer may keep between events, in bytes; what one huge event needed beyond it is given back.
const KEPT: usize = 64 * 1024;

/// One dispatched event, borrowed from the [`Framer`] until it is next called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event type; `"message"` when the block had no `event` line, or an empty one.
    pub event: &'a str,
    /// The values of the block's `data` lines, joined by LF.
    pub data: &'a str,
    /// The last event ID at dispatch, which may come from an earlier block; `""` when there is none.
    pub id: &'a str,
    /// The reconnection time in milliseconds, if this very block set it.
    pub retry: Option<u64>,
    /// Where `data` (or else `event`) first held invalid UTF-8, which is U+FFFD in the text. The index counts
    /// bytes from the start of that field's undecoded value, not of the line or the stream.
    pub utf8_error: Option<Utf8Error>,
}

/// An event was larger than the framer's limit. Terminal until [`Framer::reset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameTooLarge {
    /// The limit that was exceeded, in bytes.
    pub limit: usize,
}

impl fmt::Display for FrameTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event larger than {} bytes", self.limit)
    }
}

impl core::error::Error for FrameTooLarge {}

/// Splits a byte stream into events. Feed, drain, feed:
///
/// ```
/// use streamgauge_scan::sse::Framer;
///
/// let mut framer = Framer::new(8 << 20);
/// let mut seen = Vec::new();
/// for mut chunk in [&b"data: o"[..], b"ne\n\ndata: two\r\n\r", b"\ndata: three"] {
///     while let Some(frame) = framer.poll_frame(&mut chunk)? {
///         seen.push(frame.data.to_owned());
///     }
/// }
/// if let Some(frame) = framer.finish()? {
///     seen.push(frame.data.to_owned());
/// }
/// assert_eq!(seen, ["one", "two", "three"]);
/// # Ok::<(), streamgauge_scan::sse::FrameTooLarge>(())
/// ```
#[derive(Debug, Clone)]
pub struct Framer {
    limit: usize,
    state: State,
    /// The last line ended in a CR that was the last byte there was; an LF right after it belongs to it.
    after_cr: bool,
    /// What the limit is compared with: the current line's bytes and `held()` as it was when the line began.
    /// `buffered_bytes() <= load <= limit` whenever no frame is out.
    load: usize,
    data: Text,
    /// A `data` line was seen, which may have been empty.
    has_data: bool,
    event: Text,
    /// The value of the `id` or `retry` line that is being read.
    value: Vec<u8>,
    /// The standard's "last event ID buffer", where the block set it; the block's end commits it.
    next_id: Option<Vec<u8>>,
    last_event_id: String,
    block_retry: Option<u64>,
    retry: Option<u64>,
    comments: u64,
    fields: u64,
    ignored_lines: u64,
    /// The bytes of the ignored lines, for as long as there was nothing else: what this is, is no event stream.
    foreign: usize,
}

impl Framer {
    /// Returns a framer at the start of a stream that holds at most `max_event_bytes` for one event.
    ///
    /// What counts is the line being read, without its line end but with its field name, plus what the block's
    /// earlier lines left: data, event type and id. Comments never count; a line whose field is unknown does while
    /// it lasts, though it is not stored, so that an endless line that is no comment is an error. Lines before the first
    /// field or comment count together: an endless page of HTML is an error, too.
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            limit: max_event_bytes,
            state: State::Bom(BOM),
            after_cr: false,
            load: 0,
            data: Text::default(),
            has_data: false,
            event: Text::default(),
            value: Vec::new(),
            next_id: None,
            last_event_id: String::new(),
            block_retry: None,
            retry: None,
            comments: 0,
            fields: 0,
            ignored_lines: 0,
            foreign: 0,
        }
    }

    /// Returns the next event, and moves `input` behind its end. `Ok(None)` means that `input` is used up: feed more.
    ///
    /// Call it until it returns `None`, then with the next chunk.
    ///
    /// # Errors
    ///
    /// [`FrameTooLarge`] when an event exceeds the limit; every later call returns it again until [`Self::reset`].
    #[must_use = "a frame that is not taken is lost"]
    pub fn poll_frame<'s>(&'s mut self, input: &mut &[u8]) -> Result<Option<Frame<'s>>, FrameTooLarge> {
        self.begin()?;
        self.skip_bom(input);
        if self.after_cr && !input.is_empty() {
            self.after_cr = false;
            *input = input.strip_prefix(b"\n").unwrap_or(input);
        }
        while !input.is_empty() {
            let end = memchr2(b'\n', b'\r', input);
            let Some((line, rest)) = end.and_then(|end| input.split_at_checked(end)) else {
                let part = mem::take(input);
                self.take(part)?;
                break;
            };
            self.take(line)?;
            *input = match rest {
                // Waiting for a possible LF would hold back an event that is complete.
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] | rest => rest,
            };
            if self.end_line() {
                return Ok(Some(self.frame()));
            }
        }
        Ok(None)
    }

    /// Ends the stream: returns the last event if it lacked its blank line, or even its line end.
    ///
    /// Call it at a *clean* end, once, after the last `poll_frame` returned `None`. This is lenient: the standard
    /// drops such an event and its id, and who wants that does not call it. Calling it again returns `None`.
    ///
    /// # Errors
    ///
    /// [`FrameTooLarge`] if the stream had failed with it.
    #[must_use = "a frame that is not taken is lost"]
    pub fn finish(&mut self) -> Result<Option<Frame<'_>>, FrameTooLarge> {
        self.begin()?;
        // An unterminated line first; whichever it was, what follows is as if a blank line came.
        let ready = self.end_line() || self.end_line();
        Ok(ready.then(|| self.frame()))
    }

    /// Returns whether the next byte begins an event: nothing of one was taken yet that still counts.
    pub fn is_between_events(&self) -> bool {
        let is_idle = match self.state {
            State::Dispatched => true,
            State::Start => {
                self.load == 0 && !self.has_data && self.next_id.is_none() && self.block_retry.is_none()
            }
            _ => false,
        };
        is_idle && !self.after_cr
    }

    /// Counts an event that the caller took by itself, when the framer was between events.
    pub fn note_event(&mut self, fields: u64) {
        self.fields = self.fields.saturating_add(fields);
    }

    /// Goes back to the start of a stream, and forgets the last event ID, the reconnection time and the counts.
    pub fn reset(&mut self) {
        self.foreign = 0;
        self.clear_event();
        self.state = State::Bom(BOM);
        self.after_cr = false;
        self.next_id = None;
        self.last_event_id.clear();
        self.last_event_id.shrink_to(KEPT);
        self.retry = None;
        (self.comments, self.fields, self.ignored_lines) = (0, 0, 0);
    }

    /// Returns the last event ID, as of the last finished block; `""` when there is none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Returns the reconnection time in milliseconds, if the stream has set it.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Returns how many comment lines have ended so far.
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// Returns how many `data`, `event`, `id` and `retry` lines have ended so far, whatever their values.
    pub fn fields(&self) -> u64 {
        self.fields
    }

    /// Returns how many non-empty lines that are neither comments nor known fields have ended so far.
    ///
    /// When it is not 0 and [`Self::fields`] is, this may be HTML or JSON where a stream was asked for.
    pub fn ignored_lines(&self) -> u64 {
        self.ignored_lines
    }

    /// Returns how many bytes of the current event are stored.
    pub fn buffered_bytes(&self) -> usize {
        self.held().saturating_add(self.value.len())
    }

    /// Lets go of the frame that was handed out last, and refuses to go on after a failure.
    fn begin(&mut self) -> Result<(), FrameTooLarge> {
        match self.state {
            State::Failed => return Err(FrameTooLarge { limit: self.limit }),
            State::Dispatched => {
                self.clear_event();
                self.state = State::Start;
            }
            _ => {}
        }
        Ok(())
    }

    /// Drops one BOM from the very start. What only began like one is a line with an unknown field.
    fn skip_bom(&mut self, input: &mut &[u8]) {
        let State::Bom(mut want) = self.state else { return };
        while let (Some((expected, later)), Some((byte, rest))) = (want.split_first(), input.split_first()) {
            if byte != expected {
                self.load = BOM.len().saturating_sub(want.len());
                self.state = if self.load == 0 { State::Start } else { State::Unknown };
                return;
            }
            (want, *input) = (later, rest);
        }
        self.state = if want.is_empty() { State::Start } else { State::Bom(want) };
    }

    /// Takes a part of the current line: all of it, some, or nothing.
    fn take(&mut self, part: &[u8]) -> Result<(), FrameTooLarge> {
        let value = self.classify(part);
        if matches!(self.state, State::Comment) {
            return Ok(());
        }
        self.load = self.load.saturating_add(part.len());
        let foreign = if matches!(self.state, State::Unknown) { self.foreign } else { 0 };
        if self.load.saturating_add(foreign) > self.limit {
            self.clear_event();
            self.next_id = None;
            self.state = State::Failed;
            return Err(FrameTooLarge { limit: self.limit });
        }
        let State::Value { field, ref mut spaced } = self.state else { return Ok(()) };
        let Some(first) = value.first() else { return Ok(()) };
        // At most one U+0020 after the colon is not part of the value.
        let space = !*spaced && *first == b' ';
        *spaced = true;
        let value = if space { value.strip_prefix(b" ").unwrap_or(value) } else { value };
        match field {
            Field::Data => self.data.bytes.extend_from_slice(value),
            Field::Event => self.event.bytes.extend_from_slice(value),
            Field::Id | Field::Retry => self.value.extend_from_slice(value),
        }
        Ok(())
    }

    /// Moves the state over the field name and the colon, and returns what of `part` comes after them.
    ///
    /// No name is ever stored: its first byte says which field it can be, the others must follow that one.
    fn classify<'p>(&mut self, mut part: &'p [u8]) -> &'p [u8] {
        while let Some((&byte, rest)) = part.split_first() {
            self.state = match self.state {
                State::Start => match byte {
                    b':' => State::Comment,
                    b'd' => State::Name(Field::Data, b"ata"),
                    b'e' => State::Name(Field::Event, b"vent"),
                    b'i' => State::Name(Field::Id, b"d"),
                    b'r' => State::Name(Field::Retry, b"etry"),
                    _ => State::Unknown,
                },
                State::Name(field, want) => match want.split_first() {
                    Some((&expected, want)) if byte == expected => State::Name(field, want),
                    None if byte == b':' => {
                        self.open_field(field);
                        State::Value { field, spaced: false }
                    }
                    _ => State::Unknown,
                },
                _ => break,
            };
            part = rest;
        }
        part
    }

    /// Makes room for the value of a field line whose name is complete.
    fn open_field(&mut self, field: Field) {
        match field {
            // The standard appends an LF to each value and drops the last one at dispatch: so a separator.
            Field::Data if self.has_data => self.data.bytes.push(b'\n'),
            Field::Data => self.has_data = true,
            Field::Event => self.event.bytes.clear(),
            Field::Id | Field::Retry => {}
        }
    }

    /// Ends the current line; returns whether it was a blank one that dispatches an event.
    fn end_line(&mut self) -> bool {
        let state = mem::replace(&mut self.state, State::Start);
        match state {
            State::Start => return self.end_block(),
            State::Comment => self.comments = self.comments.saturating_add(1),
            State::Name(field, []) => {
                self.open_field(field);
                self.close_field(field);
            }
            State::Value { field, .. } => self.close_field(field),
            // A BOM cut short by the end of the stream. Nothing at all is not a line.
            State::Bom(want) if want.len() == BOM.len() => {}
            State::Bom(_) | State::Name(..) | State::Unknown => {
                self.ignored_lines = self.ignored_lines.saturating_add(1);
                self.foreign = self.foreign.saturating_add(self.load);
            }
            // `begin` leaves neither behind.
            State::Dispatched | State::Failed => self.state = state,
        }
        if self.fields > 0 || self.comments > 0 {
            self.foreign = 0;
        }
        self.load = self.held();
        false
    }

    fn close_field(&mut self, field: Field) {
        self.fields = self.fields.saturating_add(1);
        match field {
            // "If the field value does not contain U+0000 NULL"; else the line has no effect.
            Field::Id if memchr(0, &self.value).is_none() => self.next_id = Some(mem::take(&mut self.value)),
            Field::Data | Field::Event | Field::Id => {}
            Field::Retry => {
                if let Some(millis) = digits(&self.value) {
                    self.retry = Some(millis);
                    self.block_retry = Some(millis);
                }
            }
        }
        self.value.clear();
    }

    /// Does what a blank line does; returns whether there is an event to dispatch.
    fn end_block(&mut self) -> bool {
        // The id is committed even when there is no data.
        if let Some(id) = self.next_id.take() {
            self.last_event_id = String::from_utf8_lossy(&id).into_owned();
        }
        if self.has_data {
            self.state = State::Dispatched;
        } else {
            self.clear_event();
        }
        self.has_data
    }

    fn frame(&mut self) -> Frame<'_> {
        let (data, data_error) = self.data.decode();
        let (event, event_error) = self.event.decode();
        Frame {
            event: if event.is_empty() { "message" } else { event },
            data,
            id: &self.last_event_id,
            retry: self.block_retry,
            utf8_error: data_error.or(event_error),
        }
    }

    /// Forgets the block, all but its id.
    fn clear_event(&mut self) {
        self.data.clear();
        self.has_data = false;
        self.event.clear();
        self.value.clear();
        self.value.shrink_to(KEPT);
        self.block_retry = None;
        self.load = 0;
    }

    /// What the finished lines of the block left in store, in bytes.
    fn held(&self) -> usize {
        let id = self.next_id.as_ref().map_or(0, Vec::len);
        self.data.bytes.len().saturating_add(self.event.bytes.len()).saturating_add(id)
    }
}

/// Where in a line the next byte is.
#[derive(Debug, Clone, Copy)]
enum State {
    /// At the very start of the stream; this much of the BOM is still to come.
    Bom(&'static [u8]),
    /// At the start of a line.
    Start,
    /// In what can only be this field's name; this much of it is still to come.
    Name(Field, &'static [u8]),
    /// Behind the colon of a known field. `spaced`: a space is now part of the value.
    Value { field: Field, spaced: bool },
    /// In a comment, which is counted and not stored.
    Comment,
    /// In a line that cannot be a known field, which is measured and not stored.
    Unknown,
    /// At the start of a line; the buffers still hold the frame that was handed out.
    Dispatched,
    /// Behind an event that was too large.
    Failed,
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Data,
    Event,
    Id,
    Retry,
}

/// Bytes that are decoded when they are complete. Line ends and colons are ASCII, so decoding a value gives what
/// decoding the whole stream first, as the standard says, would give.
#[derive(Debug, Clone, Default)]
struct Text {
    bytes: Vec<u8>,
    /// The text with U+FFFD where `bytes` are not UTF-8; empty where they are.
    repaired: String,
}

impl Text {
    fn decode(&mut self) -> (&str, Option<Utf8Error>) {
        match str::from_utf8(&self.bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                self.repaired = String::from_utf8_lossy(&self.bytes).into_owned();
                (&self.repaired, Some(error))
            }
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.repaired = String::new();
    }
}

/// Reads "only ASCII digits" as an integer; one that does not fit is the largest that does.
fn digits(value: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte.wrapping_sub(b'0')));
    let mut digits = value.iter().map(digit);
    let first = digits.next()??;
    digits.try_fold(first, |sum, digit| Some(sum.saturating_mul(10).saturating_add(digit?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_event_leaves_no_huge_buffers() {
        let value = [b'x'; 4 * KEPT];
        let mut framer = Framer::new(16 * KEPT);
        for part in [&b"event:"[..], &value, b"\nretry:", &value, b"\ndata:", &value, b"\xFF\n\n", b":"] {
            assert!(framer.poll_frame(&mut { part }).is_ok());
        }
        for buffer in [&framer.data.bytes, &framer.event.bytes, &framer.value] {
            assert!(buffer.capacity() <= KEPT);
        }
        assert_eq!(framer.data.repaired.capacity(), 0);
    }
}
