//! Thoughts between tags in a text, `<think>..</think>`: what servers leave there that do not take them out.
//!
//! Off by default: the tags stay in the text, as the API sent them. Where they are looked for, they count only before any
//! visible text, so an answer may speak of `<think>` as much as it likes. A text may hold several such blocks, and white space
//! between them; what is not tags is handed out as it came: thoughts, or text. Only what may be the beginning of a tag waits
//! for the next delta. The same thoughts in a field of their own beside the tags (MiniMax) are told once (`told.rs`).
//!
//! Without an opening tag (chat templates that put it into the prompt) nobody can know that a text is thoughts until it
//! was streamed as something else. So that has to be said: [`ThinkTags::starts_inside`].

mod split;
mod told;

pub(crate) use self::split::Split;
use self::split::Step;
use self::told::Told;
use crate::error::{Error, ErrorCode};
use crate::event_queue::EventQueue;
use crate::item::{Common, Item, Reasoning, ReasoningPart, Status};
use crate::places::Places;

/// Which tags mark thoughts, and where a text begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThinkTags {
    /// The tags' names: `think` for `<think>` and `</think>`.
    pub names: Vec<String>,
    /// A text begins with thoughts, whether or not an opening tag says so, and until a closing one does.
    pub starts_inside: bool,
}

impl Default for ThinkTags {
    fn default() -> Self {
        Self { names: vec!["think".to_owned()], starts_inside: false }
    }
}

impl ThinkTags {
    /// Reads the options `thinkTags` and `thinkTagNames`; `None`: the tags stay in the text.
    ///
    /// # Errors
    /// `bad_option` for another mode, or a name that is none.
    pub fn parse(mode: &str, names: Option<Vec<String>>) -> Result<Option<Self>, Error> {
        if !matches!(mode, "off" | "auto" | "inside") {
            let message = ["thinkTags must be \"off\", \"auto\" or \"inside\", not \"", mode, "\""].concat();
            return Err(Error::new(ErrorCode::BadOption, message));
        }
        let names = names.unwrap_or_else(|| Self::default().names);
        let is_name = |byte: u8| byte > b' ' && !matches!(byte, b'<' | b'>' | b'/');
        let is_bad = |name: &String| !(1..=64).contains(&name.len()) || !name.bytes().all(is_name);
        if !(1..=16).contains(&names.len()) || names.iter().any(is_bad) {
            let message = "thinkTagNames must be 1 to 16 names like \"think\", of at most 64 bytes";
            return Err(Error::new(ErrorCode::BadOption, message));
        }
        Ok((mode != "off").then_some(Self { names, starts_inside: mode == "inside" }))
    }
}

/// A piece of a text, and what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece<'t> {
    Visible(&'t str),
    Thought(&'t str),
}

/// What is looked for, and what was told of the reasoning so far.
#[derive(Debug)]
pub(crate) struct Think {
    tags: Tags,
    starts_inside: bool,
    told: Vec<Told>,
    by_choice: Places,
}

/// The tags as they are written, and whether they open.
#[derive(Debug)]
struct Tags(Vec<(String, bool)>);

impl Think {
    pub(crate) fn new(options: &ThinkTags) -> Self {
        let mut tags = Tags(Vec::new());
        for name in &options.names {
            tags.0.push((["<", name, ">"].concat(), true));
            tags.0.push((["</", name, ">"].concat(), false));
        }
        let starts_inside = options.starts_inside;
        Self { tags, starts_inside, told: Vec::new(), by_choice: Places::default() }
    }

    /// Whether the text that a choice begins now begins with thoughts: the first one may.
    pub(crate) fn begins_inside(&mut self, choice: u32) -> bool {
        self.told(choice).begins_text() && self.starts_inside
    }

    /// A whole text without its tags, and its thoughts; `None` when it has none.
    pub(crate) fn take_out(&self, text: &str, begins_inside: bool) -> Option<(String, String)> {
        let (mut visible, mut thoughts) = (String::new(), String::new());
        let mut split = Split::default();
        split.begin(begins_inside);
        for (text, is_end) in [(text, false), ("", true)] {
            split.advance(&self.tags, text, is_end, &mut |step| match step {
                Step::Visible(piece) => visible.push_str(piece),
                Step::Thought(piece) => thoughts.push_str(piece),
                Step::Closed => {}
            });
        }
        (visible.len() != text.len()).then_some((visible, thoughts))
    }

    /// What of the reasoning in a field of its own was not told yet.
    pub(crate) fn tell_field<'t>(&mut self, choice: u32, text: &'t str) -> std::borrow::Cow<'t, str> {
        self.told(choice).tell(false, text)
    }

    /// Whether thoughts are the reasoning that was told already, as a whole.
    pub(crate) fn is_told(&mut self, choice: u32, thoughts: &str) -> bool {
        self.told(choice).is_told(thoughts)
    }

    fn told(&mut self, choice: u32) -> &mut Told {
        told_of(&mut self.told, &mut self.by_choice, choice)
    }
}

