//! What every byte of a stream goes through: bytes to frames ([`sse`]), JSON looked at where it stands ([`json`]), texts that
//! grow ([`text`]), and events that repeat ([`pattern`]). It knows no provider.
//!
//! A crate of its own because a crate is what Cargo can optimize by itself: this one for speed, the rest for size.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod json;
pub mod pattern;
pub mod sse;
pub mod text;
