//! A collector as its clients see it: what it answers, and when.

use streamgauge::otlp::retry::{Outcome, classify_http, classify_network};

/// Requests beyond what it can take per second are answered 503.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    pub requests_per_s: f64,
    /// What its `Retry-After` says, in seconds.
    pub retry_after_s: Option<u32>,
}

/// What is wrong with it for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Connections are refused.
    Down,
    /// Requests are taken and never answered.
    Stalls,
    /// 429, with `Retry-After` in seconds.
    Throttles(u32),
    /// The connection closes after the headers, though it took the records.
    ClosesAfterTaking,
    /// It says that it rejected so many of each request's records, which may be more than there are.
    Rejects(u64),
    /// 400: it wants none of it.
    Refuses,
}

/// A fault and when, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Episode {
    pub from_ms: f64,
    pub to_ms: f64,
    pub fault: Fault,
}

#[derive(Debug, Default)]
pub struct Collector {
    episodes: Vec<Episode>,
    capacity: Option<Capacity>,
    /// Requests per second of the simulation, whatever their answer.
    pub arrivals: Vec<u32>,
    pub accepted_records: u64,
    taken_this_second: f64,
    second: usize,
}

impl Collector {
    pub fn new(episodes: Vec<Episode>, capacity: Option<Capacity>) -> Self {
        Self { episodes, capacity, ..Self::default() }
    }

    /// A request arrives: its answer; `None` if there will be none.
    pub fn answer(&mut self, now_ms: f64, records: usize) -> Option<Outcome> {
        let second = (now_ms / 1000.0) as usize;
        if self.arrivals.len() <= second {
            self.arrivals.resize(second + 1, 0);
        }
        self.arrivals[second] += 1;
        if second != self.second {
            (self.second, self.taken_this_second) = (second, 0.0);
        }
        let records = records as u64;
        match self.fault(now_ms) {
            Some(Fault::Down) => Some(classify_network("ECONNREFUSED")),
            Some(Fault::Stalls) => None,
            Some(Fault::Throttles(seconds)) => Some(unavailable(429, Some(seconds))),
            Some(Fault::ClosesAfterTaking) => {
                self.accepted_records += records;
                Some(classify_network("socket hang up"))
            }
            Some(Fault::Rejects(rejected)) => {
                self.accepted_records += records.saturating_sub(rejected);
                Some(Outcome::PartialSuccess { rejected, message: "too old".into() })
            }
            Some(Fault::Refuses) => Some(classify_http(400, None, "no", 0.0)),
            None => Some(self.take(records)),
        }
    }

    fn take(&mut self, records: u64) -> Outcome {
        if let Some(capacity) = self.capacity {
            if self.taken_this_second >= capacity.requests_per_s {
                return unavailable(503, capacity.retry_after_s);
            }
            self.taken_this_second += 1.0;
        }
        self.accepted_records += records;
        Outcome::Success
    }

    fn fault(&self, now_ms: f64) -> Option<Fault> {
        let episode =
            self.episodes.iter().find(|episode| (episode.from_ms..episode.to_ms).contains(&now_ms))?;
        Some(episode.fault)
    }
}

fn unavailable(status: u16, retry_after_s: Option<u32>) -> Outcome {
    classify_http(status, retry_after_s.map(|seconds| seconds.to_string()).as_deref(), "busy", 0.0)
}
