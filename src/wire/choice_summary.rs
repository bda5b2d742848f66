//! What became of one choice, whatever its wire.

use std::sync::Arc;

use crate::item::{Item, Provider};

/// One finished choice, for `.final().choices`.
#[derive(Debug, Clone)]
pub struct ChoiceSummary {
    /// The choice's index.
    pub index: u32,
    /// The last reason, as sent.
    pub finish_reason: Option<String>,
    /// The same in OpenAI's words.
    pub finish_reason_normalized: Option<String>,
    /// Its items, in order.
    pub items: Vec<Arc<Item>>,
    /// Fields of the provider's choice and deltas that belong to no item.
    pub provider: Provider,
}
