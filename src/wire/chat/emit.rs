//! What the parts of a choice need to emit events.

use crate::event_queue::EventQueue;
use crate::item::{Common, Item, Status};
use crate::options::Include;

/// Where events go, which ones are wanted, and for which choice.
pub(super) struct Emit<'e> {
    pub(super) choice: u32,
    pub(super) out: &'e mut EventQueue,
    pub(super) include: Include,
}

impl Emit<'_> {
    /// Announces an item, when that is wanted. `item` gets the fields that every item of the choice has.
    pub(super) fn item_added(&mut self, item: impl FnOnce(Common) -> Item) {
        if self.include.output_item_added {
            let common =
                Common { status: Some(Status::InProgress), choice: self.choice, ..Common::default() };
            self.out.item_added(self.choice, item(common));
        }
    }
}
