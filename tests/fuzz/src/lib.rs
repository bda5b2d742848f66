//! What must hold for any bytes: a function per target, which panics where it does not.
//!
//! `targets/` has each as a program of libFuzzer; `replay` runs them all over the kept corpus, the fixtures and
//! mutations of both, with nothing but stable Rust.

mod allocations;
#[path = "../../support/batch.rs"]
mod batch;
mod decoders;
mod frames;
#[path = "../../support/framing.rs"]
mod framing;
mod gen_ai;
mod json;
mod metrics;
#[path = "../../support/mutate.rs"]
pub mod mutate;
mod otlp;
#[path = "../../support/otlp_request.rs"]
mod otlp_request;
#[path = "../../support/outcome.rs"]
mod outcome;
mod policies;
#[path = "../../support/same_json.rs"]
mod same_json;
pub mod seeds;
#[path = "../../support/seen.rs"]
mod seen;
pub mod sequences;
#[path = "../../support/splits.rs"]
pub mod splits;
mod streams;
#[path = "../../support/table.rs"]
mod table;
mod telemetry;

use streamgauge::WireChoice;

#[global_allocator]
static ALLOCATIONS: allocations::Counting = allocations::Counting;

/// A target's name, its property, and which words its mutations may use.
pub struct Target {
    /// Also of its folder in `corpus/`.
    pub name: &'static str,
    /// Panics if something does not hold for the input.
    pub property: fn(&[u8]),
    /// The file of words in `dictionaries/`, if bytes mean something there.
    pub words: Option<&'static str>,
    /// How many runs a check makes of it: some seconds' worth.
    pub runs: usize,
}

/// Every target.
pub const TARGETS: [Target; 13] = [
    Target { name: "frames", property: frames::check, words: Some("sse"), runs: 20_000 },
    Target {
        name: "chat",
        property: |input| streams::check(WireChoice::Chat, input),
        words: Some("chat"),
        runs: 8_000,
    },
    Target {
        name: "responses",
        property: |input| streams::check(WireChoice::Responses, input),
        words: Some("responses"),
        runs: 8_000,
    },
    Target {
        name: "anthropic",
        property: |input| streams::check(WireChoice::Anthropic, input),
        words: Some("anthropic"),
        runs: 8_000,
    },
    Target {
        name: "auto",
        property: |input| streams::check(WireChoice::Auto, input),
        words: Some("chat"),
        runs: 6_000,
    },
    Target { name: "sequences", property: sequences::check, words: None, runs: 20_000 },
    Target { name: "json", property: json::check, words: Some("json"), runs: 60_000 },
    Target { name: "otlp", property: otlp::check, words: None, runs: 10_000 },
    Target { name: "decoders", property: decoders::check, words: Some("otlp"), runs: 100_000 },
    Target { name: "telemetry", property: telemetry::check, words: Some("chat"), runs: 5_000 },
    Target { name: "gen_ai", property: gen_ai::check, words: None, runs: 6_000 },
    Target { name: "metrics", property: metrics::check, words: None, runs: 20_000 },
    Target { name: "policies", property: policies::check, words: None, runs: 20_000 },
];

/// Runs one target on one input.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("there is no target {name}")).property)(input);
}
