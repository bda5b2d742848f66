//! The `output` of a response object: what the events before it left out.

use super::ResponsesStream;
use super::event::PartKind;
use super::item::OutputItem;
use super::items::ByKind;
use super::names::Names;
use crate::error::Error;
use crate::event_queue::EventQueue;
use crate::json::{self, Raw};
use crate::options::{Include, Options};
use crate::places::Places;

impl ResponsesStream {
    /// Ends the items that are still open and adds those that no event told of. Finished ones stay as they
    /// came: a response object repeats them, with other ids (Copilot) or newly encrypted content (Azure).
    pub(super) fn take_output(
        &mut self,
        response: Raw<'_>,
        is_running: bool,
        options: &Options,
        out: &mut EventQueue,
    ) -> Result<(), Error> {
        let mut output = Vec::new();
        if let Some(list) = json::field(response, b"output") {
            json::each_element(list, |item| {
                if super::is_item(item) {
                    output.push((item, Names::read(item)));
                }
            });
        }
        let matched = self.matches(&output);
        for (position, ((raw, _), at)) in output.iter().zip(matched).enumerate() {
            match at {
                Some(at) if self.items.get(at).is_some_and(OutputItem::is_open) => {
                    self.finish(at, *raw, options, out)?;
                }
                Some(_) => {}
                None => {
                    self.check_item(raw.len(), options)?;
                    let index = u64::try_from(position).ok();
                    let at = self.begin(OutputItem::announced(*raw, index), options, out);
                    if let Some(item) = self.items.get_mut(at) {
                        item.stream_texts(*raw, options.include, out);
                    }
                    if !is_running {
                        self.finish(at, *raw, options, out)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Which item each element of `output` is: by id or call id; else by position; else the next of its type.
    fn matches(&self, output: &[(Raw<'_>, Names)]) -> Vec<Option<usize>> {
        let mut matched = vec![None; output.len()];
        if self.items.is_empty() {
            return matched;
        }
        let mut taken = vec![false; self.items.len()];
        // What a space separates here may have one itself; what is found is looked at once more below.
        let call = |kind: &str, call_id: &str| format!("{kind} {call_id}");
        let mut by_call = Places::default();
        for (at, item) in self.items.iter().enumerate().filter(|(_, item)| !item.call_id.is_empty()) {
            by_call.set_name(&call(&item.kind, &item.call_id), at);
        }
        let mut assign = |slot: &mut Option<usize>, names: &Names, at: Option<usize>| {
            let Some(at) = at else { return };
            let fits = self.items.get(at).is_some_and(|item| item.may_be(names));
            if let Some(taken) = taken.get_mut(at).filter(|taken| !**taken && fits && slot.is_none()) {
                *taken = true;
                *slot = Some(at);
            }
        };
        for (slot, (_, names)) in matched.iter_mut().zip(output) {
            assign(slot, names, self.by_id.of_name(&names.id).filter(|_| !names.id.is_empty()));
            if !names.call_id.is_empty() {
                assign(slot, names, by_call.of_name(&call(&names.kind, &names.call_id)));
            }
        }
        for (position, (slot, (_, names))) in matched.iter_mut().zip(output).enumerate() {
            let index = u64::try_from(position).unwrap_or(u64::MAX);
            assign(slot, names, self.by_index.of_number(index));
        }
        let mut by_kind = ByKind::default();
        for at in self.in_order().into_iter().rev() {
            if let Some(item) = self.items.get(at) {
                by_kind.push(&item.kind, at);
            }
        }
        for (slot, (_, names)) in matched.iter_mut().zip(output) {
            let Some(last_first) = by_kind.of_mut(&names.kind) else { continue };
            while slot.is_none() {
                let Some(at) = last_first.pop() else { break };
                assign(slot, names, Some(at));
            }
        }
        matched
    }
}

impl OutputItem {
    /// The texts of an item of which no event told, so that who shows deltas shows them.
    fn stream_texts(&mut self, raw: Raw<'_>, include: Include, out: &mut EventQueue) {
        for name in [&b"summary"[..], b"content"] {
            let Some(parts) = json::field(raw, name) else { continue };
            let mut at = 0_u64;
            json::each_element(parts, |part| {
                let kind = json::field(part, b"type").and_then(json::nonempty_string);
                if let Some(kind) = kind.and_then(|kind| PartKind::of_type(&kind))
                    && let Some(text) = json::field(part, kind.text_field().as_bytes()).and_then(json::text)
                {
                    self.stream_text((kind, at), &text.into_lossy(), include, out);
                }
                at += 1;
            });
        }
        if let Some((json, _)) = self.without_thoughts(raw, out) {
            self.describe(Raw::from_text(&json));
        }
    }
}
