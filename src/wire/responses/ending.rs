//! How a response ends, and why.

use super::event::Event;
use super::{ResponsesStream, error, usage};
use crate::error::Error;
use crate::event::EndedBy;
use crate::event_queue::EventQueue;
use crate::item::Provider;
use crate::json::{self, Raw};
use crate::options::Options;
use crate::wire::{Flow, verbatim};

/// What the terminal event said.
#[derive(Debug)]
pub(super) struct Terminal {
    /// `completed`, or why the response is incomplete.
    pub(super) reason: String,
    pub(super) is_incomplete: bool,
    pub(super) provider: Provider,
}

/// How a response ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Completed,
    Incomplete,
    Failed,
}

impl ResponsesStream {
    /// A response object as the whole body.
    pub(super) fn whole_response(
        &mut self,
        raw: Raw<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        self.seen = true;
        self.note_response(raw);
        self.announce(out);
        let status = json::field(raw, b"status").and_then(json::nonempty_string);
        let ending = match status.as_deref() {
            Some("failed" | "cancelled") => Ending::Failed,
            Some("incomplete") => Ending::Incomplete,
            // It runs in the background; the items so far are all there is.
            Some("queued" | "in_progress") => {
                self.take_output(raw, true, options, out)?;
                return Ok(Flow::More);
            }
            _ => Ending::Completed,
        };
        self.end_with(ending, Some(raw), Provider::default(), options, out)
    }

    pub(super) fn ending(
        &mut self,
        ending: Ending,
        raw: Raw<'_>,
        event: &Event<'_>,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        let mut provider = Provider::default();
        json::each_field(raw, |key, value| {
            let known = matches!(key, b"type" | b"response" | b"sequence_number" | b"obfuscation");
            if !known && !value.is_blank() {
                provider.insert(&String::from_utf8_lossy(key), verbatim::clean(value).into_owned());
            }
        });
        let response = event.response_object();
        if let Some(response) = response {
            self.note_response(response);
        }
        self.end_with(ending, response, provider, options, out)
    }

    pub(super) fn end_with(
        &mut self,
        ending: Ending,
        response: Option<Raw<'_>>,
        mut provider: Provider,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<Flow, Error> {
        let taken = response.map_or(Ok(()), |response| self.take_output(response, false, options, out));
        let incomplete = response.and_then(|response| json::field(response, b"incomplete_details"));
        let why = incomplete.and_then(|details| json::field(details, b"reason"));
        if let Some(response) = response {
            note_provider(response, &mut provider);
        }
        let name = if ending == Ending::Incomplete { "incomplete" } else { "completed" };
        let reason = match why.and_then(json::nonempty_string) {
            Some(why) if ending == Ending::Incomplete => why.into_owned(),
            _ => name.to_owned(),
        };
        if ending == Ending::Failed {
            return Err(error::from_response(response));
        }
        taken?;
        let is_incomplete = ending == Ending::Incomplete;
        self.terminal = Some(Terminal { reason, is_incomplete, provider });
        self.check_size(options)?;
        Ok(Flow::Complete(EndedBy::TerminalEvent))
    }

    pub(super) fn finish_reason(&self) -> Option<String> {
        self.terminal.as_ref().map(|terminal| terminal.reason.clone())
    }

    /// The reason in the words of the chat wire, which every wire shares.
    pub(super) fn finish_normalized(&self) -> Option<String> {
        let terminal = self.terminal.as_ref()?;
        let reason = match (terminal.is_incomplete, terminal.reason.as_str()) {
            (true, "max_output_tokens" | "max_tokens") => "length",
            (true, other) => other,
            (false, _) if self.waits_for_tools() => "tool_calls",
            (false, _) => "stop",
        };
        Some(reason.to_owned())
    }

    /// Whether the caller has to answer calls. A custom call with a message after it was answered by the
    /// server (xAI's searches).
    pub(super) fn waits_for_tools(&self) -> bool {
        let mut waits = false;
        for at in self.in_order() {
            match self.items.get(at).map(|item| item.kind.as_str()) {
                Some("function_call") => return true,
                Some("custom_tool_call") => waits = true,
                Some("message") => waits = false,
                _ => {}
            }
        }
        waits
    }
}

/// What a response object says beyond id, model, output and the counts of its usage.
fn note_provider(response: Raw<'_>, provider: &mut Provider) {
    json::each_field(response, |key, value| {
        let known = match key {
            b"id" | b"model" | b"output" | b"object" | b"created_at" => true,
            b"usage" => !usage::has_more(value),
            _ => value.is_blank(),
        };
        if !known {
            provider.insert(&String::from_utf8_lossy(key), verbatim::clean(value).into_owned());
        }
    });
}
