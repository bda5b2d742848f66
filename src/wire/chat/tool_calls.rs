//! Which call a tool-call delta belongs to, and what each call has gathered.
//!
//! By the book a delta names its call by `index`. Servers leave it out, reuse it for every parallel call,
//! change the id in mid-call or repeat it in every chunk; [`ToolCalls::locate`] holds the rules, found in
//! recordings and bug reports of over thirty providers.

use std::borrow::Cow;
use std::sync::Arc;

use super::arguments::Arguments;
use super::emit::Emit;
use crate::event_queue::Named;
use crate::item::{Common, CustomToolCall, FunctionCall, Item};
use crate::json::{self, JsonText, Raw};
use crate::places::{self, Places};
use crate::wire::extras::Extras;

/// The tool calls of one choice.
#[derive(Debug, Default)]
pub(super) struct ToolCalls {
    calls: Vec<Call>,
    by_index: Places,
    by_id: Places,
    /// The call that came as the legacy `function_call`.
    legacy: Option<usize>,
    /// How many bytes the largest call has gathered.
    largest: usize,
}

#[derive(Debug, Default)]
struct Call {
    /// The key for the order of the finished calls: the wire's index; without one, the call before it.
    order: u64,
    id: String,
    name: String,
    arguments: Arguments,
    custom: bool,
    extras: Extras,
    named: Named,
}

/// One element of `tool_calls`, read.
#[derive(Default)]
struct CallView<'a> {
    index: Option<u64>,
    id: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    arguments: Option<JsonText<'a>>,
    custom: bool,
}

