//! One folder per wire: what each API's chunks mean. This module reads a frame's data into JSON values and
//! tells which wire a stream speaks.

mod anthropic;
mod chat;
mod choice_summary;
mod extras;
mod finish;
pub(crate) mod provider_error;
mod responses;
mod verbatim;

use self::anthropic::AnthropicStream;
use self::chat::ChatStream;
pub use self::choice_summary::ChoiceSummary;
use self::responses::ResponsesStream;
use crate::error::{Error, ErrorCode};
use crate::event::{Completion, EndedBy};
use crate::event_queue::EventQueue;
use crate::item::Status;
use crate::json::{self, JsonText, Raw, Tape};
use crate::options::{Options, WireChoice};
use crate::pattern::Repetition;

/// What one SSE frame's data is.
#[derive(Debug)]
pub(crate) enum FrameData<'a> {
    /// One JSON value.
    Json(Raw<'a>),
    /// The sentinel that ends a chat stream.
    Done,
    /// Empty, or white space.
    Blank,
    /// Not JSON as a whole, but every line is a document of its own: a server that separates events by one
    /// line end instead of two. The frame is one event by WHATWG; that its lines are several is the
    /// aggregator's business.
    Lines(Vec<FrameData<'a>>),
    /// Not JSON; the parser's words.
    Bad(String),
}

/// Reads a frame's data. The tape notes where in it everything is.
pub(crate) fn read<'a>(data: &'a str, tape: &'a mut Tape) -> FrameData<'a> {
    // Whatever begins with a brace is no sentinel; nearly every frame does.
    if !data.starts_with('{') {
        let trimmed = data.trim();
        if trimmed == "[DONE]" || trimmed == "DONE" {
            return FrameData::Done;
        }
        if trimmed.is_empty() {
            return FrameData::Blank;
        }
    }
    let error = match tape.document(data) {
        Ok(raw) => return FrameData::Json(raw),
        Err(error) => error,
    };
    if !data.contains('\n') {
        return FrameData::Bad(error);
    }
    let lines: Vec<_> = data.lines().map(read_line).collect();
    let usable = |line: &FrameData<'_>| matches!(line, FrameData::Json(_) | FrameData::Done);
    if lines.iter().any(usable) { FrameData::Lines(lines) } else { FrameData::Bad(error) }
}

fn read_line(line: &str) -> FrameData<'_> {
    match line.trim() {
        "[DONE]" | "DONE" => FrameData::Done,
        "" => FrameData::Blank,
        trimmed => match json::document(trimmed) {
            Ok(raw) => FrameData::Json(raw),
            Err(error) => FrameData::Bad(error),
        },
    }
}

/// What is left to do after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    More,
    /// The response is complete, and why.
    Complete(EndedBy),
}

/// The state of one stream, by the API that it speaks.
#[derive(Debug)]
pub(crate) enum Wire {
    /// Nothing told yet which API it is. What comes meanwhile (errors, keep-alives, usage) is read as the
    /// chat wire does, which has seen the strangest of it.
    Undecided(ChatStream),
    Chat(ChatStream),
    Responses(ResponsesStream),
    Anthropic(AnthropicStream),
}

/// What an event with a text means, by wire.
#[derive(Debug)]
pub(crate) enum Repeat {
    Chat(chat::Delta),
    Responses(responses::Delta),
    Anthropic(anthropic::BlockDelta),
}

/// The API that a value is of, when that is clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Chat,
    Responses,
    Anthropic,
    /// `"type":"error"`, which two APIs have.
    Error,
}

impl Wire {
    pub(crate) fn new(choice: WireChoice) -> Self {
        match choice {
            WireChoice::Auto => Self::Undecided(ChatStream::default()),
            WireChoice::Chat => Self::Chat(ChatStream::default()),
            WireChoice::Responses => Self::Responses(ResponsesStream::default()),
            WireChoice::Anthropic => Self::Anthropic(AnthropicStream::default()),
        }
    }

    /// Which it is; `Auto` while nothing told.
    pub(crate) fn choice(&self) -> WireChoice {
        match self {
            Self::Undecided(_) => WireChoice::Auto,
            Self::Chat(_) => WireChoice::Chat,
            Self::Responses(_) => WireChoice::Responses,
            Self::Anthropic(_) => WireChoice::Anthropic,
        }
    }

