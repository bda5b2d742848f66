//! What went through a stream, in numbers.

use crate::json::{Object, ToJson};
use crate::serialize::serialize_by_json;

/// What went through, for people who look after a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of the body.
    pub bytes: u64,
    /// SSE frames.
    pub frames: u64,
    /// Frames whose data could not be used.
    pub bad_frames: u64,
    /// Comment lines (keep-alives).
    pub comments: u64,
    /// Events of the Responses and Anthropic APIs of types that are passed over: the progress of server-side
    /// tools, and those that this version has never heard of.
    pub unknown_events: u64,
}

serialize_by_json!(Counts);

impl ToJson for Counts {
    fn write_json(&self, out: &mut String) {
        let mut object = Object::begin(out);
        object.number("bytes", self.bytes);
        object.number("frames", self.frames);
        object.number("bad_frames", self.bad_frames);
        object.number("comments", self.comments);
        object.number("unknown_events", self.unknown_events);
        object.end();
    }
}