impl ToolCalls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// How many bytes the largest call has gathered.
    pub(super) fn largest(&self) -> usize {
        self.largest
    }

    /// Handles the `tool_calls` of a delta.
    pub(super) fn handle(&mut self, raw: Raw<'_>, emit: &mut Emit<'_>) {
        json::each_element(raw, |element| {
            if !element.is_object() {
                return;
            }
            let mut unknown = Vec::new();
            let mut view = CallView::read(element, |key, value| unknown.push((key.to_vec(), value)));
            let (number, is_new) = self.locate(&view);
            let arguments = view.arguments.take();
            self.apply(number, is_new, view, arguments.as_ref(), emit);
            if let Some(call) = self.calls.get_mut(number) {
                for (key, value) in unknown {
                    call.extras.note(&key, value);
                }
                self.largest = self.largest.max(call.len());
            }
        });
    }

    /// Handles a fragment of arguments that comes with an index, or not even that.
    pub(super) fn handle_fragment(
        &mut self,
        index: Option<u64>,
        fragment: &JsonText<'_>,
        emit: &mut Emit<'_>,
    ) {
        let view = CallView { index, ..CallView::default() };
        let (number, is_new) = self.locate(&view);
        self.apply(number, is_new, view, Some(fragment), emit);
    }

    /// Handles the legacy `function_call` of a delta: one call without index and id.
    pub(super) fn handle_legacy(&mut self, raw: Raw<'_>, emit: &mut Emit<'_>) {
        if !raw.is_object() {
            return;
        }
        let mut view = CallView::default();
        view.read_function(raw, b"arguments");
        let known = self.legacy;
        let number = known.unwrap_or_else(|| self.begin(&view));
        self.legacy = Some(number);
        let arguments = view.arguments.take();
        self.apply(number, known.is_none(), view, arguments.as_ref(), emit);
    }

    /// Some gateways mirror the one modern call in the legacy field; such an echo is no call of its own.
    pub(super) fn drop_legacy_echo(&mut self) {
        let Some(at) = self.legacy else { return };
        let Some(legacy) = self.calls.get(at) else { return };
        let arguments = legacy.arguments.resolve().0;
        let echoed = self.calls.iter().enumerate().any(|(number, call)| {
            number != at && call.name == legacy.name && call.arguments.resolve().0 == arguments
        });
        if echoed {
            self.calls.remove(at);
            self.legacy = None;
        }
    }

    /// Ends every call's arguments.
    pub(super) fn finish(&mut self, emit: &mut Emit<'_>) {
        for (number, call) in self.calls.iter_mut().enumerate() {
            let before = call.arguments.len();
            call.arguments.finish();
            if call.arguments.len() > before {
                call.emit_delta(number, before, emit);
            }
        }
    }

    /// The calls as items, in the order of their index.
    pub(super) fn items(&self, common: &Common) -> impl Iterator<Item = Arc<Item>> {
        let item = |number: usize| {
            let call = self.calls.get(number)?;
            Some(Arc::new(call.item(common, self.legacy == Some(number))))
        };
        places::sorted(self.calls.iter().map(|call| call.order)).into_iter().filter_map(item)
    }

    /// The call that a delta belongs to, and whether it is new.
    fn locate(&mut self, view: &CallView<'_>) -> (usize, bool) {
        let known = match view.index {
            Some(index) => self.known_by_index(index, view),
            None => self.known_without_index(view),
        };
        match known {
            Some(number) => (number, false),
            None => (self.begin(view), true),
        }
    }

    fn known_by_index(&self, index: u64, view: &CallView<'_>) -> Option<usize> {
        let by_id = view.id.as_deref().and_then(|id| self.by_id.of_name(id));
        let Some(number) = self.by_index.of_number(index) else {
            // The index drifted; with a name it is another call that shares the id.
            return by_id.filter(|_| view.name.is_none());
        };
        let call = self.calls.get(number)?;
        let renamed = view.name.is_some();
        match view.id.as_deref() {
            Some(id) if id == call.id => Some(number),
            // Another id: another call if it brings a name (Ollama, Claude behind Copilot, sglang count
            // every call as index 0), else the same call whose id changes (Poolside).
            Some(_) if !call.id.is_empty() => match (by_id, renamed) {
                (Some(earlier), _) => Some(earlier),
                (None, true) => None,
                (None, false) => Some(number),
            },
            // No ids to tell by: a name again after complete arguments begins the next call.
            Some(_) => Some(number).filter(|_| !(renamed && call.arguments.are_complete())),
            None => {
                let differs = view.name.as_deref().is_some_and(|name| name != call.name);
                let next = renamed && call.arguments.are_complete() && (call.id.is_empty() || differs);
                Some(number).filter(|_| !next)
            }
        }
    }

    fn known_without_index(&self, view: &CallView<'_>) -> Option<usize> {
        if let Some(id) = view.id.as_deref() {
            return self.by_id.of_name(id);
        }
        let last = self.calls.len().checked_sub(1)?;
        let call = self.calls.get(last)?;
        match view.name.as_deref() {
            None => Some(last),
            // The name of a call in mid-arguments, repeated.
            Some(name) => {
                let in_progress = !call.arguments.is_empty() && !call.arguments.are_complete();
                Some(last).filter(|_| in_progress && name == call.name)
            }
        }
    }

    fn begin(&mut self, view: &CallView<'_>) -> usize {
        let number = self.calls.len();
        let order = view.index.or(self.calls.last().map(|call| call.order)).unwrap_or(0);
        self.calls.push(Call { order, custom: view.custom, ..Call::default() });
        if let Some(index) = view.index {
            self.by_index.set_number(index, number);
        }
        number
    }

    fn apply(
        &mut self,
        number: usize,
        is_new: bool,
        view: CallView<'_>,
        fragment: Option<&JsonText<'_>>,
        emit: &mut Emit<'_>,
    ) {
        let Some(call) = self.calls.get_mut(number) else { return };
        if let Some(id) = view.id
            && call.id.is_empty()
        {
            // Ids are set once and never joined: many servers repeat them with every fragment.
            call.id = id.into_owned();
            call.named.changed();
            if self.by_id.of_name(&call.id).is_none() {
                self.by_id.set_name(&call.id, number);
            }
        }
        if let Some(name) = view.name {
            call.note_name(&name);
        }
        call.custom |= view.custom;
        if is_new {
            emit.item_added(|common| call.bare_item(common));
        }
        let before = call.arguments.len();
        if let Some(fragment) = fragment {
            call.arguments.push(fragment);
        }
        self.largest = self.largest.max(call.len());
        call.emit_delta(number, before, emit);
    }
}