    /// Handles the JSON value of one frame. `event:` lines and the content type have no say in which API
    /// it is of.
    ///
    /// # Errors
    /// `provider_error`, `event_too_large`; `bad_option` when it is of another API than the option says;
    /// `stream_incomplete` when another response begins before the end of this one.
    pub(crate) fn handle_json(
        &mut self,
        raw: Raw<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        let spoken = if self.has_content() { None } else { spoken(raw) };
        match (&*self, spoken) {
            // Whichever it is of, the event is the error.
            (Self::Undecided(_), Some(Spoken::Error)) => return Err(responses::reported_error(raw)),
            (_, None | Some(Spoken::Error)) | (Self::Undecided(_), Some(Spoken::Chat)) => {}
            (Self::Undecided(_), Some(Spoken::Responses)) => {
                *self = Self::Responses(ResponsesStream::default());
            }
            (Self::Undecided(_), Some(Spoken::Anthropic)) => {
                *self = Self::Anthropic(AnthropicStream::default());
            }
            (Self::Chat(_), Some(Spoken::Chat))
            | (Self::Responses(_), Some(Spoken::Responses))
            | (Self::Anthropic(_), Some(Spoken::Anthropic)) => {}
            (Self::Chat(_), Some(spoken)) => return Err(other_api(spoken, "chat")),
            (Self::Responses(_), Some(spoken)) => return Err(other_api(spoken, "responses")),
            (Self::Anthropic(_), Some(spoken)) => return Err(other_api(spoken, "anthropic")),
        }
        let mut result = match self {
            Self::Undecided(chat) | Self::Chat(chat) => {
                chat.handle_chunk(raw, options, out).map(|()| Flow::More)
            }
            Self::Responses(responses) => responses.handle_event(raw, options, out),
            Self::Anthropic(anthropic) => anthropic.handle_event(raw, options, out),
        };
        if let (Some(Spoken::Error), Err(error)) = (spoken, &mut result)
            && let Some(provider) = &mut error.provider
        {
            responses::note_retry_delay(provider);
        }
        if let Self::Undecided(chat) = self
            && chat.has_content()
        {
            *self = Self::Chat(std::mem::take(chat));
        }
        result
    }

    /// What of an event that was handled just now may come again with another text; see `src/scan/pattern.rs`.
    pub(crate) fn repetition(&self, raw: Raw<'_>, options: &Options) -> Option<Repetition<Repeat>> {
        match self {
            Self::Chat(_) => {
                let Repetition { meaning, text, free } = chat::find_repetition(raw, options)?;
                Some(Repetition { meaning: Repeat::Chat(meaning), text, free })
            }
            Self::Responses(_) => {
                let Repetition { meaning, text, free } = responses::find_repetition(raw)?;
                Some(Repetition { meaning: Repeat::Responses(meaning), text, free })
            }
            Self::Anthropic(anthropic) => {
                let Repetition { meaning, text, free } = anthropic::find_repetition(anthropic, raw)?;
                Some(Repetition { meaning: Repeat::Anthropic(meaning), text, free })
            }
            Self::Undecided(_) => None,
        }
    }

    /// Handles an event that came before, now with another text.
    ///
    /// # Errors
    /// `event_too_large`.
    pub(crate) fn handle_repeated(
        &mut self,
        repeat: &Repeat,
        text: &JsonText<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<(), Error> {
        match (self, repeat) {
            (Self::Chat(chat), Repeat::Chat(delta)) => chat.handle_repeated(*delta, text, options, out),
            (Self::Responses(responses), Repeat::Responses(delta)) => {
                responses.handle_repeated(delta, text, options, out)
            }
            (Self::Anthropic(anthropic), Repeat::Anthropic(delta)) => {
                anthropic.handle_repeated(*delta, text, options, out)
            }
            // A stream does not change its wire once it is decided.
            _ => Ok(()),
        }
    }

    /// Whether anything of the API was seen.
    pub(crate) fn has_content(&self) -> bool {
        match self {
            Self::Undecided(chat) | Self::Chat(chat) => chat.has_content(),
            Self::Responses(responses) => responses.has_content(),
            Self::Anthropic(anthropic) => anthropic.has_content(),
        }
    }

    /// Whether `[DONE]`, or the end of a JSON body, ends the response. On the other APIs gateways add
    /// `[DONE]`, and it means nothing before their own end.
    pub(crate) fn ends_at_done(&self) -> bool {
        match self {
            Self::Undecided(_) | Self::Chat(_) => true,
            Self::Responses(responses) => responses.is_terminal(),
            Self::Anthropic(anthropic) => anthropic.may_complete(),
        }
    }

    /// Whether the end of the stream may count as the response's end.
    pub(crate) fn may_complete(&self) -> bool {
        match self {
            Self::Undecided(chat) | Self::Chat(chat) => chat.may_complete(),
            Self::Responses(responses) => responses.is_terminal(),
            Self::Anthropic(anthropic) => anthropic.may_complete(),
        }
    }

    /// What to say of a stream that ended before its response did.
    pub(crate) fn incomplete_message(&self) -> &'static str {
        match self {
            Self::Undecided(_) | Self::Chat(_) => {
                "the stream ended before the response was complete (no [DONE], no finish_reason)"
            }
            // The reference's words.
            Self::Responses(_) => "stream closed before response.completed",
            Self::Anthropic(_) => {
                "the stream ended before the message was complete (no message_stop, no stop_reason)"
            }
        }
    }

