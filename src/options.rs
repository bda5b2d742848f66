//! What a caller may choose.

use crate::error::{Error, ErrorCode};
use crate::think::ThinkTags;

/// Which API's stream it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WireChoice {
    /// Decided by the first frames.
    #[default]
    Auto,
    /// OpenAI Chat Completions and its dialects.
    Chat,
    /// The OpenAI Responses API.
    Responses,
    /// The Anthropic Messages API.
    Anthropic,
}

impl WireChoice {
    /// The option's name; `None` while nothing is decided.
    #[must_use]
    pub fn decided(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Chat => Some("chat"),
            Self::Responses => Some("responses"),
            Self::Anthropic => Some("anthropic"),
        }
    }

    /// Reads the option's name.
    ///
    /// # Errors
    /// `bad_option` for a name that is not known.
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "auto" => Ok(Self::Auto),
            "chat" => Ok(Self::Chat),
            "responses" => Ok(Self::Responses),
            "anthropic" => Ok(Self::Anthropic),
            _ => Err(Error::new(
                ErrorCode::BadOption,
                format!("wire must be \"auto\", \"chat\", \"responses\" or \"anthropic\", not \"{name}\""),
            )),
        }
    }
}

/// What to do with bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InvalidUtf8 {
    /// U+FFFD, and the stream goes on, as WHATWG decoding does.
    #[default]
    Replace,
    /// The stream fails with `invalid_utf8`.
    Error,
}

/// Extra events, off unless asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// `created` on the chat wire; on the others it comes always.
    pub created: bool,
    /// `output_item.added`.
    pub output_item_added: bool,
    /// `tool_call.delta`.
    pub tool_call_delta: bool,
    /// `raw`: every SSE frame, and what was wrong with it.
    pub raw: bool,
}

impl Include {
    /// The names of the extra events.
    pub const NAMES: [&'static str; 4] = ["created", "output_item.added", "tool_call.delta", "raw"];

    /// Switches one extra event on.
    ///
    /// # Errors
    /// `bad_option` for an unknown name.
    pub fn add(&mut self, name: &str) -> Result<(), Error> {
        match name {
            "created" => self.created = true,
            "output_item.added" => self.output_item_added = true,
            "tool_call.delta" => self.tool_call_delta = true,
            "raw" => self.raw = true,
            _ => {
                return Err(Error::new(
                    ErrorCode::BadOption,
                    format!("include knows \"{}\", not \"{name}\"", Self::NAMES.join("\", \"")),
                ));
            }
        }
        Ok(())
    }
}

/// The options of an [`crate::Aggregator`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Which API's stream it is.
    pub wire: WireChoice,
    /// The most bytes that one SSE event may have before the stream fails with `event_too_large`.
    pub max_event_bytes: usize,
    /// The most bytes that one item may gather (text, arguments, and what the provider adds) before the same
    /// error.
    pub max_item_bytes: usize,
    /// What to do with bytes that are not UTF-8.
    pub invalid_utf8: InvalidUtf8,
    /// How many choices the request asked for. `Some(1)` folds every choice index into one, for servers
    /// that count the index up with each chunk.
    pub n: Option<u32>,
    /// Extra events.
    pub include: Include,
    /// Tags that mark thoughts in a text, which are then taken out of it; `None`: they stay there, as the API sent them.
    pub think_tags: Option<ThinkTags>,
    /// How long nothing may arrive between two deltas before that counts as a stall in the timings, in milliseconds.
    pub stall_ms: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wire: WireChoice::Auto,
            max_event_bytes: 8 * 1024 * 1024,
            max_item_bytes: 64 * 1024 * 1024,
            invalid_utf8: InvalidUtf8::Replace,
            n: None,
            include: Include::default(),
            think_tags: None,
            stall_ms: 1000,
        }
    }
}
