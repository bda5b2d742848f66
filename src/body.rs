//! What a body is when it is not an event stream.
//!
//! Servers answer 200 with a whole JSON completion, a JSON error, an HTML page, some text, or nothing. The
//! content type is no guide (gateways label each as the other), so the first byte that is not blank decides.

/// Gathers the body for as long as it may turn out not to be an event stream.
#[derive(Debug)]
pub(crate) struct BodySniffer {
    state: State,
    limit: usize,
    /// How many blank bytes came first; they are not kept, and count all the same.
    skipped: usize,
    is_cut: bool,
}

#[derive(Debug)]
enum State {
    /// Nothing but white space (and a BOM) so far.
    Blank,
    /// No frame came yet: the body is kept, up to a limit.
    Foreign { kind: BodyKind, body: Vec<u8> },
    /// It is an event stream.
    Stream,
}

/// The body, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// Begins with `{` or `[`.
    Json,
    /// Begins with `<`.
    Html,
    /// Begins with something else: text, or an event stream of which no frame came yet.
    Text,
}

/// How much of a body that is not JSON is kept, in bytes: enough for a message about it.
const EXCERPT_LIMIT: usize = 4096;

impl BodySniffer {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: State::Blank, limit, skipped: 0, is_cut: false }
    }

    /// Looks at the next bytes of the body.
    pub(crate) fn note(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if matches!(self.state, State::Blank) {
            let at = rest.iter().position(|byte| !is_blank(*byte));
            self.skipped = self.skipped.saturating_add(at.unwrap_or(rest.len()));
            let Some(at) = at else { return };
            rest = rest.get(at..).unwrap_or_default();
            self.state = match rest.first() {
                Some(b'{' | b'[') => State::Foreign { kind: BodyKind::Json, body: Vec::new() },
                Some(b'<') => State::Foreign { kind: BodyKind::Html, body: Vec::new() },
                _ => State::Foreign { kind: BodyKind::Text, body: Vec::new() },
            };
        }
        if let State::Foreign { kind, body } = &mut self.state {
            let room = match kind {
                BodyKind::Json => self.limit,
                // Never more than what is there when the limit ends the stream, however it is split.
                BodyKind::Html | BodyKind::Text => EXCERPT_LIMIT.min(self.limit.saturating_sub(self.skipped)),
            };
            let free = room.saturating_sub(body.len());
            body.extend_from_slice(rest.get(..free.min(rest.len())).unwrap_or_default());
            self.is_cut |= rest.len() > free;
        }
    }

    /// Whether the body was larger than what is kept of it.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// It is a stream after all: what was kept is dropped.
    pub(crate) fn settle(&mut self) {
        self.state = State::Stream;
    }

    /// The body, if it is not an event stream.
    pub(crate) fn foreign(&self) -> Option<(BodyKind, &[u8])> {
        match &self.state {
            State::Foreign { kind, body } => Some((*kind, body)),
            State::Blank | State::Stream => None,
        }
    }

    /// Whether nothing but white space came.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.state, State::Blank)
    }
}

/// White space, and the bytes of a BOM.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF)
}