    /// Settles what waited for more. Ending twice does nothing more.
    ///
    /// # Errors
    /// `event_too_large` when what waited until now outgrew an item's limit.
    pub(crate) fn end(&mut self, options: &Options, out: &mut EventQueue) -> Result<(), Error> {
        match self {
            Self::Undecided(chat) | Self::Chat(chat) => chat.end(options, out),
            Self::Responses(responses) => {
                responses.end(options, out);
                Ok(())
            }
            Self::Anthropic(anthropic) => {
                anthropic.end(options, out);
                Ok(())
            }
        }
    }

    /// Emits the items that were not emitted yet; returns the choices with all of theirs.
    pub(crate) fn flush(&mut self, status: Option<Status>, out: &mut EventQueue) -> Vec<ChoiceSummary> {
        match self {
            Self::Undecided(chat) | Self::Chat(chat) => {
                let choices = chat.choices(status);
                for choice in &choices {
                    for item in &choice.items {
                        out.item_done(choice.index, item.clone());
                    }
                }
                choices
            }
            Self::Responses(responses) => responses.flush(status, out),
            Self::Anthropic(anthropic) => anthropic.flush(status, out),
        }
    }

    /// The choices with their items as they are now.
    pub(crate) fn choices(&self, status: Option<Status>) -> Vec<ChoiceSummary> {
        match self {
            Self::Undecided(chat) | Self::Chat(chat) => chat.choices(status),
            Self::Responses(responses) => responses.choices(status),
            Self::Anthropic(anthropic) => anthropic.choices(status),
        }
    }

    /// The response's end (or, of an unfinished one, what is known so far).
    pub(crate) fn completion(&self, ended_by: EndedBy) -> Completion {
        match self {
            Self::Undecided(chat) | Self::Chat(chat) => chat.completion(ended_by),
            Self::Responses(responses) => responses.completion(ended_by),
            Self::Anthropic(anthropic) => anthropic.completion(ended_by),
        }
    }

    /// How many events were of a type that is passed over.
    pub(crate) fn unknown_events(&self) -> u64 {
        match self {
            Self::Undecided(_) | Self::Chat(_) => 0,
            Self::Responses(responses) => responses.unknown_events(),
            Self::Anthropic(anthropic) => anthropic.unknown_events(),
        }
    }
}

fn other_api(spoken: Spoken, option: &str) -> Error {
    let api = match spoken {
        Spoken::Responses => "Responses",
        Spoken::Anthropic => "Anthropic Messages",
        Spoken::Chat | Spoken::Error => "Chat Completions",
    };
    let message = format!("this is a stream of the {api} API, but the option wire is \"{option}\"");
    Error::new(ErrorCode::BadOption, message)
}

fn spoken(raw: Raw<'_>) -> Option<Spoken> {
    let (mut kind, mut object, mut output, mut has_choices) = (None, None, None, false);
    let (mut content, mut says_more) = (None, false);
    json::each_field(raw, |key, value| match key {
        b"choices" => has_choices = true,
        b"type" => kind = json::nonempty_string(value),
        b"object" => object = Some(value),
        b"output" => output = Some(value),
        b"content" => content = Some(value),
        b"stop_reason" | b"model" => says_more = true,
        _ => {}
    });
    match kind.as_deref() {
        _ if has_choices => Some(Spoken::Chat),
        Some(kind) if kind.starts_with("response.") => Some(Spoken::Responses),
        Some("error") => Some(Spoken::Error),
        Some(
            "message_start"
            | "message_delta"
            | "message_stop"
            | "content_block_start"
            | "content_block_delta"
            | "content_block_stop",
        ) => Some(Spoken::Anthropic),
        Some("message") if anthropic::is_message(content, says_more) => Some(Spoken::Anthropic),
        None if responses::is_response(object, output) => Some(Spoken::Responses),
        _ => None,
    }
}