impl Call {
    /// The name is set once; before any argument a different fragment continues it.
    fn note_name(&mut self, name: &str) {
        let before = self.name.len();
        if self.name.is_empty() || (self.arguments.is_empty() && name.starts_with(self.name.as_str())) {
            self.name.clear();
            self.name.push_str(name);
        } else if self.arguments.is_empty() {
            self.name.push_str(name);
        }
        if self.name.len() != before {
            self.named.changed();
        }
    }

    /// How many bytes its arguments, or else its names and extras, have gathered.
    fn len(&self) -> usize {
        self.arguments.len().max(self.name.len() + self.extras.len())
    }

    /// Emits what the arguments have gained since they had the length `before`.
    fn emit_delta(&mut self, number: usize, before: usize, emit: &mut Emit<'_>) {
        if emit.include.tool_call_delta {
            let (place, names) = ((emit.choice, number as u32), (self.id.as_str(), self.name.as_str()));
            emit.out.tool_call_delta(place, &mut self.named, names, self.arguments.since(before));
        } else {
            emit.out.note_token();
        }
    }

    /// The call as it is when it appears: nothing but its names.
    fn bare_item(&self, common: Common) -> Item {
        let (name, call_id) = (self.name.clone(), self.id.clone());
        if self.custom {
            Item::CustomToolCall(CustomToolCall { name, input: String::new(), call_id, common })
        } else {
            Item::FunctionCall(FunctionCall { name, arguments: String::new(), call_id, common })
        }
    }

    fn item(&self, common: &Common, legacy: bool) -> Item {
        let (arguments, repair) = self.arguments.resolve();
        let mut common = common.clone();
        self.extras.write_to(&mut common.provider);
        if let Some(repair) = repair {
            common.provider.insert_str("repaired", repair.as_str());
        }
        if legacy {
            common.provider.insert("legacy_function_call", "true".to_owned());
        }
        let (name, call_id) = (self.name.clone(), self.id.clone());
        if self.custom {
            return Item::CustomToolCall(CustomToolCall {
                name,
                input: arguments.to_owned(),
                call_id,
                common,
            });
        }
        // Empty arguments are what several servers send for a tool without parameters.
        if let Some(error) =
            Some(arguments).filter(|text| !text.is_empty()).and_then(|text| json::check(text).err())
        {
            common.provider.insert_str("arguments_error", &error);
        }
        Item::FunctionCall(FunctionCall { name, arguments: arguments.to_owned(), call_id, common })
    }
}

impl<'a> CallView<'a> {
    fn read(raw: Raw<'a>, mut other: impl FnMut(&[u8], Raw<'a>)) -> Self {
        let mut view = Self::default();
        json::each_field(raw, |key, value| match key {
            b"index" => view.index = json::unsigned(value),
            b"id" => view.id = json::nonempty_string(value),
            b"function" => view.read_function(value, b"arguments"),
            b"custom" if value.is_object() => {
                view.custom = true;
                view.read_function(value, b"input");
            }
            b"type" => {}
            _ => other(key, value),
        });
        view
    }

    fn read_function(&mut self, raw: Raw<'a>, arguments: &[u8]) {
        json::each_field(raw, |key, value| {
            if key == b"name" {
                self.name = json::nonempty_string(value);
            } else if key == arguments && !value.is_null() {
                // An object where a string belongs (MiniMax, Ollama behind LiteLLM) is written out.
                let text = json::text(value);
                self.arguments =
                    Some(text.unwrap_or_else(|| JsonText::Utf8(Cow::Owned(json::compact(value.as_str())))));
            }
        });
    }
}
