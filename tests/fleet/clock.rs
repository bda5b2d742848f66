//! Simulated time: what happens next, in order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Events by their moment, in milliseconds from the beginning; those of one moment in the order they were set.
#[derive(Debug)]
pub struct Clock<E> {
    heap: BinaryHeap<Scheduled<E>>,
    set: u64,
    pub now_ms: f64,
}

#[derive(Debug)]
struct Scheduled<E> {
    at_ms: f64,
    number: u64,
    event: E,
}

impl<E> Clock<E> {
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), set: 0, now_ms: 0.0 }
    }

    /// Lets something happen; what should have happened before happens now.
    pub fn at(&mut self, at_ms: f64, event: E) {
        self.set += 1;
        self.heap.push(Scheduled { at_ms: at_ms.max(self.now_ms), number: self.set, event });
    }

    pub fn after(&mut self, ms: f64, event: E) {
        self.at(self.now_ms + ms, event);
    }

    /// The next event before `end_ms`, whose moment is now.
    pub fn next_before(&mut self, end_ms: f64) -> Option<E> {
        if self.heap.peek().is_none_or(|next| next.at_ms >= end_ms) {
            return None;
        }
        let next = self.heap.pop()?;
        self.now_ms = next.at_ms;
        Some(next.event)
    }
}

impl<E> Ord for Scheduled<E> {
    /// The heap has its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at_ms.total_cmp(&self.at_ms).then(other.number.cmp(&self.number))
    }
}

impl<E> PartialOrd for Scheduled<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Scheduled<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Scheduled<E> {}