fn told_of<'t>(told: &'t mut Vec<Told>, by_choice: &mut Places, choice: u32) -> &'t mut Told {
    let at = by_choice.of_number(choice.into()).unwrap_or_else(|| {
        by_choice.set_number(choice.into(), told.len());
        told.push(Told::default());
        told.len() - 1
    });
    #[allow(clippy::indexing_slicing, reason = "the place was just found or made")]
    &mut told[at]
}

impl EventQueue {
    /// Whether tags are still to be looked for in a text.
    pub(crate) fn splits(&self, split: &Split) -> bool {
        self.think.is_some() && !split.is_past()
    }

    /// Takes the next of a text, or at its end what waited, and hands out what it is.
    pub(crate) fn split(
        &mut self,
        choice: u32,
        split: &mut Split,
        (text, is_end): (&str, bool),
        sink: &mut dyn FnMut(&mut Self, Piece<'_>),
    ) {
        let Some(mut think) = self.think.take() else { return };
        if !split.is_begun() && !text.is_empty() {
            split.begin(think.begins_inside(choice));
        }
        let Think { tags, told, by_choice, .. } = &mut *think;
        let told = told_of(told, by_choice, choice);
        split.advance(tags, text, is_end, &mut |step| {
            let thought = match step {
                Step::Visible(piece) => return sink(self, Piece::Visible(piece)),
                Step::Thought(piece) => told.tell(true, piece),
                Step::Closed => told.close().into(),
            };
            if !thought.is_empty() {
                sink(self, Piece::Thought(&thought));
            }
        });
        self.think = Some(think);
    }

    /// Reasoning that an item of its own brings. What tags brought before it is not told again.
    pub(crate) fn reasoning_of_item(&mut self, delta: &str) {
        let Some(mut think) = self.think.take() else { return self.reasoning_delta(0, delta) };
        let new = think.tell_field(0, delta);
        if !new.is_empty() {
            self.reasoning_delta(0, &new);
        }
        self.think = Some(think);
    }

    /// Thoughts of an item's text; the reasoning item that they become is announced with the first of them.
    pub(crate) fn thought_of_item(&mut self, thoughts: &mut String, delta: &str, is_announced: bool) {
        if thoughts.is_empty() && is_announced {
            self.item_added(0, reasoning("", Some(Status::InProgress)));
        }
        thoughts.push_str(delta);
        self.reasoning_delta(0, delta);
    }
}

/// The item that thoughts become.
pub(crate) fn reasoning(thoughts: &str, status: Option<Status>) -> Item {
    let part = (!thoughts.is_empty()).then(|| ReasoningPart::ReasoningText { text: thoughts.to_owned() });
    let common = Common { status, ..Common::default() };
    Item::Reasoning(Reasoning { summary: Vec::new(), content: part.into_iter().collect(), common })
}
