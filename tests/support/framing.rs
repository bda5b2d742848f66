//! Runs the framer, and an oracle beside it.
#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use streamgauge::sse::{Frame, FrameTooLarge, Framer};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub event: String,
    pub data: String,
    pub id: String,
    pub retry: Option<u64>,
    pub utf8_error: Option<String>,
}

impl From<Frame<'_>> for Seen {
    fn from(frame: Frame<'_>) -> Self {
        Self {
            event: frame.event.to_owned(),
            data: frame.data.to_owned(),
            id: frame.id.to_owned(),
            retry: frame.retry,
            utf8_error: frame.utf8_error.map(|error| error.to_string()),
        }
    }
}

pub fn seen(data: &str) -> Seen {
    Seen { event: "message".into(), data: data.into(), id: String::new(), retry: None, utf8_error: None }
}

impl Seen {
    pub fn event(self, event: &str) -> Self {
        Self { event: event.into(), ..self }
    }
    pub fn id(self, id: &str) -> Self {
        Self { id: id.into(), ..self }
    }
    pub fn retry(self, millis: u64) -> Self {
        Self { retry: Some(millis), ..self }
    }
    pub fn invalid(self, error: &str) -> Self {
        Self { utf8_error: Some(error.into()), ..self }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub frames: Vec<Seen>,
    pub error: Option<FrameTooLarge>,
    pub last_event_id: String,
    pub retry: Option<u64>,
    pub comments: u64,
    pub fields: u64,
    pub ignored_lines: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As the standard has it: an unterminated event is dropped.
    Strict,
    /// As `finish` has it: it is flushed.
    Flush,
}

pub fn run_with(framer: &mut Framer, chunks: &[&[u8]], end: End) -> Outcome {
    let mut frames = Vec::new();
    let error = drive(framer, chunks, end, &mut frames).err();
    if let Some(error) = error {
        assert_eq!(framer.poll_frame(&mut &b"data: x\n\n"[..]), Err(error), "the error is terminal");
        assert_eq!(framer.finish(), Err(error), "the error is terminal");
    }
    Outcome {
        frames,
        error,
        last_event_id: framer.last_event_id().to_owned(),
        retry: framer.retry(),
        comments: framer.comments(),
        fields: framer.fields(),
        ignored_lines: framer.ignored_lines(),
    }
}

pub fn drive(
    framer: &mut Framer,
    chunks: &[&[u8]],
    end: End,
    frames: &mut Vec<Seen>,
) -> Result<(), FrameTooLarge> {
    for mut chunk in chunks.iter().copied() {
        while let Some(frame) = framer.poll_frame(&mut chunk)? {
            frames.push(frame.into());
        }
        assert!(chunk.is_empty(), "None means that the input is used up");
    }
    if end == End::Flush {
        if let Some(frame) = framer.finish()? {
            frames.push(frame.into());
        }
        assert_eq!(framer.finish(), Ok(None));
        assert_eq!(framer.buffered_bytes(), 0);
    }
    Ok(())
}

/// The standard read literally: decode all, normalise line ends, split, interpret. Shares nothing with the framer.
pub fn oracle(input: &[u8], end: End) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    let unterminated = lines.pop().unwrap_or_default();
    if end == End::Flush {
        lines.extend([unterminated, ""]);
    }
    let mut out = Outcome::default();
    let (mut data, mut event, mut id, mut retry) = (String::new(), String::new(), String::new(), None);
    for line in lines {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        out.fields += u64::from(["data", "event", "id", "retry"].contains(&field));
        match field {
            _ if line.is_empty() => {
                out.last_event_id = id.clone();
                if let Some(data) = data.strip_suffix('\n') {
                    let event = if event.is_empty() { "message" } else { &event };
                    out.frames.push(Seen { retry, ..seen(data).event(event).id(&id) });
                }
                (data, event, retry) = (String::new(), String::new(), None);
            }
            "" => out.comments += 1,
            "data" => data = data + value + "\n",
            "event" => event = value.to_owned(),
            "id" if !value.contains('\0') => id = value.to_owned(),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                retry = Some(value.parse().unwrap_or(u64::MAX));
                out.retry = retry;
            }
            "id" | "retry" => {}
            _ => out.ignored_lines += 1,
        }
    }
    out
}
