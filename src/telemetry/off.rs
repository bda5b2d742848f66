//! The telemetry without the feature `otel`: the same hooks, which do nothing.

use crate::error::Error;
use crate::item::TokenUsage;
use crate::json::Raw;
use crate::sse::Frame;
use crate::timings::Timings;

/// Something that telemetry would want to know; there is never one.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {}

pub(crate) fn is_judged(_: &str) -> bool {
    false
}

#[derive(Debug)]
pub(crate) struct Observer;

impl Observer {
    pub(crate) fn new(_: f64) -> Self {
        Self
    }

    pub(crate) fn switch_on(&mut self) {}

    pub(crate) fn take(&mut self) -> Vec<Observation> {
        Vec::new()
    }

    pub(crate) fn frame(&mut self, _: &Frame<'_>, _: Option<Raw<'_>>, _: Option<&str>, _: f64) {}

    pub(crate) fn repeated(&mut self, _: &str, _: f64) {}

    pub(crate) fn completed(&mut self, _: Option<TokenUsage>, _: Timings, _: f64) {}

    pub(crate) fn failed(&mut self, _: &Error, _: Timings, _: f64) {}
}
