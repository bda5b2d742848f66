//! Which item an event is about.

use std::sync::Arc;

use super::ResponsesStream;
use super::event::{Event, Target};
use super::item::OutputItem;
use crate::event_queue::EventQueue;
use crate::json::{self, Raw};
use crate::options::Options;
use crate::places::{self, Places};

/// Places by an item's type, oldest first.
#[derive(Debug, Default)]
pub(super) struct ByKind {
    pub(super) kinds: Places,
    pub(super) places: Vec<Vec<usize>>,
}

impl ByKind {
    pub(super) fn push(&mut self, kind: &str, at: usize) {
        match self.of_mut(kind) {
            Some(places) => places.push(at),
            None => {
                self.kinds.set_name(kind, self.places.len());
                self.places.push(vec![at]);
            }
        }
    }

    pub(super) fn of_mut(&mut self, kind: &str) -> Option<&mut Vec<usize>> {
        self.places.get_mut(self.kinds.of_name(kind)?)
    }
}

impl ResponsesStream {
    /// Applies `change` to the item that an event is about; an item that was not announced begins with it.
    /// After an item's end only a delta begins another: the rest repeats what the item has.
    pub(super) fn with_item(
        &mut self,
        target: Target,
        event: &Event<'_>,
        is_delta: bool,
        options: &Options,
        out: &mut EventQueue,
        change: impl FnOnce(&mut OutputItem, &mut EventQueue),
    ) {
        let string = |raw: Option<Raw<'_>>| {
            raw.and_then(json::nonempty_string).map(|text| text.into_owned()).unwrap_or_default()
        };
        let id = string(event.item_id);
        let known = self.known(event.output_index, &id, target.item_kind());
        let at = match known.and_then(|at| Some((at, self.items.get(at)?))) {
            Some((at, item)) if item.is_open() => at,
            Some(_) if !is_delta => return,
            _ => {
                let call_id = string(event.call_id);
                self.begin(OutputItem::begun(target, event.output_index, &id, &call_id), options, out)
            }
        };
        if let Some(item) = self.items.get_mut(at) {
            if let Some(call_id) = event.call_id.and_then(json::nonempty_string) {
                item.note_call_id(&call_id);
            }
            change(item, out);
            self.largest_item = self.largest_item.max(item.size());
        }
    }

    /// Which item an event is about: the newest at its index; without one that of its id; without that one
    /// the last open item of its type that has no index either.
    pub(super) fn known(&mut self, index: Option<u64>, id: &str, kind: &str) -> Option<usize> {
        if let Some(index) = index {
            return self.by_index.of_number(index);
        }
        if let Some(at) = self.by_id.of_name(id).filter(|_| !id.is_empty()) {
            return Some(at);
        }
        let stack = self.loose.of_mut(kind)?;
        while let Some(at) = stack.last() {
            match self.items.get(*at) {
                Some(item) if item.is_open() => {
                    return Some(*at).filter(|_| id.is_empty() || item.id.is_empty());
                }
                _ => stack.pop(),
            };
        }
        None
    }

    /// Adds an item and announces it.
    pub(super) fn begin(&mut self, item: OutputItem, options: &Options, out: &mut EventQueue) -> usize {
        let at = self.place(item);
        if let Some(item) = self.items.get_mut(at) {
            if options.include.output_item_added {
                out.item_added(0, Arc::unwrap_or_clone(item.announcement()));
            }
            item.number_call(&mut self.calls, options.include, out);
            self.largest_item = self.largest_item.max(item.size());
        }
        at
    }

    pub(super) fn place(&mut self, item: OutputItem) -> usize {
        let at = self.items.len();
        match item.index {
            Some(index) => self.by_index.set_number(index, at),
            None => self.loose.push(&item.kind, at),
        }
        if !item.id.is_empty() {
            self.by_id.set_name(&item.id, at);
        }
        self.items.push(item);
        at
    }

    /// The places of the items, by `output_index`; one without goes where it appeared.
    pub(super) fn in_order(&self) -> Vec<usize> {
        let mut last = 0;
        places::sorted(self.items.iter().map(|item| {
            last = item.index.unwrap_or(last);
            last
        }))
    }
}
